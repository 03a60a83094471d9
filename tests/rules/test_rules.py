"""Claims about what makes a release GO, and what a packet may say."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from builders import (
    CANDIDATE,
    DIGEST,
    MANIFEST_PATH,
    OTHER,
    PREVIOUS,
    RUNTIME,
    STABLE,
    VERIFIED,
    binding,
    check,
    facts,
    go_packet,
    manifest,
    problem,
    profile,
    quick,
    record,
    release,
    result,
    shown,
    statement,
    untagged,
)
from hypothesis import given
from hypothesis import strategies as st

from handoff_tasks.checks.evidence import judge_evidence
from handoff_tasks.formats import schemas
from handoff_tasks.model import CheckResult, Outcome, Relation, Release, Tag
from handoff_tasks.packet import build
from handoff_tasks.rules import advisories, packet_against_git
from handoff_tasks.rules import checks as check_rules
from handoff_tasks.rules import git as git_rules
from handoff_tasks.rules import packet as packet_rules
from handoff_tasks.rules import statement as statement_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from handoff_tasks.model import Binding, GitFacts, Record

# --- evidence ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.PASSED])
def test_evidence_that_is_bound_to_the_run_counts_as_it_is(outcome: Outcome) -> None:
    """A record of the same commit, profile and command line gives its own outcome and reason."""
    found = record(check(), outcome=outcome, reason="why", exit_code=1)
    judged = judge_evidence(check(), found, binding(check()))
    assert judged == CheckResult(id="fmt", command="cargo fmt --all -- --check", outcome=outcome, reason="why", record=found)


def test_evidence_of_a_pass_counts() -> None:
    """A record of a pass with exit code 0 and a log is a pass."""
    judged = judge_evidence(check(), record(check()), binding(check()))
    assert (judged.outcome, judged.reason, judged.exit_code) == (Outcome.PASSED, None, 0)


CONTRADICTION = "its evidence contradicts itself: passed, but without exit code 0 and a log"


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "there is no evidence of it"),
        (problem("HP041", "a.log", "changed"), "its evidence is invalid: a.log: changed"),
        (record(check(), exit_code=1), CONTRADICTION),
        (record(check(), exit_code=None), CONTRADICTION),
        (record(check(), signal="SIGKILL"), CONTRADICTION),
        (record(check(), log=None), CONTRADICTION),
    ],
)
def test_evidence_that_is_missing_or_contradicts_itself_counts_as_not_run(found: Any, reason: str) -> None:
    """Without evidence that can be believed a check was not run, and the reason is told."""
    judged = judge_evidence(check(), found, binding(check()))
    assert judged == CheckResult(
        id="fmt", command="cargo fmt --all -- --check", outcome=Outcome.NOT_RUN, reason=reason, record=None
    )


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("commit", OTHER, f"its evidence is of another commit: {OTHER}; expected {VERIFIED}"),
        ("tree", OTHER, f"its evidence is of another tree: {OTHER}; expected {'4' * 40}"),
        ("producer_path", "producer", "its evidence is of another producer path: producer; expected ."),
        ("profile_digest", "sha256:00", f"its evidence is of another profile: sha256:00; expected {DIGEST}"),
        ("argv", ("true", "x"), "its evidence is of another command line: true x; expected cargo fmt --all -- --check"),
    ],
)
@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.FAILED])
def test_evidence_of_something_else_counts_as_not_run(field: str, value: Any, reason: str, outcome: Outcome) -> None:
    """A record that was made for another commit, tree, place, profile or command line is evidence for nothing."""
    made: Binding = replace(binding(check()), **{field: value})
    found: Record = record(check(), binding=made, outcome=outcome)
    judged = judge_evidence(check(), found, binding(check()))
    assert (judged.outcome, judged.reason, judged.record) == (Outcome.NOT_RUN, reason, None)


def test_evidence_of_other_words_counts_as_not_run() -> None:
    """A command line with the same letters but other words is another command line."""
    made = replace(binding(check()), argv=("cargo fmt", *check().argv[2:]))
    judged = judge_evidence(check(), record(check(), binding=made), binding(check()))
    assert judged.outcome is Outcome.NOT_RUN


PIN = "if only a newer toolchain finds it, pin the release's: --toolchain NAME, or execution.toolchain in the profile"


@pytest.mark.parametrize(
    ("outcome", "reason", "code", "message", "hint"),
    [
        (
            Outcome.FAILED,
            "exit code 101",
            "HP043",
            "failed: exit code 101 (with cargo 1.95.0, rustc 1.95.0)",
            f"read its log, mend what it names, commit, and run again; {PIN}",
        ),
        (
            Outcome.TIMED_OUT,
            "not done within 5 seconds",
            "HP044",
            "timed_out: not done within 5 seconds",
            "see in its log what it waited for; --timeout SECONDS gives it more time",
        ),
        (
            Outcome.TOOL_MISSING,
            "jq is not usable",
            "HP045",
            "tool_missing: jq is not usable",
            "do what the message says, then run again",
        ),
        (Outcome.INTERRUPTED, "SIGINT came", "HP046", "interrupted: SIGINT came", "run again"),
        (Outcome.NOT_RUN, None, "HP047", "not_run: no reason is recorded", "run the whole set again with the handoff session"),
    ],
)
def test_a_check_that_did_not_pass_is_a_problem(outcome: Outcome, reason: str | None, code: str, message: str, hint: str) -> None:
    """Each outcome but a pass is a problem with its own code; a failure names the tools that found it."""
    found = check_rules.check_problems([result(check(1)), result(check(2), outcome, reason)], profile())
    assert shown(found) == [(code, "check test", message, hint)]


def test_a_failure_without_claimed_tools_names_none() -> None:
    """Tools that the packet does not name are no part of the message."""
    found = check_rules.check_problems([result(check(), Outcome.FAILED, "exit code 1", tools=())], profile())
    assert [one.message for one in found] == ["failed: exit code 1"]


def test_a_checkout_below_a_hidden_folder_is_named() -> None:
    """Programs that serve files may refuse such a folder, so the remedy of a failure names it, and of nothing else."""
    failed, missing = result(check(4), Outcome.FAILED, "exit code 1"), result(check(4), Outcome.TOOL_MISSING, "rg is not on PATH")
    first, second = check_rules.check_problems([failed, missing], profile(), "/home/ann/.cache/x/checkout")
    assert first.hint == (
        "read its log, mend what it names, commit, and run again; "
        "if it serves files, it may refuse those below the folder .cache: --cache-dir PATH without such a folder"
    )
    assert second.hint == "do what the message says, then run again"


def test_passes_are_no_problem() -> None:
    """When all checks passed there is nothing to say."""
    assert check_rules.check_problems([result(one) for one in profile().checks], profile()) == []


def test_a_pinned_toolchain_is_not_asked_for_again() -> None:
    """Where the toolchain was pinned, or the command is no tool of it, the remedy does not speak of pinning."""
    pinned = result(check(1), Outcome.FAILED, "exit code 101")
    assert pinned.record is not None
    pinned = replace(pinned, record=replace(pinned.record, toolchain="1.84.0"))
    script = result(check(4), Outcome.FAILED, "exit code 1")
    for one in (pinned, script):
        [found] = check_rules.check_problems([one], profile())
        assert found.hint == "read its log, mend what it names, commit, and run again"


# --- git --------------------------------------------------------------------------------------------------------------

AT_SHA = f"{MANIFEST_PATH}#/commit_sha"
AT_VERSION = f"{MANIFEST_PATH}#/expected_service_contract_version"
AT_TAG = f"v1.2.3:{MANIFEST_PATH}"
SHORT = RUNTIME[:12]
NEXT_RELEASE = (
    f"for the next release, put its tag and {VERIFIED} into the manifest (release_tag, commit_sha) and into the repin line of its "
    "own statement"
)
NEXT_OR_AT_TAG = f"{NEXT_RELEASE}; to verify v1.2.3: --ref v1.2.3"
THIS_RELEASE = f"put {VERIFIED} into the manifest's commit_sha and into the statement's repin line, then commit both"
NEXT_TAG = "for the next release, put its tag into the manifest's release_tag"
TAG_OR_AT_TAG = f"{NEXT_TAG}; to verify v1.2.3: --ref v1.2.3"
ELSEWHERE = Tag(name="v1.2.3", kind="lightweight", target=OTHER)
SEVEN = tuple(f"crates/{number}.rs" for number in range(7))


@pytest.mark.parametrize(
    "known",
    [
        facts(),
        facts(runtime_to_tag=Relation.SAME, runtime_to_verified=Relation.SAME),
        facts(tag=ELSEWHERE, commits_after_runtime=(VERIFIED, OTHER)),
        facts(absent=("Cargo.lock",)),
    ],
)
@pytest.mark.parametrize("allow_untagged", [True, False])
def test_a_good_release_has_no_problem(known: GitFacts, allow_untagged: bool) -> None:
    """A release whose runtime is the same at runtime commit, tag and verified commit is good, wherever it was verified."""
    assert git_rules.git_problems(known, manifest(), profile(), allow_untagged=allow_untagged) == []


def test_no_tag_yet_is_good_only_when_it_is_allowed() -> None:
    """A release that is not tagged is refused unless the caller says that this is known."""
    assert git_rules.git_problems(untagged(), manifest(), profile(), allow_untagged=True) == []
    assert shown(git_rules.git_problems(untagged(), manifest(), profile(), allow_untagged=False)) == [
        (
            "HP052",
            "tag v1.2.3",
            "the release is not tagged",
            "tag the release and run again, or say --allow-untagged for a packet that says so; if it is tagged elsewhere, "
            "fetch the tags: git fetch --tags",
        )
    ]


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (
            facts(
                runtime_to_verified=Relation.MISSING,
                runtime_to_tag=Relation.MISSING,
                changed_to_verified=None,
                changed_to_tag=None,
                stated_service_version=None,
            ),
            (
                "HP050",
                AT_SHA,
                f"{RUNTIME} is no commit of the repository",
                "put the runtime commit's sha into the manifest, or fetch the commit",
            ),
        ),
        (
            facts(runtime_to_verified=Relation.UNRELATED),
            ("HP051", AT_SHA, f"the runtime commit {SHORT} is no ancestor of the verified commit {VERIFIED[:12]}", NEXT_OR_AT_TAG),
        ),
        (
            untagged(runtime_to_verified=Relation.UNRELATED),
            ("HP051", AT_SHA, f"the runtime commit {SHORT} is no ancestor of the verified commit {VERIFIED[:12]}", THIS_RELEASE),
        ),
        (
            facts(tag=ELSEWHERE, runtime_to_tag=Relation.UNRELATED),
            (
                "HP051",
                "tag v1.2.3",
                f"the runtime commit {SHORT} is no ancestor of the tag's target {OTHER[:12]}",
                "tag a commit that follows the runtime commit, or correct the manifest's commit_sha",
            ),
        ),
        (
            facts(tag=ELSEWHERE, changed_to_tag=("openapi/a.yaml",)),
            (
                "HP053",
                "tag v1.2.3",
                f"runtime paths differ between the runtime commit {SHORT} and the tag's target {OTHER[:12]}: openapi/a.yaml",
                "correct the manifest's commit_sha, or tag a commit with the same runtime paths",
            ),
        ),
        (
            facts(tag=ELSEWHERE, changed_to_verified=SEVEN),
            (
                "HP054",
                f"commit {VERIFIED}",
                f"runtime paths differ between the runtime commit {SHORT} and the verified commit: "
                "crates/0.rs, crates/1.rs, crates/2.rs, crates/3.rs, crates/4.rs and 2 more",
                NEXT_OR_AT_TAG,
            ),
        ),
        (
            untagged(changed_to_verified=("Cargo.lock",)),
            (
                "HP054",
                f"commit {VERIFIED}",
                f"runtime paths differ between the runtime commit {SHORT} and the verified commit: Cargo.lock",
                THIS_RELEASE,
            ),
        ),
        (
            facts(tag=ELSEWHERE, runtime_to_verified=Relation.UNRELATED, runtime_to_tag=Relation.MISSING),
            ("HP051", AT_SHA, f"the runtime commit {SHORT} is no ancestor of the verified commit {VERIFIED[:12]}", NEXT_RELEASE),
        ),
        (
            facts(tag=ELSEWHERE, manifest_at_tag=None),
            ("HP055", AT_TAG, "the tag's target holds no readable manifest", f"tag a commit that holds the manifest; {NEXT_TAG}"),
        ),
        (
            facts(tag=ELSEWHERE, manifest_at_tag=manifest(release_tag="v1.2.2")),
            (
                "HP055",
                f"{AT_TAG}#/release_tag",
                "found v1.2.2 at the tag; the verified commit's manifest says v1.2.3",
                TAG_OR_AT_TAG,
            ),
        ),
        (
            facts(tag=ELSEWHERE, manifest_at_tag=manifest(expected_api_contract_version="api.v2")),
            (
                "HP055",
                f"{AT_TAG}#/expected_api_contract_version",
                "found api.v2 at the tag; the verified commit's manifest says api.v1",
                TAG_OR_AT_TAG,
            ),
        ),
        (
            facts(stated_service_version="service.v3"),
            (
                "HP056",
                AT_VERSION,
                f"the manifest says service.v2, but its own runtime commit {SHORT} says service.v3 in openapi/openapi.yaml",
                "put the commit that really speaks the version into the manifest's commit_sha, or correct the version",
            ),
        ),
    ],
)
def test_what_git_says_against_a_release(known: GitFacts, expected: tuple[str, str, str, str]) -> None:
    """Each contradiction between manifest, tag and commits is a problem of its own, allowed to be untagged or not."""
    assert shown(git_rules.git_problems(known, manifest(), profile(), allow_untagged=True)) == [expected]


def test_a_service_version_without_an_envelope_is_refused() -> None:
    """A manifest whose service version the profile does not describe makes no packet."""
    found = git_rules.git_problems(
        facts(stated_service_version="service.v9"),
        manifest(expected_service_contract_version="service.v9"),
        profile(),
        allow_untagged=False,
    )
    message = "service.v9 has no envelope policy; known: service.v2, service.v3"
    assert shown(found) == [("HP057", AT_VERSION, message, "describe its error envelope in the profile's envelope_policies")]


def test_a_profile_that_names_nothing_is_no_guard() -> None:
    """No runtime path is there, or nothing states the service version where the profile says: no difference could be seen."""
    absent = tuple(path for path in profile().runtime_paths)
    assert shown(git_rules.git_problems(facts(absent=absent), manifest(), profile(), allow_untagged=False)) == [
        (
            "HP032",
            "git.runtime_paths",
            f"neither the runtime commit {RUNTIME[:12]} nor the verified commit has {', '.join(absent)}",
            "correct git.runtime_paths: with no runtime to compare, two releases would always look the same",
        )
    ]
    assert shown(git_rules.git_problems(facts(stated_service_version=None), manifest(), profile(), allow_untagged=False)) == [
        (
            "HP056",
            f"{RUNTIME[:12]}:openapi/openapi.yaml",
            r"no line there says the service version; expected one that matches ^  version: (service\.v[0-9]+)$",
            "correct git.service_version in the profile, or state the version in that file",
        )
    ]


def test_a_runtime_path_that_names_nothing_is_told() -> None:
    """It may be a slip, or a place that this release does not have: an advisory."""
    [found] = advisories.release_advisories(profile().mode("stable"), manifest(), facts(absent=("a/", "b")), allow_untagged=False)
    assert (found.code, found.where) == ("HA015", "git.runtime_paths")
    assert found.message == "neither the runtime commit nor the verified commit has a/, b"


def test_in_a_part_of_a_repository_the_prefix_is_what_is_missing() -> None:
    """The larger repository's tags are not the producer's: to tag again would not help."""
    [found] = git_rules.git_problems(untagged(producer_path="svc"), manifest(), profile(), allow_untagged=False)
    assert (found.code, found.hint) == (
        "HP052",
        "name the prefix of the producer's own tags in the profile (git.tag_prefix), or say --allow-untagged",
    )


def test_the_advice_to_verify_at_the_tag_is_given_only_when_it_helps() -> None:
    """If the tag does not hold the runtime either, only the next release is left."""
    found = git_rules.git_problems(
        facts(tag=ELSEWHERE, changed_to_verified=("Cargo.toml",), changed_to_tag=("Cargo.toml",)),
        manifest(),
        profile(),
        allow_untagged=False,
    )
    assert [(one.code, one.hint) for one in found if one.code == "HP054"] == [("HP054", NEXT_RELEASE)]


def test_every_field_that_differs_at_the_tag_is_told() -> None:
    """A manifest at the tag that differs in all five fields gives five problems."""
    there = manifest(
        release_tag="v9.9.9",
        commit_sha=PREVIOUS,
        expected_service_contract_version="service.v3",
        expected_api_contract_version="api.v2",
        integration_baseline="integration/v2",
    )
    found = git_rules.git_problems(facts(tag=ELSEWHERE, manifest_at_tag=there), manifest(), profile(), allow_untagged=False)
    assert [(one.code, one.where) for one in found] == [("HP055", f"{AT_TAG}#/{key}") for key in manifest().baseline()]


def test_a_rehearsal_of_what_is_there_already_is_an_advisory() -> None:
    """A reader is told when the runtime speaks the rehearsed version already, and in no other case."""
    stable, candidate = profile().mode(STABLE), profile().mode(CANDIDATE)
    assert advisories.release_advisories(stable, manifest(), facts(), allow_untagged=True) == []
    assert advisories.release_advisories(candidate, manifest(), facts(), allow_untagged=True) == []
    new = manifest(expected_service_contract_version="service.v3")
    assert advisories.release_advisories(stable, new, facts(), allow_untagged=True) == []
    message = "the runtime is already at service.v3: nothing is left to rehearse"
    assert shown(advisories.release_advisories(candidate, new, facts(), allow_untagged=True)) == [
        ("HA010", "handoff_mode", message, "hand over the stable packet instead")
    ]


def test_a_tag_that_is_still_to_come_is_an_advisory_where_it_is_no_problem() -> None:
    """A reader is told that the release is not tagged yet; without leave for that it is a problem, and told as such."""
    stable = profile().mode(STABLE)
    assert advisories.release_advisories(stable, manifest(), untagged(), allow_untagged=False) == []
    assert shown(advisories.release_advisories(stable, manifest(), untagged(), allow_untagged=True)) == [
        ("HA011", "git_state/tag", "the tag v1.2.3 does not exist yet", "verify the packet again once the release is tagged")
    ]


# --- the impact statement ---------------------------------------------------------------------------------------------

OWN = f"v1.2.3/{RUNTIME}"


@pytest.mark.parametrize("line", [f"yes ({OWN})", f"yes {OWN}", f"yes: {OWN}", f"yes, ({OWN})", "no", f"no ({OWN})"])
def test_a_repin_line_that_is_true(line: str) -> None:
    """Yes with the release's own tag and sha, or no, is fine."""
    same = facts(previous=manifest(release_tag="v1.2.2"))
    assert statement_rules.statement_problems(statement(repin_required=line), manifest(), same) == []


