"""Register the library's sessions, and define those of its development."""

import argparse
import os
from pathlib import Path

import nox

import handoff_tasks

handoff_tasks.register(nox, __file__)
handoff_tasks.register_consumer(nox, __file__)

nox.options.sessions = ["lint", "types", "tests", "build"]


@nox.session(reuse_venv=True, tags=["project"])
def lint(session: nox.Session) -> None:
    """Check formatting, lints and the imports between parts."""
    session.install(
        "-e", ".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "lint")
    )
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("lint-imports")


@nox.session(reuse_venv=True, tags=["project"])
def types(session: nox.Session) -> None:
    """Check types of library, tests and noxfile."""
    session.install(
        "-e", ".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "types")
    )
    session.run("mypy")


@nox.session(reuse_venv=True, tags=["project"])
def tests(session: nox.Session) -> None:
    """Run the tests with branch coverage; the slow ones too if HANDOFF_SLOW_TESTS is set."""
    session.install(
        "-e", ".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "test")
    )
    # Beside the environment, not in it: with uv on PATH environments take a tenth of the time, and
    # the tests can take it off PATH.
    uv = Path(session.virtualenv.location) / "uv"
    if not (uv / "bin" / "uv").exists():
        session.install("--target", str(uv), "uv")
    session.env["PATH"] = os.pathsep.join(
        [session.bin, str(uv / "bin"), os.environ.get("PATH", os.defpath)]
    )
    # Tests wait for processes much of the time: one worker more than there are processors.
    pytest = [
        "-m",
        "pytest",
        "-n",
        str((os.cpu_count() or 1) + 1),
        "--dist",
        "worksteal",
        *session.posargs,
    ]
    if not os.environ.get("HANDOFF_SLOW_TESTS"):
        pytest += ["-m", "not slow and not cargo"]
    session.run("coverage", "erase")
    session.run("coverage", "run", *pytest)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", "--fail-under=95")


@nox.session(reuse_venv=True, tags=["project"])
def build(session: nox.Session) -> None:
    """Build the source distribution and the wheel."""
    session.install("build", "twine")
    out = session.create_tmp()
    session.run("python", "-m", "build", "--outdir", out, silent=True)
    session.run(
        "python", "-c", "import glob, sys; print(*glob.glob(sys.argv[1] + '/*'), sep='\\n')", out
    )


@nox.session(reuse_venv=True, tags=["project"])
def bench(session: nox.Session) -> None:
    """Compare with the same work done by hand (-- [ROW ...] [--times N] [--cold])."""
    session.install(
        "-e", ".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "bench")
    )
    session.run("python", "benchmarks/bench.py", *session.posargs)


@nox.session(reuse_venv=True, tags=["project"])
def fuzz(session: nox.Session) -> None:
    """Fuzz the readers (-- --minutes N [TARGET ...]); inputs that fail stay in .nox/fuzz/tmp."""
    parser = argparse.ArgumentParser(prog="nox -s fuzz --")
    parser.add_argument("--minutes", type=float, required=True, help="for all targets together")
    known = ["json", "profile", "statement", "manifest", "packet", "record", "printable"]
    known += ["signers", "sshsig", "envelope", "receipt"]
    parser.add_argument("targets", nargs="*", default=known)
    try:
        asked = parser.parse_args(session.posargs)
    except SystemExit:
        session.error("name the minutes: nox -s fuzz -- --minutes 5")
    session.install(
        "-e", ".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "fuzz")
    )
    seconds = str(max(1, round(asked.minutes * 60 / len(asked.targets))))
    for target in asked.targets:
        session.run(
            "python", "fuzz/run.py", target, seconds, str(Path(session.create_tmp()) / target)
        )


@nox.session(reuse_venv=True, tags=["project"])
def docs(session: nox.Session) -> None:
    """Generate the reference pages, then build the site and check its links."""
    session.install(
        "-e", ".", *nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), "docs")
    )
    session.run("python", "docs/generate.py")
    session.run(
        "sphinx-build",
        "-q",
        "--fail-on-warning",
        "--keep-going",
        "--fresh-env",
        "docs",
        ".nox/site",
    )
    session.log("the site is in .nox/site/index.html")
