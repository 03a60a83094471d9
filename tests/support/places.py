"""Where the repository and its tests lie."""

from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
TOP = TESTS.parent
