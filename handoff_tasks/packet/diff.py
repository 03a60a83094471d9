"""Compare two packets, and classify each change."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from handoff_tasks.formats import canonical
from handoff_tasks.packet.build import CONTRACT, GO
from handoff_tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

DIFF_CONTRACT = "handoff-diff.v1"
MANIFEST_DEFAULT = "the default of producer-contract-manifest.v1; no manifest that states one was read"
_TEXTS = (
    "handoff_mode",
    "release_tag",
    "commit_sha",
    "expected_service_contract_version",
    "expected_api_contract_version",
    "integration_baseline",
    "manifest_contract_version",
    "manifest_path",
    "changelog_path",
)
_BASELINE = (
    "release_tag",
    "commit_sha",
    "expected_service_contract_version",
    "expected_api_contract_version",
    "integration_baseline",
)
_VERSIONS = {
    "expected_service_contract_version": ("service_version", "service contract"),
    "expected_api_contract_version": ("api_version", "API contract"),
    "integration_baseline": ("integration_baseline", "integration baseline"),
}
_RULES = ("requires", "optional", "forbids")
# The only changes of a field's rule that take nothing back: what was open or possible is promised.
_MORE = {(None, "optional"), (None, "requires"), ("optional", "requires")}
_STATEMENT = "consumer_impact_statement_template"
_BLOCKS = ("rehearsal_candidate", "compatibility_expectations", "required_consumer_validation_commands")


class ChangeClass(StrEnum):
    """What a change means to a consumer, the gravest first."""

    BREAKING = "breaking"
    ADDITIVE = "additive"
    EDITORIAL = "editorial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A manifest's notice policy for new error codes (DOMAIN section 2) and where it was read."""

    business_days: int
    emergency_hours: int
    same_day: bool
    source: str

    @classmethod
    def from_policy(cls, policy: Mapping[str, Any], source: str) -> Notice:
        """Return the notice of a manifest's ``additive_error_code_notice_policy``."""
        return cls(
            business_days=policy["standard_business_days"],
            emergency_hours=policy["emergency_notice_hours"],
            same_day=policy["emergency_requires_same_day_docs_spec_tests"],
            source=source,
        )

    def text(self) -> str:
        """Return what has to be kept, in words."""
        same_day = " with same-day docs, spec and tests" if self.same_day else ""
        return f"{self.business_days} business days, or in an emergency {self.emergency_hours} hours{same_day}"

    def to_dict(self) -> dict[str, Any]:
        """Return the form of the JSON output."""
        return {
            "standard_business_days": self.business_days,
            "emergency_notice_hours": self.emergency_hours,
            "emergency_requires_same_day_docs_spec_tests": self.same_day,
            "source": self.source,
        }


