"""Problems that git and the manifests find in a statement."""

from __future__ import annotations

import pytest
from builders import (
    OTHER,
    PREVIOUS,
    RUNTIME,
    facts,
    manifest,
    profile,
    shown,
    statement,
    untagged,
)

from handoff_tasks.model import Relation, Release
from handoff_tasks.rules import git as git_rules
from handoff_tasks.rules import statement as statement_rules

OWN = f"v1.2.3/{RUNTIME}"


@pytest.mark.parametrize(
    "line", [f"yes ({OWN})", f"yes {OWN}", f"yes: {OWN}", f"yes, ({OWN})", "no", f"no ({OWN})"]
)
def test_a_repin_line_that_is_true(line: str) -> None:
    """Yes with the release's own tag and sha, or no, is fine."""
    same = facts(previous=manifest(release_tag="v1.2.2"))
    assert (
        statement_rules.statement_problems(statement(repin_required=line), manifest(), same) == []
    )


@pytest.mark.parametrize("line", ["no", f"no ({OWN})"])
@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        ({"commit_sha": PREVIOUS}, f"commit_sha from {PREVIOUS} to {RUNTIME}"),
        (
            {"expected_service_contract_version": "service.v1"},
            "expected_service_contract_version from service.v1 to service.v2",
        ),
        (
            {"expected_api_contract_version": "api.v0"},
            "expected_api_contract_version from api.v0 to api.v1",
        ),
        (
            {"integration_baseline": "integration/v0"},
            "integration_baseline from integration/v0 to integration/v1",
        ),
        ({"error_code_enum": ["invalid_json"]}, "error_code_enum"),
    ],
)
def test_no_repin_is_refuted_by_what_a_consumer_pins(
    line: str, changes: dict[str, object], reported: str
) -> None:
    """HP082: each part of the pin but the tag; the same with yes is fine, and so is no without an earlier release."""
    known = facts(previous=manifest(**({"release_tag": "v1.2.2"} | changes)))
    message = (
        f"found '{line}', but since v1.2.2 values that a consumer pins have changed: {reported}"
    )
    found = statement_rules.statement_problems(statement(repin_required=line), manifest(), known)
    assert shown(found) == [("HP082", "Repin required", message, f"write 'yes ({OWN})'")]
    assert statement_rules.statement_problems(statement(), manifest(), known) == []
    first = facts(previous=None, earlier=())
    assert (
        statement_rules.statement_problems(
            statement(repin_required=line, rollback_instruction="none"), manifest(), first
        )
        == []
    )


@pytest.mark.parametrize("line", ["none", "None.", "no", "N/A", "no changes", "nothing"])
def test_no_behaviour_change_is_refuted_by_runtime_paths_that_changed(line: str) -> None:
    """HP068 names the paths and the release; who says what changed is believed, and so is none where nothing did."""
    known = facts(changed_since_previous=("Cargo.lock", "crates/core/lib.rs"))
    found = statement_rules.statement_problems(
        statement(runtime_behavior_changes=line), manifest(), known
    )
    message = (
        f"found '{line}', but runtime paths changed since v1.2.2: Cargo.lock, crates/core/lib.rs"
    )
    hint = "say what changed; if callers cannot see it, for instance: 'internal refactoring only: <what>'"
    assert shown(found) == [("HP068", "Runtime behavior changes", message, hint)]
    refactored = statement(
        runtime_behavior_changes="internal refactoring only, no behaviour change: the store is split"
    )
    assert statement_rules.statement_problems(refactored, manifest(), known) == []
    nothing = facts(changed_since_previous=())
    assert (
        statement_rules.statement_problems(
            statement(runtime_behavior_changes=line), manifest(), nothing
        )
        == []
    )
    alone = facts(changed_since_previous=None, previous=None, earlier=())
    assert (
        statement_rules.statement_problems(
            statement(runtime_behavior_changes=line), manifest(), alone
        )
        == []
    )


