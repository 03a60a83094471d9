"""What is planned."""

from center_cli import plan


def test_steps_are_numbered():
    assert plan("a\n\nb\n") == "1: consider a\n2: consider b\n"
    assert plan("") == ""
