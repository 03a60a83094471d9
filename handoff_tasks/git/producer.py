"""Find a producer's root, commit and tags in its repository.

The producer's repository is only read. Nothing that it configures is run.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.git import command
from handoff_tasks.git.command import FSCK_HINT
from handoff_tasks.model import TagRef
from handoff_tasks.problems import refusal

if TYPE_CHECKING:
    from handoff_tasks.producer.tags import TagForm

SYMBOLIC = "symbolic"
TAGS = "refs/tags/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Producer:
    """A producer's root in its repository.

    Attributes:
        root: The producer's root.
        top: The top of the repository's work tree.
        git_dir: The repository's own folder.
        prefix: The root below the top, with a trailing ``/``; empty if they are the same.
        commit: The commit to verify.
        head: The commit that is checked out, None if there is none.
        tags: The producer's release tags, by name below refs/tags.
    """

    root: Path
    top: Path
    git_dir: Path
    prefix: str
    commit: str
    head: str | None
    tags: dict[str, TagRef]

    @property
    def path(self) -> str:
        """The root below the repository's top; ``.`` if they are the same."""
        return self.prefix.rstrip("/") or "."


def find_producer(root: Path, ref: str, tags: TagForm) -> Producer:
    """Return the producer at ``root`` with ``ref`` resolved to a commit.

    Raises `HandoffError`: HP010 (no folder), HP011 (no repository, or one that cannot be read),
    HP012 (no such commit), HP013 (tags that cannot be read), HP067 (an ambiguous ref).
    """
    if not root.is_dir():
        raise refusal(
            "HP010", str(root), "no such folder", "give the producer's root with --producer-root"
        )
    root = root.resolve()
    try:
        top, git_dir, prefix, object_format, shallow = _answers(
            root,
            "--show-toplevel",
            "--absolute-git-dir",
            "--show-prefix",
            "--show-object-format",
            "--is-shallow-repository",
        )
    except command.GitError as error:
        raise refusal(
            "HP011",
            str(root),
            f"not the work tree of a git repository ({command.reason(error.stderr)})",
            "give the root of a checked-out producer with --producer-root",
        ) from None
    _refuse_form(root, object_format, shallow)
    return Producer(
        root=root,
        top=Path(top),
        git_dir=Path(git_dir),
        prefix=prefix,
        commit=(commit := _commit(root, ref)),
        head=commit if ref == "HEAD" else _resolved(root, "HEAD"),
        tags={} if prefix and not tags.is_own else list_tags(root, Path(git_dir), tags),
    )


def find_bare(root: Path, ref: str, prefix: str) -> Producer | None:
    """Return the producer in a bare repository, without its tags; None if it is not bare.

    ``prefix`` is the producer's root below the top. Raises `HandoffError` as `find_producer` does.
    """
    if not root.is_dir():
        return None
    try:
        bare, object_format, shallow, git_dir = _answers(
            root,
            "--is-bare-repository",
            "--show-object-format",
            "--is-shallow-repository",
            "--absolute-git-dir",
        )
    except command.GitError:
        return None
    if bare != "true":
        return None
    _refuse_form(root, object_format, shallow)
    place = Path(git_dir)
    return Producer(
        root=place,
        top=place,
        git_dir=place,
        prefix=prefix,
        commit=_commit(root, ref),
        head=None,
        tags={},
    )


def with_tags(producer: Producer, tags: TagForm) -> Producer:
    """Return a producer with its release tags. Raises `HandoffError` (HP013)."""
    listed = {}
    if tags.is_own or not producer.prefix:
        listed = list_tags(producer.root, producer.git_dir, tags)
    return replace(producer, tags=listed)


def _refuse_form(root: Path, object_format: str, shallow: str) -> None:
    """Refuse a repository of another object format, and a shallow one (HP011)."""
    if object_format != "sha1":
        raise refusal(
            "HP011",
            str(root),
            f"the repository's object format is {object_format}; "
            "a manifest's commit_sha has 40 digits (sha1)",
            "use a repository with the sha1 object format",
        )
    if shallow == "true":
        raise refusal(
            "HP011",
            str(root),
            "the repository is shallow: the history between runtime commit and tag cannot be read",
            "run 'git fetch --unshallow --tags' there (in CI: fetch-depth 0)",
        )


