"""Claims about the texts of packets: content, order and escaping."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from builders import VERIFIED, go_packet, manifest, problem, release
from packets import foreign

from handoff_tasks.output import packet_text
from handoff_tasks.packet import build, diff
from handoff_tasks.packet.change import DEFAULT_NOTICE
from handoff_tasks.release.find_packet import Call, Packet
from handoff_tasks.report import markdown as report_markdown

if TYPE_CHECKING:
    from handoff_tasks.packet.document import AnyPacket

HOSTILE = "\x1b[2J|<b>[a](http://b.invalid)`@all`"
NOTES = (problem("HA100", "old.json", "no packet of this library", "ask"),)


def read(document: AnyPacket, source: str = "packet.json") -> Packet:
    """Return a packet as it is read from a file."""
    return Packet(source=source, word=source, document=document, sha256="d" * 64, notes=())


def test_changes_as_text() -> None:
    """Both packets, then the changes by class, breaking ones first, and their count."""
    old, new = (
        read(go_packet(), "old.json"),
        read(go_packet(manifest=manifest(error_code_enum=["invalid_json", "fresh"])), "new.json"),
    )
    changes = diff.compare(old.document, new.document, DEFAULT_NOTICE)
    prints = [change.fingerprint for change in changes]
    assert packet_text.changes_text(old, new, changes, NOTES) == [
        "  old  v1.2.3/111111111111, stable  old.json",
        "  new  v1.2.3/111111111111, stable  new.json",
        "",
        "Breaking:",
        f"  {prints[0]}  error code validation_error was removed: its errors now "
        f"have another code, or do not occur",
        "                    at /error_code_enum",
        f"  {prints[1]}  error code internal_error was removed: its errors now "
        f"have another code, or do not occur",
        "                    at /error_code_enum",
        "",
        "Additive:",
        f"  {prints[2]}  error code fresh is new: consumers have to map it",
        "                    at /error_code_enum",
        "                    notice: 10 business days, or in an emergency 24 hours with "
        "same-day docs, spec and tests",
        "",
        "Advisories:",
        "  HA100 old.json: no packet of this library",
        "        next: ask",
        "",
        "2 breaking, 1 additive",
    ]
    assert packet_text.changes_text(old, old, [], ())[-1] == "No changes"


def test_changes_as_markdown() -> None:
    """A table with the same in it."""
    old, new = (
        read(go_packet(), "old.json"),
        read(go_packet(manifest=manifest(error_code_enum=["invalid_json"])), "new.json"),
    )
    changes = diff.compare(old.document, new.document, DEFAULT_NOTICE)[:1]
    assert packet_text.changes_markdown(old, new, changes, NOTES) == [
        "## v1.2.3 to v1.2.3",
        "",
        "- old: v1.2.3/111111111111, stable, old.json",
        "- new: v1.2.3/111111111111, stable, new.json",
        "",
        "| class | change | at | notice | fingerprint |",
        "|---|---|---|---|---|",
        r"| breaking | error code validation\_error was removed: its errors now "
        r"have another code, or do not occur "
        rf"| /error\_code\_enum |  | {changes[0].fingerprint} |",
        "",
        "- HA100 old.json: no packet of this library",
        "",
        "1 breaking.",
    ]


def test_a_packet_as_text() -> None:
    """Checks, statement and facts; the last lines say that nothing was checked."""
    lines = packet_text.packet_text(read(go_packet()))
    assert lines[0] == "v1.2.3, stable: 8 checks"
    assert lines[1] == "  fmt                              passed        cargo 1.95.0, rustc 1.95.0"
    assert "- Required consumer mapping changes: map write_conflict to 409" in lines
    digest = go_packet()["producer"]["profile_sha256"]
    assert lines[-9:] == [
        "  errors    invalid_json, validation_error, internal_error",
        f"  producer  MemoryKernel (memorykernel), by memorykernel, sha256 {digest}",
        f"  commit    {VERIFIED}",
        "  tag       v1.2.3  (annotated, at 222222222222)",
        f"  sha256    {'d' * 64}",
        "  packet    packet.json",
        "",
        "The packet says GO: this is what the packet says; nothing was checked now",
        "To check it: nox -s handoff-verify -- packet.json",
    ]


def test_the_next_command_can_be_pasted() -> None:
    """It names the tag, the noxfile if it is elsewhere, and the producer."""
    at_tag = replace(read(go_packet(), "v1.2.3:packet.json"), word="v1.2.3:", commit=VERIFIED)
    assert packet_text.packet_text(at_tag)[-1] == "To check it: nox -s handoff-verify -- v1.2.3:"
    call = Call(noxfile=Path("/a b/noxfile.py"), options=("--producer-root", "my producer"))
    assert packet_text.packet_text(at_tag, call)[-1] == (
        "To check it: nox -f '/a b/noxfile.py' -s handoff-verify -- v1.2.3: "
        "--producer-root 'my producer'"
    )


def test_a_draft_shows_its_problems() -> None:
    """What a NO-GO lists is listed, and a statement that it lacks is not made up."""
    document = build.assemble(
        release(statement=None), [problem()], [problem("HA010", "tag", "moved", "look")]
    )
    lines = packet_text.packet_text(read(document))
    at = lines.index("Problems in the packet:")
    assert lines[at + 1 : at + 3] == [
        "  HP043 check fmt: failed: exit code 1",
        "        next: fix it",
    ]
    assert lines[lines.index("Advisories in the packet:") + 1] == "  HA010 tag: moved"
    assert "- Repin required: (not stated)" in lines
    assert lines[-2].startswith("The packet says NO-GO: ")
    markdown = packet_text.packet_markdown(read(document))
    at = markdown.index("- HP043 check fmt: failed: exit code 1")
    assert markdown[at + 1] == "  - next: fix it"
    assert "nox -s handoff-verify" not in "".join([*lines, *markdown])
    assert (
        lines[-1] == "It is a draft and must not be pinned: fix its problems, commit,"
        " and run the handoff session again"
    )


def test_another_generators_packet_has_no_outcome() -> None:
    """Its commands are shown with no outcome, it has no verdict, and nothing can verify it."""
    made = foreign(go_packet())
    lines = packet_text.packet_text(read(made))
    assert lines[1].split() == ["cargo", "fmt", "--all", "--", "--check", "no", "outcome"]
    assert lines[-2:] == [
        f"The packet has no verdict: {packet_text.NOT_CHECKED}",
        "It cannot be verified; to compare it with another packet: nox -s handoff-diff "
        "-- packet.json OTHER",
    ]
    markdown = packet_text.packet_markdown(read(made))
    assert markdown[2].startswith(
        f"**The packet has no verdict**: {packet_text.NOT_CHECKED}. It cannot be verified; "
    )
    assert "| cargo fmt --all -- --check | no outcome |  |" in markdown


def test_nothing_in_a_packet_is_obeyed() -> None:
    """Text of a packet makes no control character, table cell, tag, link or mention."""
    document = foreign(go_packet())
    document["verification_commands"] = [HOSTILE]
    document["consumer_impact_statement_template"]["repin_required"] = HOSTILE
    document["error_code_enum"] = [HOSTILE]
    hostile = read(document, source=HOSTILE)
    changes = diff.compare(document, go_packet(), DEFAULT_NOTICE)
    text = [
        *packet_text.packet_text(hostile),
        *packet_text.changes_text(hostile, hostile, changes, ()),
    ]
    assert "\x1b" not in "".join(text)
    markdown = [
        *packet_text.packet_markdown(hostile),
        *packet_text.changes_markdown(hostile, hostile, changes, ()),
    ]
    shown = report_markdown.text(HOSTILE)
    assert shown == r"\\x1b\[2J\|&lt;b&gt;\[a\](http:&#8203;//b.invalid)\`@&#8203;all\`"
    assert sum(line.count(shown) for line in markdown) >= 6
    assert "<b>" not in "".join(markdown)
    assert {line.count(" | ") for line in markdown if line.startswith("| ")} == {2, 4}
