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
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar
from urllib.parse import quote

from handoff_tasks import gitcmd, line_pattern, paths
from handoff_tasks.errors import HandoffError, refusal
from handoff_tasks.model import LAST_SECOND, GitFacts, Manifest, Relation, Release, Tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from handoff_tasks.profile import Profile

P = ParamSpec("P")
T = TypeVar("T")

SYMBOLIC = "symbolic"
_TAGS = "refs/tags/"
# Modes of entries of a tree.
_LINK, _SUBMODULE = "120000", "160000"
_FSCK = "run 'git fsck' in the producer's repository and mend what it names"
_VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)\Z")


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
        answer = gitcmd.run(
            "rev-parse",
            "--show-toplevel",
            "--absolute-git-dir",
            "--show-object-format",
            "--is-shallow-repository",
            "--show-prefix",
            cwd=root,
        ).decode("utf-8", "surrogateescape")
    except gitcmd.GitError as error:
        raise refusal(
            "HP011",
            str(root),
            f"not the work tree of a git repository ({gitcmd.reason(error.stderr)})",
            "give the root of a checked-out producer with --producer-root",
        ) from None
    top, git_dir, object_format, shallow, prefix = [*answer.split("\n"), ""][:5]
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
    words = ("rev-parse", "--is-bare-repository", "--show-object-format", "--is-shallow-repository", "--absolute-git-dir")
    try:
        answer = gitcmd.run(*words, cwd=root).decode("utf-8", "surrogateescape") if root.is_dir() else ""
    except gitcmd.GitError:
        return None
    bare, object_format, shallow, git_dir = [*answer.split("\n", 3), "", "", ""][:4]
    if bare != "true":
        return None
    _refuse_form(root, object_format, shallow)
    place = Path(git_dir.removesuffix("\n"))
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

    def _git(self, *words: str) -> bytes:
        return gitcmd.run(*words, cwd=self.folder, git_dir=self.folder)

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
        if producer.tags:
            specs.append(f"+{_TAGS}{tag_prefix}v*:{_TAGS}{tag_prefix}v*")
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
            self._git(*_fetching(producer), *specs)
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
        entries = self._entries(producer.commit, producer.prefix)
        below = tuple(f"{name.rstrip('/')}/" for name in names)
        plain = [path for path, (mode, _) in entries.items() if mode.startswith("100")]
        with gitcmd.Objects(self.folder) as objects:
            blobs = [objects.read(entries[path][1]) for path in plain if path in names or path.startswith(below)]
        return [blob[2] for blob in blobs if blob]

    @_in_a_whole_copy
    def tree(self, producer: Producer) -> str:
        """Return the id of the producer's commit's tree."""
        return self._git("rev-parse", f"{producer.commit}^{{tree}}").decode().strip()

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
        commit, runtime, prefix = producer.commit, manifest.commit_sha, producer.prefix
        tag_name = profile.tag_name(manifest.release_tag)
        entry = producer.tags.get(tag_name)
        if entry and not entry[2]:
            hint = "tag the release's commit, or delete the tag"
            what = "stands for another reference and moves with it" if entry[0] == SYMBOLIC else "names no commit"
            raise refusal("HP059", f"tag {tag_name}", f"the tag exists, but {what}", hint)
        entries = self._entries(commit, prefix)
        with gitcmd.Objects(self.folder) as objects:
            found = objects.read(commit)
            if found is None:
                raise RuntimeError(f"the fetched commit {commit} is not in {self.folder}")
            tag = _tag(objects, producer, tag_name, entry) if entry else None
            links, outside = _followed(objects, entries, profile)
            known = self._known(producer, objects, runtime)
            at_tag = _blob(objects, tag.target, prefix + profile.manifest_path) if tag else None
            stated = _stated(objects, runtime, prefix, profile) if known else None
            earlier, previous, unstated = _earlier(objects, producer, profile, manifest, read)
            comparable = known and previous is not None and _is_commit(objects, previous.commit_sha)
            rollback_known = rollback is not None and known and _is_commit(objects, rollback)
        # Most often the verified commit is the tag's target: git is asked once for both.
        relation, differing = functools.cache(self._relation), functools.cache(self._changed)
        to_verified = relation(runtime, commit) if known else Relation.MISSING
        to_tag = (relation(runtime, tag.target) if known else Relation.MISSING) if tag else None
        changed = differing(runtime, commit, prefix) if known else None
        changed_at_tag = differing(runtime, tag.target, prefix) if known and tag else None
        since = differing(previous.commit_sha, runtime, prefix) if previous and comparable else None
        runtime_paths = (*profile.runtime_paths, *links)
        runtime_to_verified, tests_to_verified = _runtime_paths(profile, runtime_paths, changed)
        runtime_to_tag, tests_to_tag = _runtime_paths(profile, runtime_paths, changed_at_tag)
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
            changed_to_tag=runtime_to_tag,
            changed_to_verified=runtime_to_verified,
            tests_changed=tuple(sorted({*tests_to_verified, *tests_to_tag})),
            commits_after_runtime=self._between(runtime, commit) if known else (),
            paths_after_runtime=tuple(sorted(changed or ())),
            manifest_sha256=hashlib.sha256(manifest_bytes).hexdigest(),
            manifest_at_tag=read(at_tag) if at_tag is not None else None,
            manifest_sha256_at_tag=hashlib.sha256(at_tag).hexdigest() if at_tag is not None else None,
            paths_after_tag=tuple(sorted({*self._changed(tag.target, commit, prefix)} - {profile.packet_path})) if tag else (),
            stated_service_version=stated,
            earlier=earlier,
            previous=previous,
            changed_since_previous=_runtime_paths(profile, runtime_paths, since)[0],
            absent=self._absent(profile, entries, prefix, runtime if known else None),
            outside=outside,
            namesakes=() if tag else _namesakes(producer, tag_name, ""),
            unstated=() if earlier else unstated,
            rollback=_rolled_back(relation, rollback, runtime, known=rollback_known, stated=bool(earlier)),
        )

    def _known(self, producer: Producer, objects: gitcmd.Objects, sha: str) -> bool:
        """Tell whether ``sha`` is a commit of the producer; one outside the fetched history is fetched too."""
        found = objects.read(sha)
        if found is None:
            try:
                self._git(*_fetching(producer), f"+{sha}:{_kept(sha)}")
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

    def _changed(self, old: str, new: str, prefix: str) -> tuple[str, ...]:
        if old == new:
            return ()
        words = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new, *_below(prefix))
        # Bytes that are no UTF-8 are written out: a packet has to say them.
        names = self._git(*words).decode("utf-8", "backslashreplace").split("\0")
        return tuple(name.removeprefix(prefix) for name in names if name)

    def _entries(self, commit: str, prefix: str) -> dict[str, tuple[str, str]]:
        """Return the files, links and submodules below a producer's root in a commit, path to mode and object id."""
        words = ("ls-tree", "-r", "-z", "--full-tree", commit)
        found = {}
        for line in gitcmd.names(self._git(*words, *(("--", prefix) if prefix else ()))):
            facts, path = line.split("\t", 1)
            mode, _, sha = facts.split(" ")
            found[path.removeprefix(prefix)] = (mode, sha)
        return found

    def _absent(self, profile: Profile, entries: Iterable[str], prefix: str, runtime: str | None) -> tuple[str, ...]:
        """Return the runtime paths without ``*`` that name nothing in the verified commit, nor in the runtime commit."""
        left = [path for path in profile.runtime_paths if "*" not in path and not paths.named(path, entries)]
        if left and runtime:
            before = self._entries(runtime, prefix)
            left = [path for path in left if not paths.named(path, before)]
        return tuple(sorted(left))

    def _between(self, runtime: str, commit: str) -> tuple[str, ...]:
        words = ("rev-list", "--reverse", "--topo-order", f"{runtime}..{commit}")
        return tuple(self._git(*words).decode().split())

    @_in_a_whole_copy
    def uncommitted(self, producer: Producer, index: Path) -> tuple[str, ...]:
        """Return the paths below the root whose state in the work tree differs from the commit, if that is checked out; sorted.

        Compared through an index of our own (``index``, kept for the next time), so nothing that the producer's configuration
        names is run and nothing that its index claims is believed.
        """
        if producer.head != producer.commit:
            return ()
        # A copy of the index for this process alone: others may look at the same time, and a lock left behind must not stop us.
        own = index.with_name(f"{index.name}.{os.getpid()}")
        if index.is_file():
            shutil.copy2(index, own)
        git = functools.partial(gitcmd.run, cwd=producer.top, git_dir=self.folder, work_tree=producer.top, index=own)
        git("read-tree", "--reset", producer.commit)
        git("update-index", "-q", "--refresh", accept=(0, 1))
        found = gitcmd.differences(git, *_below(producer.prefix))
        own.replace(index)
        return tuple(sorted(path.removeprefix(producer.prefix) for _, path in found))


