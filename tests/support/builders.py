"""Values for the tests: one good release, and each part of it with changes.

Every function returns a fresh value, so a test may change what it gets.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings

from handoff_tasks import files
from handoff_tasks.formats import canonical, schemas, strict_json
from handoff_tasks.model import (
    GitFacts,
    HistoryFacts,
    Manifest,
    ProfileSource,
    Relation,
    Release,
    RunEnd,
    RuntimeFacts,
    Statement,
    Tag,
    TagFacts,
    VerifiedFacts,
)
from handoff_tasks.packet import build
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.producer import profile as producer_profile
from handoff_tasks.record import Binding, CheckResult, Log, Outcome, Record, Tool
from handoff_tasks.report import view as report_view

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from handoff_tasks.producer.profile import Check, Profile

RUNTIME = "1" * 40
VERIFIED = "2" * 40
OTHER = "3" * 40
TREE = "4" * 40
PREVIOUS = "5" * 40
DIGEST = "sha256:" + "6" * 64
MANIFEST_PATH = "contracts/integration/v1/producer-contract-manifest.json"
SOURCE = ProfileSource(
    name="memorykernel",
    sha256=hashlib.sha256(files.built_in_profiles()["memorykernel"].read_bytes()).hexdigest(),
)
STABLE = "stable"
CANDIDATE = "service-v3-candidate"

# For properties: no limit on the time of an example, which a busy machine would break.
quick = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def manifest_document(**changes: object) -> dict[str, Any]:
    """Return a manifest as it stands in a producer's tree."""
    return {
        "manifest_contract_version": "producer-contract-manifest.v1",
        "release_tag": "v1.2.3",
        "commit_sha": RUNTIME,
        "expected_service_contract_version": "service.v2",
        "expected_api_contract_version": "api.v1",
        "integration_baseline": "integration/v1",
        "error_code_enum": ["invalid_json", "validation_error", "internal_error"],
        "stability_window": {"minimum_sprint_days": 14},
        "additive_error_code_notice_policy": {
            "standard_business_days": 10,
            "emergency_notice_hours": 24,
            "emergency_requires_same_day_docs_spec_tests": True,
        },
        "service_v3_transition_guard": {
            "legacy_error_must_remain_in_service_v2": True,
            "legacy_error_removal_requires_service_v3": True,
            "consumer_green_repin_required_before_legacy_error_removal": True,
        },
    } | changes


def manifest(**changes: object) -> Manifest:
    """Return the manifest of a document with these changes."""
    return Manifest.from_dict(manifest_document(**changes))


@functools.cache
def profile() -> Profile:
    """Return the built-in profile, which is frozen and so may be shared."""
    path = files.built_in_profiles()["memorykernel"]
    return producer_profile.parse(path.read_bytes(), path.name, schemas.schema(schemas.PROFILE))


# Each keyword of `facts`: the group of `GitFacts` and the field that it changes.
_FACTS = {
    "verified_commit": ("verified", "commit"),
    "verified_tree": ("verified", "tree"),
    "committed_at": ("verified", "committed_at"),
    "producer_path": ("verified", "producer_path"),
    "manifest_sha256": ("verified", "manifest_sha256"),
    "pointers": ("verified", "pointers"),
    "tag_name": ("tag", "name"),
    "tag": ("tag", "existing"),
    "namesakes": ("tag", "namesakes"),
    "manifest_at_tag": ("tag", "manifest"),
    "manifest_sha256_at_tag": ("tag", "manifest_sha256"),
    "paths_after_tag": ("tag", "paths_after"),
    "runtime_commit": ("runtime", "commit"),
    "runtime_path": ("runtime", "path"),
    "runtime_to_tag": ("runtime", "to_tag"),
    "runtime_to_verified": ("runtime", "to_verified"),
    "changed_to_tag": ("runtime", "changed_to_tag"),
    "changed_to_verified": ("runtime", "changed_to_verified"),
    "tests_changed": ("runtime", "tests_changed"),
    "commits_after_runtime": ("runtime", "commits_after"),
    "paths_after_runtime": ("runtime", "paths_after"),
    "stated_service_version": ("runtime", "service_version"),
    "absent": ("runtime", "absent"),
    "outside": ("runtime", "outside"),
    "ignored": ("runtime", "ignored"),
    "squashed": ("runtime", "squash_commit"),
    "earlier": ("history", "earlier"),
    "unstated": ("history", "unstated"),
    "previous": ("history", "previous"),
    "changed_since_previous": ("history", "changed_since_previous"),
    "rollback": ("history", "rollback"),
}


