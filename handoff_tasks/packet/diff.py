"""Compare two packets, and classify each change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from handoff_tasks.formats import canonical
from handoff_tasks.packet.change import Change, ChangeClass
from handoff_tasks.packet.document import ENVELOPE_RULES, GO, STATEMENT_KEY, is_own, is_release
from handoff_tasks.producer.profile_rules import RELEASE, SERVICE
from handoff_tasks.producer.rehearsal import BLOCK_NAMES, VERSION_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from handoff_tasks.packet.change import Notice, Value
    from handoff_tasks.packet.document import (
        AnyPacket,
        GitState,
        OutcomeEntry,
        PacketDocument,
        ProducerEntry,
    )

DIFF_CONTRACT = "handoff-diff.v1"
BREAKING, ADDITIVE, EDITORIAL = ChangeClass

_BaselineKey = Literal[
    "release_tag",
    "commit_sha",
    "expected_service_contract_version",
    "expected_api_contract_version",
    "integration_baseline",
]
_VERSIONS: Mapping[_BaselineKey, tuple[str, str]] = {
    "expected_service_contract_version": ("service_version", "service contract"),
    "expected_api_contract_version": ("api_version", "API contract"),
    "integration_baseline": ("integration_baseline", "integration baseline"),
}
# These changes of a field's rule only add a promise.
_ADDED_PROMISES = {(None, "optional"), (None, "requires"), ("optional", "requires")}
_RULE_WORDS = {
    "requires": "required",
    "optional": "optional",
    "forbids": "forbidden",
    None: "not mentioned",
}


def compare(old: AnyPacket, new: AnyPacket, notice: Notice) -> list[Change]:
    """Return the changes between two packets, the gravest first.

    Changes of one class are in the packet's order. ``notice`` is the policy for new error codes.
    """
    changes = [
        *_contract(old, new, notice),
        *_rehearsal(old, new),
        *_verdict(old, new),
        *_identity(old, new),
        *_commands(old, new),
        *_outcomes(old, new),
        *_statement(_lines(old), _lines(new)),
    ]
    order = list(ChangeClass)
    return sorted(changes, key=lambda change: order.index(change.change_class))


def _change(
    change_class: ChangeClass, kind: str, pointer: str, values: tuple[Value, Value], message: str
) -> Change:
    return Change(
        kind=kind,
        pointer=pointer,
        old=values[0],
        new=values[1],
        change_class=change_class,
        message=message,
    )


def _contract(old: AnyPacket, new: AnyPacket, notice: Notice) -> Iterator[Change]:
    """Yield changes of what consumers rely on."""
    if is_release(old) or is_release(new):
        yield from _contracts(old, new)
        return
    yield from _versions(old, new)
    yield from _error_codes(old["error_code_enum"], new["error_code_enum"], notice)
    yield from _envelopes(old, new)


def _contracts(old: AnyPacket, new: AnyPacket) -> Iterator[Change]:
    """Yield changes of the kind of contract, or of the versions of contracts.

    Another version may mean anything. A new contract is one that no consumer relies on yet.
    """
    kinds = [RELEASE if is_release(document) else SERVICE for document in (old, new)]
    if kinds[0] != kinds[1]:
        message = f"the contract is of the kind {kinds[1]}, was {kinds[0]}"
        yield _change(BREAKING, "contract_kind", "/contracts", (kinds[0], kinds[1]), message)
        return
    before: Mapping[str, str] = cast("PacketDocument", old)["contracts"]
    after: Mapping[str, str] = cast("PacketDocument", new)["contracts"]
    for name in dict.fromkeys([*before, *after]):
        values = before.get(name), after.get(name)
        if values[0] == values[1]:
            continue
        pointer = "/contracts/" + name
        if values[0] is None:
            message = f"the contract {name} {values[1]} is new"
            yield _change(ADDITIVE, "contract_added", pointer, values, message)
        elif values[1] is None:
            message = f"the contract {name} {values[0]} was removed"
            yield _change(BREAKING, "contract_removed", pointer, values, message)
        else:
            message = f"the contract {name} is {values[1]}, was {values[0]}"
            yield _change(BREAKING, "contract_version", pointer, values, message)
    yield from _manifest_version(old, new)


def _versions(old: AnyPacket, new: AnyPacket) -> Iterator[Change]:
    """Yield changes of the runtime's versions; another version may mean anything."""
    for key, (kind, name) in _VERSIONS.items():
        for pointer, before, after in _runtime_changes(key, old, new):
            message = f"the runtime's {name} is {after}, was {before}"
            yield _change(BREAKING, kind, pointer, (before, after), message)
    yield from _manifest_version(old, new)