def _kept(commit: str) -> str:
    return f"refs/handoff/{commit}"


def _below(prefix: str) -> tuple[str, ...]:
    """Return the words that limit a git command to what lies below a producer's root."""
    return ("--", f":(top,literal){prefix}") if prefix else ()


def _fetching(producer: Producer) -> tuple[str, ...]:
    words = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
    return (*words, "--upload-pack", gitcmd.upload_pack(), "file://" + quote(str(producer.git_dir)))


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


def _runtime_paths(
    profile: Profile, runtime_paths: Sequence[str], changed: Sequence[str] | None
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Return the paths that make the runtime, None when there is nothing to look at; and those that the profile calls tests."""
    if changed is None:
        return None, ()
    runtime = paths.select(runtime_paths, changed)
    tests = paths.select(profile.test_paths, runtime)
    return tuple(path for path in runtime if path not in set(tests)), tests


def _followed(
    objects: gitcmd.Objects, entries: Mapping[str, tuple[str, str]], profile: Profile
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return what links below the runtime paths lead to, as path patterns: it is a part of the runtime, wherever it lies.

    Second, what lies below them and is not in the commit: path, and what it is.
    """
    found: list[str] = []
    outside: dict[str, str] = {}
    left = {path: entry for path, entry in entries.items() if entry[0] in (_LINK, _SUBMODULE)}
    # What a link leads to may hold links, too.
    while below := paths.select([*profile.runtime_paths, *found], left):
        for path in below:
            mode, sha = left.pop(path)
            if mode == _SUBMODULE:
                outside[path] = "a submodule, whose content is not in the checkout"
                continue
            read = objects.read(sha)
            to = read[2].decode("utf-8", "surrogateescape") if read else ""
            led = os.path.normpath(os.path.join(os.path.dirname(path), to))  # noqa: PTH118, PTH120 - a path in a tree
            if led.startswith(("..", "/")):
                outside[path] = "a link that leaves the producer's root"
            else:
                found += [led, f"{led}/"]
    return tuple(dict.fromkeys(found)), tuple(sorted(outside.items()))


def _rolled_back(
    relation: Callable[[str, str], Relation], rollback: str | None, runtime: str, *, known: bool, stated: bool
) -> Relation | None:
    """Return what the rollback line's commit is to the runtime commit; where a manifest states it, only whether it is there."""
    if rollback is None:
        return None
    if not known:
        return Relation.MISSING
    return None if stated else relation(rollback, runtime)


def _stated(objects: gitcmd.Objects, runtime: str, prefix: str, profile: Profile) -> str | None:
    if profile.service_version_path is None or profile.service_version_pattern is None:
        return None
    data = _blob(objects, runtime, prefix + profile.service_version_path)
    return line_pattern.first(profile.service_version_pattern, data.decode("utf-8", "replace")) if data else None


def _earlier(
    objects: gitcmd.Objects, producer: Producer, profile: Profile, manifest: Manifest, read: Callable[[bytes], Manifest | None]
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