@pytest.mark.parametrize("line", ["no", f"no ({OWN})"])
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"commit_sha": PREVIOUS}, f"commit_sha from {PREVIOUS} to {RUNTIME}"),
        (
            {"expected_service_contract_version": "service.v1"},
            "expected_service_contract_version from service.v1 to service.v2",
        ),
        ({"expected_api_contract_version": "api.v0"}, "expected_api_contract_version from api.v0 to api.v1"),
        ({"integration_baseline": "integration/v0"}, "integration_baseline from integration/v0 to integration/v1"),
        ({"error_code_enum": ["invalid_json"]}, "error_code_enum"),
    ],
)
def test_no_repin_is_refuted_by_what_a_consumer_pins(line: str, changes: dict[str, object], told: str) -> None:
    """HP082: each part of the pin but the tag; the same with yes is fine, and so is no without an earlier release."""
    known = facts(previous=manifest(**({"release_tag": "v1.2.2"} | changes)))
    message = f"found '{line}', but since v1.2.2 what a consumer pins has changed: {told}"
    found = statement_rules.statement_problems(statement(repin_required=line), manifest(), known)
    assert shown(found) == [("HP082", "Repin required", message, f"write 'yes ({OWN})'")]
    assert statement_rules.statement_problems(statement(), manifest(), known) == []
    first = facts(previous=None, earlier=())
    assert statement_rules.statement_problems(statement(repin_required=line, rollback_instruction="none"), manifest(), first) == []


