"""Find files around the checkout that would change a verdict."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handoff_tasks.producer.profile import Profile

# Many scripts call ripgrep, which reads them, so they are refused for every profile.
_ALWAYS_REFUSED_ABOVE = (".ignore", ".rgignore")
# The variables of toolchain managers, and their folders below the home folder.
_TOOL_HOMES = {
    "ASDF_DATA_DIR": ".asdf",
    "CARGO_HOME": ".cargo",
    "GOENV_ROOT": ".goenv",
    "JENV_ROOT": ".jenv",
    "MISE_DATA_DIR": ".local/share/mise",
    "NODENV_ROOT": ".nodenv",
    "PYENV_ROOT": ".pyenv",
    "RBENV_ROOT": ".rbenv",
    "RUSTUP_HOME": ".rustup",
    "VOLTA_HOME": ".volta",
}
# rustup's programs are in the folder of another variable.
_PROGRAMS_OF = {"RUSTUP_HOME": "CARGO_HOME"}


def tool_homes(caller: Mapping[str, str], passed: Sequence[str]) -> dict[str, str]:
    """Return the folders of the caller's toolchains, by variable.

    A check has another home folder and would not find them. A folder counts if the profile passes
    its variable on (``passed``), or if a program in it is on PATH.
    """
    home = caller.get("HOME", "")
    folders = {}
    for variable, place in _TOOL_HOMES.items():
        folder = caller.get(variable) or (f"{home}/{place}" if home.startswith("/") else "")
        if folder.startswith("/"):
            folders[variable] = os.path.normpath(folder)
    entries = [os.path.normpath(entry) for entry in caller.get("PATH", "").split(os.pathsep)]
    found = {}
    for variable, folder in folders.items():
        programs = folders.get(_PROGRAMS_OF.get(variable, variable), folder)
        on_path = any(entry.startswith(f"{programs}/") for entry in entries)
        if (variable in passed or on_path) and Path(folder).is_dir():
            found[variable] = folder
    return found


def inspect(
    checkout: Path, profile: Profile, caller: Mapping[str, str]
) -> tuple[list[Problem], list[Problem]]:
    """Return problems and advisories about files that would reach the checks.

    Args:
        checkout: The place of the private checkout.
        profile: The producer's profile.
        caller: The environment in which the user's settings are looked for.

    Returns:
        Problems (HP017 for a file above the checkout, HP018 for a setting of the user) and
        advisories (HA003).
    """
    problems: list[Problem] = []
    notes: list[Problem] = []
    settings = _settings(profile, caller, problems)
    for path, harmless in settings.items():
        found = _read(path, harmless)
        if isinstance(found, Problem):
            problems.append(found)
        elif found:
            tables = ", ".join(found)
            message = f"user settings that reach the checks and cannot change a verdict: {tables}"
            notes.append(
                Problem(
                    code="HA003",
                    where=str(path),
                    message=message,
                    hint="nothing to do; this is only for information",
                )
            )
    for folder in checkout.parents:
        for name in dict.fromkeys((*profile.refuse_above, *_ALWAYS_REFUSED_ABOVE)):
            path = folder / name
            if path not in settings and _is_file(path, problems):
                message = (
                    f"is in a folder above the private checkout {checkout}, "
                    "where tools in the checks would read it"
                )
                hint = (
                    "move it away, or choose a folder without such a file above it with --cache-dir"
                )
                problems.append(Problem(code="HP017", where=str(path), message=message, hint=hint))
    return problems, notes


def _is_file(path: Path, problems: list[Problem]) -> bool:
    """Return whether a file is there; add a problem (HP017) if that is unknown."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        message = (
            f"cannot be read ({error.strerror}), so it is unknown whether it changes a verdict"
        )
        hint = "move it away, or choose another folder with --cache-dir"
        problems.append(Problem(code="HP017", where=str(path), message=message, hint=hint))
        return False


def _settings(
    profile: Profile, caller: Mapping[str, str], problems: list[Problem]
) -> dict[Path, tuple[str, ...]]:
    """Return the user's settings files that exist.

    Each comes with the names of its tables that cannot change a verdict.
    """
    found = {}
    for config in profile.user_config:
        for template in config.files:
            variable, _, rest = template.removeprefix("{").partition("}/")
            folder = caller.get(variable, "")
            path = Path(folder) / rest
            if folder.startswith("/") and _is_file(path, problems):
                found[path] = config.harmless
    return found


def _read(path: Path, harmless: tuple[str, ...]) -> list[str] | Problem:
    """Return the names of a settings file's tables, or the problem (HP018) with it."""
    hint = "remove these settings while you verify, or verify as another user or with another HOME"
    if not harmless:
        message = "user settings that can change a verdict; expected no such file"
        return Problem(code="HP018", where=str(path), message=message, hint=hint)
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        message = f"the user's settings cannot be read, so their effect is unknown: {error}"
        return Problem(code="HP018", where=str(path), message=message, hint=hint)
    foreign = [key for key in document if key not in harmless]
    if foreign:
        message = (
            f"user settings that can change a verdict: {', '.join(foreign)}; "
            f"expected only {', '.join(harmless)}"
        )
        return Problem(code="HP018", where=str(path), message=message, hint=hint)
    return list(document)
