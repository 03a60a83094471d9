"""Claims about packets that are judged: every violation that can be told is told, of any generator's packet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from builders import go_packet, problem, release
from test_diff import foreign
from test_packets import at, opened, refused

from handoff_tasks import canonical, packet, packet_judge

if TYPE_CHECKING:
    from pathlib import Path

    import scratch

STATEMENT = "/consumer_impact_statement_template"


def told(judged: packet_judge.Judged) -> set[tuple[str, str]]:
    """Return code and pointer of each finding."""
    return {(one.code, one.where.removeprefix("p.json#")) for one in judged.problems}


def test_a_good_packet_of_ours_is_whole() -> None:
    """Nothing is wrong, and all of it can be held against git."""
    judged = packet_judge.judge(canonical.published_bytes(go_packet()), "p.json")
    assert judged.problems == ()
    assert judged.document == go_packet()
    assert packet_judge.stated_commit(go_packet()) == go_packet()["git_state"]["verified_commit"]


def test_a_draft_of_ours_says_so() -> None:
    """Beside nothing else: what it lists itself is not listed again."""
    [found] = packet_judge.judge(canonical.published_bytes(packet.assemble(release(), [problem()], [])), "p.json").problems
    assert (found.code, found.where, found.message) == ("HP073", "p.json#/verdict", "the packet itself says NO-GO")


def test_another_generators_packet_is_told_all_that_is_wrong() -> None:
    """What our schema asks for, each line of the statement that says nothing, and each key that contradicts another one."""
    document = foreign(go_packet()) | {"commit_sha": "a" * 40}
    judged = packet_judge.judge(json.dumps(document).encode(), "p.json")
    assert {pointer for code, pointer in told(judged) if code == "HP062"} == {
        f"{STATEMENT}/{line}" for line in document[STATEMENT[1:]]
    }
    assert {pointer for code, pointer in told(judged) if code == "HP071"} == {"/active_runtime_baseline/commit_sha"}
    assert ("HP070", "/manifest_path") in told(judged)
    assert judged.document is not None
    assert packet_judge.stated_commit(judged.document) is None


@pytest.mark.parametrize("text", ["{", "[]", '{"release_tag": "v1.0.0"}'])
def test_what_is_no_packet_is_not_judged_further(text: str) -> None:
    """Its form is all that can be told."""
    judged = packet_judge.judge(text.encode(), "p.json")
    assert judged.document is None
    assert {code for code, _ in told(judged)} <= {"HP002", "HP070"}


def test_a_damaged_packet_of_ours_is_judged_by_what_is_left(producer: scratch.Producer, tmp_path: Path) -> None:
    """Keys that are of the wrong form are told once, and no rule stumbles over them."""
    document = go_packet() | {"git_state": {"tag": 1}, "verdict": 7, "compatibility_expectations": [], "manifest_path": "/x"}
    judged = packet_judge.judge(canonical.published_bytes(document), "p.json")
    assert judged.document is not None
    assert {"git_state", "verdict", "compatibility_expectations", "manifest_path"}.isdisjoint(judged.document)
    found, notes = packet_judge.against_git(opened(producer, tmp_path), judged.document, "p.json")
    assert ("HP072", "p.json#/active_runtime_baseline/release_tag") in {(one.code, one.where) for one in found}
    assert [one.code for one in notes] == ["HA016"]


def test_another_generators_packet_is_held_against_git(producer: scratch.Producer, tmp_path: Path) -> None:
    """At its release's tag: what manifest and profile say otherwise, and a statement that is not true there."""
    place = opened(producer, tmp_path)
    document = at(producer, "v1.1.0", error_code_enum=["invalid_json"])
    assert packet_judge.tagged_commit(place, document, "p.json") == producer.git("rev-parse", "v1.1.0^{commit}")
    found = {(one.code, one.where) for one in packet_judge.against_git(place, document, "p.json")[0]}
    assert {("HP072", "p.json#/error_code_enum"), ("HP063", "Repin required"), ("HP064", "Rollback instruction")} <= found


def test_a_release_that_the_producer_does_not_have(producer: scratch.Producer, tmp_path: Path) -> None:
    """Nothing to hold it against: the tags that are known are named."""
    document = at(producer, "v1.1.0", release_tag="v9.9.9")
    assert refused(lambda: packet_judge.tagged_commit(opened(producer, tmp_path), document, "p.json")) == [
        (
            "HP101",
            "p.json#/release_tag",
            f"no such release tag in {producer.root}; known: v1.0.0, v1.1.0",
            "name the producer that made it, with all its tags",
        )
    ]