@pytest.mark.parametrize("line", ["none", "None.", "no", "N/A", "no changes", "nothing"])
def test_no_behaviour_change_is_refuted_by_runtime_paths_that_changed(line: str) -> None:
    """HP068 names the paths and the release; who says what changed is believed, and so is none where nothing did."""
    known = facts(changed_since_previous=("Cargo.lock", "crates/core/lib.rs"))
    found = statement_rules.statement_problems(statement(runtime_behavior_changes=line), manifest(), known)
    message = f"found '{line}', but runtime paths changed since v1.2.2: Cargo.lock, crates/core/lib.rs"
    hint = "say what changed; where no caller can see it, for instance: 'internal refactoring only: <what>'"
    assert shown(found) == [("HP068", "Runtime behavior changes", message, hint)]
    refactored = statement(runtime_behavior_changes="internal refactoring only, no behaviour change: the store is split")
    assert statement_rules.statement_problems(refactored, manifest(), known) == []
    nothing = facts(changed_since_previous=())
    assert statement_rules.statement_problems(statement(runtime_behavior_changes=line), manifest(), nothing) == []
    alone = facts(changed_since_previous=None, previous=None, earlier=())
    assert statement_rules.statement_problems(statement(runtime_behavior_changes=line), manifest(), alone) == []


