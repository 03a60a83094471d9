"""Recognise a Node.js package by its ``package.json``: npm, pnpm, yarn, workspaces."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.setup.draft import Check, Ecosystem, Place, tool

if TYPE_CHECKING:
    from typing import Any

    from handoff_tasks.setup.listing import Listing

_LOCKS = (
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("package-lock.json", "npm"),
    ("npm-shrinkwrap.json", "npm"),
)
# In the order in which they run. Of each group the first that the package has is taken.
_SCRIPTS = (("lint",), ("typecheck", "type-check", "check-types"), ("build",), ("test",))
_PLACEHOLDERS = re.compile(r"no test specified|\A\s*(?:exit 1|true)?\s*\Z")
_NO_RELEASE = re.compile(r"0\.0\.0(?:-.*)?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manager:
    """A package manager: its name, its words for an install, and where it is called.

    ``folder`` is that of the lock file, relative to the root, empty for the root; None if there is
    no lock file.
    """

    name: str
    install: str
    folder: str | None


def find_node(listing: Listing) -> Ecosystem | None:
    """Return one check of the package's scripts, after the install from its lock file.

    It is one check because the scripts share ``node_modules``, and checks run side by side.
    """
    if not listing.has("package.json"):
        return None
    package = listing.json("package.json")
    manager = _manager(listing, package)
    members = _has_members(listing, package)
    plan = _plan(listing, package, manager, is_root=members)
    hints = {"node": "install Node.js", manager.name: f"install {manager.name}"}
    name, version = package.get("name"), package.get("version")
    place = None
    if isinstance(version, str) and not _NO_RELEASE.match(version):
        place = Place(path="package.json", form="json", key="version", version=version)
    return Ecosystem(
        title=_title(manager, is_workspace=members),
        package=name if isinstance(name, str) else None,
        checks=[plan.check(manager)] if plan.names else [],
        keep=["node_modules"],
        # npm reads its own variables; the last is of Node.js, for the certificates of a proxy.
        pass_names=["npm_config_registry", "NODE_EXTRA_CA_CERTS"],
        # An install must not put hooks into the checkout, and a test must not write snapshots.
        set={"CI": "true", "HUSKY": "0", "SKIP_INSTALL_SIMPLE_GIT_HOOKS": "1"},
        tools={name: tool(name, hint) for name, hint in hints.items()},
        version=place,
        assumptions=_assumptions(manager, plan, package),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """The scripts to run: their names in order, and the ``package.json`` that has them.

    ``recursive`` is set for those of the members of a workspace.
    """

    names: list[str]
    source: str = "package.json"
    recursive: bool = False

    def check(self, manager: _Manager) -> Check:
        """Return the check that installs the packages, then runs the scripts."""
        install = manager.install
        if self.source != "package.json":
            install = f"cd {manager.folder} && {install}"
        elif manager.folder:
            install = f"(cd {manager.folder} && {install})"
        run = _run_words(manager.name, recursive=self.recursive)
        return Check(
            id="node",
            title=f"{', '.join(self.names)} of {self.source}",
            argv=["bash", "-c", " && ".join([install, *(f"{run} {name}" for name in self.names)])],
            tools=["bash", "node", manager.name],
        )


def _plan(listing: Listing, package: dict[str, Any], manager: _Manager, *, is_root: bool) -> _Plan:
    """Return the package's scripts, else those of its members, else those of its workspace."""
    names = _scripts(package)
    if not names and is_root:
        return _Plan(names=_member_scripts(listing), recursive=True)
    if not names and manager.folder:
        source = f"{manager.folder}/package.json"
        return _Plan(names=_scripts(listing.json(source)), source=source)
    return _Plan(names=names)


def _manager(listing: Listing, package: dict[str, Any]) -> _Manager:
    """Return the package manager of the nearest lock file, else the one that is named."""
    nearest: list[tuple[int, str, str]] = []
    for lock, name in _LOCKS:
        path = listing.nearest(lock)
        if path:
            nearest.append((path.count("../"), name, path.removesuffix(lock).rstrip("/")))
    if not nearest:
        named = str(package.get("packageManager", "")).partition("@")[0]
        name = named if named in ("pnpm", "yarn") else "npm"
        install = "npm install --no-package-lock" if name == "npm" else f"{name} install"
        return _Manager(name=name, install=install, folder=None)
    _, name, folder = min(nearest, key=lambda one: one[0])
    install = "npm ci"
    if name == "pnpm":
        install = "pnpm install --frozen-lockfile"
    elif name == "yarn":
        modern = re.match(r"yarn@([2-9]|[1-9]\d)", str(package.get("packageManager", "")))
        is_modern = modern is not None or listing.nearest(".yarnrc.yml") is not None
        install = f"yarn install {'--immutable' if is_modern else '--frozen-lockfile'}"
    return _Manager(name=name, install=install, folder=folder)


def _has_members(listing: Listing, package: dict[str, Any]) -> bool:
    """Return whether the package is the root of a workspace."""
    return bool(package.get("workspaces")) or listing.has("pnpm-workspace.yaml")


def _scripts(package: dict[str, Any]) -> list[str]:
    """Return the names of a package's scripts that verify it, in the order to run."""
    scripts = package.get("scripts")
    if not isinstance(scripts, dict):
        return []
    real = {name for name, line in scripts.items() if not _PLACEHOLDERS.search(str(line))}
    names = [next((name for name in group if name in real), None) for group in _SCRIPTS]
    return [name for name in names if name]


def _member_scripts(listing: Listing) -> list[str]:
    """Return the scripts that any member of a workspace has, in the order to run."""
    found: set[str] = set()
    for path in listing.modes:
        if path.endswith("/package.json"):
            found.update(_scripts(listing.json(path)))
    return [name for group in _SCRIPTS for name in group if name in found]


def _run_words(name: str, *, recursive: bool) -> str:
    if not recursive:
        return f"{name} run"
    words = {
        "npm": "npm run --workspaces --if-present",
        "pnpm": "pnpm --recursive --if-present run",
        "yarn": "yarn workspaces run",
    }
    return words[name]


def _title(manager: _Manager, *, is_workspace: bool) -> str:
    parts = [manager.name]
    if is_workspace:
        parts.append("workspace")
    elif manager.folder:
        parts.append(f"lock file in {manager.folder}")
    return f"Node.js ({', '.join(parts)})"


def _assumptions(manager: _Manager, plan: _Plan, package: dict[str, Any]) -> list[str]:
    lines = []
    if manager.folder is None:
        lines.append(
            f"there is no lock file: {manager.name} resolves the dependencies again in each run, "
            "so a release of one of them can change the outcome"
        )
    if plan.source != "package.json" and plan.names:
        lines.append(f"the package has no scripts: those of {plan.source} verify it")
    scripts = package.get("scripts")
    if isinstance(scripts, dict) and plan.names:
        others = [name for name in scripts if name not in plan.names]
        if others:
            lines.append(f"scripts that do not verify a release: {', '.join(others)}")
    return lines
