"""Fixtures that several test modules share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import scratch

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests has no say: no variable for git, bash or the packet's time."""
    for name in list(os.environ):
        if name.startswith(("GIT_", "BASH_")) or name in {"ENV", "CDPATH", "SOURCE_DATE_EPOCH"}:
            monkeypatch.delenv(name)


@pytest.fixture
def producer(tmp_path: Path) -> scratch.Producer:
    """Make a producer with two releases; v1.1.0's tag is checked out."""
    return scratch.producer(tmp_path / "producer")