def test_none_is_not_believed_where_nobody_can_tell() -> None:
    """The previous release's runtime commit is not in the repository: there is nothing to compare with."""
    [found] = statement_rules.statement_problems(
        statement(runtime_behavior_changes="none"), manifest(), facts(changed_since_previous=None)
    )
    assert (found.code, found.message) == (
        "HP068",
        "found 'none', but nobody can tell: the repository does not have the runtime commit of v1.2.2",
    )
    assert found.hint.startswith("say what changed, or fetch ")


def test_a_rollback_that_is_not_in_the_repository_is_refused() -> None:
    """Though its own manifest states the pair: nobody could go back to it."""
    [found] = statement_rules.statement_problems(statement(), manifest(), facts(rollback=Relation.MISSING))
    assert found.code == "HP064"
    assert found.message.endswith(" is stated by its own manifest, but the repository does not have its commit")


def test_what_bears_the_tags_name_before_the_tag_is_refused() -> None:
    """A branch of that name would be taken for the release as soon as somebody asks for it."""
    [found] = git_rules.git_problems(untagged(namesakes=(("branch", OTHER),)), manifest(), profile(), allow_untagged=True)
    assert (found.code, found.where) == ("HP067", "tag v1.2.3")
    assert found.message == f"a branch of that name is at {OTHER}, and the release is not tagged yet"


