"""Decides whether a remembered outcome is trusted."""

from enum import Enum


class Gate(Enum):
    """What became of a candidate."""

    INCLUDED = "included"
    EXCLUDED = "excluded"


def gate(successes: int, failures: int) -> Gate:
    """Include a candidate when it succeeded more often than it failed."""
    return Gate.INCLUDED if successes > failures else Gate.EXCLUDED
