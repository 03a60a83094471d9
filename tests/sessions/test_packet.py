"""The sessions that look at packets, from outside.

Real nox, a small producer with the packets of two releases.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nox_server
import pytest
import scratch
from builders import go_packet, manifest
from packets import at, foreign, written

from handoff_tasks.formats import schemas

if TYPE_CHECKING:
    from pathlib import Path

NOXFILE = "import nox\nimport handoff_tasks\nhandoff_tasks.register(nox, __file__, profile='handoff.toml')\n"


@dataclass
class Reader:
    """A user with a noxfile, a producer whose last two tags hold packets, and two packets in files."""

    folder: Path
    producer: scratch.Producer

    def run(self, session: str, *words: str) -> subprocess.CompletedProcess[str]:
        given = ["--noxfile", str(self.folder / "noxfile.py"), "-s", session, "--", *words]
        environment = {
            **os.environ,
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "HOME": str(self.folder),
        }
        return nox_server.run(given, env=environment, cwd=self.folder)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Make it once: the sessions write nothing there."""
    folder = tmp_path_factory.mktemp("a desk #1")
    (folder / "noxfile.py").write_text(NOXFILE)
    (folder / "handoff.toml").write_text(scratch.PROFILE)
    made = scratch.producer(folder / "producer")
    made.commit("docs: packet of v1.1.0", {scratch.PACKET_PATH: json.dumps(at(made, "v1.1.0"))})
    made.tag("v1.1.0")
    policy = {
        "standard_business_days": 5,
        "emergency_notice_hours": 6,
        "emergency_requires_same_day_docs_spec_tests": True,
    }
    made.release("v1.2.0", made.head(), additive_error_code_notice_policy=policy)
    made.tag("v1.2.0")
    more = at(
        made,
        "v1.2.0",
        error_code_enum=["invalid_json", "validation_error", "internal_error", "fresh"],
    )
    made.commit("docs: packet of v1.2.0", {scratch.PACKET_PATH: json.dumps(more)})
    made.tag("v1.2.0")
    written(folder / "old.json", go_packet())
    written(
        folder / "new.json",
        go_packet(manifest=manifest(error_code_enum=["invalid_json", "internal_error"])),
    )
    return Reader(folder=folder, producer=made)