def _answers(root: Path, *questions: str) -> list[str]:
    """Return what ``git rev-parse`` answers to each question; a path may have newlines."""
    lines = os.fsdecode(command.run("rev-parse", *questions, cwd=root)).split("\n")
    if len(lines) == len(questions) + 1:
        return lines[:-1]
    return [
        os.fsdecode(command.run("rev-parse", question, cwd=root).removesuffix(b"\n"))
        for question in questions
    ]


def _resolved(root: Path, ref: str) -> str | None:
    try:
        return (
            command.run(
                "rev-parse",
                "--verify",
                "--quiet",
                "--end-of-options",
                f"{ref}^{{commit}}",
                cwd=root,
            )
            .decode()
            .strip()
        )
    except command.GitError:
        return None


def _commit(root: Path, ref: str) -> str:
    if commit := _resolved(root, ref):
        name = re.match(r"[^~^:@]*", ref)
        if ref != "HEAD" and name and len(set((meant := meanings_of(root, name[0])).values())) > 1:
            listed = ", ".join(f"a {what} at {sha}" for what, sha in meant.items())
            message = f"the name is ambiguous: {listed}"
            raise refusal(
                "HP067",
                f"--ref {ref}",
                message,
                f"choose one: --ref refs/tags/{name[0]}, or a commit's sha",
            )
        return commit
    try:
        there = command.run("for-each-ref", "--count=1", "--format=%(objectname)", cwd=root)
        # This does not read the objects; the next command does.
        command.run("rev-list", "--no-walk", "--all", cwd=root)
    except command.GitError as error:
        raise refusal(
            "HP011",
            str(root),
            f"the repository cannot be read: {command.reason(error.stderr)}",
            FSCK_HINT,
        ) from None
    if not there:
        raise refusal(
            "HP012",
            str(root),
            "the repository has no commits",
            "commit the release, then run again",
        )
    raise refusal(
        "HP012",
        f"--ref {ref}",
        "no such commit in the repository",
        f"see 'git -C {root} log' for what there is",
    )


def meanings_of(cwd: Path, name: str) -> dict[str, str]:
    """Return the commits that a short name may refer to, by what has that name.

    git looks for a file of that name in its own folder before it looks for tags, and for tags
    before branches.
    """
    asked = {"tag": f"{TAGS}{name}", "branch": f"refs/heads/{name}", "file in .git": name}
    if not name or re.fullmatch(r"refs/.*|[0-9a-f]{40}", name):
        return {}
    lines = "".join(f"{word}^{{commit}}\n" for word in asked.values())
    answer = command.run(
        "cat-file",
        "--batch-check=%(objectname)",
        cwd=cwd,
        stdin=lines.encode("utf-8", "surrogateescape"),
    )
    shas = answer.decode("utf-8", "surrogateescape").split("\n")
    found = {
        what: sha
        for what, sha in zip(asked, shas, strict=False)
        if re.fullmatch(r"[0-9a-f]{40}", sha)
    }
    if found.get("file in .git", "") in (found.get("tag"), found.get("branch")):
        del found["file in .git"]
    return found


def list_tags(cwd: Path, git_dir: Path | None, tags: TagForm) -> dict[str, TagRef]:
    """Return the tags of a form, by their full names.

    Raises `HandoffError` (HP013) if the tags cannot be read.
    """
    fields = (
        "%(refname)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)%00%(symref)"
    )
    try:
        answer = command.run("for-each-ref", f"--format={fields}", TAGS, cwd=cwd, git_dir=git_dir)
    except command.GitError as error:
        reason = f"the tags cannot be read: {command.reason(error.stderr)}"
        raise refusal("HP013", str(git_dir or cwd), reason, FSCK_HINT) from None
    found = {}
    for line in answer.decode("utf-8", "surrogateescape").splitlines():
        refname, kind, sha, target_kind, target, symref = line.split("\0")
        name = refname.removeprefix(TAGS)
        if tags.is_tag(name):
            if kind == "tag" and target_kind != "commit":
                # A tag of a tag: peeled here, since git before 2.45 lists one level only.
                target = _resolved(git_dir or cwd, TAGS + name) or ""
            if symref:
                kind, target = SYMBOLIC, ""
            commit = sha if kind == "commit" else target
            found[name] = TagRef(kind=kind, object_id=sha, commit=commit or None)
    return found