# DOMAIN section 2.
DEFAULT_NOTICE = Notice(business_days=10, emergency_hours=24, same_day=True, source=MANIFEST_DEFAULT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change: what kind, where (JSON pointer in the packet), the two values, its class and why, and the notice it asks for."""

    kind: str
    pointer: str
    old: str | list[str] | None
    new: str | list[str] | None
    change_class: ChangeClass
    message: str
    notice: str | None = None

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that stand for kind, place and both values: the same change has the same one in every run."""
        said = {"kind": self.kind, "pointer": self.pointer, "old": self.old, "new": self.new}
        return hashlib.sha256(canonical.canonical_bytes(said)).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Return the form of the JSON output."""
        return {
            "fingerprint": self.fingerprint,
            "kind": self.kind,
            "class": str(self.change_class),
            "pointer": self.pointer,
            "old": self.old,
            "new": self.new,
            "message": self.message,
            "notice": self.notice,
        }


def is_own(document: Mapping[str, Any]) -> bool:
    """Tell whether a packet says that it follows this library's contract."""
    return document.get("packet_contract_version") == CONTRACT


def unreadable(document: object, where: str) -> list[Problem]:
    """Return what of DOMAIN section 2 a packet lacks or has in another form (HP102); extra keys are welcome."""
    found: list[Problem] = []

    def wrong(pointer: str, expected: str, value: object) -> None:
        message = f"{'missing' if value is None else f'found {type(value).__name__}'}; expected {expected}"
        hint = "name a file that holds a handoff packet"
        found.append(Problem(code="HP102", where=f"{where}#{pointer}", message=message, hint=hint))

    if not isinstance(document, dict):
        wrong("", "an object, the packet", document)
        return found
    for key in _TEXTS:
        if not isinstance(document.get(key), str):
            wrong(f"/{key}", "a text", document.get(key))
    baseline, statement = document.get("active_runtime_baseline"), document.get(_STATEMENT)
    for key in _BASELINE:
        value = baseline.get(key) if isinstance(baseline, dict) else None
        if not isinstance(value, str):
            wrong(f"/active_runtime_baseline/{key}", "a text", value)
    for key in ("error_code_enum", "verification_commands"):
        if not _is_texts(document.get(key)):
            wrong(f"/{key}", "a list of texts", document.get(key))
    policies = document.get("non_2xx_envelope_policy")
    for name, policy in policies.items() if isinstance(policies, dict) else [("", None)]:
        if not isinstance(policy, dict) or not all(_is_texts(policy.get(rule, [])) for rule in _RULES):
            wrong(f"/non_2xx_envelope_policy/{name}".rstrip("/"), "an object of lists of texts", policy)
    # A draft of this library has null here when there is no statement.
    if not (isinstance(statement, dict) and all(isinstance(line, str) for line in statement.values())) and not (
        statement is None and is_own(document)
    ):
        wrong(f"/{_STATEMENT}", "an object of texts", statement)
    return found


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def compare(old: Mapping[str, Any], new: Mapping[str, Any], notice: Notice) -> list[Change]:
    """Return every change from one readable packet to another: the gravest first, then in the packet's order."""
    found = [
        *_versions(old, new),
        *_error_codes(old["error_code_enum"], new["error_code_enum"], notice),
        *_envelopes(old, new),
        *_rehearsal(old, new),
        *_verdict(old, new),
        *_identity(old, new),
        *_proof(old, new),
        *_statement(old[_STATEMENT] or {}, new[_STATEMENT] or {}),
    ]
    order = list(ChangeClass)
    return sorted(found, key=lambda change: order.index(change.change_class))


def _versions(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Versions of the runtime. A contract of another version may mean anything, so each such change is breaking."""
    for key, (kind, name) in _VERSIONS.items():
        for pointer, was, is_ in _told_twice(key, old, new):
            yield Change(
                kind=kind,
                pointer=pointer,
                old=was,
                new=is_,
                change_class=ChangeClass.BREAKING,
                message=f"the runtime's {name} is {is_}, was {was}",
            )
    was, is_ = old["manifest_contract_version"], new["manifest_contract_version"]
    if was != is_:
        yield Change(
            kind="manifest_version",
            pointer="/manifest_contract_version",
            old=was,
            new=is_,
            change_class=ChangeClass.BREAKING,
            message=f"the manifest, which the consumer mirrors and reads, is of {is_}, was {was}",
        )


def _told_twice(
    key: str, old: Mapping[str, Any], new: Mapping[str, Any], *, above_first: bool = False
) -> Iterator[tuple[str, str, str]]:
    """Yield pointer and both values where a value of the runtime changed: it stands in the baseline and above, but in a rehearsal.

    Where both packets say the same in both places it is one change, at the first of them; one that contradicts itself is read in
    both.
    """
    places = {f"/active_runtime_baseline/{key}": (old["active_runtime_baseline"][key], new["active_runtime_baseline"][key])}
    if key != "expected_service_contract_version" or {old["handoff_mode"], new["handoff_mode"]} == {"stable"}:
        above = {f"/{key}": (old[key], new[key])}
        places = above | places if above_first else places | above
    told = set()
    for pointer, pair in places.items():
        if pair[0] != pair[1] and pair not in told:
            told.add(pair)
            yield pointer, *pair


def _error_codes(old: Sequence[str], new: Sequence[str], notice: Notice) -> Iterator[Change]:
    """Error codes. What a removed one stood for now comes as another that a consumer maps otherwise; a new one has to be mapped.

    The order is fixed only so that packet and manifest can be compared; responses carry a code alone and consumers compare sets.
    """
    old, new = list(dict.fromkeys(old)), list(dict.fromkeys(new))
    for code in (code for code in old if code not in new):
        message = f"error code {code} is gone: what it stood for comes as another code, or not at all"
        yield Change(
            kind="error_code_removed",
            pointer="/error_code_enum",
            old=code,
            new=None,
            change_class=ChangeClass.BREAKING,
            message=message,
        )
    for code in (code for code in new if code not in old):
        yield Change(
            kind="error_code_added",
            pointer="/error_code_enum",
            old=None,
            new=code,
            change_class=ChangeClass.ADDITIVE,
            message=f"error code {code} is new: consumers have to map it",
            notice=notice.text(),
        )
    was, is_ = [code for code in old if code in new], [code for code in new if code in old]
    if was != is_:
        message = "the error codes that stay stand in another order; no response shows an order"
        yield _editorial("error_codes_reordered", "/error_code_enum", was, is_, message)


def _envelopes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Envelope policies, field by field: that of the runtime against that of the runtime, whatever its version is.

    A field that may come, must come or must not come is something a consumer may rely on; every change of it takes that away,
    but for those that turn an open question into a promise. A rehearsed envelope is in force nowhere: additive at most.
    """
    for in_force in (True, False):
        was_name, was = _policy(old, in_force=in_force)
        is_name, is_ = _policy(new, in_force=in_force)
        name = is_name or was_name
        for field in [*was, *(field for field in is_ if field not in was)]:
            before, after = was.get(field), is_.get(field)
            if before == after:
                continue
            breaking = in_force and (before, after) not in _MORE
            what = "error responses" if in_force else "rehearsed error responses"
            yield Change(
                kind="envelope_policy" if in_force else "rehearsed_envelope_policy",
                pointer=f"/non_2xx_envelope_policy/{name}",
                old=f"{before} {field}" if before else None,
                new=f"{after} {field}" if after else None,
                change_class=ChangeClass.BREAKING if breaking else ChangeClass.ADDITIVE,
                message=f"{field} in {what}: {_said(before)}, now {_said(after)}",
            )


def _policy(document: Mapping[str, Any], *, in_force: bool) -> tuple[str, dict[str, str]]:
    """Return the name of the policy in force, or of the rehearsed one, and its fields with their rule; both empty without one.

    In force is that of the runtime's version. Where a packet lacks that one, its first of the kind is the best guess.
    """
    policies = document["non_2xx_envelope_policy"]
    version = (document["active_runtime_baseline"] if in_force else document)["expected_service_contract_version"]
    suffix = "_stable" if in_force else "_candidate"
    name = version.replace(".", "_") + suffix
    if name not in policies:
        name = next((name for name in policies if name.endswith(suffix)), "")
    policy = policies.get(name, {})
    return name, {field: rule for rule in _RULES for field in policy.get(rule, [])}


def _said(rule: str | None) -> str:
    return {"requires": "required", "optional": "optional", "forbids": "forbidden", None: "not spoken of"}[rule]


def _rehearsal(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """The mode, and what is rehearsed: nobody's runtime changes by it, but a consumer has something else to try."""
    if old["handoff_mode"] != new["handoff_mode"]:
        yield _editorial("mode", "/handoff_mode", old["handoff_mode"], new["handoff_mode"], "the packets are of two modes")
        return
    key = "expected_service_contract_version"
    if new["handoff_mode"] != "stable" and old[key] != new[key]:
        yield Change(
            kind="rehearsed_version",
            pointer=f"/{key}",
            old=old[key],
            new=new[key],
            change_class=ChangeClass.ADDITIVE,
            message=f"{new[key]} is rehearsed, was {old[key]}; the runtime is not touched by that",
        )
    for block in _BLOCKS:
        was, is_ = _leaves(old.get(block), f"/{block}"), _leaves(new.get(block), f"/{block}")
        for pointer in [*was, *(pointer for pointer in is_ if pointer not in was)]:
            if was.get(pointer) != is_.get(pointer):
                yield Change(
                    kind="rehearsal",
                    pointer=pointer,
                    old=was.get(pointer),
                    new=is_.get(pointer),
                    change_class=ChangeClass.ADDITIVE,
                    message="the terms of the rehearsal are others",
                )


def _leaves(value: object, pointer: str) -> dict[str, str | list[str]]:
    """Return the texts of a block of the rehearsal, pointer to value; a list is one value."""
    if isinstance(value, dict):
        return {place: leaf for key, inner in value.items() for place, leaf in _leaves(inner, f"{pointer}/{key}").items()}
    if value is None:
        return {}
    return {pointer: [_word(item) for item in value] if isinstance(value, list) else _word(value)}


def _word(value: object) -> str:
    return value if isinstance(value, str) else canonical.canonical_bytes(value).decode()


def _verdict(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """The verdict, where both have one: from GO to anything else, a consumer has nothing to pin."""
    was, is_ = old.get("verdict"), new.get("verdict")
    if was is None or is_ is None or was == is_:
        return
    worse = was == GO
    yield Change(
        kind="verdict",
        pointer="/verdict",
        old=str(was),
        new=str(is_),
        change_class=ChangeClass.BREAKING if worse else ChangeClass.EDITORIAL,
        message=f"the verdict is {is_}, was {was}" + ("; no consumer can pin it" if worse else ""),
    )


def _identity(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Which release and which bytes: what a repin writes down. What they do differently is said by all the other changes."""
    for key, kind, what in (("release_tag", "release_tag", "the release"), ("commit_sha", "runtime_commit", "the runtime commit")):
        for pointer, was, is_ in _told_twice(key, old, new, above_first=True):
            yield _editorial(kind, pointer, was, is_, f"{what} is {is_}, was {was}")
    if is_own(old) and is_own(new):
        yield from _producer(old["producer"], new["producer"])
        was, is_ = old["git_state"], new["git_state"]
        for path, kind, what in (
            (("producer_path",), "producer_path", "the producer's folder"),
            (("tag", "name"), "tag_name", "the tag's name"),
            (("tag", "kind"), "tag_kind", "the tag's kind"),
            (("tag", "state"), "tag_state", "the tag's state"),
            (("tag", "target"), "tag_target", "the tag's commit"),
            (("verified_commit",), "verified_commit", "the verified commit"),
            (("manifest_sha256",), "manifest_sha256", "the sha256 of the manifest"),
        ):
            before, after = was, is_
            for key in path:
                before, after = before[key], after[key]
            if before != after:
                message = f"{what} is {after or 'none'}, was {before or 'none'}"
                yield _editorial(kind, f"/git_state/{'/'.join(path)}", before, after, message)
    # Packets of other generators have absolute paths here: what lies below the root counts.
    for key in ("manifest_path", "changelog_path"):
        before, after = old[key], new[key]
        if before != after and not before.endswith("/" + after) and not after.endswith("/" + before):
            yield _editorial("path", f"/{key}", before, after, f"{key} is {after}, was {before}")


def _producer(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Whose release it is: with another id nothing of the one packet holds for the other. The profile says how it was verified."""
    if old["id"] != new["id"]:
        yield Change(
            kind="producer_id",
            pointer="/producer/id",
            old=old["id"],
            new=new["id"],
            change_class=ChangeClass.BREAKING,
            message=f"the producer is {new['id']}, was {old['id']}: a packet of another producer",
        )
    for key, kind, what in (
        ("name", "producer_name", "the producer's name"),
        ("profile", "profile", "the profile"),
        ("profile_sha256", "profile_sha256", "the sha256 of the profile"),
    ):
        if old[key] != new[key]:
            message = f"{what} is {new[key] or 'outside of the commit'}, was {old[key] or 'outside of the commit'}"
            yield _editorial(kind, f"/producer/{key}", old[key], new[key], message)


def _proof(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """What was run and by which tools. It tells how sure a release is, and promises nothing about a response."""
    was, is_ = _commands(old, new), _commands(new, old)
    for command in (command for command in was if command not in is_):
        yield _editorial("check_removed", "/verification_commands", command, None, f"no longer run: {command}")
    for command in (command for command in is_ if command not in was):
        yield _editorial("check_added", "/verification_commands", None, command, f"run in addition: {command}")
    stays = [command for command in was if command in is_]
    if stays != (now := [command for command in is_ if command in was]):
        message = "the commands that stay run in another order"
        yield _editorial("checks_reordered", "/verification_commands", stays, now, message)
    if not (is_own(old) and is_own(new)):
        return
    before = {outcome["command"]: outcome for outcome in old["verification_outcomes"]}
    for number, outcome in enumerate(new["verification_outcomes"]):
        earlier = before.get(outcome["command"])
        if earlier is not None and earlier["outcome"] != outcome["outcome"]:
            message = f"{outcome['id']} {outcome['outcome'].replace('_', ' ')}, was {earlier['outcome'].replace('_', ' ')}"
            pointer = f"/verification_outcomes/{number}/outcome"
            yield _editorial("outcome", pointer, earlier["outcome"], outcome["outcome"], message)
        elif earlier is not None and earlier["exit_code"] != outcome["exit_code"]:
            before_code, after_code = _word(earlier["exit_code"]), _word(outcome["exit_code"])
            message = f"{outcome['id']} ended with exit code {after_code}, was {before_code}"
            yield _editorial("exit_code", f"/verification_outcomes/{number}/exit_code", before_code, after_code, message)
    first, second = _tools(old["verification_outcomes"]), _tools(new["verification_outcomes"])
    for name in sorted(first.keys() | second.keys()):
        if first.get(name) != second.get(name):
            one, other = first.get(name), second.get(name)
            message = f"verified with {name} {other or 'not at all'}, was {one or 'not used'}"
            yield _editorial(
                "tool", "/verification_outcomes", f"{name} {one}" if one else None, f"{name} {other}" if other else None, message
            )


def _commands(document: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the commands with the producer's root as ``.``, also where another generator wrote one machine's path."""
    path, below = document["manifest_path"], "/" + other["manifest_path"]
    commands: list[str] = document["verification_commands"]
    if not path.endswith(below):
        return commands
    root = path.removesuffix(below)
    return [" ".join("." if word == root else word for word in command.split(" ")) for command in commands]


def _tools(outcomes: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return each tool's versions, most often one."""
    found: dict[str, set[str]] = {}
    for outcome in outcomes:
        for name, version in outcome["tools"].items():
            found.setdefault(name, set()).add(version)
    return {name: ", ".join(sorted(versions)) for name, versions in found.items()}


def _statement(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    """The statement: words about the changes, each of which is found above in its own right."""
    for line in [*old, *(line for line in new if line not in old)]:
        before, after = old.get(line), new.get(line)
        if before != after:
            message = f"the statement's {line.replace('_', ' ')}: {after or 'nothing'}"
            yield _editorial("statement", f"/{_STATEMENT}/{line}", before, after, message)


def _editorial(kind: str, pointer: str, old: str | list[str] | None, new: str | list[str] | None, message: str) -> Change:
    return Change(kind=kind, pointer=pointer, old=old, new=new, change_class=ChangeClass.EDITORIAL, message=message)


def at_least(changes: Iterable[Change], limit: ChangeClass) -> list[Change]:
    """Return the changes that are of this class or a graver one."""
    order = list(ChangeClass)
    return [change for change in changes if order.index(change.change_class) <= order.index(limit)]
