"""Claims about what is fuzzed: each target starts from real documents, and holds on them and on a handful of random changes."""

from __future__ import annotations

import runpy
from typing import Any

import places
import pytest
from builders import quick
from hypothesis import given
from hypothesis import strategies as st

FUZZ: dict[str, Any] = runpy.run_path(str(places.TOP / "fuzz/targets.py"))
TARGETS = FUZZ["TARGETS"]


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_on_its_seeds(name: str) -> None:
    """Good documents and those that people got wrong, and both cut off and with a byte changed."""
    seeds = FUZZ["seeds"](name)
    assert seeds or name == "printable"
    for seed in [*seeds, b"", b"\xff\xfe", "\u202e\x1b[2J".encode()]:
        for data in (
            seed,
            seed[: len(seed) // 2],
            seed.replace(b'"', b"\\", 3),
            seed.replace(b":", b"\xc2\x9b", 1),
        ):
            TARGETS[name](data)


@quick
@given(st.binary(max_size=200))
@pytest.mark.parametrize(
    "name", ["json", "statement", "headings", "value", "printable", "signers", "sshsig", "envelope"]
)
def test_a_target_holds_on_anything(name: str, data: bytes) -> None:
    """The quick ones on random bytes too."""
    TARGETS[name](data)
