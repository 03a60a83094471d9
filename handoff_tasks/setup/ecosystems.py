"""Find what each ecosystem in a repository adds to its profile: Rust, Node.js, Python."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from handoff_tasks import files
from handoff_tasks.setup.templates import Check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handoff_tasks.setup.known_files import KnownFiles

_NETWORK = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ecosystem:
    """What an ecosystem adds to a profile.

    ``keep`` are build outputs, ``pass_names`` and ``set`` the environment of all checks,
    ``environment`` further keys of the table ``[environment]``, ``tools`` tables by name.
    """

    checks: Sequence[Check] = ()
    keep: Sequence[str] = ()
    pass_names: Sequence[str] = ()
    set: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    tools: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def read_built_in(name: str) -> dict[str, Any]:
    """Return the document of a built-in profile."""
    return tomllib.loads(files.built_in_profiles()[name].read_text("utf-8"))


def built_in_tools() -> dict[str, dict[str, Any]]:
    """Return the tables of tools in the built-in profiles, without what is of one producer only."""
    tools: dict[str, dict[str, Any]] = {}
    for name in files.built_in_profiles():
        for tool, table in read_built_in(name)["tools"].items():
            table.pop("mentioned_in", None)
            tools.setdefault(tool, table)
    return tools


def find_ecosystems(known: KnownFiles) -> list[Ecosystem]:
    """Return what each ecosystem of a repository adds to its profile."""
    found = []
    if "Cargo.toml" in known.modes:
        found.append(find_cargo(known))
    if "package.json" in known.modes:
        found.append(find_node(known))
    if "pyproject.toml" in known.modes:
        # The tests of a mixed repository are those of its other language.
        found.append(find_python(known, with_tests=not found))
    return found


def find_cargo(known: KnownFiles) -> Ecosystem:
    """Return cargo's three checks, its build outputs, and the environment that it needs."""
    flags = ["--workspace", "--all-targets", "--all-features"]
    checks = [
        Check(
            id="fmt",
            title="formatting",
            argv=["cargo", "fmt", "--all", "--", "--check"],
            tools=["cargo", "rustc", "rustfmt"],
        ),
        Check(
            id="clippy",
            title="lints, warnings denied",
            argv=["cargo", "clippy", *flags, "--", "-D", "warnings"],
            tools=["cargo", "rustc", "clippy"],
        ),
        Check(
            id="test",
            title="the whole test suite",
            argv=["cargo", "test", *flags],
            tools=["cargo", "rustc"],
        ),
    ]
    # cargo leaves its outputs beside the lock file of each workspace.
    folders = {""}
    for path in known.modes:
        folder, _, name = path.rpartition("/")
        if name == "Cargo.lock":
            folders.add(folder)
    environment = read_built_in("memorykernel")["environment"]
    pass_names = environment.pop("pass")
    environment.pop("set")
    failures = environment["failures"]
    # Those of single checks are of MemoryKernel's.
    environment["failures"] = [failure for failure in failures if "checks" not in failure]
    return Ecosystem(
        checks=checks,
        keep=[f"{folder}/target".removeprefix("/") for folder in sorted(folders)],
        pass_names=pass_names,
        environment=environment,
    )


def find_node(known: KnownFiles) -> Ecosystem:
    """Return one check of the package's scripts, after the install from its lock file.

    It is one check because the scripts share ``node_modules``, and checks run side by side.
    """
    manager = "npm"
    install = "npm ci" if "package-lock.json" in known.modes else "npm install --no-package-lock"
    for lock, name in (("yarn.lock", "yarn"), ("pnpm-lock.yaml", "pnpm")):
        if lock in known.modes:
            manager, install = name, f"{name} install --frozen-lockfile"
    scripts = known.read_json("package.json").get("scripts", {})
    names = []
    if isinstance(scripts, dict):
        names = [name for name in ("lint", "typecheck", "test") if name in scripts]
    checks = []
    if names:
        line = " && ".join([install, *(f"{manager} run {name}" for name in names)])
        checks.append(
            Check(
                id="node",
                title=f"{', '.join(names)} of package.json",
                argv=["bash", "-c", line],
                tools=["bash", "node", manager],
            )
        )
    hints = {"node": "install Node.js", manager: f"install {manager}"}
    tools = {
        name: {"executables": [name], "version": [name, "--version"], "claim": True, "hint": hint}
        for name, hint in hints.items()
    }
    return Ecosystem(
        checks=checks,
        keep=["node_modules"],
        pass_names=[*_NETWORK, "npm_config_registry"],
        tools=tools,
    )


def find_python(known: KnownFiles, *, with_tests: bool) -> Ecosystem:
    """Return the checks of ruff and pytest, if ``pyproject.toml`` names them."""
    text = known.read_text("pyproject.toml")
    checks = []
    if "ruff" in text:
        checks.append(
            Check(
                id="lint",
                title="lints, by ruff",
                argv=["ruff", "check", "--no-fix", "."],
                tools=["ruff"],
            )
        )
    if "pytest" in text and with_tests:
        below = "/src" if any(re.match(r"src/.*\.py\Z", path) for path in known.modes) else ""
        checks.append(
            Check(
                id="test",
                title="the whole test suite",
                argv=["pytest", "-q", "-p", "no:cacheprovider"],
                tools=["python3", "pytest"],
                comment="The package is not installed there: this is where tests find it.",
                set={"PYTHONPATH": f"{{root}}{below}"},
            )
        )
    # No check may write into the checkout, or use packages from outside its environment.
    variables = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1", "RUFF_NO_CACHE": "true"}
    return Ecosystem(checks=checks, set=variables)