def test_a_part_of_the_runtime_that_is_not_in_the_commit_is_refused() -> None:
    """A submodule or a link that leads away: no check has seen it."""
    known = facts(outside=(("crates/vendor", "a submodule, whose content is not in the checkout"),))
    assert shown(git_rules.git_problems(known, manifest(), profile(), allow_untagged=False)) == [
        (
            "HP033",
            "crates/vendor",
            "lies below the runtime paths and is a submodule, whose content is not in the checkout",
            "put its files into the commit: a check sees what the commit holds and nothing else",
        )
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"error_code_enum": ["invalid_json", "internal_error"]}, "error codes were added: validation_error"),
        (
            {"error_code_enum": ["invalid_json", "validation_error", "internal_error", "a", "b"]},
            "error codes were removed: a, b",
        ),
        (
            {"expected_service_contract_version": "service.v1"},
            "the error envelope went from service.v1 to service.v2",
        ),
        (
            {"expected_service_contract_version": "service.v1", "error_code_enum": ["old"]},
            "the error envelope went from service.v1 to service.v2; "
            "error codes were added: invalid_json, validation_error, internal_error; error codes were removed: old",
        ),
    ],
)
def test_no_mapping_change_is_refuted_by_codes_and_envelope(changes: dict[str, object], told: str) -> None:
    """HP069 names what changed; a described mapping is believed, and none is true where neither changed."""
    known = facts(previous=manifest(**({"release_tag": "v1.2.2"} | changes)))
    nothing = statement(required_consumer_mapping_changes="none")
    found = statement_rules.statement_problems(nothing, manifest(), known)
    hint = "say what a consumer has to map, or why each of these needs nothing"
    assert shown(found) == [("HP069", "Required consumer mapping changes", f"found 'none', but since v1.2.2 {told}", hint)]
    assert statement_rules.statement_problems(statement(), manifest(), known) == []
    assert statement_rules.statement_problems(nothing, manifest(), facts()) == []
    assert statement_rules.statement_problems(nothing, manifest(), facts(previous=None)) == []


@pytest.mark.parametrize(
    "line",
    [
        "yes",
        "maybe",
        "none",
        "nothing",
        "yes/no",
        f"Yes ({OWN})",
        f"yes (v1.2.2/{RUNTIME})",
        f"yes (v1.2.3/{OTHER})",
        "yes (v1.2.3)",
        f"no (v1.2.2/{PREVIOUS})",
        f"yes ({OWN}) or later",
    ],
)
def test_a_repin_line_that_is_not_true(line: str) -> None:
    """Anything but yes with the release's own pair, or no, is refused with what was expected."""
    found = statement_rules.statement_problems(statement(repin_required=line), manifest(), facts())
    assert shown(found) == [("HP063", "Repin required", f"found '{line}'; expected 'yes ({OWN})' or 'no'", "correct the line")]


@pytest.mark.parametrize(
    "line",
    [f"repin to v1.2.2/{PREVIOUS}", f"repin to v1.2.2 / {PREVIOUS}", f"repin to v1.2.2/{PREVIOUS}.", f"repin to v1.2.1/{OTHER}"],
)
def test_a_rollback_line_that_is_true(line: str) -> None:
    """The pair of any earlier release, as its own manifest states it, is fine."""
    assert statement_rules.statement_problems(statement(rollback_instruction=line), manifest(), facts()) == []


@pytest.mark.parametrize("line", ["none", f"roll back to v1.2.2/{PREVIOUS}", "repin to v1.2.2", f"repin to v1.2.2/{PREVIOUS[:12]}"])
def test_a_rollback_line_of_another_form(line: str) -> None:
    """A rollback line of another form is refused with the line of the previous release."""
    found = statement_rules.statement_problems(statement(rollback_instruction=line), manifest(), facts())
    message = f"found '{line}'; expected 'repin to v1.2.2/{PREVIOUS}'"
    assert shown(found) == [("HP064", "Rollback instruction", message, "correct the line")]


@pytest.mark.parametrize("line", ["none", "none: the first release"])
def test_the_first_release_has_nothing_to_go_back_to(line: str) -> None:
    """Without an earlier release the rollback line may be none; with one it may not."""
    first = statement(rollback_instruction=line)
    assert statement_rules.statement_problems(first, manifest(), facts(earlier=())) == []
    assert [one.code for one in statement_rules.statement_problems(first, manifest(), facts())] == ["HP064"]


@pytest.mark.parametrize("line", ["nothing", "repin to v1.2.2"])
def test_a_rollback_line_of_another_form_in_the_first_release(line: str) -> None:
    """Without an earlier release the message tells the form."""
    found = statement_rules.statement_problems(statement(rollback_instruction=line), manifest(), facts(earlier=()))
    message = f"found '{line}'; expected 'repin to vX.Y.Z/<40 hexadecimal digits>', or, for a first release, 'none'"
    assert shown(found) == [("HP064", "Rollback instruction", message, "correct the line")]


@pytest.mark.parametrize(("relation", "good"), [(Relation.SAME, True), (Relation.ANCESTOR, True), (Relation.UNRELATED, False)])
def test_a_rollback_to_a_release_without_a_manifest_of_its_own(relation: Relation, good: bool) -> None:
    """Where no earlier release states its pair, it is an earlier tag with its target, which comes before the runtime commit."""
    known = facts(earlier=(), previous=None, unstated=(Release(tag="v1.2.2", commit_sha=PREVIOUS),), rollback=relation)
    found = statement_rules.statement_problems(statement(), manifest(), known)
    message = f"v1.2.2/{PREVIOUS} is no earlier release: its commit does not come before the runtime commit {RUNTIME[:12]}"
    assert shown(found) == ([] if good else [("HP064", "Rollback instruction", message, "correct the line")])
    other = statement_rules.statement_problems(statement(rollback_instruction=f"repin to v1.2.2/{OTHER}"), manifest(), known)
    message = f"v1.2.2/{OTHER} is no earlier release's pair; the latest is v1.2.2/{PREVIOUS}"
    assert shown(other) == [("HP064", "Rollback instruction", message, "correct the line")]


@pytest.mark.parametrize("pair", [OWN, f"v1.2.3/{PREVIOUS}", f"v1.2.2/{OTHER}", f"v1.2.1/{PREVIOUS}"])
def test_a_rollback_to_something_else(pair: str) -> None:
    """The release itself, or a tag with a sha that its own manifest does not state, is no target for a rollback."""
    found = statement_rules.statement_problems(statement(rollback_instruction=f"repin to {pair}"), manifest(), facts())
    message = f"{pair} is no earlier release's pair; the latest is v1.2.2/{PREVIOUS}"
    assert shown(found) == [("HP064", "Rollback instruction", message, "correct the line")]


@pytest.mark.parametrize("pair", [f"v0.0.1/{PREVIOUS}", f"v9.9.9/{PREVIOUS}", f"nonsense/{PREVIOUS}"])
def test_a_rollback_to_a_release_that_does_not_exist(pair: str) -> None:
    """Where earlier releases are known, a rollback to a tag that is none of them is refused."""
    found = statement_rules.statement_problems(statement(rollback_instruction=f"repin to {pair}"), manifest(), facts())
    assert [one.code for one in found] == ["HP064"]


