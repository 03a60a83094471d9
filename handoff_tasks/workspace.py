"""One run's place: which producer, which commit, which profile, and the folders that belong to it.

Opens them and decides nothing about the release.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks import checkout, gitrepo, profile, resources, surroundings
from handoff_tasks.errors import HandoffError, Problem, refusal, unwritable
from handoff_tasks.model import Binding

if TYPE_CHECKING:
    from handoff_tasks.profile import Check, Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A producer at one commit, opened. ``notes`` are advisories about this run, never about the release."""

    producer: gitrepo.Producer
    repository: gitrepo.Repository
    profile: Profile
    profile_path: Path
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

    def asked_again(self) -> gitrepo.Producer:
        """Return what the producer's repository says now of the same commit. Raises `HandoffError` (HP011, HP012)."""
        return gitrepo.find(self.producer.root, self.producer.commit, self.profile.tag_prefix)

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


def open_(
    *, root: Path, ref: str, profile_path: Path, work: Path, cache: Path, to_run: bool = False, name: str | None = None
) -> Workspace:
    """Open the producer at ``root`` at ``ref``; the commit and its tags are in our own repository afterwards.

    ``profile_path`` is a built-in profile or the user's; ``name`` is the producer's name, if it is not the profile's. With
    ``to_run`` the surroundings of the checkout are looked at too, since checks are to run there.

    Raises `HandoffError`: HP010 to HP014, HP016 to HP019, HP030, HP080.
    """
    where = str(profile_path)
    data = _read(profile_path)
    parsed = profile.parse(data, where, resources.schema(resources.PROFILE))
    parsed = replace(parsed, name=name) if name else parsed
    producer = gitrepo.find(root, ref, parsed.tag_prefix)
    base = cache / _slug(producer.root)
    if base.resolve().is_relative_to(producer.top):
        raise refusal(
            "HP016",
            str(cache),
            f"the cache folder lies inside the producer's repository {producer.top}, whose files would reach the checks",
            "name a folder outside of it with --cache-dir",
        )
    unwanted, notes = surroundings.look(base.resolve() / "checkout", parsed, os.environ) if to_run else ([], [])
    if unwanted:
        raise HandoffError(unwanted)
    repository = gitrepo.Repository(base / "objects.git")
    try:
        base.mkdir(parents=True, exist_ok=True)
        with checkout.exclusively(base / "fetch.lock"):
            repository.update(producer, parsed.tag_prefix)
    except OSError as error:
        raise unwritable(base, error) from None
    return Workspace(
        producer=producer,
        repository=repository,
        profile=parsed,
        profile_path=profile_path.resolve(),
        tree=repository.tree(producer),
        work=work,
        base=base,
        notes=(*notes, *_profile_notes(producer, repository, profile_path, data)),
    )


def hand_over(workspace: Workspace, run: str, path: Path) -> None:
    """Write down for the lanes of a run which workspace they share, so that they need not ask git again."""
    producer = workspace.producer
    document = {
        "run": run,
        "profile": str(workspace.profile_path),
        "profile_digest": workspace.profile.digest,
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
    path.write_text(json.dumps(document))


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
    parsed = profile.parse(_read(profile_path), str(profile_path), None)
    if parsed.digest != found["profile_digest"]:
        raise refusal("HP015", str(profile_path), "the profile changed while the run went on", "run again with one profile")
    producer = gitrepo.Producer(
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
        repository=gitrepo.Repository(base / "objects.git"),
        profile=parsed,
        profile_path=profile_path,
        tree=found["tree"],
        work=Path(found["work"]),
        base=base,
        notes=(),
    )
    return workspace, found["run"]


def _read(profile_path: Path) -> bytes:
    try:
        return profile_path.read_bytes()
    except OSError as error:
        message = f"the profile cannot be read: {error.strerror}"
        raise refusal("HP030", str(profile_path), message, "name a built-in profile or a readable file") from None


def _slug(root: Path) -> str:
    """Return the name of a producer root's cache folder: safe for every script, the same for the same root."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", root.name).strip("-").lower()[:40]
    return f"{name or 'producer'}-{hashlib.sha256(str(root).encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"


def _profile_notes(producer: gitrepo.Producer, repository: gitrepo.Repository, path: Path, data: bytes) -> tuple[Problem, ...]:
    """Hold the profile to the verified commit, where it lives in the producer's repository."""
    place = path.resolve()
    if not place.is_relative_to(producer.root):
        return ()
    name = place.relative_to(producer.root).as_posix()
    committed = repository.files(producer, [name])[name]
    if committed is None:
        message = f"the profile is no part of the verified commit {producer.commit[:12]}; the working file is used"
        return (Problem(code="HA002", where=name, message=message, hint="commit the profile, so that others can repeat the run"),)
    if committed != data:
        raise refusal(
            "HP014",
            name,
            f"the profile differs from the one in the verified commit {producer.commit[:12]}",
            "commit the profile, or run from a work tree of the commit that is to be verified",
        )
    return ()
