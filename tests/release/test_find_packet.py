"""Claims about packets that are looked at: where they are read, how strictly, and whose notice policy counts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import scratch
from builders import go_packet, problem, release, shown
from packets import at, foreign, opened, refused, written

from handoff_tasks.formats import schemas
from handoff_tasks.packet import build, change
from handoff_tasks.release import compare, find_packet

if TYPE_CHECKING:
    from pathlib import Path

POLICY = {
    "standard_business_days": 3,
    "emergency_notice_hours": 12,
    "emergency_requires_same_day_docs_spec_tests": False,
}


def test_a_packet_of_ours_is_held_to_its_rules(tmp_path: Path) -> None:
    """A good one is read; a file that is none, a damaged one and one that contradicts itself are refused."""
    good = find_packet.read_file(written(tmp_path / "good.json", go_packet()))
    assert (good.document, good.notes) == (go_packet(), ())
    missing = tmp_path / "missing.json"
    assert refused(lambda: find_packet.read_file(missing)) == [
        (
            "HP005",
            str(missing),
            "the packet cannot be read: No such file or directory",
            "name a packet's file, or TAG: for the one that is published at a tag",
        )
    ]
    bad = written(tmp_path / "bad.json", go_packet() | {"verdict": "MAYBE"})
    assert {code for code, *_ in refused(lambda: find_packet.read_file(bad))} == {"HP070"}
    lies = written(tmp_path / "lies.json", go_packet() | {"commit_sha": "a" * 40})
    assert {code for code, *_ in refused(lambda: find_packet.read_file(lies))} == {"HP071"}
    no_json = tmp_path / "no.json"
    no_json.write_text("{")
    assert {code for code, *_ in refused(lambda: find_packet.read_file(no_json))} == {"HP002"}


def test_a_draft_is_read_and_says_so(tmp_path: Path) -> None:
    """A NO-GO of ours can be looked at."""
    path = written(tmp_path / "draft.json", build.assemble(release(), [problem()], []))
    [note] = shown(list(find_packet.read_file(path).notes))
    hint = "do not pin it"
    assert note == ("HA102", str(path), "a draft: the packet itself says NO-GO", hint)


def test_another_generators_packet_is_read_leniently(tmp_path: Path) -> None:
    """In whatever layout and with more keys; what it is, is said. One without the common keys is refused."""
    path = tmp_path / "packet.json"
    path.write_text(json.dumps(foreign(go_packet()) | {"more": 1}))
    [note] = shown(list(find_packet.read_file(path).notes))
    message = "not a packet of this library: it records no outcome, and only the keys that every packet has are read"
    assert note == (
        "HA100",
        str(path),
        message,
        "ask the producer for a packet of a handoff session",
    )
    path.write_text("[]")
    assert [code for code, *_ in refused(lambda: find_packet.read_file(path))] == ["HP102"]


def test_a_packet_at_a_tag(producer: scratch.Producer, tmp_path: Path) -> None:
    """Read from the tag's tree, not from the work tree; a packet of an earlier release is reported; no packet, no tag: refused."""
    text = json.dumps(at(producer, "v1.1.0"))
    producer.commit("docs: packet", {scratch.PACKET_PATH: text})
    producer.tag("v1.1.1")
    producer.tag("v1.1.2", f"{producer.head()}^{{tree}}")
    producer.write({scratch.PACKET_PATH: "not committed"})
    place = opened(producer, tmp_path)
    found = find_packet.read_at_tag(place, "v1.1.1")
    where = f"v1.1.1:{scratch.PACKET_PATH}"
    assert (found.source, found.commit, found.document) == (
        where,
        producer.head(),
        json.loads(text),
    )
    make = "make one of v1.1.1: nox -s handoff-stable -- --ref v1.1.1 --out-json FILE"
    assert shown(list(found.notes))[1] == (
        "HA103",
        where,
        "the packet at this tag is that of v1.1.0: no later one was committed",
        make,
    )
    assert refused(lambda: find_packet.read_at_tag(place, "v1.0.0")) == [
        (
            "HP100",
            f"v1.0.0:{scratch.PACKET_PATH}",
            "there is no packet in the tag's tree",
            "make one of that release: nox -s handoff-stable -- --ref v1.0.0 --out-json FILE; then name FILE",
        )
    ]
    for tag in ("v9.9.9", "v1.1.2"):
        assert refused(lambda tag=tag: find_packet.read_at_tag(place, tag)) == [  # type: ignore[misc] # a lambda with a default
            (
                "HP101",
                f"tag {tag}",
                f"no such release tag in {producer.root}; known: v1.0.0, v1.1.0, v1.1.1, v1.1.2",
                "correct the tag, or fetch the tags (git fetch --tags); a packet's file is named without a colon at its end",
            )
        ]


def test_the_notice_is_that_of_the_old_manifest(producer: scratch.Producer, tmp_path: Path) -> None:
    """OLD's manifest first, then NEW's, else the contract's default with an advisory; of our packets only with the same sha256."""
    producer.release("v1.2.0", producer.head(), additive_error_code_notice_policy=POLICY)
    producer.tag("v1.2.0")
    place = opened(producer, tmp_path)
    paths = {
        tag: written(tmp_path / f"{tag}.json", at(producer, tag)) for tag in ("v1.1.0", "v1.2.0")
    }
    old, new = (find_packet.read_file(path) for path in paths.values())
    source = f"{producer.head()[:12]}:{scratch.MANIFEST_PATH}"
    stated = change.Notice(business_days=3, emergency_hours=12, same_day=False, source=source)
    # The manifest of v1.1.0 states no policy.
    assert (
        compare.read_notice(place, [old, new]) == compare.read_notice(place, [new, old]) == stated
    )
    assert (
        compare.read_notice(place, [old, old])
        == compare.read_notice(None, [new])
        == change.DEFAULT_NOTICE
    )
    ours = find_packet.read_file(written(tmp_path / "ours.json", go_packet()))
    assert compare.read_notice(place, [ours]) == change.DEFAULT_NOTICE
    more = find_packet.read_file(
        written(tmp_path / "more.json", at(producer, "v1.2.0", error_code_enum=["fresh"]))
    )
    changes, notice, notes = compare.compare_packets(new, more, None)
    assert (notice, [one.code for one in notes]) == (
        change.DEFAULT_NOTICE,
        ["HA100", "HA100", "HA101"],
    )
    assert shown(notes)[2] == (
        "HA101",
        "notice policy",
        "the notice is the default of producer-contract-manifest.v1; no manifest that states one was read",
        "name the producer with --producer-root to use the policy of its manifest",
    )
    assert [one.code for one in compare.compare_packets(new, more, place)[2]] == ["HA100", "HA100"]
    document = compare.diff_document(new, more, changes, notice, notes)
    schema = schemas.schema(schemas.DIFF)
    assert schemas.violations(document, schema, where="d", code="HP070", hint="") == []
    assert document["changes"][-1]["notice"] == notice.text()
