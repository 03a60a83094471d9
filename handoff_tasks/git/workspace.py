"""Open what a run is about: producer, commit, profile and folders."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.formats import schemas
from handoff_tasks.git import checkout, command, committed_profile, locks, surroundings
from handoff_tasks.git import producer as git_producer
from handoff_tasks.git import repository as git_repository
from handoff_tasks.model import Binding, ProfileSource
from handoff_tasks.problems import HandoffError, Problem, refusal, unwritable
from handoff_tasks.producer import profile as producer_profile

if TYPE_CHECKING:
    from handoff_tasks.producer.profile import Check, Profile


def hiding_note(work: Path) -> Problem | None:
    """Return an advisory (HA007) if git would list what a run writes into the work folder."""
    try:
        if not any(work.iterdir()):
            return None
    except OSError:
        # There is no folder yet. If there cannot be one, the run says so.
        return None
    place = work / "evidence"
    try:
        if not command.run("rev-parse", "--is-inside-work-tree", cwd=work).startswith(b"true"):
            return None
        command.run("check-ignore", "--quiet", "--no-index", f"{place}/", cwd=work)
    except command.GitError as error:
        if error.command[0] == "rev-parse":
            return None
    else:
        return None
    message = "the work folder holds other files, so its lock and evidence are not hidden from git"
    hint = "name a folder of its own with --work-dir, or add 'lock' and 'evidence/' to a .gitignore"
    return Problem(code="HA007", where=str(work), message=message, hint=hint)


def lock_path(work: Path) -> Path:
    """Return the path of the work folder's lock; the folder is made. Raises `HandoffError` (HP080)."""
    files.make_own_folder(work)
    return work / "lock"


