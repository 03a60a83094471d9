"""What git says: the producer's repository, our private copy of its history, and the facts of one release.

The producer's repository is asked three questions (where, which commit, which tags) and is neither written nor run. All else
is read from a bare repository of our own into which commit and tags are fetched, with every object checked on its way in
(DESIGN section 4). Facts only: whether they are good is for `rules` to say.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import quote

from handoff_tasks import gitcmd, line_pattern, trees, worktree
from handoff_tasks.comparison import Comparison, Trees
from handoff_tasks.errors import HandoffError, refusal
from handoff_tasks.model import LAST_SECOND, GitFacts, Manifest, Relation, Release, Tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from handoff_tasks.comparison import Side
    from handoff_tasks.profile import Profile

P = ParamSpec("P")
T = TypeVar("T")

SYMBOLIC = "symbolic"
_TAGS = "refs/tags/"
_OUTSIDE = {
    trees.Kind.SUBMODULE: "a submodule, whose content is not in the checkout",
    trees.Kind.LEAVES: "a link that leaves the producer's root",
    trees.Kind.LOOP: "a link that leads in a loop",
    trees.Kind.GIT_FOLDER: "a link into .git",
    trees.Kind.NO_FOLDER: "a link through a folder that is not in the commit",
}
_POINTER = "a Git LFS pointer, whose content is not in the checkout"
_FSCK = "run 'git fsck' in the producer's repository and mend what it names"
# A manifest's tag has at most six digits in each part. What is far longer is not a release, and cannot be a file's name.
_VERSION = re.compile(r"v([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Producer:
    """A producer's root in its repository.

    ``prefix`` is the root below the top, with a trailing ``/``, empty when they are one. ``commit`` is the one to verify, ``head``
    the one that is checked out. ``tags`` maps the names that count
    as the producer's (below refs/tags) to (type, object id, commit id).
    """

    root: Path
    top: Path
    git_dir: Path
    prefix: str
    commit: str
    head: str | None
    tags: dict[str, tuple[str, str, str]]

    @property
    def path(self) -> str:
        """The root below the repository's top; ``.`` when they are one."""
        return self.prefix.rstrip("/") or "."


def find(root: Path, ref: str, tag_prefix: str) -> Producer:
    """Return the producer at ``root`` with ``ref`` resolved to a commit.

    Raises `HandoffError`: HP010 (no folder), HP011 (no repository, or one that cannot be read), HP012 (no such commit).
    """
    if not root.is_dir():
        raise refusal("HP010", str(root), "no such folder", "give the producer's root with --producer-root")
    root = root.resolve()
    try:
        top, git_dir, prefix, object_format, shallow = _answers(
            root, "--show-toplevel", "--absolute-git-dir", "--show-prefix", "--show-object-format", "--is-shallow-repository"
        )
    except gitcmd.GitError as error:
        raise refusal(
            "HP011",
            str(root),
            f"not the work tree of a git repository ({gitcmd.reason(error.stderr)})",
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
        tags={} if prefix and not tag_prefix else _tags(root, Path(git_dir), tag_prefix),
    )


def find_bare(root: Path, ref: str, prefix: str) -> Producer | None:
    """Return the producer in a bare repository, without its tags, with ``ref`` resolved to a commit; None if it is not bare.

    ``prefix`` is the producer's root below the top. Raises `HandoffError` as `find` does.
    """
    if not root.is_dir():
        return None
    try:
        bare, object_format, shallow, git_dir = _answers(
            root, "--is-bare-repository", "--show-object-format", "--is-shallow-repository", "--absolute-git-dir"
        )
    except gitcmd.GitError:
        return None
    if bare != "true":
        return None
    _refuse_form(root, object_format, shallow)
    place = Path(git_dir)
    return Producer(root=place, top=place, git_dir=place, prefix=prefix, commit=_commit(root, ref), head=None, tags={})


def with_tags(producer: Producer, tag_prefix: str) -> Producer:
    """Return a producer with the tags that count as its own."""
    tags = {} if producer.prefix and not tag_prefix else _tags(producer.root, producer.git_dir, tag_prefix)
    return replace(producer, tags=tags)


