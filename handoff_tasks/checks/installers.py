"""Install the tools of a check into its session's environment.

The installer runs in an empty folder and gets only the variables of `installer_settings`.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.checks import installer_settings
from handoff_tasks.formats import redact
from handoff_tasks.model import Installation, Package, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nox import Session

    from handoff_tasks.producer.profile import ToolSpec

_MARKER = "handoff-installed.json"
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?\s*"
    r"(?:[=<>!~;].*|@\s*(?:https|git\+https|git\+ssh)://.*)?"
)
_PIN = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*={2,3}\s*([^\s;,*]+?)(\.\*)?\s*(?:;.*)?"
)
_ADDRESS_USER = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_ADDRESS_QUERY = re.compile(r"(?<=[\w/])\?[^\s#]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallerResult:
    """The result of installing the tools of a check.

    ``report`` is None if nothing is installed. ``failures`` has the reasons, by requirement.
    """

    report: Installation | None
    failures: Mapping[str, str]


def install(
    session: Session, specs: Sequence[ToolSpec], bin_folder: str, caller: Mapping[str, str]
) -> InstallerResult:
    """Install the requirements of tools, unless the environment has them already.

    Args:
        session: The session, whose environment is used.
        specs: The tools.
        bin_folder: The folder of the environment's programs.
        caller: The variables to read the user's settings from.
    """
    requirements = sorted({spec.install for spec in specs if spec.install})
    if not requirements:
        return InstallerResult(report=None, failures={})
    environment = Path(bin_folder).parent
    failures = _find_obstacles(requirements, environment)
    if failures:
        return InstallerResult(report=None, failures=failures)
    programs = [
        [Path(bin_folder) / name for name in spec.executables] for spec in specs if spec.install
    ]
    if report := _read_report(environment, requirements, programs):
        return InstallerResult(report=report, failures={})
    (environment / _MARKER).unlink(missing_ok=True)
    return _install_all(session, requirements, environment, caller)


def _find_obstacles(requirements: Sequence[str], environment: Path) -> dict[str, str]:
    """Return why requirements cannot be installed into an environment, by requirement."""
    invalid = {
        one: f"{one} is not a package of an index; expected a form such as NAME==VERSION"
        for one in requirements
        if not _REQUIREMENT.fullmatch(one)
    }
    if invalid or not _has_system_packages(environment):
        return invalid
    why = (
        f"the environment {environment} includes system packages: "
        "unset VIRTUALENV_SYSTEM_SITE_PACKAGES, then run with --fresh"
    )
    return dict.fromkeys(requirements, why)


def _install_all(
    session: Session, requirements: Sequence[str], environment: Path, caller: Mapping[str, str]
) -> InstallerResult:
    """Run the installer, check what it installed, and write the report into the environment."""
    is_uv = session.virtualenv.venv_backend == "uv"
    settings, ignored = (
        installer_settings.uv_settings(caller) if is_uv else installer_settings.pip_settings(caller)
    )
    outcome = _run(
        session,
        requirements,
        is_uv=is_uv,
        environment=installer_settings.build_environment(caller, settings),
    )
    if isinstance(outcome, str):
        note = f" (ignored settings: {', '.join(ignored)})" if ignored else ""
        why = f"could not be installed{_mask(outcome)}{note}"
        return InstallerResult(report=None, failures={one: f"{one} {why}" for one in requirements})
    packages = _packages(environment, outcome)
    failures = dict(_contradictions(requirements, packages))
    if failures:
        return InstallerResult(report=None, failures=failures)
    report = Installation(
        installer="uv" if is_uv else "pip",
        requirements=tuple(requirements),
        settings=tuple(
            Setting(name=name, value=_mask(value), source=source)
            for name, _, value, source in settings
        ),
        packages=packages,
    )
    files.write(environment / _MARKER, json.dumps(report.to_dict(), indent=1).encode(), sync=False)
    return InstallerResult(report=report, failures={})


def _has_system_packages(environment: Path) -> bool:
    """Return whether an environment includes the packages of the system."""
    try:
        text = (environment / "pyvenv.cfg").read_text("utf-8")
    except OSError:
        return False
    return bool(re.search(r"(?im)^include-system-site-packages\s*=\s*true\s*$", text))


def _read_report(
    environment: Path, requirements: Sequence[str], programs: Sequence[Sequence[Path]]
) -> Installation | None:
    """Return the report of an earlier installation that is still valid.

    None if it was for other requirements, or if a package or a program of it is missing.
    """
    try:
        report = Installation.from_dict(json.loads((environment / _MARKER).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    is_current = list(report.requirements) == list(requirements) and all(
        any(program.exists() for program in names) for names in programs
    )
    present = {(one.name, one.version) for one in _packages(environment, {})}
    if not is_current or not present.issuperset((one.name, one.version) for one in report.packages):
        return None
    return report


def _run(
    session: Session, requirements: Sequence[str], *, is_uv: bool, environment: Mapping[str, str]
) -> dict[str, str] | str:
    """Run the installer and return the sha256 of packages by name, or why it failed.

    uv reports no sha256.
    """
    from nox.command import CommandFailed

    # Present packages may come from another index, so all are installed again.
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output,
    ):
        report = Path(folder) / "report.json"
        words = ["--reinstall"] if is_uv else ["--force-reinstall", "--report", str(report)]
        neutral = Path(folder) / "empty"
        neutral.mkdir()
        try:
            with contextlib.chdir(neutral):
                session.install(
                    *words,
                    *requirements,
                    env=environment,
                    include_outer_env=False,
                    silent=False,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
        except CommandFailed:
            output.seek(0)
            return find_error(output.read())
        if not output.tell():
            # Every installer prints something. With -R or --no-install nox runs none, silently.
            return ": no installer ran; run without -R and --no-install"
        return _read_hashes(report)


def find_error(output: str) -> str:
    """Return the last error line of an installer's output, or its last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"(?i)\W*(?:error|caused by)", line)]
    return f": {(errors or lines)[-1][:200]}" if lines else ""