def test_none_is_not_believed_where_nobody_can_tell() -> None:
    """The previous release's runtime commit is not in the repository: there is nothing to compare with."""
    [found] = statement_rules.statement_problems(
        statement(runtime_behavior_changes="none"), manifest(), facts(changed_since_previous=None)
    )
    assert (found.code, found.message) == (
        "HP068",
        "found 'none', but this cannot be checked: the repository does not have the runtime commit of v1.2.2",
    )
    assert found.hint.startswith("say what changed, or fetch ")


def test_a_rollback_that_is_not_in_the_repository_is_refused() -> None:
    """Though its own manifest states the pair: no consumer could go back to it."""
    [found] = statement_rules.statement_problems(
        statement(), manifest(), facts(rollback=Relation.MISSING)
    )
    assert found.code == "HP064"
    assert found.message.endswith(
        " is stated by its own manifest, but the repository does not have its commit"
    )


def test_what_bears_the_tags_name_before_the_tag_is_refused() -> None:
    """A branch of that name would be taken for the release as soon as a user asks for it."""
    [found] = git_rules.git_problems(
        untagged(namesakes=(("branch", OTHER),)), manifest(), profile(), allow_untagged=True
    )
    assert (found.code, found.where) == ("HP067", "tag v1.2.3")
    assert (
        found.message == f"a branch of that name is at {OTHER}, and the release is not tagged yet"
    )


def test_a_part_of_the_runtime_that_is_not_in_the_commit_is_refused() -> None:
    """A submodule or a link that leads away: no check has seen it."""
    known = facts(outside=(("crates/vendor", "a submodule, whose content is not in the checkout"),))
    assert shown(git_rules.git_problems(known, manifest(), profile(), allow_untagged=False)) == [
        (
            "HP033",
            "crates/vendor",
            "is below the runtime paths and is a submodule, whose content is not in the checkout",
            "put its files into the commit: a check sees only what the commit contains",
        )
    ]