def _manifest_version(old: AnyPacket, new: AnyPacket) -> Iterator[Change]:
    versions = old["manifest_contract_version"], new["manifest_contract_version"]
    if versions[0] != versions[1]:
        message = (
            f"the contract version of the manifest, which the consumer mirrors and reads, "
            f"is {versions[1] or 'none'}, was {versions[0] or 'none'}"
        )
        pointer = "/manifest_contract_version"
        yield _change(BREAKING, "manifest_version", pointer, versions, message)


def _runtime_changes(
    key: _BaselineKey, old: AnyPacket, new: AnyPacket, *, top_first: bool = False
) -> Iterator[tuple[str, str, str]]:
    """Yield pointer and both values of each change of a value of the runtime.

    The value is in the baseline and at the top level; at the top level of a rehearsal is the
    rehearsed service version instead. If both places have the same change, only the first is
    yielded.
    """
    if is_release(old) or is_release(new):
        top = old[key], new[key]
        if top[0] != top[1]:
            yield f"/{key}", *top
        return
    pair = (old["active_runtime_baseline"][key], new["active_runtime_baseline"][key])
    places = [(f"/active_runtime_baseline/{key}", pair)]
    if key != VERSION_KEY or {old["handoff_mode"], new["handoff_mode"]} == {"stable"}:
        places.insert(0 if top_first else 1, (f"/{key}", (old[key], new[key])))
    seen = set()
    for pointer, pair in places:
        if pair[0] != pair[1] and pair not in seen:
            seen.add(pair)
            yield pointer, *pair


def _error_codes(old: Sequence[str], new: Sequence[str], notice: Notice) -> Iterator[Change]:
    """Yield changes of the error codes.

    What a removed code stood for now comes as another code, which a consumer maps differently; a
    new code has to be mapped. The order has no meaning in a response.
    """
    old, new = list(dict.fromkeys(old)), list(dict.fromkeys(new))
    for code in old:
        if code not in new:
            message = (
                f"error code {code} was removed: its errors now have another code, or do not occur"
            )
            yield _change(BREAKING, "error_code_removed", "/error_code_enum", (code, None), message)
    for code in new:
        if code not in old:
            yield Change(
                kind="error_code_added",
                pointer="/error_code_enum",
                old=None,
                new=code,
                change_class=ADDITIVE,
                message=f"error code {code} is new: consumers have to map it",
                notice=notice.text(),
            )
    before, after = _common(old, new)
    if before != after:
        message = "the remaining error codes have another order; responses do not depend on it"
        pointer = "/error_code_enum"
        yield _change(EDITORIAL, "error_codes_reordered", pointer, (before, after), message)