def _read_hashes(report: Path) -> dict[str, str]:
    """Return the sha256 of each package's file from pip's report."""
    try:
        document = json.loads(report.read_bytes())
        entries = [
            (
                entry["metadata"]["name"],
                entry["download_info"].get("archive_info", {}).get("hashes", {}).get("sha256"),
            )
            for entry in document["install"]
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return {_normalize(name): sha256 for name, sha256 in entries if isinstance(sha256, str)}


def _packages(environment: Path, sha256: Mapping[str, str]) -> tuple[Package, ...]:
    """Return the packages in an environment, sorted, without pip, setuptools and wheel."""
    found = {}
    for metadata in environment.glob("lib/python*/site-packages/*.dist-info/METADATA"):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            head = metadata.read_text("utf-8").partition("\n\n")[0]
            name, version = (
                re.search(rf"(?im)^{key}:[ \t]*(\S+)", head) for key in ("Name", "Version")
            )
            if name and version and _normalize(name[1]) not in {"pip", "setuptools", "wheel"}:
                found[_normalize(name[1])] = version[1]
    return tuple(
        Package(name=name, version=version, sha256=sha256.get(name))
        for name, version in sorted(found.items())
    )


def _contradictions(
    requirements: Sequence[str], packages: Sequence[Package]
) -> Iterator[tuple[str, str]]:
    """Yield each pinned requirement that the environment does not meet, with the reason."""
    versions = {one.name: one.version for one in packages}
    for requirement in requirements:
        pin = _PIN.fullmatch(requirement)
        found = versions.get(_normalize(pin[1])) if pin else None
        if pin and not (found and _agree(found, pin, may_be_shorter=False)):
            state = f"found {found}" if found else "it is missing"
            yield requirement, f"{requirement} is not in the environment: {state}"


def find_contradiction(spec: ToolSpec, version: str | None) -> str | None:
    """Return how a tool's version contradicts its pinned requirement, or None.

    ``version`` is what the tool prints; None if that is not known.
    """
    pin = _PIN.fullmatch(spec.install or "")
    if pin is None or version is None or _agree(version, pin, may_be_shorter=True):
        return None
    return f"its version is {version}; expected {spec.install}"


def _agree(version: str, pin: re.Match[str], *, may_be_shorter: bool) -> bool:
    """Return whether the numbers of a version agree with a pin.

    With ``may_be_shorter`` the version may have fewer numbers than the pin, but at least two: a
    package often adds a number for its own builds of a tool.
    """
    one, other = (re.match(r"v?(?:\d+!)?(\d+(?:\.\d+)*)", text) for text in (version, pin[2]))
    if not one or not other:
        return version == pin[2]
    first, second = (list(map(int, found[1].split("."))) for found in (one, other))
    if len(first) > len(second):
        return first[: len(second)] == second and (bool(pin[3]) or not any(first[len(second) :]))
    same = first == second[: len(first)]
    return same and (not any(second[len(first) :]) or (may_be_shorter and len(first) > 1))


def _normalize(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _mask(text: str) -> str:
    """Return a text with the users, passwords and queries of its URLs masked."""
    return _ADDRESS_QUERY.sub(f"?{redact.MASK}", _ADDRESS_USER.sub(redact.MASK, text))