@pytest.mark.parametrize(
    ("changes", "reported"),
    [
        (
            {"error_code_enum": ["invalid_json", "internal_error"]},
            "error codes were added: validation_error",
        ),
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
def test_no_mapping_change_is_refuted_by_codes_and_envelope(
    changes: dict[str, object], reported: str
) -> None:
    """HP069 names what changed; a described mapping is believed, and none is true where neither changed."""
    known = facts(previous=manifest(**({"release_tag": "v1.2.2"} | changes)))
    nothing = statement(required_consumer_mapping_changes="none")
    found = statement_rules.statement_problems(nothing, manifest(), known)
    hint = "say what a consumer has to map, or why these changes need no mapping"
    assert shown(found) == [
        (
            "HP069",
            "Required consumer mapping changes",
            f"found 'none', but since v1.2.2 {reported}",
            hint,
        )
    ]
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
    assert shown(found) == [
        (
            "HP063",
            "Repin required",
            f"found '{line}'; expected 'yes ({OWN})' or 'no'",
            "correct the line",
        )
    ]


@pytest.mark.parametrize(
    "line",
    [
        f"repin to v1.2.2/{PREVIOUS}",
        f"repin to v1.2.2 / {PREVIOUS}",
        f"repin to v1.2.2/{PREVIOUS}.",
        f"repin to v1.2.1/{OTHER}",
    ],
)
def test_a_rollback_line_that_is_true(line: str) -> None:
    """The pair of any earlier release, as its own manifest states it, is fine."""
    assert (
        statement_rules.statement_problems(
            statement(rollback_instruction=line), manifest(), facts()
        )
        == []
    )


@pytest.mark.parametrize(
    "line",
    [
        "none",
        f"roll back to v1.2.2/{PREVIOUS}",
        "repin to v1.2.2",
        f"repin to v1.2.2/{PREVIOUS[:12]}",
    ],
)
def test_a_rollback_line_of_another_form(line: str) -> None:
    """A rollback line of another form is refused with the line of the previous release."""
    found = statement_rules.statement_problems(
        statement(rollback_instruction=line), manifest(), facts()
    )
    message = f"found '{line}'; expected 'repin to v1.2.2/{PREVIOUS}'"
    assert shown(found) == [("HP064", "Rollback instruction", message, "correct the line")]


@pytest.mark.parametrize("line", ["none", "none: the first release"])
def test_the_first_release_has_nothing_to_go_back_to(line: str) -> None:
    """Without an earlier release the rollback line may be none; with one it may not."""
    first = statement(rollback_instruction=line)
    assert statement_rules.statement_problems(first, manifest(), facts(earlier=())) == []
    assert [one.code for one in statement_rules.statement_problems(first, manifest(), facts())] == [
        "HP064"
    ]


@pytest.mark.parametrize("line", ["nothing", "repin to v1.2.2"])
def test_a_rollback_line_of_another_form_in_the_first_release(line: str) -> None:
    """Without an earlier release the message tells the form."""
    found = statement_rules.statement_problems(
        statement(rollback_instruction=line), manifest(), facts(earlier=())
    )
    message = f"found '{line}'; expected 'repin to vX.Y.Z/<40 hexadecimal digits>', or, for a first release, 'none'"
    assert shown(found) == [("HP064", "Rollback instruction", message, "correct the line")]


@pytest.mark.parametrize(
    ("relation", "good"),
    [(Relation.SAME, True), (Relation.ANCESTOR, True), (Relation.UNRELATED, False)],
)
def test_a_rollback_to_a_release_without_a_manifest_of_its_own(
    relation: Relation, good: bool
) -> None:
    """Where no earlier release states its pair, it is an earlier tag with its target, which comes before the runtime commit."""
    known = facts(
        earlier=(),
        previous=None,
        unstated=(Release(tag="v1.2.2", commit_sha=PREVIOUS),),
        rollback=relation,
    )
    found = statement_rules.statement_problems(statement(), manifest(), known)
    message = f"v1.2.2/{PREVIOUS} is not an earlier release: its commit is not an ancestor of the runtime commit {RUNTIME[:12]}"
    assert shown(found) == (
        [] if good else [("HP064", "Rollback instruction", message, "correct the line")]
    )
    other = statement_rules.statement_problems(
        statement(rollback_instruction=f"repin to v1.2.2/{OTHER}"), manifest(), known
    )
    message = (
        f"v1.2.2/{OTHER} is not the pair of an earlier release; the latest is v1.2.2/{PREVIOUS}"
    )
    assert shown(other) == [("HP064", "Rollback instruction", message, "correct the line")]


@pytest.mark.parametrize(
    "pair", [OWN, f"v1.2.3/{PREVIOUS}", f"v1.2.2/{OTHER}", f"v1.2.1/{PREVIOUS}"]
)
def test_a_rollback_to_something_else(pair: str) -> None:
    """The release itself, or a tag with a sha that its own manifest does not state, is no target for a rollback."""
    found = statement_rules.statement_problems(
        statement(rollback_instruction=f"repin to {pair}"), manifest(), facts()
    )
    message = f"{pair} is not the pair of an earlier release; the latest is v1.2.2/{PREVIOUS}"
    assert shown(found) == [("HP064", "Rollback instruction", message, "correct the line")]


@pytest.mark.parametrize(
    "pair", [f"v0.0.1/{PREVIOUS}", f"v9.9.9/{PREVIOUS}", f"nonsense/{PREVIOUS}"]
)
def test_a_rollback_to_a_release_that_does_not_exist(pair: str) -> None:
    """Where earlier releases are known, a rollback to a tag that is none of them is refused."""
    found = statement_rules.statement_problems(
        statement(rollback_instruction=f"repin to {pair}"), manifest(), facts()
    )
    assert [one.code for one in found] == ["HP064"]