# The paths that a packet can name: its schema's form.
_NAMEABLE = re.compile(r"[^\x00-\x1f\x7f\\\ud800-\udfff]{1,1024}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A producer at one commit, opened. ``notes`` are advisories about this run, never about the release.

    ``source`` is what a packet says of where the profile is.
    """

    producer: git_producer.Producer
    repository: git_repository.Repository
    profile: Profile
    profile_path: Path
    source: ProfileSource
    tree: str
    work: Path
    base: Path
    notes: tuple[Problem, ...]

    def binding(self, check: Check) -> Binding:
        """Return what a record of ``check`` must be evidence for."""
        return Binding(
            commit=self.producer.commit,
            tree=self.tree,
            producer_path=self.producer.path,
            profile_digest=self.profile.digest,
            argv=check.argv,
        )

    def asked_again(self) -> git_producer.Producer:
        """Return what the producer's repository says now of the same commit. Raises `HandoffError` (HP011, HP012)."""
        return git_producer.find_producer(self.producer.root, self.producer.commit, self.profile.tag_prefix)

    def wanted(self, run: str) -> checkout.Wanted:
        """Return what the private checkout shall hold in the run called ``run``."""
        prefix = self.producer.prefix
        return checkout.Wanted(
            base=self.base,
            commit=self.producer.commit,
            tags=tuple(sorted((name, sha) for name, (_, sha, _) in self.producer.tags.items())),
            keep=tuple(prefix + path for path in self.profile.keep),
            run=run,
        )


def open_(*, root: Path, ref: str, profile_path: Path, work: Path, cache: Path, to_run: bool = False) -> Workspace:
    """Open the producer at ``root`` at ``ref``; the commit and its tags are in our own repository afterwards.

    ``profile_path`` is a built-in profile or the user's. With ``to_run`` the surroundings of the checkout are looked at too, since
    checks are to run there.

    Raises `HandoffError`: HP010 to HP014, HP016 to HP019, HP030, HP034, HP080.
    """
    where = str(profile_path)
    data = _read(profile_path)
    parsed = producer_profile.parse(data, where, schemas.schema(schemas.PROFILE))
    producer = git_producer.find_producer(root, ref, parsed.tag_prefix)
    base = _base(producer, cache)
    unwanted, notes = surroundings.look(base.resolve() / "checkout", parsed, os.environ) if to_run else ([], [])
    if unwanted:
        raise HandoffError(unwanted)
    if to_run and (unhidden := hiding_note(work)):
        notes.append(unhidden)
    repository = git_repository.Repository(base / "objects.git")
    try:
        base.mkdir(parents=True, exist_ok=True)
        with locks.hold_briefly(base / "fetch.lock"):
            repository.update(producer, parsed.tag_prefix)
    except OSError as error:
        raise unwritable(base, error) from None
    tree = repository.tree(producer)
    return Workspace(
        producer=producer,
        repository=repository,
        profile=parsed,
        profile_path=profile_path.resolve(),
        source=profile_source(producer, repository, profile_path, data),
        tree=tree,
        work=work,
        base=base,
        notes=(*notes, *committed_profile.notes(producer, repository, tree, profile_path, data)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A producer's commit that is in our own repository; what its tags are, only a profile can say."""

    producer: git_producer.Producer
    repository: git_repository.Repository
    base: Path


def open_commit(*, root: Path, commit: str, path: str, cache: Path) -> Commit:
    """Return a producer's commit to look at, before a profile is chosen; a bare repository is enough.

    ``path`` is the producer's root in a bare repository. Raises `HandoffError`: HP010 to HP013, HP016, HP019, HP080.
    """
    prefix = "" if path == "." else f"{path}/"
    producer = git_producer.find_bare(root, commit, prefix) or replace(git_producer.find_producer(root, commit, ""), tags={})
    base = _base(producer, cache)
    repository = git_repository.Repository(base / "objects.git")
    try:
        base.mkdir(parents=True, exist_ok=True)
        with locks.hold_briefly(base / "fetch.lock"):
            repository.take(producer)
    except OSError as error:
        raise unwritable(base, error) from None
    return Commit(producer=producer, repository=repository, base=base)


def open_with(commit: Commit, *, data: bytes, where: str, source: ProfileSource, profile_path: Path, work: Path) -> Workspace:
    """Open a commit with the profile in ``data``, which ``where`` names in messages; its tags are in our repository afterwards.

    Raises `HandoffError`: HP013, HP019, HP030, HP080.
    """
    parsed = producer_profile.parse(data, where, schemas.schema(schemas.PROFILE))
    producer, repository, base = git_producer.with_tags(commit.producer, parsed.tag_prefix), commit.repository, commit.base
    try:
        with locks.hold_briefly(base / "fetch.lock"):
            repository.update(producer, parsed.tag_prefix)
    except OSError as error:
        raise unwritable(base, error) from None
    return Workspace(
        producer=producer,
        repository=repository,
        profile=parsed,
        profile_path=profile_path,
        source=source,
        tree=repository.tree(producer),
        work=work,
        base=base,
        notes=(),
    )


def read_profile(profile_path: Path) -> bytes:
    """Return a profile's bytes. Raises `HandoffError` (HP030)."""
    return _read(profile_path)


def hand_over(workspace: Workspace, run: str, path: Path) -> None:
    """Write down for the lanes of a run which workspace they share, so that they need not ask git again."""
    producer = workspace.producer
    document = {
        "run": run,
        "profile": str(workspace.profile_path),
        "profile_digest": workspace.profile.digest,
        "profile_source": [workspace.source.name, workspace.source.sha256],
        "tree": workspace.tree,
        "work": str(workspace.work),
        "base": str(workspace.base),
        "root": str(producer.root),
        "top": str(producer.top),
        "git_dir": str(producer.git_dir),
        "prefix": producer.prefix,
        "commit": producer.commit,
        "head": producer.head,
        "tags": producer.tags,
    }
    files.write(path, json.dumps(document).encode(), sync=False)


def take_over(path: Path) -> tuple[Workspace, str]:
    """Return the workspace that `hand_over` wrote down, and the run's name.

    Raises `HandoffError` (HP015) when there is none, or the profile is no longer the run's.
    """
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        raise refusal(
            "HP015", str(path), "there is no run of that name", "call the handoff session; it starts its checks"
        ) from None
    profile_path = Path(found["profile"])
    parsed = producer_profile.parse(_read(profile_path), str(profile_path), None)
    if parsed.digest != found["profile_digest"]:
        raise refusal("HP015", str(profile_path), "the profile changed while the run went on", "run again with one profile")
    producer = git_producer.Producer(
        root=Path(found["root"]),
        top=Path(found["top"]),
        git_dir=Path(found["git_dir"]),
        prefix=found["prefix"],
        commit=found["commit"],
        head=found["head"],
        tags={name: (kind, sha, target) for name, (kind, sha, target) in found["tags"].items()},
    )
    base = Path(found["base"])
    workspace = Workspace(
        producer=producer,
        repository=git_repository.Repository(base / "objects.git"),
        profile=parsed,
        profile_path=profile_path,
        source=ProfileSource(name=found["profile_source"][0], sha256=found["profile_source"][1]),
        tree=found["tree"],
        work=Path(found["work"]),
        base=base,
        notes=(),
    )
    return workspace, found["run"]


def _base(producer: git_producer.Producer, cache: Path) -> Path:
    """Return a producer's folder in the cache. Raises `HandoffError` (HP016) if the cache lies in the producer's repository."""
    base = cache / _slug(producer.root)
    if base.resolve().is_relative_to(producer.top):
        raise refusal(
            "HP016",
            str(cache),
            f"the cache folder lies inside the producer's repository {producer.top}, whose files would reach the checks",
            "name a folder outside of it with --cache-dir",
        )
    return base


def _read(profile_path: Path) -> bytes:
    try:
        return profile_path.read_bytes()
    except OSError as error:
        message = f"the profile cannot be read: {error.strerror}"
        raise refusal("HP030", str(profile_path), message, "name a built-in profile or a readable file") from None


def profile_source(
    producer: git_producer.Producer, repository: git_repository.Repository, path: Path, data: bytes
) -> ProfileSource:
    """Return what a packet says of the profile at ``path``, whose bytes are ``data``.

    The commit's own bytes count if it holds the profile: a work tree may have other line ends.
    """
    place = path.resolve()
    name = next((name for name, built_in in files.built_in_profiles().items() if built_in.resolve() == place), None)
    if name is None and place.is_relative_to(producer.top):
        below = place.relative_to(producer.top).as_posix()
        committed = committed_file(producer, repository, below)
        if committed is not None and _NAMEABLE.fullmatch(below):
            name, data = below, committed
    return ProfileSource(name=name, sha256=hashlib.sha256(data).hexdigest())


def committed_file(producer: git_producer.Producer, repository: git_repository.Repository, path: str) -> bytes | None:
    """Return the bytes of a file in the producer's commit, its path from the repository's top; None if it is not a plain file."""
    return repository.files(replace(producer, prefix=""), [path])[path]


def _slug(root: Path) -> str:
    """Return the name of a producer root's cache folder: safe for every script, the same for the same root."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", root.name).strip("-").lower()[:40]
    return f"{name or 'producer'}-{hashlib.sha256(str(root).encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
