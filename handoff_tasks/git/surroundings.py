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

# ripgrep, which many scripts call, follows them for every profile.
_ALWAYS_REFUSED_ABOVE = (".ignore", ".rgignore")
# Where managers of toolchains keep what is installed, by default below the home folder. Programs of theirs on PATH look there.
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
# rustup's programs lie in the folder of another variable.
_PROGRAMS_OF = {"RUSTUP_HOME": "CARGO_HOME"}


def tool_homes(caller: Mapping[str, str], passed: Sequence[str]) -> dict[str, str]:
    """Return the folders of the caller's toolchains, by variable: a check has another home, and would not find them.

    A folder counts if the profile passes its variable on (``passed``), or if a program of it is on PATH.
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
    """Return what must not be there (HP017: a file above the checkout, HP018: a setting of the user's), and advisories (HA003).

    ``checkout`` is the work tree's place, ``caller`` the environment in which the user's settings are looked for.
    """
    problems: list[Problem] = []
    notes: list[Problem] = []
    settings = _settings(profile, caller, problems)
    for path, harmless in settings.items():
        found = _read(path, harmless)
        if isinstance(found, Problem):
            problems.append(found)
        elif found:
            message = f"settings of the user's that reach the checks and change no verdict: {', '.join(found)}"
            notes.append(
                Problem(
                    code="HA003",
                    where=str(path),
                    message=message,
                    hint="nothing to do; they are told for the record",
                )
            )
    for folder in checkout.parents:
        for name in dict.fromkeys((*profile.refuse_above, *_ALWAYS_REFUSED_ABOVE)):
            path = folder / name
            if path not in settings and _is_file(path, problems):
                message = f"lies above the private checkout {checkout}, where tools of the checks would follow it"
                hint = "move it away, or choose a folder that has no such file above it with --cache-dir"
                problems.append(Problem(code="HP017", where=str(path), message=message, hint=hint))
    return problems, notes


def _is_file(path: Path, problems: list[Problem]) -> bool:
    """Tell whether a file is there; that nobody may look is a problem of its own (HP017)."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        message = (
            f"cannot be looked at ({error.strerror}), so nobody knows whether it changes a verdict"
        )
        hint = "move it away, or choose a folder with --cache-dir above which everything can be looked at"
        problems.append(Problem(code="HP017", where=str(path), message=message, hint=hint))
        return False


def _settings(
    profile: Profile, caller: Mapping[str, str], problems: list[Problem]
) -> dict[Path, tuple[str, ...]]:
    """Return the files with a user's settings that are there, with the tables in each that change no verdict."""
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
    """Return the names of a settings file's tables, or why it must not be there."""
    hint = "take these settings out while you verify, or verify as a user, or with a home, that has none"
    if not harmless:
        message = "settings of the user's that can change a verdict; expected no such file"
        return Problem(code="HP018", where=str(path), message=message, hint=hint)
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        message = f"the user's settings cannot be read, so nobody knows what they change: {error}"
        return Problem(code="HP018", where=str(path), message=message, hint=hint)
    foreign = [key for key in document if key not in harmless]
    if foreign:
        message = f"settings of the user's that can change a verdict: {', '.join(foreign)}; expected none but {', '.join(harmless)}"
        return Problem(code="HP018", where=str(path), message=message, hint=hint)
    return list(document)