# --- a packet by itself -----------------------------------------------------------------------------------------------

ASK = "do not use this packet; ask the producer for one that the handoff session published"
UNTRUE = "do not use this packet: its verdict is not true"


def contradictions(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return pointer, message and hint of each contradiction within a packet."""
    found = shown(packet_rules.packet_problems(document, "p.json"))
    assert all(code == "HP071" and where.startswith("p.json#") for code, where, _, _ in found)
    return [(where.removeprefix("p.json#"), message, hint) for _, where, message, hint in found]


def refusals(document: dict[str, Any]) -> list[str]:
    """Return what schema and rules say against a packet by itself."""
    schema = schemas.schema(schemas.PACKET)
    found = schemas.violations(document, schema, where="p.json", code="HP070", hint=ASK)
    return [one.text() for one in found or packet_rules.packet_problems(document, "p.json")]


def put(document: dict[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """Return a copy of the document with another value at one place."""
    changed = copy.deepcopy(document)
    holder: Any = changed
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    return changed


def swapped_commands() -> dict[str, Any]:
    """Return a packet whose commands stand in another order than their outcomes."""
    document = go_packet()
    document["verification_commands"].reverse()
    return document


def two_outcomes_of_one_check() -> dict[str, Any]:
    """Return a packet in which one check stands for two commands."""
    return put(go_packet(), ("verification_outcomes", 1, "id"), "fmt")


@pytest.mark.parametrize(
    ("document", "pointer", "message", "hint"),
    [
        (
            put(go_packet(), ("active_runtime_baseline", "release_tag"), "v1.2.2"),
            "/active_runtime_baseline/release_tag",
            "found v1.2.2; the packet itself says v1.2.3",
            ASK,
        ),
        (
            put(go_packet(CANDIDATE), ("expected_api_contract_version",), "api.v2"),
            "/active_runtime_baseline/expected_api_contract_version",
            "found api.v1; the packet itself says api.v2",
            ASK,
        ),
        (
            swapped_commands(),
            "/verification_commands",
            "the commands are not those of verification_outcomes, in their order",
            ASK,
        ),
        (two_outcomes_of_one_check(), "/verification_outcomes", "two outcomes have the same id", ASK),
        (
            put(go_packet(), ("consumer_impact_statement", "required_test_updates"), "some"),
            "/consumer_impact_statement_template",
            "it differs from consumer_impact_statement",
            ASK,
        ),
        (
            put(go_packet(), ("non_2xx_envelope_policy",), {"service_v3_candidate": {}}),
            "/non_2xx_envelope_policy",
            "the key service_v2_stable is missing",
            ASK,
        ),
        (
            put(go_packet(CANDIDATE), ("expected_service_contract_version",), "service.v4"),
            "/non_2xx_envelope_policy",
            "the key service_v4_candidate is missing",
            ASK,
        ),
        (
            put(go_packet(), ("git_state", "runtime_commit"), OTHER),
            "/git_state/runtime_commit",
            f"found {OTHER}; commit_sha is {RUNTIME}",
            ASK,
        ),
        (
            put(go_packet(), ("git_state", "tag", "name"), "v1.2.2"),
            "/git_state/tag/name",
            "found v1.2.2; release_tag is v1.2.3",
            ASK,
        ),
        (
            put(go_packet(), ("git_state", "tag", "kind"), None),
            "/git_state/tag/kind",
            "found null for a tag that is tagged",
            ASK,
        ),
        (
            put(go_packet(facts=untagged()), ("git_state", "tag", "target"), OTHER),
            "/git_state/tag/target",
            f"found {OTHER} for a tag that is untagged",
            ASK,
        ),
        (
            put(go_packet(facts=untagged()), ("git_state", "runtime_to_tag"), "same"),
            "/git_state/runtime_to_tag",
            "found same for a tag that is untagged",
            ASK,
        ),
        (
            put(go_packet(), ("verification_outcomes", 2, "outcome"), "failed"),
            "/verification_outcomes/2",
            "test failed with exit code 0, but the verdict is GO",
            UNTRUE,
        ),
        (
            put(
                go_packet(CANDIDATE),
                ("compatibility_expectations", "candidate_values_override_release_baseline_fields"),
                ["expected_service_contract_version", "commit_sha"],
            ),
            "/compatibility_expectations/candidate_values_override_release_baseline_fields",
            "found expected_service_contract_version, commit_sha; expected expected_service_contract_version alone",
            ASK,
        ),
        (
            put(
                go_packet(CANDIDATE),
                ("compatibility_expectations", "fields_that_must_match_active_runtime_baseline"),
                ["release_tag", "commit_sha"],
            ),
            "/compatibility_expectations/fields_that_must_match_active_runtime_baseline",
            "found release_tag, commit_sha; expected release_tag, commit_sha, expected_api_contract_version, integration_baseline, "
            "error_code_enum",
            ASK,
        ),
        (
            go_packet(CANDIDATE, manifest=manifest(expected_service_contract_version="service.v3")),
            "/advisories",
            "without HA010, but the packet rehearses service.v3 and the runtime is at service.v3",
            ASK,
        ),
        (
            put(go_packet(CANDIDATE), ("advisories",), [problem("HA010", "handoff_mode").to_dict()]),
            "/advisories",
            "with HA010, but the packet rehearses service.v3 and the runtime is at service.v2",
            ASK,
        ),
        (
            put(go_packet(), ("verification_outcomes", 0, "exit_code"), None),
            "/verification_outcomes/0",
            "fmt passed with exit code null, but the verdict is GO",
            UNTRUE,
        ),
        (
            put(go_packet(), ("git_state", "runtime_paths_identical"), False),
            "/git_state/runtime_paths_identical",
            "found false, but the verdict is GO",
            UNTRUE,
        ),
        (
            put(go_packet(), ("git_state", "runtime_to_verified"), "unrelated"),
            "/git_state/runtime_to_verified",
            "found unrelated, but the verdict is GO",
            UNTRUE,
        ),
        (
            put(go_packet(), ("git_state", "runtime_to_tag"), "missing"),
            "/git_state/runtime_to_tag",
            "found missing, but the verdict is GO",
            UNTRUE,
        ),
    ],
)
def test_a_packet_that_contradicts_itself(document: dict[str, Any], pointer: str, message: str, hint: str) -> None:
    """Each contradiction within a packet is told with its place and with what it contradicts."""
    assert contradictions(document) == [(pointer, message, hint)]


def test_a_draft_may_say_what_a_go_cannot() -> None:
    """A NO-GO draft with failed checks and an unrelated runtime commit does not contradict itself."""
    checks = [result(one, Outcome.FAILED, "exit code 1", exit_code=1) for one in profile().checks]
    known = facts(runtime_to_verified=Relation.UNRELATED, changed_to_verified=("Cargo.toml",))
    draft = build.assemble(release(checks=checks, facts=known), [problem()], [])
    assert contradictions(draft) == []


def leaves(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Yield the place and value of everything in a document that is no object and no list."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, (*path, number))
    else:
        yield path, value


# The values that a packet states once, so that nothing within it can contradict another one. Those of git_state and the error
# codes are compared with git; the rest is the profile's or told by the one run that made it.
STATED_ONCE = (
    "handoff_generated_at_utc",
    "handoff_mode",
    "error_code_enum",
    "non_2xx_envelope_policy",
    "manifest_path",
    "changelog_path",
    "rehearsal_candidate",
    "compatibility_expectations",
    "required_consumer_validation_commands",
    "producer",
    "verification_outcomes/*/id",
    "verification_outcomes/*/tools",
    "git_state/verified_commit",
    "git_state/verified_tree",
    "git_state/producer_path",
    "git_state/tag/name",
    "git_state/tag/kind",
    "git_state/tag/target",
    "git_state/runtime_to_tag",
    "git_state/runtime_to_verified",
    "git_state/commits_after_runtime",
    "git_state/paths_after_runtime",
    "git_state/manifest_sha256",
    "handoff_generated_at_source",
)


def place(path: tuple[str | int, ...]) -> str:
    """Return a place with ``*`` for the numbers of lists."""
    return "/".join("*" if isinstance(part, int) else part for part in path)


def stated_once(path: tuple[str | int, ...]) -> bool:
    """Tell whether nothing within a packet can contradict the value."""
    return any(place(path) == known or place(path).startswith(f"{known}/") for known in STATED_ONCE)


def flips(value: object) -> list[object]:
    """Return values of the same type that are as near to this one as can be."""
    match value:
        case bool():
            return [not value]
        case int():
            return [value + 1]
        case str():
            last = value[-1]
            return [value[:-1] + ("0" if last != "0" else "1"), value[:-1] + ("v" if last != "v" else "w"), value[1:]]
        case _:
            return ["v1.2.3", 0]


@pytest.mark.parametrize(
    ("mode", "known"), [(STABLE, facts()), (CANDIDATE, untagged())], ids=["stable-tagged", "candidate-untagged"]
)
def test_no_value_that_bears_a_meaning_can_be_changed_by_one_character(mode: str, known: GitFacts) -> None:
    """A GO packet with the slightest change to any value is refused, but for the values that it states only once."""
    document = go_packet(mode, facts=known)
    unnoticed = {
        place(path)
        for path, value in leaves(document)
        for flip in flips(value)
        if not stated_once(path) and not refusals(put(document, path, flip))
    }
    assert unnoticed == set()


BOUND = [path for path, _ in leaves(go_packet(CANDIDATE)) if not stated_once(path)]
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 300)
    | st.text("v1.23/abGO-N", max_size=6)
    | st.sampled_from([[], {}, *Outcome, *Relation])
)


@quick
@given(st.sampled_from(BOUND), VALUES)
def test_no_value_that_bears_a_meaning_can_be_replaced(path: tuple[str | int, ...], value: object) -> None:
    """A GO packet with any other value in a place that bears a meaning is refused."""
    document = go_packet(CANDIDATE)
    original = dict(leaves(document))[path]
    if (type(value), value) != (type(original), original) and value != str(original):
        assert refusals(put(document, path, value))


@pytest.mark.parametrize(("mode", "other"), [(STABLE, CANDIDATE), (STABLE, "next"), (CANDIDATE, STABLE)])
def test_a_packet_of_one_mode_is_none_of_another(mode: str, other: str) -> None:
    """A release packet is no rehearsal under another name, nor the other way round."""
    assert refusals(put(go_packet(mode), ("handoff_mode",), other))


@quick
@given(st.data())
def test_no_key_can_be_left_out(data: st.DataObject) -> None:
    """A GO packet without any one of its keys is refused, tools and envelopes of other versions apart."""
    document = go_packet(CANDIDATE)
    parts = (path[:depth] for path, _ in leaves(document) for depth in range(1, len(path) + 1))
    keys = sorted({path for path in parts if isinstance(path[-1], str)}, key=str)
    path = data.draw(st.sampled_from(keys))
    if place(path).startswith("verification_outcomes/*/tools/") or place(path).endswith("/optional"):
        return
    changed = copy.deepcopy(document)
    holder: Any = changed
    for part in path[:-1]:
        holder = holder[part]
    del holder[path[-1]]
    assert refusals(changed)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("git_state", "runtime_to_verified"), "same"),
        (("git_state", "runtime_to_tag"), "same"),
        (("git_state", "verified_commit"), RUNTIME),
        (("git_state", "tag", "target"), RUNTIME),
        (("git_state", "commits_after_runtime"), []),
    ],
)
def test_relations_agree_with_the_commits_that_they_relate(path: tuple[str, ...], value: object) -> None:
    """A runtime commit is the same as another only when the two have one sha, and only then nothing lies between."""
    assert refusals(put(go_packet(), path, value))


# --- a packet and git -------------------------------------------------------------------------------------------------

AGAIN = "do not use this packet: verify the release again with the handoff session"


def test_git_has_nothing_against_a_true_packet() -> None:
    """What git says today is what the packet says."""
    assert packet_against_git.packet_against_git(go_packet(), facts(), manifest(), profile(), "p.json") == []
    assert packet_against_git.packet_against_git(go_packet(facts=untagged()), untagged(), manifest(), profile(), "p.json") == []


def test_a_tag_that_has_come_since_is_no_contradiction() -> None:
    """A packet that was made before the tag stays true once the release is tagged."""
    assert packet_against_git.packet_against_git(go_packet(facts=untagged()), facts(), manifest(), profile(), "p.json") == []


def test_a_tag_that_has_come_since_is_an_advisory() -> None:
    """A reader of a packet that was made before the tag is told of the tag, and nobody else is told of anything."""
    assert packet_against_git.tagged_since(go_packet(), facts()) == []
    assert packet_against_git.tagged_since(go_packet(facts=untagged()), untagged()) == []
    message = f"the release has been tagged since: v1.2.3 points to {VERIFIED}"
    assert shown(packet_against_git.tagged_since(go_packet(facts=untagged()), facts())) == [
        ("HA012", "git_state/tag", message, "run the handoff session at the tag for a packet that says so")
    ]


def test_a_tag_that_is_gone_is_a_contradiction() -> None:
    """A packet of a tagged release is refused when the tag is not there: one finding, with what to do."""
    message = f"this clone has no tag v1.2.3; the packet says that it points to {VERIFIED}"
    hint = "fetch the tags, then verify again: git fetch --tags; if the producer has no such tag, do not use this packet"
    assert shown(packet_against_git.packet_against_git(go_packet(), untagged(), manifest(), profile(), "p.json")) == [
        ("HP075", "p.json#/git_state/tag", message, hint)
    ]


def test_every_outcome_has_its_own_id() -> None:
    """Another id, and two that are swapped, are refused at their places."""
    for ids in (["fmt", "security-audit"], ["clippy", "fmt"]):
        document = go_packet()
        for outcome, other in zip(document["verification_outcomes"], ids, strict=False):
            outcome["id"] = other
        assert shown(packet_against_git.packet_against_git(document, facts(), manifest(), profile(), "p.json")) == [
            ("HP072", f"p.json#/verification_outcomes/{number}/id", f"the packet says {other}; today it is {one}", AGAIN)
            for number, (one, other) in enumerate(zip(["fmt", "clippy"], ids, strict=True))
            if one != other
        ]


def test_envelopes_are_in_the_order_of_the_modes() -> None:
    """With two rehearsals no byte alone says which of them comes first; the profile does."""
    modes = [*profile().modes, dataclasses.replace(profile().modes[1], name="next", rehearsed="service.v4")]
    policies = {**profile().envelope_policies, "service.v4": profile().envelope_policies["service.v3"]}
    known = dataclasses.replace(profile(), modes=tuple(modes), envelope_policies=policies)
    document = go_packet(profile=known)
    assert packet_against_git.packet_against_git(document, facts(), manifest(), known, "p.json") == []
    envelopes = document["non_2xx_envelope_policy"]
    envelopes["service_v3_candidate"] = envelopes.pop("service_v3_candidate")
    message = (
        "the packet has the order service_v2_stable, service_v4_candidate, service_v3_candidate; today it is service_v2_stable, "
        "service_v3_candidate, service_v4_candidate"
    )
    assert shown(packet_against_git.packet_against_git(document, facts(), manifest(), known, "p.json")) == [
        ("HP072", "p.json#/non_2xx_envelope_policy", message, AGAIN)
    ]


@pytest.mark.parametrize(
    ("known", "pointer", "message"),
    [
        (facts(verified_tree=OTHER), "/git_state/verified_tree", f"the packet says {'4' * 40}; today it is {OTHER}"),
        (facts(producer_path="producer"), "/git_state/producer_path", "the packet says .; today it is producer"),
        (facts(runtime_to_tag=Relation.SAME), "/git_state/runtime_to_tag", "the packet says ancestor; today it is same"),
        (
            facts(runtime_to_verified=Relation.MISSING),
            "/git_state/runtime_to_verified",
            "the packet says ancestor; today it is missing",
        ),
        (facts(manifest_sha256="a" * 64), "/git_state/manifest_sha256", f"the packet says {'7' * 64}; today it is {'a' * 64}"),
    ],
)
def test_what_git_says_against_a_packet(known: GitFacts, pointer: str, message: str) -> None:
    """Each statement about git that is not what git says is told with both."""
    assert shown(packet_against_git.packet_against_git(go_packet(), known, manifest(), profile(), "p.json")) == [
        ("HP072", f"p.json#{pointer}", message, AGAIN)
    ]


@pytest.mark.parametrize("key", list(build.git_state(facts())))
def test_every_statement_about_git_is_compared(key: str) -> None:
    """A packet that differs from git in any one statement is refused for it."""
    path = ("git_state", "tag", "kind") if key == "tag" else ("git_state", key)
    document = put(go_packet(), path, "something else")
    found = packet_against_git.packet_against_git(document, facts(), manifest(), profile(), "p.json")
    assert [(one.code, one.where) for one in found] == [("HP072", f"p.json#/{'/'.join(path)}")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"integration_baseline": "integration/v2"},
            {"/active_runtime_baseline/integration_baseline": "the packet says integration/v1; today it is integration/v2"},
        ),
        (
            {"error_code_enum": ["validation_error", "invalid_json", "internal_error"]},
            {
                "/error_code_enum/0": "the packet says invalid_json; today it is validation_error",
                "/error_code_enum/1": "the packet says validation_error; today it is invalid_json",
            },
        ),
        (
            {"error_code_enum": ["invalid_json"]},
            {
                "/error_code_enum": 'the packet says ["invalid_json", "validation_error", "internal_error"]; '
                'today it is ["invalid_json"]'
            },
        ),
    ],
)
def test_what_the_manifest_says_against_a_packet(change: dict[str, Any], expected: dict[str, str]) -> None:
    """A packet that does not say what the verified commit's manifest says is refused, the order of error codes included."""
    assert shown(packet_against_git.packet_against_git(go_packet(), facts(), manifest(**change), profile(), "p.json")) == [
        ("HP072", f"p.json#{pointer}", message, AGAIN) for pointer, message in expected.items()
    ]