def _common(old: Sequence[str], new: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the items that are in both, in the order of each."""
    return [item for item in old if item in new], [item for item in new if item in old]


def _envelopes(old: AnyPacket, new: AnyPacket) -> Iterator[Change]:
    """Yield changes of the envelope policies, field by field.

    The policy in force is compared with the policy in force, whatever their versions. A consumer
    may rely on each rule of a field, so a change is breaking unless it only adds a promise. A
    rehearsed envelope is not in force: its changes are additive.
    """
    for in_force in (True, False):
        old_name, old_rules = _policy(old, in_force=in_force)
        new_name, new_rules = _policy(new, in_force=in_force)
        kind = "envelope_policy" if in_force else "rehearsed_envelope_policy"
        responses = "error responses" if in_force else "rehearsed error responses"
        for field in old_rules | new_rules:
            before, after = old_rules.get(field), new_rules.get(field)
            if before == after:
                continue
            is_breaking = in_force and (before, after) not in _ADDED_PROMISES
            yield _change(
                BREAKING if is_breaking else ADDITIVE,
                kind,
                f"/non_2xx_envelope_policy/{new_name or old_name}",
                (f"{before} {field}" if before else None, f"{after} {field}" if after else None),
                f"{field} in {responses}: {_RULE_WORDS[before]}, now {_RULE_WORDS[after]}",
            )


def _policy(document: AnyPacket, *, in_force: bool) -> tuple[str, dict[str, str]]:
    """Return the name of the policy in force, or of the rehearsed one, and its rule per field.

    In force is the policy of the runtime's version; without it, the first policy of the kind is
    taken. Both are empty if there is none.
    """
    policies = document["non_2xx_envelope_policy"]
    if in_force:
        version, suffix = document["active_runtime_baseline"][VERSION_KEY], "_stable"
    else:
        version, suffix = document[VERSION_KEY], "_candidate"
    name = version.replace(".", "_") + suffix
    if name not in policies:
        name = next((name for name in policies if name.endswith(suffix)), "")
    policy = cast("Mapping[str, Sequence[str]]", policies.get(name, {}))
    return name, {field: rule for rule in ENVELOPE_RULES for field in policy.get(rule, ())}


def _rehearsal(old: AnyPacket, new: AnyPacket) -> Iterator[Change]:
    """Yield changes of the mode and of the rehearsal, which leave the runtime as it is."""
    modes = old["handoff_mode"], new["handoff_mode"]
    if modes[0] != modes[1]:
        message = f"the mode is {modes[1]}, was {modes[0]}"
        yield _change(EDITORIAL, "mode", "/handoff_mode", modes, message)
        return
    if modes[1] == "stable":
        return
    versions = old[VERSION_KEY], new[VERSION_KEY]
    if versions[0] != versions[1]:
        message = (
            f"the rehearsed version is {versions[1]}, was {versions[0]}; the runtime stays as it is"
        )
        yield _change(ADDITIVE, "rehearsed_version", f"/{VERSION_KEY}", versions, message)
    for block in BLOCK_NAMES:
        before, after = _leaves(old.get(block), f"/{block}"), _leaves(new.get(block), f"/{block}")
        for pointer in before | after:
            values = before.get(pointer), after.get(pointer)
            if values[0] != values[1]:
                message = "the terms of the rehearsal have changed"
                yield _change(ADDITIVE, "rehearsal", pointer, values, message)


def _leaves(value: object, pointer: str) -> dict[str, str | list[str]]:
    """Return the values of a block of the rehearsal by pointer; a list is one value."""
    if isinstance(value, dict):
        leaves: dict[str, str | list[str]] = {}
        for key, inner in value.items():
            leaves |= _leaves(inner, f"{pointer}/{key}")
        return leaves
    if value is None:
        return {}
    return {pointer: [_text(item) for item in value] if isinstance(value, list) else _text(value)}


def _text(value: object) -> str:
    return value if isinstance(value, str) else canonical.canonical_bytes(value).decode()


def _verdict(old: AnyPacket, new: AnyPacket) -> Iterator[Change]:
    """Yield a change of the verdict: a packet that is not GO cannot be pinned."""
    before, after = old.get("verdict"), new.get("verdict")
    if before is None or after is None or before == after:
        return
    verdicts = str(before), str(after)
    message = f"the verdict is {verdicts[1]}, was {verdicts[0]}"
    if verdicts[0] == GO:
        message += "; no consumer can pin it"
        yield _change(BREAKING, "verdict", "/verdict", verdicts, message)
    else:
        yield _change(EDITORIAL, "verdict", "/verdict", verdicts, message)


def _identity(old: AnyPacket, new: AnyPacket) -> Iterator[Change]:
    """Yield changes of the release's identity: what a consumer writes into its pin."""
    identities: tuple[tuple[_BaselineKey, str, str], ...] = (
        ("release_tag", "release_tag", "the release"),
        ("commit_sha", "runtime_commit", "the runtime commit"),
    )
    for key, kind, name in identities:
        for pointer, before, after in _runtime_changes(key, old, new, top_first=True):
            message = f"{name} is {after}, was {before}"
            yield _change(EDITORIAL, kind, pointer, (before, after), message)
    if is_own(old) and is_own(new):
        yield from _producer(old["producer"], new["producer"])
        yield from _git_state(old["git_state"], new["git_state"])
    path_keys: tuple[Literal["manifest_path", "changelog_path"], ...] = (
        "manifest_path",
        "changelog_path",
    )
    for path_key in path_keys:
        paths = old[path_key], new[path_key]
        before, after = paths[0] or "none", paths[1] or "none"
        # Other generators write absolute paths: only the part below the root is compared.
        is_same = before.endswith(f"/{after}") or after.endswith(f"/{before}") or before == after
        if not is_same:
            message = f"{path_key} is {after}, was {before}"
            yield _change(EDITORIAL, "path", f"/{path_key}", paths, message)


def _producer(old: ProducerEntry, new: ProducerEntry) -> Iterator[Change]:
    """Yield changes of producer and profile; nothing holds for the packet of another producer."""
    if old["id"] != new["id"]:
        message = f"the producer is {new['id']}, was {old['id']}: a packet of another producer"
        yield _change(BREAKING, "producer_id", "/producer/id", (old["id"], new["id"]), message)
    fields: tuple[tuple[Literal["name", "profile", "profile_sha256"], str, str], ...] = (
        ("name", "producer_name", "the producer's name"),
        ("profile", "profile", "the profile"),
        ("profile_sha256", "profile_sha256", "the sha256 of the profile"),
    )
    for key, kind, name in fields:
        before, after = old[key], new[key]
        if before != after:
            outside = "outside the commit"
            message = f"{name} is {after or outside}, was {before or outside}"
            yield _change(EDITORIAL, kind, f"/producer/{key}", (before, after), message)


def _git_state(old: GitState, new: GitState) -> Iterator[Change]:
    """Yield changes of what git says of the release."""
    before, after = _git_texts(old), _git_texts(new)
    for kind, (pointer, name, old_value) in before.items():
        new_value = after[kind][2]
        if old_value != new_value:
            message = f"{name} is {new_value or 'none'}, was {old_value or 'none'}"
            yield _change(EDITORIAL, kind, pointer, (old_value, new_value), message)


def _git_texts(state: GitState) -> dict[str, tuple[str, str, str | None]]:
    """Return pointer, name and value of each compared fact by the kind of its change."""
    tag = state["tag"]
    at = "/git_state"
    return {
        "producer_path": (f"{at}/producer_path", "the producer's folder", state["producer_path"]),
        "tag_name": (f"{at}/tag/name", "the tag's name", tag["name"]),
        "tag_kind": (f"{at}/tag/kind", "the tag's kind", tag["kind"]),
        "tag_state": (f"{at}/tag/state", "the tag's state", tag["state"]),
        "tag_target": (f"{at}/tag/target", "the tag's commit", tag["target"]),
        "verified_commit": (
            f"{at}/verified_commit",
            "the verified commit",
            state["verified_commit"],
        ),
        "manifest_sha256": (
            f"{at}/manifest_sha256",
            "the sha256 of the manifest",
            state["manifest_sha256"],
        ),
    }


def _commands(old: AnyPacket, new: AnyPacket) -> Iterator[Change]:
    """Yield changes of the verification commands, which promise nothing about a response."""
    pointer = "/verification_commands"
    before, after = _portable_commands(old, new), _portable_commands(new, old)
    for command in before:
        if command not in after:
            message = f"no longer run: {command}"
            yield _change(EDITORIAL, "check_removed", pointer, (command, None), message)
    for command in after:
        if command not in before:
            message = f"run in addition: {command}"
            yield _change(EDITORIAL, "check_added", pointer, (None, command), message)
    common = _common(before, after)
    if common[0] != common[1]:
        message = "the remaining commands have another order"
        yield _change(EDITORIAL, "checks_reordered", pointer, common, message)


def _portable_commands(document: AnyPacket, other: AnyPacket) -> list[str]:
    """Return the commands with the producer's root as ``.``.

    Other generators write the path of one machine instead.
    """
    commands = document["verification_commands"]
    path, below = document["manifest_path"], f"/{other['manifest_path']}"
    if path is None or not path.endswith(below):
        return commands
    return [relative_command(command, path.removesuffix(below)) for command in commands]


def relative_command(command: str, root: str) -> str:
    """Return a command line with each word that is ``root`` as ``.``."""
    return " ".join("." if word == root else word for word in command.split(" "))


def _outcomes(old: AnyPacket, new: AnyPacket) -> Iterator[Change]:
    """Yield changes of outcomes and tools."""
    if not (is_own(old) and is_own(new)):
        return
    before = {outcome["command"]: outcome for outcome in old["verification_outcomes"]}
    for number, outcome in enumerate(new["verification_outcomes"]):
        earlier = before.get(outcome["command"])
        if earlier is not None:
            yield from _outcome(earlier, outcome, f"/verification_outcomes/{number}")
    yield from _tools(old, new)


def _outcome(old: OutcomeEntry, new: OutcomeEntry, pointer: str) -> Iterator[Change]:
    if old["outcome"] != new["outcome"]:
        words = [entry["outcome"].replace("_", " ") for entry in (old, new)]
        message = f"{new['id']} {words[1]}, was {words[0]}"
        values = old["outcome"], new["outcome"]
        yield _change(EDITORIAL, "outcome", f"{pointer}/outcome", values, message)
    elif old["exit_code"] != new["exit_code"]:
        codes = _text(old["exit_code"]), _text(new["exit_code"])
        message = f"{new['id']} ended with exit code {codes[1]}, was {codes[0]}"
        yield _change(EDITORIAL, "exit_code", f"{pointer}/exit_code", codes, message)
    ignores = old.get("ignores", []), new.get("ignores", [])
    if ignores[0] != ignores[1]:
        files = [", ".join(patterns) or "nothing" for patterns in ignores]
        message = f"{new['id']} ignores {files[1]}, was {files[0]}"
        yield _change(EDITORIAL, "ignores", f"{pointer}/ignores", ignores, message)


def _tools(old: PacketDocument, new: PacketDocument) -> Iterator[Change]:
    before = _tool_versions(old["verification_outcomes"])
    after = _tool_versions(new["verification_outcomes"])
    for name in sorted(before.keys() | after.keys()):
        first, second = before.get(name), after.get(name)
        if first != second:
            message = f"verified with {name} {second or 'not at all'}, was {first or 'not used'}"
            values = f"{name} {first}" if first else None, f"{name} {second}" if second else None
            yield _change(EDITORIAL, "tool", "/verification_outcomes", values, message)


def _tool_versions(outcomes: Iterable[OutcomeEntry]) -> dict[str, str]:
    """Return the versions of each tool as text; there is usually one."""
    versions: dict[str, set[str]] = {}
    for outcome in outcomes:
        for name, version in outcome["tools"].items():
            versions.setdefault(name, set()).add(version)
    return {name: ", ".join(sorted(some)) for name, some in versions.items()}


def _lines(document: AnyPacket) -> Mapping[str, str]:
    return cast("Mapping[str, str]", document[STATEMENT_KEY] or {})


def _statement(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    """Yield changes of the statement's lines."""
    for line in dict.fromkeys([*old, *new]):
        before, after = old.get(line), new.get(line)
        if before != after:
            message = f"the statement's {line.replace('_', ' ')}: {after or 'nothing'}"
            pointer = f"/{STATEMENT_KEY}/{line}"
            yield _change(EDITORIAL, "statement", pointer, (before, after), message)
