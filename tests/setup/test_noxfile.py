"""Claims about the noxfile that is written, and about what to add to one that exists."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from handoff_tasks.setup import noxfile
from handoff_tasks.setup.listing import PLAIN, Listing

if TYPE_CHECKING:
    from pathlib import Path

STYLES = {
    "no settings": "",
    "all rules": "[tool.ruff.lint]\nselect = ['ALL']\nignore = ['D203', 'D213']\n",
    "single quotes": "[tool.ruff.lint]\nselect = ['ALL']\nignore = ['D203', 'D213']\n"
    "[tool.ruff.format]\nquote-style = 'single'\n"
    "[tool.ruff.lint.flake8-quotes]\ninline-quotes = 'single'\n",
    "lines after imports": "[tool.ruff.lint]\nselect = ['I']\n"
    "[tool.ruff.lint.isort]\nlines-after-imports = 2\n",
    "by length": "[tool.ruff.lint]\nselect = ['I']\n[tool.ruff.lint.isort]\nlength-sort = true\n",
    "required import": "[tool.ruff.lint]\nselect = ['I']\n"
    "[tool.ruff.lint.isort]\nrequired-imports = ['from __future__ import annotations']\n",
    "by module": "[tool.ruff.lint]\nselect = ['I', 'E4']\n"
    "[tool.ruff.lint.isort]\nforce-sort-within-sections = true\n",
}
NOXFILES = {
    "between": "import nox\n\nnox.needs_version = '>=2025'\n",
    "after others": "import argparse\nimport os\n\nimport nox\nimport requests\n\nos, requests\n",
    "before from": "import nox\nfrom rich import print\n\nprint(nox)\n",
    "after a first one": "import attrs\nimport nox\n\nprint(attrs)\n",
}


def listing(text: str) -> Listing:
    """Return a repository with this ``pyproject.toml``."""
    return Listing(name="app", modes={"pyproject.toml": PLAIN}, read=lambda _: text)


def lint(folder: Path, *words: str) -> None:
    """Run ruff with the settings of a folder, and expect nothing to correct."""
    command = [sys.executable, "-m", "ruff", *words, "--no-cache", "noxfile.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("style", STYLES)
def test_the_noxfile_passes_the_settings_of_its_repository(tmp_path: Path, style: str) -> None:
    """Its formatter and its linter, all rules included."""
    settings = STYLES[style]
    (tmp_path / "pyproject.toml").write_text(settings)
    text = noxfile.new_noxfile(noxfile.read_style(listing(settings)))
    (tmp_path / "noxfile.py").write_text(text)
    lint(tmp_path, "check")
    lint(tmp_path, "format", "--check")


@pytest.mark.parametrize("name", NOXFILES)
def test_the_lines_to_add_pass_them_too(tmp_path: Path, name: str) -> None:
    """The import at the place where isort wants it, the call below everything."""
    settings = "[tool.ruff.lint]\nselect = ['I', 'E4']\n"
    (tmp_path / "pyproject.toml").write_text(settings)
    lines = NOXFILES[name].splitlines()
    (tmp_path / "noxfile.py").write_text(NOXFILES[name])
    lint(tmp_path, "check")
    place, call = noxfile.additions(NOXFILES[name], noxfile.read_style(listing(settings)))
    where, _, added = place.partition(":\n")
    words = where.split()
    at = int(words[2]) - (words[0] == "before")
    lines.insert(at, added)
    where, _, added = call.partition(":\n")
    assert where == f"below its last line ({len(lines) - 1})"
    (tmp_path / "noxfile.py").write_text("\n".join([*lines, added]) + "\n")
    lint(tmp_path, "check")


def test_a_call_without_profile_has_to_name_it() -> None:
    """The sessions are registered already."""
    text = "import nox\nimport handoff_tasks\nhandoff_tasks.register(nox, __file__)\n"
    assert noxfile.additions(text, noxfile.read_style(listing(""))) == [
        'have its call name the profile:\nhandoff_tasks.register(nox, __file__, profile="handoff.toml")'
    ]


def test_a_noxfile_that_is_not_python_gets_the_lines_without_places() -> None:
    """What cannot be read cannot be numbered."""
    assert noxfile.additions("import nox(\n", noxfile.read_style(listing("")))[0] == (
        "among its imports:\nimport handoff_tasks"
    )


def test_sessions_of_the_same_name_are_found_by_decorator_and_name() -> None:
    """A function's own name counts, and the name that the decorator gives; other calls do not."""
    text = (
        "import nox\n@nox.session\ndef pre_release(s): ...\n"
        "@nox.session(name='pre-release')\ndef other(s): ...\n"
        "@cache(name='verify-test')\ndef third(s): ...\n"
    )
    assert noxfile.session_clashes(text, {"pre-release", "verify-test"}) == ["pre-release"]