def facts(**changes: Any) -> GitFacts:
    """Return the facts of a release tagged and verified one commit after its runtime commit.

    ``changes`` are the keywords of `_FACTS`.
    """
    values: dict[str, Any] = {
        "verified_commit": VERIFIED,
        "verified_tree": TREE,
        "committed_at": 1_700_000_000,
        "producer_path": ".",
        "manifest_sha256": "7" * 64,
        "pointers": (),
        "tag_name": "v1.2.3",
        "tag": Tag(name="v1.2.3", kind="annotated", target=VERIFIED),
        "namesakes": (),
        "manifest_at_tag": manifest(),
        "manifest_sha256_at_tag": "7" * 64,
        "paths_after_tag": (),
        "runtime_commit": RUNTIME,
        "runtime_path": ".",
        "runtime_to_tag": Relation.ANCESTOR,
        "runtime_to_verified": Relation.ANCESTOR,
        "changed_to_tag": (),
        "changed_to_verified": (),
        "tests_changed": (),
        "commits_after_runtime": (VERIFIED,),
        "paths_after_runtime": ("CHANGELOG.md", MANIFEST_PATH),
        "stated_service_version": "service.v2",
        "absent": (),
        "outside": (),
        "ignored": (),
        "squashed": None,
        "earlier": (
            Release(tag="v1.2.2", commit_sha=PREVIOUS),
            Release(tag="v1.2.1", commit_sha=OTHER),
        ),
        "unstated": (),
        "previous": manifest(release_tag="v1.2.2", commit_sha=PREVIOUS),
        "changed_since_previous": (),
        "rollback": None,
    } | changes
    groups: dict[str, dict[str, Any]] = {"verified": {}, "tag": {}, "runtime": {}, "history": {}}
    for keyword, value in values.items():
        group, field = _FACTS[keyword]
        groups[group][field] = value
    return GitFacts(
        verified=VerifiedFacts(**groups["verified"]),
        tag=TagFacts(**groups["tag"]),
        runtime=RuntimeFacts(**groups["runtime"]),
        history=HistoryFacts(**groups["history"]),
    )


def untagged(**changes: Any) -> GitFacts:
    """Return what git says of the same release before it is tagged."""
    absent: dict[str, Any] = {
        "tag": None,
        "runtime_to_tag": None,
        "changed_to_tag": None,
        "manifest_at_tag": None,
        "manifest_sha256_at_tag": None,
    }
    return facts(**(absent | changes))


def statement(**changes: str) -> Statement:
    """Return the impact statement of the good release."""
    good = Statement(
        runtime_behavior_changes="none",
        required_consumer_mapping_changes="map write_conflict to 409",
        required_test_updates="none",
        repin_required=f"yes (v1.2.3/{RUNTIME})",
        rollback_instruction=f"repin to v1.2.2/{PREVIOUS}",
    )
    return replace(good, **changes)


def check(number: int = 0) -> Check:
    """Return a check of the built-in profile."""
    return profile().checks[number]


def binding(one: Check) -> Binding:
    """Return what the evidence of a check has to be bound to."""
    return Binding(
        commit=VERIFIED, tree=TREE, producer_path=".", profile_digest=DIGEST, argv=one.argv
    )


def record(one: Check, **changes: Any) -> Record:
    """Return the evidence of a check that passed."""
    good = Record(
        id=one.id,
        binding=binding(one),
        outcome=Outcome.PASSED,
        exit_code=0,
        signal=None,
        reason=None,
        started_at_utc="2026-01-02T03:04:05Z",
        finished_at_utc="2026-01-02T03:04:06Z",
        duration_ms=1234,
        timeout_seconds=60,
        log=Log(
            file=f"{one.id}.log", size=2, sha256="8" * 64, output_size=3, output_sha256="9" * 64
        ),
        tools=(
            Tool(name="rustc", version="1.95.0", path="/usr/bin/rustc", claim=True),
            Tool(name="bash", version="5.2", path="/bin/bash", claim=False),
            Tool(name="cargo", version="1.95.0", path="/usr/bin/cargo", claim=True),
        ),
        toolchain=None,
        checkout_state="fresh",
        platform={"system": "Linux", "release": "6.1", "machine": "x86_64", "python": "3.12.1"},
        environment_names=("HOME", "PATH"),
        environment_digest="sha256:" + "e" * 64,
    )
    return replace(good, **changes)


def result(
    one: Check, outcome: Outcome = Outcome.PASSED, reason: str | None = None, **changes: Any
) -> CheckResult:
    """Return what assembly knows of a check; ``changes`` are those of its record."""
    made = record(one, outcome=outcome, reason=reason, **changes)
    return CheckResult(id=one.id, command=one.command, outcome=outcome, reason=reason, record=made)


def run_end(checks: Iterable[CheckResult], *problems: Problem, kept: Container[str] = ()) -> RunEnd:
    """Return the end of a run with these checks; those that are ``kept`` are an earlier run's."""
    results = [replace(one, is_reused=one.id in kept) for one in checks]
    return RunEnd(checks=tuple(results), problems=problems)


def long_checks() -> list[CheckResult]:
    """Return the checks of a run that is long enough for a timeline."""
    return [
        result(one, finished_at_utc="2026-01-02T03:04:11Z", duration_ms=6234)
        for one in profile().checks
    ]


