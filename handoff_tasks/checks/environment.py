"""Build the environment of a check, and compare it with a record's."""

from __future__ import annotations

import hashlib
import platform
from typing import TYPE_CHECKING

from handoff_tasks.checks.programs import search_path
from handoff_tasks.git import checkout, surroundings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from handoff_tasks.checks.settings import Settings
    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.producer.profile import Check
    from handoff_tasks.record import Record

# Git and Python would read the machine's settings, which could decide an outcome.
_NEUTRAL = {"GIT_ATTR_NOSYSTEM": "1", "GIT_CONFIG_NOSYSTEM": "1", "PYTHONNOUSERSITE": "1"}
_DIGITS = 4


def check_root(workspace: Workspace, check: Check, settings: Settings) -> Path:
    """Return the producer's root in the private checkout of a check."""
    spec = workspace.checkout_spec(settings.run, check.ignores)
    return spec.tree / workspace.producer.prefix


def check_environment(workspace: Workspace, check: Check, settings: Settings) -> dict[str, str]:
    """Return the environment of a check, and create its home folder.

    The home is the check's own, whatever the profile passes on: git, ripgrep and others read a
    user's settings there.
    """
    profile = workspace.profile
    root = check_root(workspace, check, settings)
    home = checkout.make_home(workspace.checkout_spec(settings.run), check.id, empty=False)
    variables = {
        **_NEUTRAL,
        # A file that can be written: git replaces the file that it writes, even a device.
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        **surroundings.tool_homes(settings.caller, profile.pass_names),
    }
    for name, value in {**profile.set, **check.set}.items():
        variables[name] = value.replace("{root}", str(root))
    toolchain = settings.toolchain_of(profile)
    if toolchain and profile.toolchain_variable:
        variables[profile.toolchain_variable] = toolchain
    path = search_path(settings.bin_folder, settings.caller)
    return select_variables(settings.caller, profile.pass_names, variables, path)


def select_variables(
    caller: Mapping[str, str], names: Sequence[str], variables: Mapping[str, str], path: str
) -> dict[str, str]:
    """Return the caller's variables in ``names``, overridden by ``variables`` and PATH.

    A name such as ``X_*`` selects all that start with ``X_``.
    """
    exact = {name for name in names if not name.endswith("*")}
    starts = tuple(name.removesuffix("*") for name in names if name.endswith("*"))
    selection = {
        name: value
        for name, value in caller.items()
        if name in exact or (starts and name.startswith(starts))
    }
    return dict(sorted({**selection, **variables, "PATH": path}.items()))


def digest(environment: Mapping[str, str]) -> str:
    """Return the digest of all names and values; no value can be read from it."""
    sha256 = hashlib.sha256()
    for name, value in sorted(environment.items()):
        sha256.update(f"{name}={value}\0".encode("utf-8", "surrogateescape"))
    return f"sha256:{sha256.hexdigest()}"


def value_digests(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the first digits of each variable's digest.

    They show that a value differs, and do not give it away.
    """
    digests = {}
    for name, value in sorted(environment.items()):
        data = f"{name}={value}".encode("utf-8", "surrogateescape")
        digests[name] = hashlib.sha256(data).hexdigest()[:_DIGITS]
    return digests


def describe_changes(record: Record, environment: Mapping[str, str]) -> str | None:
    """Return how an environment differs from the record's, None if it does not."""
    before, now = set(record.environment_names), set(environment)
    names = [f"+{name}" for name in sorted(now - before)]
    names += [f"-{name}" for name in sorted(before - now)]
    if names:
        return f"variables ({', '.join(names)})"
    if record.environment_digest == digest(environment):
        return None
    then = record.environment_value_digests or {}
    values = value_digests(environment)
    changed = [name for name in values if then and then.get(name) != values[name]]
    which = ", ".join(changed) or "the record does not say which"
    return f"values of variables ({which})"


def describe_platform() -> dict[str, str]:
    """Return the system, its release, the machine and the Python version."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
