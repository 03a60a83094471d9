"""Claims about the view that all formats of the report share."""

from __future__ import annotations

import json

import places
from builders import (
    CANDIDATE,
    OTHER,
    RUNTIME,
    VERIFIED,
    check,
    facts,
    go_packet,
    long_checks,
    manifest,
    problem,
    profile,
    result,
    run_end,
    untagged,
    view,
)

from handoff_tasks.model import Manifest, Relation, Tag
from handoff_tasks.record import CheckResult, Outcome
from handoff_tasks.report import markdown, page
from handoff_tasks.report import view as report_view


def test_a_go_in_words() -> None:
    """The verdict comes with its reason and what became of the packet."""
    found = view()
    assert (found.verdict, found.title) == ("GO", "MemoryKernel v1.2.3")
    assert found.sentences == ("All 8 checks passed.", "The packet is published.")
    assert dict(found.facts)["Tag"] == "v1.2.3 (annotated)"
    assert found.passed == 8


def test_a_run_that_publishes_nothing_is_told_so() -> None:
    """A GO of pre-release is no packet that a consumer could pin."""
    found = report_view.view_packet(go_packet(), report_view.Source(modes=[("stable", "GO")]))
    assert found.sentences[-1] == "Nothing was published: this was a pre-release run."


def test_a_no_go_in_words() -> None:
    """Checks and rules of the release are counted separately."""
    checks = [
        result(one, Outcome.FAILED if one.id == "fmt" else Outcome.PASSED, "exit code 1")
        for one in profile().checks
    ]
    found = view(
        problems=[problem(), problem("HP054", "commit x", "differs", "verify")], checks=checks
    )
    assert found.verdict == "NO-GO"
    assert found.sentences == (
        "7 of 8 checks passed; 1 failed.",
        "1 rule of the release is not met.",
        "Nothing was published; a packet that was published before is unchanged.",
    )


def test_problems_stand_in_the_packets_order() -> None:
    """Problems of checks are in the packet's order, with words for outcomes."""
    checks = [
        CheckResult(
            id=f"check-{number}", command="x", outcome=Outcome.TIMED_OUT, reason="x", record=None
        )
        for number in (0, 2, 10, 1)
    ]
    problems = [
        problem("HP044", f"check {one.id}", "timed_out: after 3 s", "wait") for one in checks
    ]
    found = view(
        problems=[problem("HP060", "x", "not_run: y", "fix"), *reversed(problems)], checks=checks
    )
    assert [(one.where, one.message) for one in found.end.problems] == [
        *((f"check check-{number}", "timed out: after 3 s") for number in (0, 2, 10, 1)),
        ("x", "not_run: y"),
    ]
    assert [len(group) for group in report_view.group_by_hint(found.end.problems)] == [4, 1]


def test_an_interrupted_run_is_no_rule_that_is_not_met() -> None:
    """The interruption has its own sentence and is not counted as a rule."""
    checks = [
        result(one, Outcome.INTERRUPTED if one.id == "fmt" else Outcome.PASSED, "SIGINT")
        for one in profile().checks
    ]
    stop = problem("HP046", "handoff-stable", "the run was interrupted by SIGINT", "run again")
    assert view(problems=[problem("HP046"), stop], checks=checks).sentences == (
        "7 of 8 checks passed; 1 interrupted.",
        "The run was interrupted by SIGINT.",
        "Nothing was published; a packet that was published before is unchanged.",
    )


def test_checks_that_did_not_pass_are_counted_by_outcome() -> None:
    """Checks that did not pass are counted by outcome."""
    outcomes = [
        Outcome.NOT_RUN,
        Outcome.FAILED,
        Outcome.INTERRUPTED,
        Outcome.TIMED_OUT,
        Outcome.INTERRUPTED,
    ]
    checks = [
        result(one, outcomes.pop() if outcomes else Outcome.PASSED, "x") for one in profile().checks
    ]
    assert view(problems=[problem()], checks=checks).sentences[0] == (
        "3 of 8 checks passed; 1 failed, 1 timed out, 2 interrupted, 1 not run."
    )


def test_the_line_that_explains_a_failure_is_looked_for_in_the_log() -> None:
    """It may be above the end that is shown; an interrupted check has its last line."""
    outcomes = {"fmt": Outcome.FAILED, "clippy": Outcome.INTERRUPTED}
    checks = [
        result(one, outcomes.get(one.id, Outcome.PASSED), "x", exit_code=1)
        for one in profile().checks
    ]
    log = ["[fail] a differs from b", *(f"[check] {number}" for number in range(40))]
    source = report_view.Source(tails={one.id: log for one in checks})
    found = report_view.build_view(go_packet(checks=checks), run_end(checks, problem()), source)
    assert found.causes == {"check fmt": "[fail] a differs from b", "check clippy": "[check] 39"}
    assert found.steps[0].tail == tuple(f"[check] {number}" for number in range(20, 40))
    assert {step.cause for step in found.steps if step.passed} == {""}


