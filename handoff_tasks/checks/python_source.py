"""Find what a check asks to be installed from the commit: groups, extras, files, the project.

Everything is read from the commit as the check sees it, never from the working directory.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from handoff_tasks.git import checkout
from handoff_tasks.record import PythonSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.producer.profile import Check, PythonSpec

_PYPROJECT = "pyproject.toml"
UV_LOCK, PYLOCK = "uv.lock", "pylock.toml"
# A line of a requirements file that names another file or folder.
_REFERENCE = re.compile(
    rb"(?m)^[ \t]*(?:-r|-c|-e|--requirement|--constraint|--editable|\.|/)|file:"
)
# A package of a lock file whose source is a folder of the commit, the project itself aside.
_LOCAL = re.compile(rb'\b(?:directory|editable) = (?!"\.")')
_DYNAMIC = "optional-dependencies"


class SourceFault(Exception):
    """The commit does not have what a check asks for; the text says what, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What to install for a check.

    ``recorded`` is the record's form, ``group_requirements`` are the requirements of the groups.
    """

    workspace: Workspace
    check: Check
    recorded: PythonSource
    group_requirements: tuple[str, ...]

    @contextlib.contextmanager
    def check_out(self) -> Iterator[Path]:
        """Check the commit out for the installer, and return the producer's root there.

        A build may write beside its sources, so no check sees this folder; it is removed at the
        end. Raises `HandoffError` (HP006, HP019).
        """
        spec = self.workspace.checkout_spec("", self.check.ignores)
        view = f"{spec.view}-source-{self.check.id}".removeprefix("-")
        spec = replace(spec, view=view)
        checkout.prepare(spec, _say_nothing)
        try:
            yield spec.tree / self.workspace.producer.prefix
        finally:
            checkout.remove(spec)


def _say_nothing(line: str) -> None:
    """Say nothing: no other check waits for this checkout."""


def find_source(workspace: Workspace, check: Check) -> Source | None:
    """Return what a check asks for, None if it asks for nothing.

    Raises:
        SourceFault: The commit does not have it.
    """
    spec = check.python
    if spec is None:
        return None
    view = workspace.views[check.ignores]
    seen = replace(workspace.producer, commit=view.commit)
    contents = workspace.repository.files(seen, [_PYPROJECT, *spec.requirements])
    for name in spec.requirements:
        if contents[name] is None:
            message = f"{name} is not a file of the commit; correct the check's requirements"
            raise SourceFault(message)
    document = _read_pyproject(contents[_PYPROJECT])
    _require_extras(spec, document)
    group_requirements = _resolve_groups(spec, document)
    lock = _find_lock(workspace, spec, view.tree)
    data = [contents[name] or b"" for name in (_PYPROJECT, *spec.requirements)]
    if lock:
        data.append(workspace.repository.files(replace(seen, prefix=""), [lock])[lock] or b"")
    is_whole = spec.install_project or any(
        _REFERENCE.search(part) or _LOCAL.search(part) for part in data[1:]
    )
    decisive = [hashlib.sha256(part).hexdigest() for part in data]
    if is_whole:
        # A build may take its version from history and tags, as far as the check sees them.
        tags = workspace.checkout_spec("", check.ignores).tags
        decisive = [view.commit, *(f"{name} {sha}" for name, sha in tags)]
    recorded = PythonSource(
        groups=spec.groups,
        extras=spec.extras,
        requirements=spec.requirements,
        install_project=spec.install_project,
        lock=lock,
        digest="sha256:" + hashlib.sha256(json.dumps(decisive).encode()).hexdigest(),
    )
    return Source(
        workspace=workspace, check=check, recorded=recorded, group_requirements=group_requirements
    )


def _read_pyproject(data: bytes | None) -> Mapping[str, Any]:
    try:
        return tomllib.loads((data or b"").decode("utf-8"))
    except ValueError as error:
        message = f"{_PYPROJECT} of the commit is not TOML: {error}; correct it"
        raise SourceFault(message) from None


def _require_extras(spec: PythonSpec, document: Mapping[str, Any]) -> None:
    """Refuse an unknown extra, unless the build decides which extras there are."""
    project = document.get("project")
    if not isinstance(project, dict) or _DYNAMIC in project.get("dynamic", ()):
        return
    _require_names("extra", spec.extras, project.get(_DYNAMIC, {}))


def _require_names(kind: str, names: Sequence[str], known: Mapping[str, object]) -> None:
    normal = {_normalize(name) for name in known}
    for name in names:
        if _normalize(name) not in normal:
            listed = ", ".join(known) or "none"
            message = f"{_PYPROJECT} of the commit has no {kind} {name}; it has {listed}"
            raise SourceFault(message)


def _normalize(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _resolve_groups(spec: PythonSpec, document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the requirements of the groups, those of included groups among them."""
    if not spec.groups:
        return ()
    from nox import project

    _require_names("dependency group", spec.groups, document.get("dependency-groups", {}))
    try:
        return tuple(project.dependency_groups(dict(document), *spec.groups))
    except (ValueError, LookupError, TypeError) as error:
        message = f"the dependency groups of {_PYPROJECT} are invalid: {error}; correct them"
        raise SourceFault(message) from None


def _find_lock(workspace: Workspace, spec: PythonSpec, tree: str) -> str | None:
    """Return the path of the lock file for groups and project, from the repository's top.

    A workspace of uv has its lock at its own top, which may be above the producer's root.
    """
    if not (spec.groups or spec.install_project):
        return None
    paths = set(workspace.repository.paths(tree))
    folder = workspace.producer.prefix
    if f"{folder}{UV_LOCK}" not in paths and f"{folder}{PYLOCK}" in paths:
        return f"{folder}{PYLOCK}"
    while True:
        if f"{folder}{UV_LOCK}" in paths:
            return f"{folder}{UV_LOCK}"
        if not folder:
            return None
        folder = folder[:-1].rpartition("/")[0]
        folder += "/" if folder else ""
