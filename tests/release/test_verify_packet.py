"""Claims about packets that are judged: every violation that can be reported is reported, of any generator's packet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from builders import check, go_packet, problem, record, release, shown
from packets import at, foreign, opened, refused

from handoff_tasks.formats import canonical, schemas
from handoff_tasks.packet import build
from handoff_tasks.release import verify_packet
from handoff_tasks.rules import packet as packet_rules

if TYPE_CHECKING:
    from pathlib import Path

    import scratch

STATEMENT = "/consumer_impact_statement_template"


def reported(judged: verify_packet.PacketJudgement) -> set[tuple[str, str]]:
    """Return code and pointer of each finding."""
    return {(one.code, one.where.removeprefix("p.json#")) for one in judged.problems}


def test_a_good_packet_of_ours_is_whole() -> None:
    """Nothing is wrong, and all of it can be held against git."""
    judged = verify_packet.judge_bytes(canonical.published_bytes(go_packet()), "p.json")
    assert judged.problems == ()
    assert judged.document == go_packet()
    assert (
        verify_packet.read_verified_commit(go_packet())
        == go_packet()["git_state"]["verified_commit"]
    )


def test_a_draft_of_ours_says_so() -> None:
    """Beside nothing else: what it lists itself is not listed again."""
    [found] = verify_packet.judge_bytes(
        canonical.published_bytes(build.assemble(release(), [problem()], [])), "p.json"
    ).problems
    assert (found.code, found.where, found.message) == (
        "HP073",
        "p.json#/verdict",
        "the packet itself says NO-GO",
    )


def test_another_generators_packet_is_told_all_that_is_wrong() -> None:
    """First that it is one; then the lines of its statement that say nothing, and each key that contradicts another one."""
    document = foreign(go_packet()) | {"commit_sha": "a" * 40}
    judged = verify_packet.judge_bytes(json.dumps(document).encode(), "p.json")
    first, *others = judged.problems
    assert shown([first]) == [
        (
            "HP076",
            "p.json",
            "it is not a packet of handoff-tasks (no packet_contract_version): it records no outcome",
            "ask the producer for a packet that the handoff session published",
        )
    ]
    assert [(one.code, one.where) for one in others] == [
        ("HP071", "p.json#/active_runtime_baseline/commit_sha"),
        ("HP062", f"p.json#{STATEMENT}"),
    ]
    assert all(others[1].message.count(line) == 1 for line in document[STATEMENT[1:]])
    assert judged.document is not None
    assert not judged.is_own
    assert verify_packet.read_verified_commit(judged.document) is None


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("{", "HP002", "not JSON: expected a key in double quotes"),
        ("null", "HP070", "found null; expected object"),
        ("true", "HP070", "found true; expected object"),
        ("5", "HP070", "found 5; expected object"),
        ('"packet"', "HP070", 'found "packet"; expected object'),
        ("[]", "HP070", "found []; expected object"),
        (
            '{"release_tag": "v1.0.0"}',
            "HP076",
            "it is not a packet of handoff-tasks (no packet_contract_version): it records no outcome; "
            "keys that every packet has are missing or invalid: "
            "handoff_mode, commit_sha, expected_service_contract_version, expected_api_contract_version, "
            "integration_baseline and 12 more",
        ),
    ],
)
def test_what_is_not_a_packet_is_not_judged_further(text: str, code: str, message: str) -> None:
    """One finding says so, and no traceback."""
    judged = verify_packet.judge_bytes(text.encode(), "p.json")
    assert judged.document is None
    [found] = judged.problems
    assert (found.code, found.message) == (code, message)


def test_a_packet_of_ours_without_a_statement_is_refused_by_its_form() -> None:
    """The rules for what is left do not stumble over the key that is missing."""
    document = go_packet()
    del document["consumer_impact_statement_template"]
    judged = verify_packet.judge_bytes(canonical.published_bytes(document), "p.json")
    assert reported(judged) == {("HP070", "")}
    assert judged.document is not None


@pytest.mark.parametrize(
    "key", ["", "git_state", "active_runtime_baseline", "verification_outcomes/0", "producer"]
)
def test_the_keys_have_one_order(key: str) -> None:
    """Another order of keys, in the published indent, is another byte string: HP070."""
    document = go_packet()
    holder: Any = document
    for part in filter(None, key.split("/")):
        holder = holder[int(part) if part.isdigit() else part]
    first = next(iter(holder))
    holder[first] = holder.pop(first)
    message = (
        "the bytes are not in the published form (keys in the order of the contract, two-space indent, plain UTF-8, one newline at "
        "the end)"
    )
    assert shown(
        list(verify_packet.judge_bytes(canonical.published_bytes(document), "p.json").problems)
    ) == [("HP070", "p.json", message, packet_rules.ASK_FOR_ANOTHER)]


def test_envelopes_and_tools_have_one_order_too() -> None:
    """The envelope in force comes first, tools are sorted."""
    for pointer in ("non_2xx_envelope_policy", "tools"):
        document = go_packet()
        holder = (
            document["verification_outcomes"][0]["tools"]
            if pointer == "tools"
            else document[pointer]
        )
        first = next(iter(holder))
        holder[first] = holder.pop(first)
        assert {
            code
            for code, _ in reported(
                verify_packet.judge_bytes(canonical.published_bytes(document), "p.json")
            )
        } == {"HP070"}


@pytest.mark.parametrize(
    "version",
    [
        "1.0\0",
        "1.0\n",
        "1.0\n2",
        "\u202e1.0",
        "1.\u200b0",
        "",
        " 1.0",
        "1.0 ",
        "\u0661.0",
        "1" * 201,
    ],
)
def test_a_version_is_one_printable_line(version: str) -> None:
    """In a packet (HP070); the record has the same form."""
    document = go_packet()
    tools = document["verification_outcomes"][0]["tools"]
    name = next(iter(tools))
    tools[name] = version
    judged = verify_packet.judge_bytes(canonical.published_bytes(document), "p.json")
    assert reported(judged) == {("HP070", f"/verification_outcomes/0/tools/{name}")}
    made = record(check()).to_dict()
    made["tools"][0]["version"] = version
    found = schemas.violations(
        made, schemas.schema(schemas.RECORD), where="r", code="HP040", hint=""
    )
    assert [one.where for one in found] == ["r#/tools/0/version"]


def test_a_damaged_packet_of_ours_is_judged_by_what_is_left(
    producer: scratch.Producer, tmp_path: Path
) -> None:
    """Keys that are of the wrong form are reported once, and no rule stumbles over them."""
    document = go_packet() | {
        "git_state": {"tag": 1},
        "verdict": 7,
        "compatibility_expectations": [],
        "manifest_path": "/x",
    }
    judged = verify_packet.judge_bytes(canonical.published_bytes(document), "p.json")
    assert judged.document is not None
    assert {"git_state", "verdict", "compatibility_expectations", "manifest_path"}.isdisjoint(
        judged.document
    )
    found, notes = verify_packet.judge_by_git(opened(producer, tmp_path), judged.document, "p.json")
    assert ("HP072", "p.json#/active_runtime_baseline/release_tag") in {
        (one.code, one.where) for one in found
    }
    assert [one.code for one in notes] == ["HA016"]


def test_another_generators_packet_is_held_against_git(
    producer: scratch.Producer, tmp_path: Path
) -> None:
    """At its release's tag: what manifest and profile say otherwise, and a statement that is not true there."""
    place = opened(producer, tmp_path)
    document = at(producer, "v1.1.0", error_code_enum=["invalid_json"])
    assert verify_packet.tagged_commit(place, document, "p.json") == producer.git(
        "rev-parse", "v1.1.0^{commit}"
    )
    found = {
        (one.code, one.where) for one in verify_packet.judge_by_git(place, document, "p.json")[0]
    }
    keys = ("error_code_enum", "manifest_path", "changelog_path", "verification_commands")
    assert found == {("HP072", f"p.json#/{key}") for key in keys}


def test_a_release_that_the_producer_does_not_have(
    producer: scratch.Producer, tmp_path: Path
) -> None:
    """Nothing to hold it against: the tags that are known are named."""
    document = at(producer, "v1.1.0", release_tag="v9.9.9")
    assert refused(
        lambda: verify_packet.tagged_commit(opened(producer, tmp_path), document, "p.json")
    ) == [
        (
            "HP101",
            "p.json#/release_tag",
            f"no such release tag in {producer.root}; known: v1.0.0, v1.1.0",
            "name the producer that made it, with all its tags (git fetch --tags)",
        )
    ]
