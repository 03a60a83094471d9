"""Recognise a Python project: its tests, its linter, and the packages that they need."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handoff_tasks.setup import python_sessions, python_version
from handoff_tasks.setup.draft import Check, Ecosystem, Packages, tool
from handoff_tasks.setup.listing import table
from handoff_tasks.setup.requirements import Source, find_sources

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from handoff_tasks.setup.listing import Listing

_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
# Names of groups, extras and requirements files, the best one first.
_TEST_NAMES = ("tests", "test", "testing", "dev", "develop", "development", "all")
_LINT_NAMES = ("lint", "linting", "ruff", "style", "quality", "dev", "develop", "development")
# The revision is a tag, or a commit with the tag in a comment.
_RUFF_HOOK = re.compile(
    r"ruff-pre-commit\s*\n\s*rev:\s*(?:[\"']?|[0-9a-f]{40}\s*#\s*(?:frozen:)?\s*)v([0-9]+(?:\.[0-9]+)+)"
)
_PYTEST_FILES = ("pytest.ini", ".pytest.ini", "pytest.toml", "conftest.py", "tests/conftest.py")
_TEST_FILE = re.compile(r"(?:.*/)?(?:test_[^/]*|[^/]*_test)\.py\Z", re.DOTALL)
# Its examples, with a .gitignore of their own, which a check must not add elsewhere.
_HYPOTHESIS = ".hypothesis"
# No check may write into the checkout, or use packages from outside its environment.
_VARIABLES = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1"}


def find_python(listing: Listing, *, with_tests: bool) -> Ecosystem | None:
    """Return the checks of ruff, and of pytest, unittest, nox or tox; None for another project."""
    if not any(listing.has(path) for path in _PROJECT_FILES):
        return None
    document = listing.toml("pyproject.toml")
    sources = find_sources(listing, document)
    lint, tools, assumptions = _lint(listing, document, sources)
    variables = dict(_VARIABLES)
    if lint:
        variables["RUFF_NO_CACHE"] = "true"
    tests = _tests(listing, document, sources) if with_tests else Ecosystem(title="")
    keep = list(tests.keep)
    lock = listing.nearest("uv.lock") or listing.nearest("pylock.toml")
    if lock and any(check.packages for check in (*lint, *tests.checks)):
        assumptions.append(f"uv is on PATH: it installs the versions of {lock}")
    uses_hypothesis = any("hypothesis" in source.names for source in sources)
    if tests.checks and uses_hypothesis and _HYPOTHESIS not in keep:
        keep.append(_HYPOTHESIS)
    name = table(document, "project").get("name")
    return Ecosystem(
        title=f"Python ({_backend(document)})",
        package=name if isinstance(name, str) else None,
        checks=[*lint, *tests.checks],
        keep=keep,
        pass_names=tests.pass_names,
        set=variables,
        tools={**tools, **tests.tools},
        version=python_version.find_version(listing, document),
        scheme="pep440",
        needs_tags=python_version.is_made_of_tag(document),
        assumptions=[*assumptions, *tests.assumptions],
    )


def _backend(document: dict[str, Any]) -> str:
    """Return the name of the build backend; that of a file without one is setuptools."""
    backend = table(document, "build-system").get("build-backend")
    if not isinstance(backend, str):
        return "setuptools"
    return backend.partition(".")[0].partition(":")[0]


def _lint(
    listing: Listing, document: dict[str, Any], sources: Sequence[Source]
) -> tuple[list[Check], dict[str, Any], list[str]]:
    """Return the checks of ruff if it is configured, its tool, and what was assumed."""
    settings = table(document, "tool").get("ruff")
    for name in ("ruff.toml", ".ruff.toml"):
        if path := listing.nearest(name):
            settings = listing.toml(path)
    if not isinstance(settings, dict):
        return [], {}, []
    hooks = listing.text(listing.nearest(".pre-commit-config.yaml") or "")
    hook = _RUFF_HOOK.search(hooks)
    source = _best(sources, "ruff", _LINT_NAMES)
    required = str(settings.get("required-version", ""))
    packages, install = Packages(), None
    if hook:
        install = f"ruff=={hook[1]}"
    elif source:
        packages = source.packages(install_project=False)
    elif re.match(r"==\s*[0-9]", required):
        install = f"ruff{required}"
    else:
        # Each version has other rules.
        return [], {}, ["ruff is configured, but no file says which version: it is not a check"]
    checks = [
        Check(
            id="lint",
            title="lints, by ruff",
            argv=["ruff", "check", "--no-fix", "."],
            tools=["ruff"],
            packages=packages,
        )
    ]
    if re.search(r"id:\s*[\"']?ruff-format\b", hooks):
        checks.append(
            Check(
                id="format",
                title="formatting, by ruff",
                argv=["ruff", "format", "--check", "."],
                tools=["ruff"],
                packages=packages,
            )
        )
    hint = "let the session install its wheel from PyPI"
    return checks, {"ruff": tool("ruff", hint, install=install)}, []


def _best(sources: Sequence[Source], package: str, names: Sequence[str]) -> Source | None:
    """Return the source with a package, preferably one of these names."""
    having = [source for source in sources if package in source.names]
    ranks = {name: rank for rank, name in enumerate(names)}
    return min(having, key=lambda source: ranks.get(source.label, len(names)), default=None)


def _tests(listing: Listing, document: dict[str, Any], sources: Sequence[Source]) -> Ecosystem:
    """Return the check of the test suite, the way that needs the least: pytest, nox, tox."""
    source = _best(sources, "pytest", _TEST_NAMES)
    runs_pytest = (
        source is not None
        or "pytest" in table(document, "tool")
        or any(listing.has(path) for path in _PYTEST_FILES)
        or "[tool:pytest]" in listing.text("setup.cfg")
    )
    sessions = python_sessions.find_sessions(listing, document)
    if runs_pytest and (source is not None or not sessions.checks):
        found = _pytest(listing, document, source)
    elif not runs_pytest and any(_TEST_FILE.match(path) for path in listing.modes):
        found = _unittest(listing, document)
    else:
        return sessions
    return Ecosystem(
        title="",
        checks=found.checks,
        tools=found.tools,
        assumptions=[*found.assumptions, *sessions.assumptions],
    )


def _pytest(listing: Listing, document: dict[str, Any], source: Source | None) -> Ecosystem:
    is_installed = _is_installed(listing, document)
    packages = Packages(install_project=is_installed)
    hint = "let the session install its wheel from PyPI"
    install: str | None = "pytest"
    assumptions = []
    if source:
        packages = source.packages(install_project=is_installed)
        install = None
        hint = f"add pytest to {source.description}"
    else:
        assumptions.append("no list of packages has pytest: its latest version runs the tests")
    # Its cache would be written into the checkout; some options need it.
    options = str(table(document, "tool", "pytest", "ini_options").get("addopts", ""))
    words = ["pytest", "-q", "-p", "no:cacheprovider"]
    if re.search(r"--(?:lf|ff|nf|last-failed|failed-first|new-first|sw|stepwise|cache)", options):
        words = ["pytest", "-q"]
    return Ecosystem(
        title="",
        checks=[
            _test_check(listing, words, ["python3", "pytest"], packages, is_installed=is_installed)
        ],
        tools={"pytest": tool("pytest", hint, install=install)},
        assumptions=assumptions,
    )


def _is_installed(listing: Listing, document: dict[str, Any]) -> bool:
    """Return whether the project can be built, so that its tests run on the installed package."""
    return bool(table(document, "build-system")) or listing.has("setup.py")


def _test_check(
    listing: Listing,
    words: list[str],
    tools: list[str],
    packages: Packages,
    *,
    is_installed: bool,
) -> Check:
    """Return the check of the tests; they find a package that is not installed by PYTHONPATH."""
    search_path = {"PYTHONPATH": "{root}/src" if listing.has_folder("src/") else "{root}"}
    return Check(
        id="test",
        title="the whole test suite",
        argv=words,
        tools=tools,
        packages=packages,
        comment="The package is not installed: this is where tests find it.",
        set={} if is_installed else search_path,
    )


def _unittest(listing: Listing, document: dict[str, Any]) -> Ecosystem:
    """Return the check of unittest, which finds tests in packages and in the folder ``tests``."""
    is_installed = _is_installed(listing, document)
    words = ["python3", "-m", "unittest"]
    for folder in ("tests", "test"):
        if listing.has_folder(f"{folder}/") and not listing.has(f"{folder}/__init__.py"):
            words += ["discover", "--start-directory", folder]
            break
    packages = Packages(install_project=is_installed)
    check = _test_check(listing, words, ["python3"], packages, is_installed=is_installed)
    return Ecosystem(title="", checks=[check])
