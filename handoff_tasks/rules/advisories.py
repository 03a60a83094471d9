"""Advise on a release: what does not make it NO-GO (HA010 to HA020)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.formats.words import some_of
from handoff_tasks.problems import Problem
from handoff_tasks.rules import git as git_rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from handoff_tasks.model import GitFacts, Manifest
    from handoff_tasks.producer.profile import Mode, Profile


def lightweight_tag(facts: GitFacts, profile: Profile, kinds: Mapping[str, str]) -> list[Problem]:
    """Return an advisory (HA020) if only this release's tag is lightweight in this clone.

    ``kinds`` maps each tag to the type of the object that it names.
    """
    tag = facts.tag.existing
    if tag is None or tag.kind == "annotated" or profile.annotated_tag:
        return []
    earlier = {kinds.get(profile.tag_name(release.tag)) for release in facts.history.earlier}
    if earlier != {"tag"}:
        return []
    message = "it is lightweight in this clone, and the tags of all earlier releases are annotated"
    hint = git_rules.replaced_tag_hint(tag.name)
    return [Problem(code="HA020", where=f"tag {tag.name}", message=message, hint=hint)]


def release_advisories(
    mode: Mode, manifest: Manifest, facts: GitFacts, *, allow_untagged: bool
) -> list[Problem]:
    """Return the advisories that a packet has about its release.

    HA010 nothing to rehearse, HA011 not tagged yet, HA013 the checks ran on another commit than
    the tag's, HA014 tests differ, HA015 a runtime path that does not exist, HA017 Git LFS pointers
    outside the runtime, HA018 a producer that has moved since its runtime commit. Without
    ``allow_untagged`` a missing tag is a problem (HP052).

    The verification of a published packet compares these texts: a change of words makes it refuse
    packets that were made before (HP072).
    """
    return [
        *_mode_advisories(mode, manifest),
        *_tag_advisories(facts, allow_untagged=allow_untagged),
        *_path_advisories(facts),
    ]


def _mode_advisories(mode: Mode, manifest: Manifest) -> Iterator[Problem]:
    if manifest.service and mode.rehearsed == manifest.service.service_version:
        message = f"the runtime is already at {mode.rehearsed}: nothing is left to rehearse"
        hint = "hand over the stable packet instead"
        yield Problem(code="HA010", where="handoff_mode", message=message, hint=hint)


def _tag_advisories(facts: GitFacts, *, allow_untagged: bool) -> Iterator[Problem]:
    if facts.tag.existing is None and allow_untagged:
        message = f"the tag {facts.tag.name} does not exist yet"
        hint = "verify the packet again once the release is tagged"
        yield Problem(code="HA011", where="git_state/tag", message=message, hint=hint)
    if (
        facts.tag.existing is not None
        and facts.tag.paths_after
        and not facts.runtime.changed_to_verified
    ):
        paths = some_of(git_rules.repository_paths(facts, facts.tag.paths_after))
        message = (
            f"the checks ran on {facts.verified.commit[:12]}, not on the tag's target, "
            f"which differs in {paths}"
        )
        hint = f"to verify the tag itself: --ref {facts.tag.name}"
        yield Problem(code="HA013", where="git_state/tag", message=message, hint=hint)


def _path_advisories(facts: GitFacts) -> Iterator[Problem]:
    if facts.runtime.tests_changed:
        tests = some_of(git_rules.repository_paths(facts, facts.runtime.tests_changed))
        message = (
            f"test files differ between the runtime commit and tag or verified commit: {tests}"
        )
        hint = "nothing, if these are tests only, as the profile's git.test_paths says"
        where = "git_state/runtime_paths_identical"
        yield Problem(code="HA014", where=where, message=message, hint=hint)
    if facts.runtime.absent:
        absent = ", ".join(facts.runtime.absent)
        message = f"neither the runtime commit nor the verified commit has {absent}"
        hint = (
            "correct git.runtime_paths in the profile, if the runtime lies elsewhere: "
            "what changes there is not seen"
        )
        yield Problem(code="HA015", where="git.runtime_paths", message=message, hint=hint)
    if facts.verified.pointers:
        pointers = some_of(git_rules.repository_paths(facts, facts.verified.pointers))
        message = (
            "Git LFS pointers, whose content is not in the checkout, so no check saw it: "
            f"{pointers}"
        )
        hint = (
            "nothing, if no check needs their content; "
            "else put the files themselves into the commit"
        )
        yield Problem(code="HA017", where="git_state/verified_tree", message=message, hint=hint)
    if facts.runtime.path not in (None, facts.verified.producer_path):
        now, then = _folder(facts.verified.producer_path), _folder(facts.runtime.path or ".")
        message = (
            f"the producer is {now} of the verified commit and {then} of the runtime commit: "
            "these two are compared"
        )
        hint = "nothing, if the producer was imported or moved since its runtime commit"
        yield Problem(code="HA018", where="git_state/runtime_commit", message=message, hint=hint)


def _folder(path: str) -> str:
    return "at the top" if path == "." else f"in {path}"