def release(mode: str = STABLE, **changes: Any) -> build.Release:
    """Return a release of which all checks passed."""
    good = build.Release(
        profile=profile(),
        source=SOURCE,
        mode=profile().mode(mode),
        manifest=manifest(),
        facts=facts(),
        checks=[result(one) for one in profile().checks],
        statement=statement(),
        source_date_epoch=None,
    )
    return replace(good, **changes)


def go_packet(mode: str = STABLE, **changes: Any) -> Any:
    """Return a GO packet as a reader gets it; ``changes`` are those of the release."""
    document = build.assemble(release(mode, **changes), [], [])
    read = strict_json.read(canonical.published_bytes(document), "packet")
    assert isinstance(read, dict)
    return read


def problem(
    code: str = "HP043",
    where: str = "check fmt",
    message: str = "failed: exit code 1",
    hint: str = "fix it",
) -> Problem:
    """Return a problem."""
    return Problem(code=code, where=where, message=message, hint=hint)


def shown(found: HandoffError | list[Problem]) -> list[tuple[str, str, str, str]]:
    """Return problems as tuples of code, where, message and hint: short to compare."""
    problems = found.problems if isinstance(found, HandoffError) else found
    return [(one.code, one.where, one.message, one.hint) for one in problems]


# Text that a report must show and never obey: for HTML, XML, Markdown, terminals and readers.
HOSTILE = (
    "<script>alert(1)</script> ]]> <!-- --> & \"q\" 'a' | `code` ``` @octocat #12 [x](javascript:alert(1)) "
    "<img src=x onerror=alert(1)> https://evil.example www.evil.example {{ 7*7 }} {% raw %} "
    "\u202eesrever\u202c \u200b \x1b[31m \x00 \x85 \ufffe \ud800 %0A ::error::x"
)


def view(
    mode: str = STABLE,
    *,
    problems: list[Problem] | None = None,
    lanes: list[list[str]] | None = None,
    **changes: Any,
) -> report_view.View:
    """Return what a report shows of a release; without ``lanes`` all ran side by side, ``changes`` are those of the release."""
    made = release(mode, **changes)
    document = build.assemble(
        made,
        problems or [],
        [problem("HA011", "git_state/tag", "the tag does not exist yet", "tag it")],
    )
    source = report_view.Source(
        session="handoff-stable",
        producer=made.profile.name,
        tails={
            one.id: [f"line {number} of {one.id}" for number in range(30)] for one in made.checks
        },
        lanes=[[one.id] for one in made.checks] if lanes is None else lanes,
        subjects={RUNTIME: "feat: more", VERIFIED: "chore: release"},
        previous=manifest(
            release_tag="v1.2.2",
            commit_sha=PREVIOUS,
            error_code_enum=["validation_error", "invalid_json", "gone"],
        ),
        modes=[(mode, str(document["verdict"]))],
        published=None if problems else "/producer/packet.json",
        digest=None if problems else "a" * 64,
        draft="/work/no-go.stable.json" if problems else None,
    )
    end = replace(report_view.packet_end(document), checks=tuple(made.checks))
    return report_view.build_view(document, end, source)


def hostile_view() -> report_view.View:
    """Return a view in which all that comes from outside is hostile."""
    one = check()
    tools = (Tool(name=HOSTILE, version=HOSTILE, path="/x", claim=True),)
    found = result(one, Outcome.FAILED, HOSTILE, exit_code=1, tools=tools, toolchain=HOSTILE)
    document = build.assemble(
        release(
            checks=[replace(found, command=HOSTILE)],
            statement=statement(runtime_behavior_changes=HOSTILE),
        ),
        [],
        [],
    )
    document["release_tag"] = document["git_state"]["tag"]["name"] = HOSTILE
    document["error_code_enum"] = [HOSTILE]
    document["git_state"]["paths_after_runtime"] = [HOSTILE]
    document["non_2xx_envelope_policy"] = {
        f"{HOSTILE}_stable": {"requires": [HOSTILE], "optional": [HOSTILE], "forbids": [HOSTILE]}
    }
    source = report_view.Source(
        session=HOSTILE,
        producer=HOSTILE,
        tails={one.id: [HOSTILE] * 30},
        subjects={RUNTIME: HOSTILE, VERIFIED: HOSTILE},
        previous=manifest(
            release_tag=HOSTILE, commit_sha=PREVIOUS, expected_api_contract_version=HOSTILE
        ),
        previous_envelope={"requires": [f"{HOSTILE} gone"]},
        modes=[(HOSTILE, "NO-GO"), ("other", "GO")],
        published=HOSTILE,
        digest=HOSTILE,
        draft=HOSTILE,
        block=HOSTILE,
        signatures=[("Signature", HOSTILE)],
    )
    end = RunEnd(
        checks=(found,),
        problems=(problem("HP043", HOSTILE, HOSTILE, HOSTILE),),
        advisories=(problem("HA010", HOSTILE, HOSTILE, HOSTILE),),
    )
    return report_view.build_view(document, end, source)
