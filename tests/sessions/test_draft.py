"""The session that drafts the statement, from outside: real nox, real git."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nox_server
import pytest
import scratch

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

NOXFILE = "import nox\nimport handoff_tasks\nhandoff_tasks.register(nox, __file__, profile='handoff.toml')\n"


def draft(
    folder: Path, producer: scratch.Producer, *words: str
) -> subprocess.CompletedProcess[str]:
    """Call the session in a folder of its own."""
    (folder / "noxfile.py").write_text(NOXFILE)
    (folder / "handoff.toml").write_text(scratch.PROFILE)
    given = ["--producer-root", str(producer.root), "--cache-dir", str(folder / "cache"), *words]
    noxfile = str(folder / "noxfile.py")
    return nox_server.run(["--noxfile", noxfile, "-s", "impact-draft", "--", *given], cwd=folder)


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder to call nox in."""
    folder = tmp_path / "a desk #1"
    folder.mkdir()
    return folder


def test_the_draft_before_the_changelog_has_its_section(
    desk: Path, producer: scratch.Producer
) -> None:
    """Manifest committed, section and tag still to come: evidence, then the block.

    Nothing is written into the producer.
    """
    old = producer.git("rev-parse", "v1.1.0~1")
    runtime = producer.commit("feat: more", {"crates/core/more.rs": "// more\n"})
    producer.commit(
        "chore: the manifest", {scratch.MANIFEST_PATH: scratch.manifest("v1.2.0", runtime)}
    )
    before = scratch.listing(producer.path)
    done = draft(desk, producer)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"Release v1.2.0/{runtime}; the previous one is v1.1.0/{old}.\n"
        "Runtime paths since v1.1.0: 1 changed\n"
        "  crates/core/more.rs\n"
        "Error contract since v1.1.0: the same codes, the same envelope (service.v2)\n"
        "Pinned values since v1.1.0:\n"
        f"  commit_sha from {old} to {runtime}\n"
        "Rollback, the earlier releases:\n"
        f"  v1.1.0/{old}\n"
        f"  v1.0.0/{producer.git('rev-parse', 'v1.0.0~1')}\n"
        "  (the first is filled in; if it was withdrawn, take another)\n"
        "\n"
        "For CHANGELOG.md, section '## v1.2.0'; replace what is in < >:\n"
        "\n"
        "Consumer impact:\n"
        "- Runtime behavior changes: <describe>\n"
        "- Required consumer mapping changes: <none|describe>\n"
        "- Required test updates: <none|describe>\n"
        f"- Repin required: yes (v1.2.0/{runtime})\n"
        f"- Rollback instruction: repin to v1.1.0/{old}\n"
    )
    assert scratch.listing(producer.path) == before


def test_a_release_that_has_its_statement_is_told_so(
    desk: Path, producer: scratch.Producer
) -> None:
    """And what is shown is that statement, not one to fill in."""
    done = draft(desk, producer, "--ref", "v1.1.0")
    assert done.returncode == 0, done.stderr
    old, new = producer.git("rev-parse", "v1.0.0~1"), producer.git("rev-parse", "v1.1.0~1")
    assert done.stdout.partition("For CHANGELOG.md")[2] == (
        ", section '## v1.1.0'; there is a completed statement already:\n\n"
        + scratch.section("v1.1.0", new, rollback=f"v1.0.0/{old}").partition("\n\n")[2]
    )


def test_the_draft_of_a_first_release(desk: Path, tmp_path: Path) -> None:
    """There is nothing to go back to, and the draft says so.

    Filled in like that, the statement stands.
    """
    first = scratch.repository(tmp_path / "first")
    runtime = first.commit("feat: all", {**scratch.SCRIPTS, **scratch.runtime("2")})
    files: dict[str, str | None] = {
        scratch.MANIFEST_PATH: scratch.manifest("v1.0.0", runtime),
        scratch.CHANGELOG_PATH: "## v1.0.0\n",
    }
    first.commit("chore: the manifest", files)
    done = draft(desk, first)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("- Rollback instruction: none, this is the first release\n")
    block = (
        done.stdout[done.stdout.index("Consumer impact:") :]
        .replace("<none|describe>", "the first one")
        .replace("<yes/no>", "yes")
    )
    first.commit("docs: the statement", {scratch.CHANGELOG_PATH: f"## v1.0.0\n\n{block}"})
    done = draft(desk, first)
    assert done.stdout.endswith(f"there is a completed statement already:\n\n{block}"), done.stdout


def test_a_runtime_commit_is_not_the_last_release(desk: Path, producer: scratch.Producer) -> None:
    """After the runtime commit the manifest still names the last release.

    HA009 says so, last, with what to commit.
    """
    runtime = producer.git("rev-parse", "v1.1.0~1")
    assert "Advisories:" not in draft(desk, producer).stdout
    head = producer.commit("feat: more", {"crates/core/more.rs": "// more\n"})
    done = draft(desk, producer)
    assert done.returncode == 0, done.stderr
    assert done.stdout.partition("Advisories:\n")[2] == (
        f"  HA009 commit {head[:12]}: it has another runtime than the manifest's v1.1.0/{runtime[:12]}: crates/core/more.rs\n"
        f"        next: for the next release, put its tag and {head} into the manifest (release_tag, commit_sha) and into the "
        "repin line of its own statement; to verify v1.1.0: --ref v1.1.0\n"
    )


def test_a_commit_without_a_manifest_has_no_draft(desk: Path, producer: scratch.Producer) -> None:
    """HP020, without a traceback."""
    done = draft(desk, producer, "--ref", "v1.0.0~1")
    assert done.returncode == 1
    assert "HP020" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_what_is_not_committed_is_told(desk: Path, producer: scratch.Producer) -> None:
    """HA001: the draft is made from the commit, not from an edited manifest or changelog."""
    for name in (scratch.MANIFEST_PATH, scratch.CHANGELOG_PATH):
        with (producer.root / name).open("a") as file:
            file.write("\n")
    done = draft(desk, producer)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(
        "\n\nAdvisories:\n"
        f"  HA001 {producer.root}: uncommitted, so not part of this run: {scratch.CHANGELOG_PATH}, {scratch.MANIFEST_PATH}\n"
        "        next: commit them if the release needs them\n"
    )
