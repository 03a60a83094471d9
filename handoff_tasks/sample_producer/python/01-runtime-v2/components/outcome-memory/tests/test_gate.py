"""What is trusted."""

from outcome_core import Gate, gate


def test_a_tie_is_excluded():
    assert gate(2, 1) is Gate.INCLUDED
    assert gate(1, 1) is Gate.EXCLUDED
