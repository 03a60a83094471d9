"""Claims about ``docs/how-to/adopt-<kind>.md``: each profile there is written by ``init``, and reaches GO."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import nox_server
import pytest
from adoptions import ADOPTIONS

from handoff_tasks.sessions import table
from handoff_tasks.setup import scan

if TYPE_CHECKING:
    import scratch
    from adoptions import Adoption

PAGES = Path(__file__).parents[2] / "docs/how-to"
MARKS = {"rust": pytest.mark.cargo}
KINDS = [pytest.param(kind, marks=MARKS.get(kind, pytest.mark.slow)) for kind in ADOPTIONS]


def page_profile(kind: str) -> str:
    """Return the profile that the page shows: its one TOML block."""
    [profile] = re.findall(
        r"^```toml\n(.*?)^```$", (PAGES / f"adopt-{kind}.md").read_text(), re.MULTILINE | re.DOTALL
    )
    return str(profile)


def start(adoption: Adoption, folder: Path) -> tuple[scratch.Producer, scan.Start]:
    """Build a producer and start there."""
    made = adoption.build(folder)
    return made, scan.start(made.root, sessions=table.fixed_names())


@pytest.mark.parametrize("kind", ADOPTIONS)
def test_the_page_shows_the_profile_that_init_writes(tmp_path: Path, kind: str) -> None:
    """Word for word, so that a reader can compare."""
    made, _ = start(ADOPTIONS[kind], tmp_path / "shapes")
    assert (made.root / "handoff.toml").read_text() == page_profile(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_the_profile_of_the_page_reaches_go(tmp_path: Path, kind: str) -> None:
    """Init, the marked lines filled in, a commit, and the command that init prints."""
    adoption = ADOPTIONS[kind]
    missing = [name for name in adoption.needs if not shutil.which(name)]
    if missing:
        pytest.skip(f"{missing[0]} is not on PATH")
    made, found = start(adoption, tmp_path / "my shapes #1")
    statement = made.root / "handoff.md"
    statement.write_text(
        statement.read_text()
        .replace("changes: <none|describe>", "changes: squares are computed in another way", 1)
        .replace("<none|describe>", "none")
    )
    (made.root / "handoff.toml").write_text(page_profile(kind))
    noxfile = made.root / "noxfile.py"
    to_do = [line for line in found.to_do if line.startswith("noxfile.py, ")]
    if to_do:
        added = [line.partition("\n")[2] for line in to_do]
        noxfile.write_text("\n".join([added[0], noxfile.read_text(), added[1], ""]))
    assert len(found.to_do) == 3 + len(to_do)
    made.commit("build: hand releases over", {})
    words = ["--noxfile", str(noxfile), "-s", "pre-release", "--"]
    if found.release:
        words += ["--release", found.release]
    done = nox_server.run([*words, "--cache-dir", str(tmp_path / "cache")], cwd=made.root)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\nGO  for stable" in done.stdout
    assert f"{adoption.name} {adoption.release}" in done.stdout
