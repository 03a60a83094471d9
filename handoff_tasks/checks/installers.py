"""Install the tools of a check into its session's environment.

The installer runs in an empty folder and gets only the variables of `installer_settings`.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.checks import installer_settings, python_source
from handoff_tasks.formats import redact
from handoff_tasks.record import Installation, Package, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nox import Session

    from handoff_tasks.checks.python_source import Source
    from handoff_tasks.producer.profile import ToolSpec
    from handoff_tasks.record import PythonSource

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

    ``report`` is None if nothing is installed. ``failures`` has the reasons, by requirement;
    ``fault`` is why the check's own packages could not be installed.
    """

    report: Installation | None
    failures: Mapping[str, str]
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One installation.

    ``settings`` and ``ignored`` are the user's settings that are passed on, and those that are not.
    """

    session: Session
    requirements: Sequence[str]
    environment: Path
    source: Source | None
    settings: Sequence[tuple[str, str, str, str]]
    ignored: Sequence[str]
    variables: Mapping[str, str]

    @property
    def is_uv(self) -> bool:
        """Whether uv installs; else pip does."""
        return bool(self.session.virtualenv.venv_backend == "uv")


def install(
    session: Session,
    specs: Sequence[ToolSpec],
    bin_folder: str,
    caller: Mapping[str, str],
    source: Source | None = None,
) -> InstallerResult:
    """Install the requirements of tools and of a check, unless the environment has them already.

    Args:
        session: The session, whose environment is used.
        specs: The tools.
        bin_folder: The folder of the environment's programs.
        caller: The variables to read the user's settings from.
        source: What the check itself asks for.
    """
    requirements = sorted({spec.install for spec in specs if spec.install})
    if not requirements and source is None:
        return InstallerResult(report=None, failures={})
    environment = Path(bin_folder).parent
    failures = _find_obstacles(requirements, environment)
    if source and _has_system_packages(environment):
        fault = f"its packages cannot be installed: {_describe_system_packages(environment)}"
        return InstallerResult(report=None, failures=failures, fault=fault)
    if failures:
        return InstallerResult(report=None, failures=failures)
    programs = [
        [Path(bin_folder) / name for name in spec.executables] for spec in specs if spec.install
    ]
    recorded = source.recorded if source else None
    if report := _read_report(environment, requirements, programs, recorded):
        return InstallerResult(report=report, failures={})
    (environment / _MARKER).unlink(missing_ok=True)
    is_uv = session.virtualenv.venv_backend == "uv"
    settings, ignored = (
        installer_settings.uv_settings(caller) if is_uv else installer_settings.pip_settings(caller)
    )
    job = _Job(
        session=session,
        requirements=requirements,
        environment=environment,
        source=source,
        settings=settings,
        ignored=ignored,
        variables=installer_settings.build_environment(caller, settings),
    )
    return _install_all(job)


def _find_obstacles(requirements: Sequence[str], environment: Path) -> dict[str, str]:
    """Return why requirements cannot be installed into an environment, by requirement."""
    invalid = {
        one: f"{one} is not a package of an index; expected a form such as NAME==VERSION"
        for one in requirements
        if not _REQUIREMENT.fullmatch(one)
    }
    if invalid or not _has_system_packages(environment):
        return invalid
    return dict.fromkeys(requirements, _describe_system_packages(environment))


def _describe_system_packages(environment: Path) -> str:
    return (
        f"the environment {environment} includes system packages: "
        "unset VIRTUALENV_SYSTEM_SITE_PACKAGES, then run with --fresh"
    )


def _install_all(job: _Job) -> InstallerResult:
    """Run the installer, check what it installed, and write the report into the environment."""
    requirements, environment = job.requirements, job.environment
    outcome = _run(job) if job.source is None else _run_in_source(job, job.source)
    if isinstance(outcome, str):
        note = f" (ignored settings: {', '.join(job.ignored)})" if job.ignored else ""
        why = f"could not be installed{_mask(outcome)}{note}"
        fault = f"the packages of the check {why}" if job.source else None
        failures = {one: f"{one} {why}" for one in requirements}
        return InstallerResult(report=None, failures=failures, fault=fault)
    packages = _packages(environment, outcome)
    failures = dict(_contradictions(requirements, packages))
    if failures:
        return InstallerResult(report=None, failures=failures)
    report = Installation(
        installer="uv" if job.is_uv else "pip",
        requirements=tuple(requirements),
        settings=tuple(
            Setting(name=name, value=_mask(value), source=source)
            for name, _, value, source in job.settings
        ),
        packages=packages,
        source=job.source.recorded if job.source else None,
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
    environment: Path,
    requirements: Sequence[str],
    programs: Sequence[Sequence[Path]],
    source: PythonSource | None,
) -> Installation | None:
    """Return the report of an earlier installation that is still valid.

    None if it was for other requirements, or if a package or a program of it is missing.
    """
    try:
        report = Installation.from_dict(json.loads((environment / _MARKER).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    is_current = (
        list(report.requirements) == list(requirements)
        and report.source == source
        and all(any(program.exists() for program in names) for names in programs)
    )
    present = {(one.name, one.version) for one in _packages(environment, {})}
    if not is_current or not present.issuperset((one.name, one.version) for one in report.packages):
        return None
    return report


def _run(job: _Job) -> dict[str, str] | str:
    """Install the tools; return the sha256 of packages by name, or why it failed.

    uv reports no sha256.
    """
    with tempfile.TemporaryDirectory() as folder:
        neutral = Path(folder) / "empty"
        neutral.mkdir()
        return _call(job, job.requirements, neutral, job.variables)


def _run_in_source(job: _Job, source: Source) -> dict[str, str] | str:
    """Install what a check asks for, with its tools, into a new environment, as `_run` does.

    Packages of an earlier commit must not stay in it.
    """
    from nox.virtualenv import VirtualEnv

    lock = source.recorded.lock
    if lock and not job.is_uv:
        return (
            f": the commit has {lock}, whose versions only uv installs, and uv is not on PATH; "
            "install uv, then run again"
        )
    if not isinstance(job.session.virtualenv, VirtualEnv):
        backend = job.session.virtualenv.venv_backend
        return f": expected a session with virtualenv, venv or uv; its backend is {backend}"
    job.session.virtualenv.reuse_existing = False
    job.session.virtualenv.create()
    with tempfile.TemporaryDirectory() as folder, source.check_out() as root:
        home = Path(folder) / "home"
        home.mkdir()
        variables = installer_settings.hide_home(job.variables, home)
        if lock is None:
            return _call(job, [*job.requirements, *_source_words(source)], root, variables)
        if lock.endswith(python_source.PYLOCK):
            return _install_pylock(job, source, root, variables)
        exported = Path(folder) / "locked.txt"
        if why := _export_lock(job, source, root, exported, variables):
            return why
        words = [*job.requirements, "-r", str(exported), *_file_words(source)]
        return _call(job, words, root, variables)


def _source_words(source: Source) -> list[str]:
    """Return the words that install what a check asks for, without a lock file."""
    words = [*source.group_requirements, *_file_words(source)]
    if source.recorded.install_project:
        words.append(_project_word(source))
    return words


def _file_words(source: Source) -> list[str]:
    return [word for name in source.recorded.requirements for word in ("-r", name)]


def _project_word(source: Source) -> str:
    extras = ",".join(source.recorded.extras)
    return f".[{extras}]" if extras else "."


def _install_pylock(
    job: _Job, source: Source, root: Path, variables: Mapping[str, str]
) -> dict[str, str] | str:
    """Install a pylock.toml, then the rest, which must leave the locked packages as they are."""
    outcome = _call(job, ["-r", python_source.PYLOCK], root, variables)
    if isinstance(outcome, str):
        return outcome
    locked = _packages(job.environment, {})
    rest = [*job.requirements, *_file_words(source)]
    calls = [rest] if rest else []
    if source.recorded.install_project:
        calls.append(["--no-deps", _project_word(source)])
    for words in calls:
        outcome = _call(job, words, root, variables, reinstall=False)
        if isinstance(outcome, str):
            return outcome
    now = {one.name: one.version for one in _packages(job.environment, {})}
    changes = [
        f"{one.name} {one.version} is {now.get(one.name, 'missing')}"
        for one in locked
        if now.get(one.name) != one.version
    ]
    if changes:
        return f": requirements contradict {python_source.PYLOCK}: {', '.join(changes)}"
    return {}


def _export_lock(
    job: _Job, source: Source, root: Path, target: Path, variables: Mapping[str, str]
) -> str | None:
    """Write the locked requirements of groups and project to a file; return why it failed."""
    recorded = source.recorded
    words = ["--frozen", "--no-editable", "--no-header", "--python", str(job.environment)]
    if recorded.install_project:
        words.append("--no-default-groups")
        words += [word for name in recorded.groups for word in ("--group", name)]
        words += [word for name in recorded.extras for word in ("--extra", name)]
    else:
        words += [word for name in recorded.groups for word in ("--only-group", name)]
    program = shutil.which("uv", path=variables["PATH"]) or "uv"
    done = subprocess.run(
        [program, "export", *words, "--output-file", str(target)],
        cwd=root,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return find_error(done.stderr) if done.returncode else None


def _call(
    job: _Job,
    words: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
    *,
    reinstall: bool = True,
) -> dict[str, str] | str:
    """Call the installer in a folder; return as `_run` does."""
    from nox.command import CommandFailed

    # Present packages may come from another index, so all are installed again.
    with (
        tempfile.TemporaryDirectory() as place,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output,
    ):
        report = Path(place) / "report.json"
        options = [] if job.is_uv else ["--report", str(report)]
        if reinstall:
            options.insert(0, "--reinstall" if job.is_uv else "--force-reinstall")
        try:
            with contextlib.chdir(folder):
                job.session.install(
                    *options,
                    *words,
                    env=variables,
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
    """Return the last error line of an installer's output, or its last line.

    The error of a build is that of its traceback.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if re.match(r"[A-Za-z_][\w.]*(?:Error|Exception): ", line)]
    errors = errors or [
        line for line in lines if re.match(r"(?i)\W*(?:error|caused by|cause:)", line)
    ]
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
