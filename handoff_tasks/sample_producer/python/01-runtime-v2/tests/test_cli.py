"""The command line, run as a program."""

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parent.parent / "src" / "sample_cli.py"


def sample(*words):
    """Run the program with the words."""
    command = [sys.executable, "-B", PROGRAM, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_recall_prints_one_object_a_line():
    done = sample("recall", "guest")
    assert done.returncode == 0
    assert done.stdout == '{"id":2,"summary":"Guests use the guest network"}\n'


def test_ten_error_codes_are_printed():
    assert len(sample("error-codes").stdout.splitlines()) == 10


def test_an_unknown_command_is_a_usage_error():
    assert sample("forget").returncode == 2
