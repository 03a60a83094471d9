"""Claims about the frame of a session: which folders it uses."""

from __future__ import annotations

from pathlib import Path

import nox.sessions
import pytest

from handoff_tasks import running


@pytest.mark.parametrize("name", ["verify-fmt", "verify-a--b-", "verify-" + "long-" * 12 + "name"])
def test_the_folder_of_an_environment_is_noxs(name: str) -> None:
    """In short paths, long ones, and those that nox calls too long: what a handoff looks for is where nox puts it."""
    for length in range(1, 130):
        folder = "/" + "f" * length
        expected = nox.sessions._normalize_path(folder, name)
        assert running.bin_folder(Path(folder), name) == f"{expected}/bin"
