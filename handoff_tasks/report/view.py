"""Collect everything that a report shows into one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.formats.escape import printable
from handoff_tasks.formats.words import counted, duration
from handoff_tasks.model import Outcome, Relation
from handoff_tasks.packet.document import GO, NO_GO
from handoff_tasks.problems import Problem
from handoff_tasks.producer.statement import LABELS
from handoff_tasks.report import failure_line
from handoff_tasks.report.timeline import drawn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from handoff_tasks.model import Manifest, Record
    from handoff_tasks.report.timeline import Timeline

TAIL_LINES = 20
MANY_CHECKS = 50
_LONGEST_LINE = 300
_LONGEST_TAIL = 6000
_SHOWN_COMMITS = 8
_SHOWN_PATHS = 30
# In milliseconds: of a shorter run the table of checks tells all that there is to see.
_SHORTEST_TIMELINE = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a view is made of beside the packet; all of it may be missing.

    ``kept`` are the checks whose outcome is an earlier run's, ``tails`` the last lines of logs by check, ``ended`` when a check's
    record was there (milliseconds since 1970), ``lanes`` the checks that ran one after the other in one process, and ``alone``
    those that ran beside no other. ``subjects`` are the first lines of commit messages by commit. ``previous`` is the manifest of
    the previous release and ``previous_envelope`` the error envelope of its service version. ``published`` is where the packet
    lies and ``digest`` its sha256, ``draft`` where a NO-GO draft lies. ``modes`` is the verdict of each mode that was decided,
    ``block`` the statement to fill in. ``verify`` is the command that verifies the published packet.
    """

    session: str | None = None
    producer: str | None = None
    records: Mapping[str, Record] | None = None
    reasons: Mapping[str, str] | None = None
    kept: frozenset[str] = frozenset()
    tails: Mapping[str, Sequence[str]] | None = None
    ended: Mapping[str, int] | None = None
    lanes: Sequence[Sequence[str]] = ()
    alone: frozenset[str] = frozenset()
    subjects: Mapping[str, str] | None = None
    previous: Manifest | None = None
    previous_envelope: Mapping[str, Any] | None = None
    modes: Sequence[tuple[str, str]] = ()
    published: str | None = None
    digest: str | None = None
    draft: str | None = None
    block: str | None = None
    verify: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One check. ``log`` is the name of its log beside the report, ``milliseconds`` how long it took; None where nobody knows.

    ``kept`` tells that the outcome is an earlier run's, which had the same inputs. ``said`` is the line of its log that explains
    why it did not pass; it may stand above ``tail``, the end that is shown.
    """

    id: str
    command: str
    outcome: Outcome
    reason: str | None
    exit_code: int | None
    milliseconds: int | None
    started: str | None
    tools: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    log: str | None
    log_size: int
    kept: bool
    tail: tuple[str, ...]
    said: str

    @property
    def passed(self) -> bool:
        """Tell whether it counts."""
        return self.outcome is Outcome.PASSED

    @property
    def told(self) -> str:
        """The outcome in words."""
        return self.outcome.replace("_", " ")

    @property
    def took(self) -> str:
        """How long it took, in words; empty when nobody knows."""
        return "" if self.milliseconds is None else duration(self.milliseconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A commit in the picture of git: what it is, and the first line of its message, if that is known.

    ``skipped`` is the number of commits that are left out before it.
    """

    sha: str
    roles: tuple[str, ...]
    subject: str | None
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Where runtime commit, metadata commits, tag and verified commit stand; ``aside`` is a tag's target off that line."""

    points: tuple[Point, ...]
    aside: Point | None
    sentences: tuple[tuple[bool, str], ...]
    facts: tuple[tuple[str, str], ...]
    paths: tuple[str, ...]
    more_paths: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A value of the contract, and what the previous release said where that differs."""

    name: str
    value: str
    before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """A field of an error envelope, with what has become of it since the previous release; empty when nothing has."""

    name: str
    change: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What an error envelope requires, allows and forbids; a field that is gone stands where it was."""

    name: str
    requires: tuple[Ruled, ...]
    optional: tuple[Ruled, ...]
    forbids: tuple[Ruled, ...]

    @property
    def rules(self) -> tuple[tuple[str, tuple[Ruled, ...]], ...]:
        """Each rule with its fields."""
        return ("requires", self.requires), ("allows", self.optional), ("forbids", self.forbids)

    @property
    def changes(self) -> bool:
        """Tell whether any field of it is ruled otherwise than before."""
        return any(field.change for _, fields in self.rules for field in fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What consumers rely on. ``previous`` is the earlier release that ``before``, ``added`` and ``removed`` speak of."""

    previous: str | None
    fields: tuple[Field, ...]
    codes: tuple[str, ...]
    added: frozenset[str]
    removed: tuple[str, ...]
    reordered: bool
    policies: tuple[Policy, ...]

    @property
    def changes(self) -> bool:
        """Tell whether anything but tag and commit changed since the previous release."""
        versions = any(field.before is not None for field in self.fields[2:])
        return bool(versions or self.added or self.removed or self.reordered or any(policy.changes for policy in self.policies))


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that a report shows. Without a packet (a refused run) there are problems and little else."""

    verdict: str
    title: str
    sentences: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    modes: tuple[tuple[str, str], ...]
    steps: tuple[Step, ...]
    timeline: Timeline | None
    problems: tuple[Problem, ...]
    advisories: tuple[Problem, ...]
    picture: Picture | None
    contract: Contract | None
    statement: tuple[tuple[str, str], ...]
    block: str | None
    verify: str | None

    @property
    def go(self) -> bool:
        """Tell whether the verdict is GO."""
        return self.verdict == GO

    @property
    def passed(self) -> int:
        """How many checks passed."""
        return sum(step.passed for step in self.steps)

    @property
    def grouped(self) -> tuple[tuple[Problem, ...], ...]:
        """The problems, those with the same next step together."""
        return by_hint(self.problems)

    @property
    def said(self) -> dict[str, str]:
        """The line of its log that explains each check that did not pass, by the place that its problem names."""
        return {f"check {step.id}": step.said for step in self.steps if step.said}


def view(
    packet: Mapping[str, Any] | None,
    source: Source,
    problems: Sequence[Problem] | None = None,
    advisories: Sequence[Problem] | None = None,
) -> View:
    """Return the view of a packet, GO or draft, with what else is known.

    ``problems`` and ``advisories``, where given, stand for those of the packet: a run knows more than one of its modes.
    """
    document = packet or {}
    found = [Problem(**one) for one in document.get("problems", ())] if problems is None else problems
    noted = [Problem(**one) for one in document.get("advisories", ())] if advisories is None else advisories
    steps = tuple(_steps(document, source))
    place = {f"check {step.id}": number for number, step in enumerate(steps)}
    verdict = NO_GO if found or document.get("verdict", NO_GO) != GO else GO
    title = " ".join(filter(None, [source.producer or "Release", document.get("release_tag")]))
    return View(
        verdict=verdict,
        title=printable(title),
        sentences=tuple(_sentences(verdict, steps, found, source)),
        facts=tuple((name, printable(value)) for name, value in _facts(document, source)),
        modes=tuple((printable(name), said) for name, said in source.modes),
        steps=steps,
        timeline=_timeline(document, source),
        problems=tuple(_harmless(one) for one in sorted(found, key=lambda one: (one.code, place.get(one.where, 0), one))),
        advisories=tuple(_harmless(one) for one in sorted(noted)),
        picture=_picture(document["git_state"], source.subjects or {}) if document else None,
        contract=_contract(document, source.previous, source.previous_envelope) if document else None,
        statement=tuple(
            (label, printable(document["consumer_impact_statement"][key]))
            for label, key in LABELS.items()
            if document.get("consumer_impact_statement")
        ),
        block="\n".join(printable(line) for line in source.block.split("\n")) if source.block else None,
        verify=printable(source.verify) if source.verify else None,
    )


def _timeline(document: Mapping[str, Any], source: Source) -> Timeline | None:
    """Return the checks of this run in time, or those of the earlier one where all are kept from it; None of a short run."""
    records = source.records or {}
    order = [one["id"] for one in document.get("verification_outcomes", ()) if one["id"] in records]
    shown = [check for check in order if check not in source.kept] or order
    found = drawn(records, shown, source.ended or {}, source.lanes, source.alone)
    return found if found and found.total >= _SHORTEST_TIMELINE else None


def _harmless(one: Problem) -> Problem:
    return Problem(code=one.code, where=printable(one.where), message=printable(in_words(one)), hint=printable(one.hint))


def in_words(one: Problem) -> str:
    """Return the message of a problem, the outcome that a check's starts with in words."""
    outcome, colon, rest = one.message.partition(": ")
    return (
        f"{outcome.replace('_', ' ')}{colon}{rest}" if one.where.startswith("check ") and outcome in set(Outcome) else one.message
    )


def by_hint(found: Sequence[Problem]) -> tuple[tuple[Problem, ...], ...]:
    """Return problems in groups that share code and hint, each where its first one stands."""
    groups: dict[tuple[str, str], list[Problem]] = {}
    for one in found:
        groups.setdefault((one.code, one.hint), []).append(one)
    return tuple(tuple(group) for group in groups.values())


def _steps(document: Mapping[str, Any], source: Source) -> list[Step]:
    records, reasons, tails = source.records or {}, source.reasons or {}, source.tails or {}
    outcomes = document.get("verification_outcomes", ())
    room = MANY_CHECKS
    steps = []
    for one in outcomes:
        record, outcome = records.get(one["id"]), Outcome(one["outcome"])
        tail: tuple[str, ...] = ()
        said = ""
        # Of many checks only those that need somebody to look at them carry the end of their log, and of those the first ones.
        if (len(outcomes) <= MANY_CHECKS or outcome is not Outcome.PASSED) and room:
            lines = tails.get(one["id"], ())
            tail, said = _tail(lines), _shortened(failure_line.explain(outcome, lines))
            room -= bool(tail)
        reason = reasons.get(one["id"])
        steps.append(
            Step(
                id=printable(one["id"]),
                command=printable(one["command"]),
                outcome=outcome,
                reason=printable(reason) if reason else None,
                exit_code=one["exit_code"],
                milliseconds=record.duration_ms if record else None,
                started=record.started_at_utc if record else None,
                tools=tuple((printable(name), printable(version)) for name, version in one["tools"].items()),
                facts=tuple(_run_facts(record)) if record else (),
                log=record.log.file if record and record.log else None,
                log_size=record.log.size if record and record.log else 0,
                kept=one["id"] in source.kept,
                tail=tail,
                said=said,
            )
        )
    return steps


def _run_facts(record: Record) -> list[tuple[str, str]]:
    machine = record.platform
    found = [("Started", record.started_at_utc), ("Limit", duration(record.timeout_seconds * 1000))]
    found.append(("Machine", " ".join(str(machine[key]) for key in ("system", "release", "machine") if key in machine)))
    found += [("Toolchain", record.toolchain)] if record.toolchain else []
    found += [("Signal", record.signal)] if record.signal else []
    return [(name, printable(value)) for name, value in found]


def _tail(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the last lines, the end of the whole within a bound, since a report has to stay small."""
    shown: list[str] = []
    size = 0
    for line in reversed(lines[-TAIL_LINES:]):
        text = _shortened(line)
        size += len(text)
        if size > _LONGEST_TAIL:
            break
        shown.append(text)
    return tuple(reversed(shown))


def _shortened(line: str) -> str:
    text = printable(line[: 2 * _LONGEST_LINE])
    return text if len(text) <= _LONGEST_LINE else text[:_LONGEST_LINE] + " …"


def _sentences(verdict: str, steps: Sequence[Step], problems: Sequence[Problem], source: Source) -> list[str]:
    """Return the verdict's reason and consequence in one or two sentences."""
    found = []
    passed = sum(step.passed for step in steps)
    if steps and passed == len(steps):
        found.append(f"All {len(steps)} checks passed." if len(steps) > 1 else "The check passed.")
        kept = sum(step.kept for step in steps)
        found += [f"{counted(kept, 'pass is', 'passes are')} kept from an earlier run with the same inputs."] if kept else []
    elif steps:
        outcomes = [step.outcome for step in steps]
        if set(outcomes) == {Outcome.NOT_RUN}:
            found.append("No check was run.")
        else:
            found.append(f"{passed} of {counted(len(steps), 'check')} passed; {tally(outcomes)}.")
    else:
        found.append("The run was refused before any check could be judged.")
    if verdict == NO_GO:
        stopped = [one for one in problems if one.code == "HP046" and not one.where.startswith("check ")]
        found += [f"{printable(one.message[:1].upper() + one.message[1:])}." for one in stopped]
        others = sum(not one.where.startswith("check ") for one in problems) - len(stopped)
        if others and steps:
            found.append(
                f"{counted(others, 'rule of the release', 'rules of the release')} {'are' if others > 1 else 'is'} not met."
            )
        found.append("Nothing was published; a packet that was published before is unchanged.")
    elif source.published:
        found.append("The packet is published.")
    elif source.modes:
        found.append("Nothing was published: this was a pre-release run.")
    return found


def tally(outcomes: Sequence[Outcome]) -> str:
    """Return how many checks did not pass by outcome: ``1 failed, 2 interrupted, 1 not run``."""
    numbers = [(outcomes.count(one), one.replace("_", " ")) for one in Outcome if one is not Outcome.PASSED]
    return ", ".join(f"{number} {name}" for number, name in numbers if number)


def _facts(document: Mapping[str, Any], source: Source) -> list[tuple[str, str]]:
    found = []
    if document:
        state = document["git_state"]
        tag = state["tag"]
        told = f"{tag['name']} ({tag['kind']})" if tag["state"] == "tagged" else f"{tag['name']} (not tagged yet)"
        found = [
            ("Mode", ", ".join(name for name, _ in source.modes) or document["handoff_mode"]),
            ("Verified commit", state["verified_commit"]),
            ("Tag", told),
            (
                "Release time",
                f"{document['handoff_generated_at_utc']} ({document['handoff_generated_at_source'].replace('-', ' ')})",
            ),
        ]
    named = (("Session", source.session), ("Packet", source.published), ("Packet sha256", source.digest), ("Draft", source.draft))
    return [*found, *((name, value) for name, value in named if value)]


def _picture(state: Mapping[str, Any], subjects: Mapping[str, str]) -> Picture:
    tag, runtime, verified = state["tag"], state["runtime_commit"], state["verified_commit"]
    after = list(state["commits_after_runtime"])
    line = [runtime, *(sha for sha in after if sha != runtime)]
    if verified not in line:
        line.append(verified)

    def point(sha: str, skipped: int = 0) -> Point:
        roles = []
        if sha == runtime:
            roles.append("runtime commit")
        if sha == tag["target"]:
            roles.append(f"tag {printable(tag['name'])}")
        if sha == verified:
            roles.append("verified commit")
        subject = subjects.get(sha)
        return Point(sha=sha, roles=tuple(roles), subject=printable(subject) if subject else None, skipped=skipped)

    named = {runtime, verified, tag["target"]}
    plain = [sha for sha in line if sha not in named]
    kept = set(plain[: _SHOWN_COMMITS // 2] + plain[-_SHOWN_COMMITS // 2 :]) | named
    points = []
    skipped = 0
    for sha in line:
        if sha in kept:
            points.append(point(sha, skipped))
            skipped = 0
        else:
            skipped += 1
    paths = [printable(path) for path in state["paths_after_runtime"]]
    facts = [("Manifest sha256", state["manifest_sha256"]), ("Verified tree", state["verified_tree"])]
    facts += [("Producer's folder", printable(state["producer_path"]))] if state["producer_path"] != "." else []
    return Picture(
        points=tuple(points),
        aside=point(tag["target"]) if tag["target"] and tag["target"] not in line else None,
        sentences=tuple(_standing(state)),
        facts=tuple(facts),
        paths=tuple(paths[:_SHOWN_PATHS]),
        more_paths=max(0, len(paths) - _SHOWN_PATHS),
    )


def _standing(state: Mapping[str, Any]) -> list[tuple[bool, str]]:
    """Return what git says of the release in sentences, each with whether it is as it should be."""
    tag = state["tag"]
    name = printable(tag["name"])
    related = {
        Relation.SAME: "is {}",
        Relation.ANCESTOR: "comes before {}",
        Relation.UNRELATED: "is no ancestor of {}",
        Relation.MISSING: "is not in the repository, so it stands nowhere to {}",
    }
    good = (Relation.SAME, Relation.ANCESTOR)
    to_verified = state["runtime_to_verified"]
    found = [(to_verified in good, f"The runtime commit {related[to_verified].format('the verified commit')}.")]
    if tag["state"] != "tagged":
        found.append((True, f"The tag {name} does not exist yet."))
    elif tag["target"] == state["verified_commit"]:
        found.append((True, f"The tag {name} points to the verified commit."))
    else:
        to_tag = state["runtime_to_tag"]
        found.append(
            (to_tag in good, f"The tag {name} points to another commit; the runtime commit {related[to_tag].format('it')}.")
        )
    if state["runtime_paths_identical"] is not None:
        same = state["runtime_paths_identical"]
        what = "Only release metadata lies between them" if same else "Runtime paths differ between them"
        found.append((same, f"{what}: {'the runtime paths are the same' if same else 'the checks ran on another runtime'}."))
    return found


def _contract(document: Mapping[str, Any], previous: Manifest | None, envelope: Mapping[str, Any] | None) -> Contract:
    before = previous.baseline() if previous else {}
    names = {
        "release_tag": "Release",
        "commit_sha": "Runtime commit",
        "expected_service_contract_version": "Service contract",
        "expected_api_contract_version": "API contract",
        "integration_baseline": "Integration baseline",
    }
    baseline = document["active_runtime_baseline"]
    fields = [
        Field(name=name, value=printable(baseline[key]), before=_other(before.get(key), baseline[key]))
        for key, name in names.items()
    ]
    rehearsed = document["expected_service_contract_version"]
    if rehearsed != baseline["expected_service_contract_version"]:
        fields.append(Field(name="Rehearsed service contract", value=printable(rehearsed)))
    manifest = document["manifest_contract_version"]
    old_manifest = previous.contract_version if previous else None
    fields.append(Field(name="Manifest contract", value=printable(manifest), before=_other(old_manifest, manifest)))
    codes = list(document["error_code_enum"])
    old = list(previous.error_codes) if previous else codes
    return Contract(
        previous=printable(previous.release_tag) if previous else None,
        fields=tuple(fields),
        codes=tuple(printable(code) for code in codes),
        added=frozenset(printable(code) for code in codes if code not in old),
        removed=tuple(printable(code) for code in old if code not in codes),
        reordered=[code for code in codes if code in old] != [code for code in old if code in codes],
        policies=tuple(
            # What is only rehearsed was in force nowhere.
            _policy(name, policy, envelope if name.endswith("_stable") else None)
            for name, policy in document["non_2xx_envelope_policy"].items()
        ),
    )


def _policy(name: str, now: Mapping[str, Any], before: Mapping[str, Any] | None) -> Policy:
    """Return an envelope, each field with its change against the envelope of the previous release, if that is known."""
    told = {"requires": "required", "optional": "allowed", "forbids": "forbidden"}
    was = {field: rule for rule in told for field in (before or {}).get(rule, ())}
    kept = {field for rule in told for field in now.get(rule, ())}

    def ruled(rule: str) -> tuple[Ruled, ...]:
        found = []
        for field in now.get(rule, ()):
            change = "" if before is None or was.get(field) == rule else f"was {told[was[field]]}" if field in was else "new"
            found.append(Ruled(name=printable(field), change=change))
        gone = [field for field in (before or {}).get(rule, ()) if field not in kept]
        return (*found, *(Ruled(name=printable(field), change="removed") for field in gone))

    return Policy(name=printable(name), requires=ruled("requires"), optional=ruled("optional"), forbids=ruled("forbids"))


def _other(before: str | None, now: str) -> str | None:
    return printable(before) if before is not None and before != now else None