def _refuse_form(root: Path, object_format: str, shallow: str) -> None:
    """Refuse a repository whose history cannot be read as a whole. Raises `HandoffError` (HP011)."""
    if object_format != "sha1":
        raise refusal(
            "HP011",
            str(root),
            f"the repository's object format is {object_format}; a manifest's commit_sha has 40 digits (sha1)",
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
    """Return what ``git rev-parse`` says to each question, a path with a newline in it too."""
    lines = os.fsdecode(gitcmd.run("rev-parse", *questions, cwd=root)).split("\n")
    if len(lines) == len(questions) + 1:
        return lines[:-1]
    return [os.fsdecode(gitcmd.run("rev-parse", question, cwd=root).removesuffix(b"\n")) for question in questions]


def _resolved(root: Path, ref: str) -> str | None:
    try:
        return gitcmd.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", cwd=root).decode().strip()
    except gitcmd.GitError:
        return None


def _commit(root: Path, ref: str) -> str:
    if commit := _resolved(root, ref):
        name = re.match(r"[^~^:@]*", ref)
        if ref != "HEAD" and name and len(set((meant := _meanings(root, name[0])).values())) > 1:
            told = ", ".join(f"a {what} at {sha}" for what, sha in meant.items())
            message = f"the name stands for more than one commit: {told}"
            raise refusal("HP067", f"--ref {ref}", message, f"say which: --ref refs/tags/{name[0]}, or a commit's sha")
        return commit
    try:
        there = gitcmd.run("for-each-ref", "--count=1", "--format=%(objectname)", cwd=root)
        # Without a word on the object: whether it can be read is asked by the next.
        gitcmd.run("rev-list", "--no-walk", "--all", cwd=root)
    except gitcmd.GitError as error:
        raise refusal("HP011", str(root), f"the repository cannot be read: {gitcmd.reason(error.stderr)}", _FSCK) from None
    if not there:
        raise refusal("HP012", str(root), "the repository has no commit yet", "commit the release, then run again")
    raise refusal("HP012", f"--ref {ref}", "no such commit in the repository", f"see 'git -C {root} log' for what there is")


def _meanings(cwd: Path, name: str) -> dict[str, str]:
    """Return the commits that a short name may be taken for, by what bears it.

    git looks for a file of that name in its own folder before it looks for tags, and for tags before branches.
    """
    asked = {"tag": f"{_TAGS}{name}", "branch": f"refs/heads/{name}", "file in .git": name}
    if not name or re.fullmatch(r"refs/.*|[0-9a-f]{40}", name):
        return {}
    lines = "".join(f"{word}^{{commit}}\n" for word in asked.values())
    answer = gitcmd.run("cat-file", "--batch-check=%(objectname)", cwd=cwd, stdin=lines.encode("utf-8", "surrogateescape"))
    shas = answer.decode("utf-8", "surrogateescape").split("\n")
    found = {what: sha for what, sha in zip(asked, shas, strict=False) if re.fullmatch(r"[0-9a-f]{40}", sha)}
    if found.get("file in .git", "") in (found.get("tag"), found.get("branch")):
        del found["file in .git"]
    return found


def _tags(cwd: Path, git_dir: Path | None, tag_prefix: str) -> dict[str, tuple[str, str, str]]:
    """Return the tags of the form ``<prefix>vX.Y.Z``.

    The commit's id is empty for one that names no commit, or another reference, with which it would move.
    """
    fields = "%(refname)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)%00%(symref)"
    try:
        answer = gitcmd.run("for-each-ref", f"--format={fields}", _TAGS, cwd=cwd, git_dir=git_dir)
    except gitcmd.GitError as error:
        reason = f"the tags cannot be read: {gitcmd.reason(error.stderr)}"
        raise refusal("HP013", str(git_dir or cwd), reason, _FSCK) from None
    found = {}
    for line in answer.decode("utf-8", "surrogateescape").splitlines():
        refname, kind, sha, target_kind, target, symref = line.split("\0")
        name = refname.removeprefix(_TAGS)
        if name.startswith(tag_prefix) and _VERSION.match(name.removeprefix(tag_prefix)):
            if kind == "tag" and target_kind != "commit":
                # A tag of a tag: peeled here, since git before 2.45 lists one level only.
                target = _resolved(git_dir or cwd, _TAGS + name) or ""
            if symref:
                kind, target = SYMBOLIC, ""
            found[name] = (kind, sha, sha if kind == "commit" else target)
    return found


def _in_a_whole_copy(method: Callable[P, T]) -> Callable[P, T]:
    """Have a method of `Repository` whose git fails say when the reason is that our copy is damaged."""

    @functools.wraps(method)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(*args, **kwargs)
        except (gitcmd.GitError, HandoffError):
            repository: Any = args[0]
            repository.refuse_damage()
            raise

    return wrapped


class Repository:
    """Our private copy of a producer's history: a bare repository at ``folder``.

    Each method raises `HandoffError` (HP019) when the copy is damaged: git fails in it, and `git fsck` says why.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._trees = Trees(self._git)

    def _git(self, *words: str, stdin: bytes = b"") -> bytes:
        return gitcmd.run(*words, cwd=self.folder, git_dir=self.folder, stdin=stdin)

    def refuse_damage(self) -> None:
        """Look at every object and reference of our copy. Raises `HandoffError` (HP019) when one is not as it should be."""
        try:
            self._git("fsck", "--no-dangling", "--no-progress")
        except gitcmd.GitError as error:
            message = f"our copy of the producer's history is damaged: {gitcmd.reason(error.stderr)}"
            hint = f"delete the folder {self.folder.parent}, then run again: it is made anew from the producer's repository"
            raise refusal("HP019", str(self.folder), message, hint) from None

    @_in_a_whole_copy
    def update(self, producer: Producer, tag_prefix: str) -> None:
        """Fetch the producer's commit and tags, where they are not here already.

        Raises `HandoffError` (HP013) when they cannot be fetched whole.
        """
        self._make()
        held = _tags(self.folder, self.folder, tag_prefix)
        if self._holds(producer.commit) and held == producer.tags:
            return
        specs = [f"+{producer.commit}:{_kept(producer.commit)}"]
        # Each by its name: another tag of a like name may be one that cannot be stored.
        specs += [f"+{_TAGS}{name}:{_TAGS}{name}" for name, tag in sorted(producer.tags.items()) if held.get(name) != tag]
        for name in held.keys() - producer.tags.keys():
            self._git("update-ref", "-d", _TAGS + name)
        self._fetch(producer, specs)

    @_in_a_whole_copy
    def take(self, producer: Producer) -> None:
        """Fetch the producer's commit alone, if it is not here already. Raises `HandoffError` as `update` does."""
        self._make()
        if not self._holds(producer.commit):
            self._fetch(producer, [f"+{producer.commit}:{_kept(producer.commit)}"])

    def _make(self) -> None:
        if not (self.folder / "objects").is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            gitcmd.run("init", "--quiet", "--bare", "--template=", "--object-format=sha1", str(self.folder), cwd=self.folder)

    def _holds(self, commit: str) -> bool:
        found = self._git("for-each-ref", "--format=%(objectname)", _kept(commit))
        return found.decode().strip() == commit

    def _fetch(self, producer: Producer, specs: Sequence[str]) -> None:
        try:
            self._git(*_fetching(producer), stdin="".join(f"{spec}\n" for spec in specs).encode("utf-8", "surrogateescape"))
        except gitcmd.GitError as error:
            raise refusal(
                "HP013",
                str(producer.git_dir),
                f"commit {producer.commit} and the tags cannot be fetched whole: {gitcmd.reason(error.stderr)}",
                _FSCK,
            ) from None

    @_in_a_whole_copy
    def files(self, producer: Producer, names: Sequence[str]) -> dict[str, bytes | None]:
        """Return the bytes of files below the producer's root in its commit; None for what is no regular file there."""
        places = {producer.prefix + name: name for name in names}
        found: dict[str, bytes | None] = dict.fromkeys(names)
        try:
            listed = self._git("ls-tree", "-z", "--full-tree", producer.commit, "--", *places).decode("utf-8", "surrogateescape")
        except gitcmd.GitError:
            if self._holds(producer.commit):
                raise
            # A commit that is not here has no files.
            return found
        with gitcmd.Objects(self.folder) as objects:
            for line in filter(None, listed.split("\0")):
                facts, path = line.split("\t", 1)
                mode, _, sha = facts.split(" ")
                # A link is a file for git, whose content is where it points to.
                if mode.startswith("100") and path in places:
                    blob = objects.read(sha)
                    if blob is None:
                        raise gitcmd.GitError(("cat-file", sha), 1, f"{path} cannot be read")
                    found[places[path]] = blob[2]
        return found

    @_in_a_whole_copy
    def contents(self, producer: Producer, names: Sequence[str]) -> list[bytes]:
        """Return the bytes of each plain file in the producer's commit that is, or is below, one of ``names``."""
        entries, _ = self._trees.listing(self.tree(producer))
        places = [producer.prefix + name.rstrip("/") for name in names]
        below = tuple(f"{place}/" for place in places)
        plain = [(path, sha) for path, (mode, sha) in entries.items() if mode.startswith("100")]
        return list(gitcmd.contents(self._git, [sha for path, sha in plain if path in places or path.startswith(below)]).values())

    @_in_a_whole_copy
    def tree(self, producer: Producer) -> str:
        """Return the id of the producer's commit's tree."""
        return self._git("rev-parse", f"{producer.commit}^{{tree}}").decode().strip()

    @_in_a_whole_copy
    def committed(self, tree: str) -> trees.Tree:
        """Return the tree that has an id, from the repository's top."""
        return self._trees.tree(self._trees.listing(tree)[0])

    @_in_a_whole_copy
    def read(self, sha: str) -> bytes:
        """Return the content of an object."""
        return gitcmd.contents(self._git, [sha])[sha]

    @_in_a_whole_copy
    def facts(
        self,
        producer: Producer,
        profile: Profile,
        manifest: Manifest,
        manifest_bytes: bytes,
        read: Callable[[bytes], Manifest | None],
        rollback: str | None = None,
    ) -> GitFacts:
        """Return what git says of the release that ``manifest`` (of the producer's commit) names.

        ``read`` turns the bytes of a manifest at a tag into a manifest, None when they are none. ``rollback`` is the sha of the
        statement's rollback line. Raises `HandoffError`: HP013 (a commit of no date), HP059 (a tag of no commit).
        """
        commit, runtime = producer.commit, manifest.commit_sha
        tag_name = profile.tag_name(manifest.release_tag)
        entry = producer.tags.get(tag_name)
        if entry and not entry[2]:
            hint = "tag the release's commit, or delete the tag"
            what = "stands for another reference and moves with it" if entry[0] == SYMBOLIC else "names no commit"
            raise refusal("HP059", f"tag {tag_name}", f"the tag exists, but {what}", hint)
        with gitcmd.Objects(self.folder) as objects:
            found = objects.read(commit)
            if found is None:
                raise RuntimeError(f"the fetched commit {commit} is not in {self.folder}")
            tag = _tag(objects, producer, tag_name, entry) if entry else None
            known = self._known(producer, objects, runtime)
            compared = self._comparison(producer, profile, objects)
            there, here = compared.side(runtime) if known else None, compared.verified
            tagged = compared.side(tag.target) if tag else None
            at_tag = _blob(objects, tag.target, tagged.prefix + profile.manifest_path) if tag and tagged else None
            stated = _stated(compared, there, profile) if there else None
            earlier, previous, unstated = _earlier(objects, compared, producer, profile, manifest, read)
            before = compared.side(previous.commit_sha) if previous and _is_commit(objects, previous.commit_sha) else None
            rollback_known = rollback is not None and known and _is_commit(objects, rollback)
            to_verified_paths, tests_to_verified = _differing(compared, there, here)
            to_tag_paths, tests_to_tag = _differing(compared, there, tagged)
            since = _differing(compared, before, there)[0]
            absent = _absent(profile, [compared.tree(side) for side in (here, there) if side])
            runtime_now, pointers = compared.runtime(here), compared.pointers()
            changed = _texts(compared.changed(there, here)) if there else ()
            after_tag = _texts(compared.changed(tagged, here)) if tagged else ()
        # Most often the verified commit is the tag's target: git is asked once for both.
        relation = functools.cache(self._relation)
        to_verified = relation(runtime, commit) if known else Relation.MISSING
        to_tag = (relation(runtime, tag.target) if known else Relation.MISSING) if tag else None
        return GitFacts(
            verified_commit=commit,
            verified_tree=_header(found[2], b"tree").decode(),
            committed_at=_committed_at(commit, found[2]),
            producer_path=producer.path,
            tag_name=tag_name,
            tag=tag,
            runtime_commit=runtime,
            runtime_to_tag=to_tag,
            runtime_to_verified=to_verified,
            changed_to_tag=to_tag_paths,
            changed_to_verified=to_verified_paths,
            tests_changed=tuple(sorted({*tests_to_verified, *tests_to_tag})),
            commits_after_runtime=self._between(runtime, commit, moved=there.prefix != here.prefix) if there else (),
            paths_after_runtime=changed,
            manifest_sha256=hashlib.sha256(manifest_bytes).hexdigest(),
            manifest_at_tag=read(at_tag) if at_tag is not None else None,
            manifest_sha256_at_tag=hashlib.sha256(at_tag).hexdigest() if at_tag is not None else None,
            paths_after_tag=tuple(path for path in after_tag if path != profile.packet_path),
            stated_service_version=stated,
            earlier=earlier,
            previous=previous,
            changed_since_previous=since,
            absent=absent,
            outside=_outside(runtime_now, pointers),
            pointers=_texts(path for path in pointers if path not in runtime_now.parts and path not in runtime_now.tests),
            runtime_path=(there.prefix.rstrip("/") or ".") if there else None,
            squashed=self._squashed(producer) if to_verified in (Relation.MISSING, Relation.UNRELATED) else None,
            namesakes=() if tag else _namesakes(producer, tag_name, ""),
            unstated=() if earlier else unstated,
            rollback=_rolled_back(relation, rollback, runtime, known=rollback_known, stated=bool(earlier)),
        )

    @_in_a_whole_copy
    def runtime(self, producer: Producer, profile: Profile) -> trees.Runtime:
        """Return what the profile's runtime paths lead to in the producer's commit."""
        with gitcmd.Objects(self.folder) as objects:
            compared = self._comparison(producer, profile, objects)
            return compared.runtime(compared.verified)

    def _comparison(self, producer: Producer, profile: Profile, objects: gitcmd.Objects) -> Comparison:
        return Comparison(
            git=self._git, read=self._trees, objects=objects, profile=profile, verified=producer.commit, prefix=producer.prefix
        )

    def _known(self, producer: Producer, objects: gitcmd.Objects, sha: str) -> bool:
        """Tell whether ``sha`` is a commit of the producer; one outside the fetched history is fetched too."""
        found = objects.read(sha)
        if found is None:
            try:
                self._git(*_fetching(producer), stdin=f"+{sha}:{_kept(sha)}\n".encode())
            except gitcmd.GitError:
                return False
        return _is_commit(objects, sha)

    def _relation(self, runtime: str, other: str) -> Relation:
        if runtime == other:
            return Relation.SAME
        words = ("merge-base", "--is-ancestor", runtime, other)
        try:
            self._git(*words)
        except gitcmd.GitError as error:
            if error.status != 1:
                raise
            return Relation.UNRELATED
        return Relation.ANCESTOR

    def _between(self, runtime: str, commit: str, *, moved: bool) -> tuple[str, ...]:
        # A history that was imported is one of two: the other, a larger repository's, does not come after the runtime commit.
        way = ("--ancestry-path",) if moved else ()
        words = ("rev-list", "--reverse", "--topo-order", *way, f"{runtime}..{commit}")
        return tuple(self._git(*words).decode().split())

    def _squashed(self, producer: Producer) -> str | None:
        """Return the commit by which `git subtree` imported the producer's folder without its history, if there is one."""
        if not producer.prefix:
            return None
        folder = re.sub(r"([][\\.*^$])", r"\\\1", producer.path)
        words = ("log", "-1", "--format=%H", "--basic-regexp", f"--grep=^git-subtree-dir: {folder}/*$", "--no-merges")
        return self._git(*words, producer.commit).decode().strip() or None

    @_in_a_whole_copy
    def uncommitted(self, producer: Producer, index: Path) -> tuple[str, ...]:
        """Return the paths below the root whose state in the work tree differs from the commit, if that is checked out; sorted.

        Compared as the user's git does, with the same conversions, through an index of our own (``index``, kept for the next time):
        nothing that the producer's configuration names is run, and nothing that its index claims is believed.
        """
        if producer.head != producer.commit:
            return ()
        found = self._work_tree(producer).differences(producer.commit, index, _below(producer.prefix))
        return tuple(sorted(path.removeprefix(producer.prefix) for path in found))

    @_in_a_whole_copy
    def is_stored_as(self, producer: Producer, name: str, data: bytes, committed: bytes) -> bool:
        """Return whether git would store ``data``, in the work tree at ``name`` below the top, as the bytes ``committed``."""
        content = b"blob %d\0%b" % (len(committed), committed)
        stored = self._work_tree(producer).stored(name, data)
        return stored == hashlib.sha1(content, usedforsecurity=False).hexdigest()

    def _work_tree(self, producer: Producer) -> worktree.WorkTree:
        return worktree.WorkTree(producer.top, self.folder.with_name("worktree.git"), self.folder)


def _kept(commit: str) -> str:
    return f"refs/handoff/{commit}"


def _below(prefix: str) -> tuple[str, ...]:
    """Return the words that limit a git command to what lies below a producer's root."""
    return ("--", f":(top,literal){prefix}") if prefix else ()


def _fetching(producer: Producer) -> tuple[str, ...]:
    words = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
    return (*words, "--upload-pack", gitcmd.upload_pack(), "--stdin", "file://" + quote(os.fsencode(producer.git_dir)))


def _header(commit: bytes, name: bytes) -> bytes:
    head = commit.split(b"\n\n", 1)[0]
    return next(line for line in head.split(b"\n") if line.startswith(name + b" "))[len(name) + 1 :]


def _committed_at(commit: str, content: bytes) -> int:
    """Return a commit's committer time in seconds. Raises `HandoffError` (HP013) for one that no date can be made of."""
    seconds = int(_header(content, b"committer").split()[-2])
    if seconds > LAST_SECOND:
        message = f"its committer time, {seconds} seconds since 1970, lies beyond the year 9999"
        raise refusal("HP013", f"commit {commit}", message, "make the commit anew on a machine whose clock is right")
    return seconds


def _is_commit(objects: gitcmd.Objects, sha: str) -> bool:
    found = objects.read(sha)
    return found is not None and found[1] == "commit"


def _blob(objects: gitcmd.Objects, commit: str, path: str) -> bytes | None:
    found = objects.read(f"{commit}:{path}")
    return found[2] if found and found[1] == "blob" else None


def _tag(objects: gitcmd.Objects, producer: Producer, name: str, entry: tuple[str, str, str]) -> Tag:
    kind, sha, target = entry
    found = objects.read(sha) if kind == "tag" else None
    bears = _header(found[2], b"tag").decode("utf-8", "replace") if found else name
    return Tag(
        name=name,
        kind="annotated" if kind == "tag" else "lightweight",
        target=target,
        other_name=None if bears == name else bears,
        namesakes=_namesakes(producer, name, target),
    )


def _namesakes(producer: Producer, name: str, target: str) -> tuple[tuple[str, str], ...]:
    """Return what bears a tag's name for another commit than ``target``; a larger repository's tag of that name does not count."""
    found = _meanings(producer.root, name)
    return tuple((what, commit) for what, commit in found.items() if commit != target and (what != "tag" or target))


def _texts(paths: Iterable[str]) -> tuple[str, ...]:
    """Return paths sorted, with bytes that are not UTF-8 written out: a packet has to say them."""
    return tuple(sorted(path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for path in paths))


def _differing(compared: Comparison, old: Side | None, new: Side | None) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Return the places in which the runtimes of two sides differ, None if one is not there; and those that are tests."""
    if old is None or new is None:
        return None, ()
    parts, tests = trees.differences(compared.runtime(old), compared.runtime(new))
    return _texts(parts), _texts(tests)


def _absent(profile: Profile, sides: Sequence[trees.Tree]) -> tuple[str, ...]:
    """Return the runtime paths without ``*`` that lead to nothing in all of these trees."""
    plain = [path for path in profile.runtime_paths if "*" not in path]
    return tuple(sorted(path for path in plain if not any(trees.names_something(tree, path) for tree in sides)))


def _outside(runtime: trees.Runtime, pointers: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return what belongs to the runtime and is not in the commit: path, and what it is."""
    found = {path: _OUTSIDE[kind] for path, kind in runtime.outside.items()}
    found |= {path: _POINTER for path in pointers if path in runtime.parts or path in runtime.tests}
    return tuple((_texts([path])[0], what) for path, what in sorted(found.items()))


def _rolled_back(
    relation: Callable[[str, str], Relation], rollback: str | None, runtime: str, *, known: bool, stated: bool
) -> Relation | None:
    """Return what the rollback line's commit is to the runtime commit; where a manifest states it, only whether it is there."""
    if rollback is None:
        return None
    if not known:
        return Relation.MISSING
    return None if stated else relation(rollback, runtime)


def _stated(compared: Comparison, side: Side, profile: Profile) -> str | None:
    if profile.service_version_path is None or profile.service_version_pattern is None:
        return None
    data = compared.file(side, profile.service_version_path)
    return line_pattern.first(profile.service_version_pattern, data.decode("utf-8", "replace")) if data else None


def _earlier(
    objects: gitcmd.Objects,
    compared: Comparison,
    producer: Producer,
    profile: Profile,
    manifest: Manifest,
    read: Callable[[bytes], Manifest | None],
) -> tuple[tuple[Release, ...], Manifest | None, tuple[Release, ...]]:
    """Return the earlier releases whose manifest, at their own tag, states that tag, the latest first; the latest one's manifest.

    Third, the earlier tags of which that is not so, each with the commit that it points to.
    """
    version = _order(manifest.release_tag)
    names = [name.removeprefix(profile.tag_prefix) for name in producer.tags]
    found: list[Release] = []
    unstated: list[Release] = []
    previous = None
    for name in sorted((name for name in names if _order(name) < version), key=_order, reverse=True):
        target = producer.tags[profile.tag_name(name)][2]
        data = _blob(objects, target, producer.prefix + profile.manifest_path) if target else None
        if target and data is None and (prefix := compared.marked(target)) is not None:
            # A tag of the time before the producer was imported into a larger repository, or moved in it.
            data = _blob(objects, target, prefix + profile.manifest_path)
        stated = read(data) if data is not None else None
        if stated and stated.release_tag == name:
            found.append(Release(tag=name, commit_sha=stated.commit_sha))
            previous = previous or stated
        elif target:
            unstated.append(Release(tag=name, commit_sha=target))
    return tuple(found), previous, tuple(unstated)


def _order(tag: str) -> tuple[int, ...]:
    match = _VERSION.match(tag)
    return tuple(int(part) for part in match.groups()) if match else ()