def test_two_tags_of_a_producer(reader: Reader) -> None:
    """TAG: reads what is published there; the added code has the notice of that manifest.

    Additive is not breaking.
    """
    words = ["v1.1.0:", "v1.2.0:", "--producer-root", "producer", "--fail-on", "breaking"]
    done = reader.run("handoff-diff", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "error code fresh is new: consumers have to map it" in done.stdout
    assert (
        "notice: 5 business days, or in an emergency 6 hours with same-day docs, spec and tests"
        in done.stdout
    )
    assert done.stdout.splitlines()[-1] == "1 additive, 2 editorial"
    words[-1] = "additive"
    done = reader.run("handoff-diff", *words, "--result-json", "result.json")
    assert done.returncode == 1
    assert json.loads((reader.folder / "result.json").read_bytes())["problems"] == [
        {
            "code": "HP103",
            "where": "--fail-on additive",
            "message": "1 of 3 changes: error_code_added (additive)",
            "hint": "give the notice that they need and agree on them with the consumers, or revert them",
        }
    ]


def test_two_files_for_machines(reader: Reader) -> None:
    """JSON that its schema accepts is all that stands on standard output, also when a change makes the session fail."""
    done = reader.run(
        "handoff-diff", "old.json", "new.json", "--format", "json", "--fail-on", "breaking"
    )
    assert done.returncode == 1
    document: dict[str, Any] = json.loads(done.stdout)
    assert (
        schemas.violations(document, schemas.schema(schemas.DIFF), where="d", code="HP070", hint="")
        == []
    )
    assert [(one["kind"], one["class"]) for one in document["changes"]] == [
        ("error_code_removed", "breaking")
    ]
    assert document["old"]["source"] == str(reader.folder / "old.json")


def test_two_files_for_a_pull_request(reader: Reader) -> None:
    """Markdown; without --fail-on a comparison ends with 0 whatever it finds."""
    done = reader.run("handoff-diff", "old.json", "new.json", "--format", "md")
    assert done.returncode == 0
    assert done.stdout.startswith("## v1.2.3 to v1.2.3\n")
    assert "| breaking | error code validation" in done.stdout


def test_a_tag_needs_a_producer(reader: Reader) -> None:
    """With a profile of one's own and none named, it is asked for."""
    done = reader.run("handoff-diff", "v1.1.0:", "new.json")
    assert done.returncode == 1
    assert "HP010 " in done.stdout
    assert "give the producer's root with --producer-root" in done.stdout


@pytest.mark.slow
def test_a_packet_is_shown(reader: Reader) -> None:
    """As text, as Markdown, and as itself; each ends with 0 and none claims to have checked it."""
    done = reader.run("handoff-show", "old.json")
    assert done.returncode == 0, done.stdout
    assert (
        done.stdout.splitlines()[-2]
        == "The packet says GO: this is what the packet says; nothing was checked now"
    )
    assert reader.run("handoff-show", "old.json", "--format", "md").stdout.startswith(
        "## v1.2.3, stable\n"
    )
    done = reader.run("handoff-show", "old.json", "--format", "json")
    assert done.stdout == (reader.folder / "old.json").read_text()
    page = reader.run("handoff-show", "old.json", "--format", "html").stdout
    assert page.startswith("<!DOCTYPE html>")
    assert "This is what the packet says; nothing was checked now." in page
    assert f"To check it: nox -s handoff-verify -- &#39;{reader.folder / 'old.json'}&#39;." in page
    written(reader.folder / "foreign.json", foreign(go_packet()))
    done = reader.run("handoff-show", "foreign.json", "--format", "html")
    assert done.returncode == 1
    assert (
        f"or compare it: nox -s handoff-diff -- '{reader.folder / 'foreign.json'}' OTHER"
        in done.stdout
    )
    assert (
        "HP001 --format: html is the page of one packet"
        in reader.run("handoff-diff", "old.json", "new.json", "--format", "html").stdout
    )
    assert "HP005 " in reader.run("handoff-show", "none.json").stdout
    done = reader.run("handoff-show", "v1.2.0:", "--producer-root", "producer")
    assert f"  packet    v1.2.0:{scratch.PACKET_PATH}" in done.stdout.splitlines()


def test_what_is_shown_of_a_tag_can_be_verified_by_pasting(reader: Reader) -> None:
    """The next step of handoff-show runs as it is printed.

    TAG:, with the producer that was named, also from elsewhere.
    """
    elsewhere = reader.folder / "some where"
    elsewhere.mkdir(exist_ok=True)
    noxfile = reader.folder / "noxfile.py"
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(reader.folder / "cache"),
        "HOME": str(reader.folder),
    }
    words = [
        "-f",
        str(noxfile),
        "-s",
        "handoff-show",
        "--",
        "v1.2.0:",
        "--producer-root",
        "../producer",
    ]
    shown = nox_server.run(words, env=environment, cwd=elsewhere)
    last = shown.stdout.splitlines()[-1]
    assert last.startswith("It cannot be verified; to compare it with another packet: ")
    command = shlex.split(last.partition("another packet: ")[2])
    assert command == [
        "nox",
        "-f",
        str(noxfile),
        "-s",
        "handoff-diff",
        "--",
        "v1.2.0:",
        "OTHER",
        "--producer-root",
        "../producer",
    ]
    command[command.index("OTHER")] = "v1.1.0:"
    again = [sys.executable, "-m", *command]
    done = subprocess.run(
        again, env=environment, cwd=elsewhere, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_packet_at_a_tag_is_verified(reader: Reader) -> None:
    """TAG: as for the other two, in a bare clone too.

    Another generator's packet is reported as one before all else.
    """
    bare = reader.folder / "bare.git"
    scratch.git(
        reader.folder, "clone", "--quiet", "--bare", f"file://{reader.producer.path}", str(bare)
    )
    for root in ("producer", "bare.git"):
        done = reader.run("handoff-verify", "v1.2.0:", "--producer-root", root)
        assert done.returncode == 1
        lines = done.stdout.splitlines()
        where = f"v1.2.0:{scratch.PACKET_PATH}"
        start = lines.index("Problems:")
        assert lines[start + 1 : start + 5] == [
            f"  HP076 {where}: it is not a packet of handoff-tasks (no packet_contract_version): it records no outcome",
            "        next: ask the producer for a packet that the handoff session published",
            "",
            "Further contradictions:",
        ]
        assert lines[-1] == f"NO-GO  {where}"
    done = reader.run("handoff-verify", "v9.9.9:", "--producer-root", "producer")
    assert "HP101 tag v9.9.9: no such release tag in" in done.stdout
