"""Show where runtime commit, tag and verified commit are in the history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.formats.escape import printable
from handoff_tasks.model import Relation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_SHOWN_COMMITS = 8
_SHOWN_PATHS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A commit, its roles, and the first line of its message, if that is known.

    ``skipped`` is the number of commits that are left out before it.
    """

    sha: str
    roles: tuple[str, ...]
    subject: str | None
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The commits from the runtime commit to the verified commit.

    ``aside`` is the tag's target if it is not among them. ``sentences`` say what git says of the
    release, each with whether it is as expected.
    """

    points: tuple[Point, ...]
    aside: Point | None
    sentences: tuple[tuple[bool, str], ...]
    facts: tuple[tuple[str, str], ...]
    paths: tuple[str, ...]
    more_paths: int


def build_picture(state: Mapping[str, Any], subjects: Mapping[str, str]) -> Picture:
    """Return the picture of a packet's ``git_state``.

    ``subjects`` are the first lines of commit messages, by commit.
    """
    runtime, target, verified = (
        state["runtime_commit"],
        state["tag"]["target"],
        state["verified_commit"],
    )
    line = [runtime, *(sha for sha in state["commits_after_runtime"] if sha != runtime)]
    if verified not in line:
        line.append(verified)
    aside = None
    if target and target not in line:
        aside = _point(target, state, subjects)
    paths = [printable(path) for path in state["paths_after_runtime"]]
    facts = [("Verified tree", state["verified_tree"])]
    if state["manifest_sha256"] is not None:
        facts.insert(0, ("Manifest sha256", state["manifest_sha256"]))
    if state["producer_path"] != ".":
        facts.append(("Producer's folder", printable(state["producer_path"])))
    return Picture(
        points=tuple(_points(line, state, subjects)),
        aside=aside,
        sentences=tuple(_sentences(state)),
        facts=tuple(facts),
        paths=tuple(paths[:_SHOWN_PATHS]),
        more_paths=max(0, len(paths) - _SHOWN_PATHS),
    )


def _points(
    line: Sequence[str], state: Mapping[str, Any], subjects: Mapping[str, str]
) -> list[Point]:
    """Return the commits with a role, and the first and last four of the others."""
    named = {state["runtime_commit"], state["verified_commit"], state["tag"]["target"]}
    others = [sha for sha in line if sha not in named]
    half = _SHOWN_COMMITS // 2
    shown = named.union(others[:half], others[-half:])
    points = []
    skipped = 0
    for sha in line:
        if sha in shown:
            points.append(_point(sha, state, subjects, skipped))
            skipped = 0
        else:
            skipped += 1
    return points


def _point(
    sha: str, state: Mapping[str, Any], subjects: Mapping[str, str], skipped: int = 0
) -> Point:
    tag = state["tag"]
    roles = []
    if sha == state["runtime_commit"]:
        roles.append("runtime commit")
    if sha == tag["target"]:
        roles.append(f"tag {printable(tag['name'])}")
    if sha == state["verified_commit"]:
        roles.append("verified commit")
    subject = subjects.get(sha)
    return Point(
        sha=sha,
        roles=tuple(roles),
        subject=printable(subject) if subject else None,
        skipped=skipped,
    )


_RELATED = {
    Relation.SAME: "is {}",
    Relation.ANCESTOR: "comes before {}",
    Relation.UNRELATED: "is not an ancestor of {}",
    Relation.MISSING: "is not in the repository, so it cannot be compared with {}",
}
_EXPECTED = (Relation.SAME, Relation.ANCESTOR)


def _sentences(state: Mapping[str, Any]) -> list[tuple[bool, str]]:
    tag = state["tag"]
    name = printable(tag["name"])
    to_verified = state["runtime_to_verified"]
    relation = _RELATED[to_verified].format("the verified commit")
    sentences = [(to_verified in _EXPECTED, f"The runtime commit {relation}.")]
    if tag["state"] != "tagged":
        sentences.append((True, f"The tag {name} does not exist yet."))
    elif tag["target"] == state["verified_commit"]:
        sentences.append((True, f"The tag {name} points to the verified commit."))
    else:
        to_tag = state["runtime_to_tag"]
        relation = _RELATED[to_tag].format("it")
        text = f"The tag {name} points to another commit; the runtime commit {relation}."
        sentences.append((to_tag in _EXPECTED, text))
    if state["runtime_paths_identical"]:
        same = "Only release metadata differs between them: the runtime paths are the same."
        sentences.append((True, same))
    elif state["runtime_paths_identical"] is not None:
        sentences.append(
            (False, "Runtime paths differ between them: the checks ran on another runtime.")
        )
    return sentences
