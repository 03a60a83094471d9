"""Choose the profile by which a packet is verified."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.git import committed_profile
from handoff_tasks.git import workspace as git_workspace
from handoff_tasks.model import ProfileSource
from handoff_tasks.problems import Problem, refusal
from handoff_tasks.rules.packet import ASK_FOR_ANOTHER

if TYPE_CHECKING:
    from pathlib import Path

    from handoff_tasks.git.workspace import Commit, Workspace
    from handoff_tasks.packet.document import ProducerEntry

_OTHER_PROFILE = (
    "verify with the profile that the packet names; --profile NAME verifies with another one"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What the caller of a verification names.

    ``root`` is the producer's root, ``profile_path`` the noxfile's profile, ``option`` the value of
    ``--profile``, which replaces the noxfile's profile.
    """

    root: Path
    profile_path: Path
    option: str | None
    work: Path
    cache: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A profile that may verify a packet; ``label`` is its name in messages."""

    data: bytes
    source: ProfileSource
    label: str


def open_with(request: VerifyRequest, commit: Commit, profile: Candidate) -> Workspace:
    """Open a commit to read, with a profile. Raises `HandoffError`."""
    return git_workspace.open_with(
        commit,
        data=profile.data,
        where=profile.label,
        source=profile.source,
        profile_path=request.profile_path,
        work=request.work,
    )


def callers_profile(request: VerifyRequest, commit: Commit) -> Candidate:
    """Return the profile of ``--profile``, or that of the noxfile. Raises `HandoffError`."""
    if request.option is not None:
        return _option_profile(request.option, commit)
    return own_profile(request, commit)


def own_profile(request: VerifyRequest, commit: Commit) -> Candidate:
    """Return the noxfile's profile: the commit's own bytes if the commit has it."""
    data = committed_profile.read_profile(request.profile_path)
    source = committed_profile.profile_source(
        commit.producer, commit.repository, request.profile_path, data
    )
    if source.name is not None:
        candidate = _built_in(source.name) or _committed(commit, source.name)
        if candidate is not None and candidate.source == source:
            return candidate
    return Candidate(data=data, source=source, label=str(request.profile_path))


def choose_profile(
    request: VerifyRequest, commit: Commit, usual: Candidate, stated: ProducerEntry, where: str
) -> Candidate | Problem:
    """Return the profile that verifies a packet, or why there is none (HP072, HP074).

    With ``--profile`` it is that one; otherwise the profile that the packet names, if its bytes are
    the same. ``usual`` is the caller's profile. If the noxfile registers a profile of the verified
    commit, another profile is refused: otherwise a packet could choose the rules that it is
    verified by.
    """
    sha256 = stated["profile_sha256"]
    named = _stated_candidate(commit, stated)
    built_in = files.built_in_profiles()
    if named is not None and named.source.sha256 != sha256 and named.source.name not in built_in:
        message = f"the packet says {sha256}; {named.label} has {named.source.sha256}"
        place = f"{where}#/producer/profile_sha256"
        return Problem(code="HP072", where=place, message=message, hint=ASK_FOR_ANOTHER)
    if request.option is not None:
        return usual
    if named is None and stated["profile"] is not None:
        return _unavailable(
            stated,
            where,
            ", which neither the verified commit nor this version of handoff-tasks has",
        )
    if usual.source.sha256 == sha256:
        return usual
    if named is None:
        reason = f", a file outside its repository; this noxfile registers {usual.label}"
        return _unavailable(stated, where, reason)
    if named.source.sha256 != sha256:
        reason = f"; in this version of handoff-tasks it has the sha256 {named.source.sha256}"
        hint = (
            "verify with the version of handoff-tasks that made the packet; "
            "--profile NAME verifies with another profile"
        )
        return _unavailable(stated, where, reason, hint)
    if usual.source.name is not None and usual.source.name not in built_in:
        reason = f"; this noxfile registers {usual.label}, with other bytes"
        return _unavailable(stated, where, reason)
    return named


def _unavailable(
    stated: ProducerEntry, where: str, reason: str, hint: str = _OTHER_PROFILE
) -> Problem:
    message = f"the packet names {stated_label(stated)}{reason}"
    return Problem(code="HP074", where=f"{where}#/producer/profile", message=message, hint=hint)


def stated_label(stated: ProducerEntry) -> str:
    """Return the profile that a packet names, in words."""
    name = stated["profile"] or "outside the commit"
    return f"the profile {name} with the sha256 {stated['profile_sha256']}"


def _stated_candidate(commit: Commit, stated: ProducerEntry) -> Candidate | None:
    """Return the profile of the name that a packet states, also if its bytes differ."""
    name = stated["profile"]
    if name is None:
        return None
    built_in = _built_in(name)
    if built_in and built_in.source.sha256 == stated["profile_sha256"]:
        return built_in
    return _committed(commit, name) or built_in


def _option_profile(option: str, commit: Commit) -> Candidate:
    candidate = _built_in(option) or _committed(commit, option)
    if candidate is not None:
        return candidate
    built_in = ", ".join(files.built_in_profiles())
    message = (
        f"{option} is neither a file of the commit {commit.producer.commit[:12]} nor built in; "
        f"built in: {built_in}"
    )
    hint = "name the profile's path from the repository's top"
    raise refusal("HP001", "--profile", message, hint)


def _built_in(name: str) -> Candidate | None:
    path = files.built_in_profiles().get(name)
    if path is None:
        return None
    return _candidate(name, path.read_bytes(), f"the built-in profile {name}")


def _committed(commit: Commit, path: str) -> Candidate | None:
    data = committed_profile.read_committed_file(commit.producer, commit.repository, path)
    if data is None:
        return None
    return _candidate(path, data, f"{path} of the commit {commit.producer.commit[:12]}")


def _candidate(name: str, data: bytes, label: str) -> Candidate:
    source = ProfileSource(name=name, sha256=hashlib.sha256(data).hexdigest())
    return Candidate(data=data, source=source, label=label)