def test_a_short_run_has_no_timeline() -> None:
    """A run of less than five seconds has none."""
    for milliseconds, drawn in ((4999, False), (5000, True)):
        checks = [
            result(one, finished_at_utc="2026-01-02T03:04:11Z", duration_ms=milliseconds)
            for one in profile().checks
        ]
        found = report_view.build_view(go_packet(), run_end(checks), report_view.Source())
        assert (found.timeline is not None) is drawn


def test_the_command_that_verifies_a_packet_is_shown_as_it_is() -> None:
    """What is in it from outside obeys no terminal into which it is pasted."""
    found = report_view.view_packet(
        go_packet(),
        report_view.Source(published="x", verify="nox -s handoff-verify -- '\x1b[2J.json'"),
    )
    assert found.verify == "nox -s handoff-verify -- '\\x1b[2J.json'"


def test_checks_that_were_not_run() -> None:
    """A run without checks has the git facts and no timeline."""
    checks = [
        CheckResult(
            id=one.id, command=one.command, outcome=Outcome.NOT_RUN, reason="x", record=None
        )
        for one in profile().checks
    ]
    found = view(problems=[problem("HP047")], checks=checks)
    assert found.sentences[0] == "No check was run."
    assert found.timeline is None
    assert found.picture is not None
    assert {step.took for step in found.steps} == {""}


def test_what_is_kept_from_an_earlier_run_is_told() -> None:
    """Kept passes are counted and not drawn, unless all are kept."""
    source = report_view.Source(published="x")
    some = report_view.build_view(go_packet(), run_end(long_checks(), kept={"fmt"}), source)
    assert some.sentences[1] == "1 pass is kept from an earlier run with the same inputs."
    assert [step.id for step in some.steps if step.kept] == ["fmt"]
    assert some.timeline is not None
    assert len(some.timeline.bars) == 7
    names = {one.id for one in profile().checks}
    every = report_view.build_view(go_packet(), run_end(long_checks(), kept=names), source)
    assert every.timeline is not None
    assert len(every.timeline.bars) == 8


def test_a_packet_alone_gives_a_view() -> None:
    """Without records, logs and git there is all that the packet says."""
    found = report_view.view_packet(go_packet(), report_view.Source())
    assert (found.verdict, found.title, found.passed) == ("GO", "Release v1.2.3", 8)
    assert found.timeline is None
    assert found.contract is not None
    assert (found.contract.previous, found.contract.changes) == (None, False)
    assert len(found.statement) == 5


def test_a_refused_run_gives_a_view() -> None:
    """Without a packet there are the problems, and that nothing was judged."""
    found = report_view.build_view(None, run_end([], problem()), report_view.Source())
    assert (found.verdict, found.steps, found.picture, found.contract) == ("NO-GO", (), None, None)
    assert found.sentences[0] == "The run was refused before any check could be judged."


def test_what_changed_since_the_previous_release() -> None:
    """Fields that differ carry the old value; error codes are added, removed, reordered."""
    contract = view().contract
    assert contract is not None
    assert contract.previous == "v1.2.2"
    assert {field.name: field.before for field in contract.fields if field.before} == {
        "Release": "v1.2.2",
        "Runtime commit": "5" * 40,
    }
    assert (set(contract.added), contract.removed, contract.reordered) == (
        {"internal_error"},
        ("gone",),
        True,
    )
    assert contract.changes


ENVELOPE = {"requires": ["error", "legacy_error"], "forbids": ["details", "stack"]}


def test_what_changed_in_the_error_envelope() -> None:
    """Fields that are new, removed or changed say so; a rehearsed envelope has no changes."""
    document = go_packet(CANDIDATE)
    document["non_2xx_envelope_policy"] = {
        "service_v2_stable": {
            "requires": ["error", "code"],
            "optional": ["details"],
            "forbids": ["stack"],
        },
        "service_v3_candidate": {"requires": ["other"]},
    }
    source = report_view.Source(previous=manifest(), previous_envelope=ENVELOPE)
    contract = report_view.view_packet(document, source).contract
    assert contract is not None
    assert [
        [(rule, field.name, field.change) for rule, fields in one.rules for field in fields]
        for one in contract.envelopes
    ] == [
        [
            ("requires", "error", ""),
            ("requires", "code", "new"),
            ("requires", "legacy_error", "removed"),
            ("allows", "details", "was forbidden"),
            ("forbids", "stack", ""),
        ],
        [("requires", "other", "")],
    ]
    assert contract.changes
    unknown = report_view.view_packet(document, report_view.Source(previous=manifest())).contract
    assert unknown is not None
    assert not any(one.changes for one in unknown.envelopes)


