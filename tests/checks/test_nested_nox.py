"""Claims about checks that call nox or tox themselves: an inner nox is not the outer one's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import scratch

if TYPE_CHECKING:
    from desk import Desk

# A session with an environment of its own, which is made without the network.
NOXFILE = """
import os
import sys

import nox

nox.options.sessions = ["tests"]
nox.needs_version = ">=2025.5.1"


@nox.session
def tests(session):
    outer = [name for name in os.environ if name.startswith(("NOX", "VIRTUAL_ENV", "UV_", "PIP_"))]
    assert outer == [], outer
    session.run("python", "-c", "import sys; assert sys.prefix.endswith('/.nox/tests'), sys.prefix")
    print("the inner session ran")


@nox.session
def other(session):
    session.error("the outer nox chose this session")
"""
TOOLS = """
[tools.nox]
executables = ["nox"]
version = ["nox", "--version"]
hint = "install nox"
"""


def _profile(*argv: str) -> str:
    check = scratch.check("inner", argv, tools=("nox",), settings={"PYTHONDONTWRITEBYTECODE": "1"})
    return scratch.profile([check], tools=scratch.TOOLS + TOOLS, keep=[".nox"], passed=["TMPDIR"])


@pytest.mark.slow
@pytest.mark.parametrize("argv", [["nox"], ["nox", "--sessions", "tests"]])
def test_a_check_may_be_a_session_of_the_producers_nox(desk: Desk, argv: list[str]) -> None:
    """Its sessions are those of the command, whatever the caller set for nox; its environments stay for the next run."""
    desk.producer.commit("build: nox", {"noxfile.py": NOXFILE})
    desk.producer.tag("v1.1.0")
    (desk.folder / "handoff.toml").write_text(_profile(*argv))
    done = desk.run("handoff-stable", NOXSESSION="other", VIRTUAL_ENV="/nowhere")
    log = (desk.evidence() / "inner.log").read_text()
    assert done.returncode == 0, log
    assert "the inner session ran" in log
    record = json.loads((desk.evidence() / "inner.json").read_bytes())
    assert record["checkout_state"] == "fresh"
    assert desk.run("handoff-stable", "--rerun").returncode == 0
    record = json.loads((desk.evidence() / "inner.json").read_bytes())
    assert record["checkout_state"] == "kept"


@pytest.mark.slow
def test_a_failed_inner_session_is_a_failed_check(desk: Desk) -> None:
    """The exit code of the inner nox counts; that the outer session ends well does not."""
    desk.producer.commit("build: nox", {"noxfile.py": NOXFILE})
    desk.producer.tag("v1.1.0")
    (desk.folder / "handoff.toml").write_text(_profile("nox", "--sessions", "other"))
    assert desk.run("handoff-stable").returncode == 1
    assert desk.findings() == [("HP043", "check inner")]


@pytest.mark.slow
def test_a_check_may_be_an_environment_of_tox(desk: Desk) -> None:
    """Its environments stay below .tox."""
    text = "[tox]\nno_package = true\n[testenv]\ncommands = python -c \"print('tox ran')\"\n"
    desk.producer.commit("build: tox", {"tox.ini": text})
    desk.producer.tag("v1.1.0")
    check = scratch.check("inner", ["tox", "-e", "py"], tools=())
    profile = scratch.profile([check], keep=[".tox"], passed=["TMPDIR"])
    (desk.folder / "handoff.toml").write_text(profile)
    done = desk.run("handoff-stable", TOXENV="other")
    assert done.returncode == 0, (desk.evidence() / "inner.log").read_text()
    assert "tox ran" in (desk.evidence() / "inner.log").read_text()
