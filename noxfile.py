"""This repository is a user of its own library; its own sessions stand below."""

import argparse
import os
from pathlib import Path

import nox

import handoff_tasks

handoff_tasks.register(nox, __file__)

nox.options.sessions = ["lint", "types", "tests", "build"]


@nox.session(reuse_venv=True, tags=["project"])
def lint(session: nox.Session) -> None:
    """Formatting, lints and the one-way imports between modules."""
    session.install("-e", ".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "lint"))
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("lint-imports")


@nox.session(reuse_venv=True, tags=["project"])
def types(session: nox.Session) -> None:
    """Check types, strictly, of library, tests and noxfile."""
    session.install("-e", ".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "types"))
    session.run("mypy")


@nox.session(reuse_venv=True, tags=["project"])
def tests(session: nox.Session) -> None:
    """The tests, with branch coverage of every process that they start."""
    session.install("-e", ".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "test"))
    session.run("coverage", "erase")
    # They wait for processes much of the time: one worker more than there are processors.
    workers = str((os.cpu_count() or 1) + 1)
    session.run("coverage", "run", "-m", "pytest", "-n", workers, "--dist", "worksteal", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", "--fail-under=95")


@nox.session(reuse_venv=True, tags=["project"])
def build(session: nox.Session) -> None:
    """Build the wheel and look that all that belongs into it is there."""
    session.install("build", "twine")
    out = session.create_tmp()
    session.run("python", "-m", "build", "--outdir", out, silent=True)
    session.run("python", "-c", "import glob, sys; print(*glob.glob(sys.argv[1] + '/*'), sep='\\n')", out)


@nox.session(reuse_venv=True, tags=["project"])
def bench(session: nox.Session) -> None:
    """Measure against doing the same by hand: -- [--producer-root PATH] [--ref REV] [--cold] [--times N]."""
    session.install("-e", ".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "bench"))
    session.run("python", "benchmarks/bench.py", *session.posargs)


@nox.session(reuse_venv=True, tags=["project"])
def fuzz(session: nox.Session) -> None:
    """Feed the readers what nobody thought of: -- --minutes N [TARGET ...]; what breaks a promise is kept in .nox/fuzz/tmp."""
    parser = argparse.ArgumentParser(prog="nox -s fuzz --")
    parser.add_argument("--minutes", type=float, required=True, help="for all targets together")
    parser.add_argument("targets", nargs="*", default=["json", "profile", "statement", "manifest", "packet", "record", "printable"])
    try:
        asked = parser.parse_args(session.posargs)
    except SystemExit:
        session.error("name the minutes: nox -s fuzz -- --minutes 5")
    session.install("-e", ".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "fuzz"))
    seconds = str(max(1, round(asked.minutes * 60 / len(asked.targets))))
    for target in asked.targets:
        session.run("python", "fuzz/run.py", target, seconds, str(Path(session.create_tmp()) / target))


@nox.session(reuse_venv=True, tags=["project"])
def docs(session: nox.Session) -> None:
    """Generate the reference pages, then build the site and check its links."""
    session.install("-e", ".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "docs"))
    session.run("python", "docs/generate.py")
    session.run("sphinx-build", "-q", "--fail-on-warning", "--keep-going", "--fresh-env", "docs", ".nox/site")
    session.log("the site is in .nox/site/index.html")