def test_the_contract_of_a_release_has_versions_alone() -> None:
    """Of the kind release: tag, runtime commit and contracts, compared with the previous release's."""
    packet = json.loads((places.TESTS / "golden" / "release-tagged-v1.1.0.json").read_bytes())
    previous = Manifest(
        contract_version=None,
        release_tag="v1.0.0",
        commit_sha=packet["commit_sha"],
        contracts={"output-format": "0", "cli": "1"},
    )
    found = report_view.view_packet(packet, report_view.Source(previous=previous))
    assert found.contract is not None
    assert not found.contract.is_service
    assert [(one.name, one.value, one.before) for one in found.contract.fields] == [
        ("Release", "v1.1.0", "v1.0.0"),
        ("Runtime commit", packet["commit_sha"], None),
        ("Contract output-format", "1", "0"),
        ("Contract cli", "none", "1"),
    ]
    assert found.picture is not None
    assert [name for name, _ in found.picture.facts] == ["Verified tree"]
    text = markdown.render(found) + page.render(found)
    assert "Error codes" not in text
    assert "nvelope" not in text


def test_a_candidate_names_what_is_rehearsed() -> None:
    """In the candidate mode the rehearsed service contract stands beside that of the runtime."""
    contract = view(CANDIDATE).contract
    assert contract is not None
    assert [field.value for field in contract.fields if "ervice contract" in field.name] == [
        "service.v2",
        "service.v3",
    ]


def test_the_picture_of_a_tagged_release() -> None:
    """Runtime commit first, verified commit last, each with all that it is and its message."""
    picture = view().picture
    assert picture is not None
    assert [(point.sha, point.roles, point.subject) for point in picture.points] == [
        (RUNTIME, ("runtime commit",), "feat: more"),
        (VERIFIED, ("tag v1.2.3", "verified commit"), "chore: release"),
    ]
    assert picture.aside is None
    assert [fine for fine, _ in picture.sentences] == [True, True, True]


def test_the_picture_of_a_release_gone_wrong() -> None:
    """A tag elsewhere stands aside, and what git says against the release is marked."""
    moved = facts(
        tag=Tag(name="v1.2.3", kind="lightweight", target=OTHER),
        runtime_to_tag=Relation.UNRELATED,
        changed_to_verified=("crates/a.rs",),
    )
    picture = view(problems=[problem()], facts=moved).picture
    assert picture is not None
    assert picture.aside is not None
    assert picture.aside.roles == ("tag v1.2.3",)
    assert picture.sentences == (
        (True, "The runtime commit comes before the verified commit."),
        (
            False,
            "The tag v1.2.3 points to another commit; the runtime commit is not an ancestor of it.",
        ),
        (False, "Runtime paths differ between them: the checks ran on another runtime."),
    )


def test_an_untagged_release_is_told_so() -> None:
    """No tag yet is a state, not a fault."""
    picture = view(facts=untagged()).picture
    assert picture is not None
    assert (True, "The tag v1.2.3 does not exist yet.") in picture.sentences


def test_a_long_line_of_commits_is_shortened() -> None:
    """Of many commits and paths the ends are shown, and how many are left out."""
    many = tuple(f"{number:040x}" for number in range(1, 60))
    long = facts(
        commits_after_runtime=(*many, VERIFIED),
        paths_after_runtime=tuple(f"docs/{number}.md" for number in range(100)),
    )
    picture = view(facts=long).picture
    assert picture is not None
    assert [point.skipped for point in picture.points if point.skipped] == [51]
    assert len(picture.points) == 10
    assert (len(picture.paths), picture.more_paths) == (30, 70)


def test_the_end_of_a_log_is_bounded() -> None:
    """Twenty lines at most, long ones cut, and in all no more than a page can carry."""
    document = go_packet()
    source = report_view.Source(
        tails={"fmt": ["x" * 100_000] * 30, "clippy": [f"{number}" for number in range(30)]}
    )
    steps = {step.id: step for step in report_view.view_packet(document, source).steps}
    assert steps["clippy"].tail == tuple(f"{number}" for number in range(10, 30))
    assert 0 < sum(len(line) for line in steps["fmt"].tail) <= 6000


def test_of_many_checks_only_the_failed_carry_a_log() -> None:
    """With more than fifty checks only the first fifty that did not pass have a log."""
    one = check()
    checks = [
        CheckResult(
            id=f"c{number}",
            command="x",
            outcome=Outcome.FAILED if number > 9 else Outcome.PASSED,
            reason="x",
            record=None,
        )
        for number in range(100)
    ]
    assert one.id == "fmt"
    with_log = [step.id for step in view(problems=[problem()], checks=checks).steps if step.tail]
    assert with_log == [f"c{number}" for number in range(10, 60)]
