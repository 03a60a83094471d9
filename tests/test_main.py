"""Claims about the command ``handoff-tasks``: it needs no noxfile, and does what the session does."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import nox_server
import places
import pytest
import scratch

from handoff_tasks import __main__ as command_line

MAKEFILE = "check:\n\t@echo checked\n"
SCREEN = """\
{root}: make (Makefile)

wrote handoff.toml  what to run and to read: read it once
wrote handoff.md    the impact statement
wrote noxfile.py    the sessions

found
  checks    check: make check
  release   v{{version}} (semver; 1 tag, the latest here v1.0.0)
  runtime   Makefile, main.c

assumed
  the next release is v1.0.1; for another one, change the heading in handoff.md

to do
  handoff.md:12  Runtime behavior changes
  handoff.md:13  Required consumer mapping changes
  handoff.md:14  Required test updates

next after that, in {root}, with the nox that has handoff-tasks installed beside it
  git add handoff.toml handoff.md noxfile.py && git commit -m "build: hand releases over"
  {nox} -s pre-release -- --release v1.0.1
"""
STATEMENT = """\
# Consumer impact

What each release means for its consumers, a section for each. Replace what is in < >.

## v1.0.1

<!-- Since v1.0.0, 1 file below the runtime paths changed:
  main.c
-->

Consumer impact:
- Runtime behavior changes: <none|describe>
- Required consumer mapping changes: <none|describe>
- Required test updates: <none|describe>
- Repin required: yes (v1.0.1)
- Rollback instruction: repin to v1.0.0
"""


def producer(path: Path) -> scratch.Producer:
    """Make a repository with a makefile and a release, and a change after it."""
    made = scratch.repository(path)
    made.commit("feat: first release", {"Makefile": MAKEFILE, "main.c": "1\n", "README.md": "x\n"})
    made.tag("v1.0.0")
    made.commit("fix: the second", {"main.c": "2\n"})
    return made


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder, where PATH does not find our nox."""
    return subprocess.run(
        [sys.executable, "-m", "handoff_tasks", *words],
        cwd=folder,
        env=scratch.environment(PATH="/usr/bin:/bin"),
        capture_output=True,
        text=True,
        check=False,
    )


def test_four_commands_lead_to_go(tmp_path: Path) -> None:
    """Init in a folder without a noxfile, the statement filled in, the two commands that it prints.

    A word of the statement that is corrected afterwards costs no check.
    """
    made = producer(tmp_path / "app")
    done = run(made.root, "init")
    assert done.returncode == 0, done.stderr
    nox = Path(sys.executable).parent / "nox"
    assert done.stdout == SCREEN.format(root=made.root, nox=nox)
    assert (made.root / "handoff.md").read_text() == STATEMENT
    (made.root / "handoff.md").write_text(
        STATEMENT.replace("<none|describe>", "the number is another one", 1).replace(
            "<none|describe>", "none"
        )
    )
    made.commit("build: hand releases over", {})
    words = ["-s", "pre-release", "--", "--release", "v1.0.1", "--cache-dir", str(tmp_path / "c")]

    def pre_release() -> str:
        done = nox_server.run(words, cwd=made.root)
        assert done.returncode == 0, done.stdout
        return done.stdout

    first = pre_release()
    assert "\nGO  for stable; nothing was published\n" in first
    assert "kept" not in first
    text = (made.root / "handoff.md").read_text().replace("is another one", "is 2 now")
    made.write({"handoff.md": text})
    made.git("commit", "--quiet", "--all", "--message", "docs: correct the statement")
    assert "\n  check  passed" in (second := pre_release())
    assert "  kept, ran " in second


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    """The folder can be named; what would be written is printed."""
    made = producer(tmp_path / "app")
    done = run(tmp_path, "init", "app", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "would write handoff.toml" in done.stdout
    assert done.stdout.endswith("\nNothing was written.\n")
    assert made.git("status", "--porcelain") == ""


def test_the_name_of_the_release_can_be_given(tmp_path: Path) -> None:
    """It is the heading of the statement, and in the command to run."""
    made = producer(tmp_path / "app")
    done = run(made.root, "init", "--release", "2.0.0")
    assert done.stdout.endswith("pre-release -- --release v2.0.0\n")
    assert "\n## v2.0.0\n" in (made.root / "handoff.md").read_text()


def test_a_refusal_is_printed_without_traceback(tmp_path: Path) -> None:
    """With its code, and exit status 1."""
    done = run(tmp_path, "init", "none")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines() == [
        "",
        "Refused:",
        f"  HP090 {tmp_path / 'none'}: no such folder",
        "        next: give the folder of a repository",
    ]


@pytest.mark.parametrize("words", [[], ["start"], ["init", "--fresh"], ["init", "a", "b"]])
def test_a_mistake_in_the_words_prints_the_usage(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """And ends with exit status 2, as other commands do."""
    with pytest.raises(SystemExit) as ended:
        command_line.main(words)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: handoff-tasks")


def test_the_command_is_installed() -> None:
    """Under its own name, for a machine without a noxfile."""
    project = tomllib.loads((places.TOP / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"handoff-tasks": "handoff_tasks.__main__:main"}
