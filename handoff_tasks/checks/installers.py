"""Install the tools of a check into its session's environment.

The installer runs in an empty folder, in an environment that is built from nothing. The user's
settings for reaching an index are read as data and passed on. Settings that choose other packages
are ignored.
"""

from __future__ import annotations

import configparser
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.formats import redact
from handoff_tasks.model import Installation, Package, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from nox import Session

    from handoff_tasks.producer.profile import ToolSpec

_MARKER = "handoff-installed.json"
# The variables that both installers need: for the network, certificates, caches and credential
# helpers.
_VARIABLES = frozenset(
    {
        *("HOME", "USER", "LOGNAME", "PATH", "TMPDIR", "NETRC", "DBUS_SESSION_BUS_ADDRESS"),
        *(
            "XDG_CACHE_HOME",
            "XDG_DATA_HOME",
            "XDG_RUNTIME_DIR",
            "PIP_CACHE_DIR",
            "UV_CACHE_DIR",
            "UV_CREDENTIALS_DIR",
        ),
        *(
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "NO_PROXY",
            "ALL_PROXY",
            "http_proxy",
            "https_proxy",
            "no_proxy",
            "all_proxy",
        ),
        *(
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "SSL_CLIENT_CERT",
            "REQUESTS_CA_BUNDLE",
            "CURL_CA_BUNDLE",
        ),
    }
)
_VARIABLE_PREFIXES = ("AWS_", "AZURE_", "CLOUDSDK_", "GOOGLE_", "VSS_")
# Those of `_VARIABLES` that are recorded as settings.
_RECORDABLE = re.compile(r"(?i)(?:https?|all|no)_proxy|(?:SSL|REQUESTS|CURL)_.*")
# These keep the user's configuration files from the installer and from the builds that it starts.
_NEUTRAL = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "LC_ALL": "C",
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PYTHONNOUSERSITE": "1",
    "PYTHONSAFEPATH": "1",
    "PYTHONUTF8": "1",
    "UV_NO_CONFIG": "1",
    "UV_NO_PROGRESS": "1",
}
# The settings that are passed on, by name, with the variable that passes them.
_PIP = {
    name: f"PIP_{name.replace('-', '_').upper()}"
    for name in (
        *("index-url", "extra-index-url", "trusted-host", "proxy", "cert", "client-cert"),
        *("keyring-provider", "timeout", "default-timeout", "retries", "use-feature"),
    )
}
_PIP_PATHS = frozenset({"cert", "client-cert"})
_PIP_FEATURES = frozenset({"truststore"})
_UV = {
    "default-index": "UV_DEFAULT_INDEX",
    "index": "UV_INDEX",
    "native-tls": "UV_NATIVE_TLS",
    "system-certs": "UV_SYSTEM_CERTS",
    "allow-insecure-host": "UV_INSECURE_HOST",
    "keyring-provider": "UV_KEYRING_PROVIDER",
    "http-timeout": "UV_HTTP_TIMEOUT",
}
_UV_CREDENTIALS = re.compile(r"UV_INDEX_\w+_(?:USERNAME|PASSWORD)")
# Settings that could replace the required package with another one. They are ignored, and listed in
# the message if an installer fails.
_IGNORED = ("find-links", "no-index", "constraint", "build-constraint", "override", "offline")
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
    settings, ignored = _uv_settings(caller) if is_uv else _pip_settings(caller)
    outcome = _run(session, requirements, is_uv=is_uv, environment=_environment(caller, settings))
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


def _environment(
    caller: Mapping[str, str], settings: Sequence[tuple[str, str, str, str]]
) -> dict[str, str]:
    """Return the variables of the installer's process."""
    passed = {
        name: value
        for name, value in caller.items()
        if name in _VARIABLES
        or name.startswith(_VARIABLE_PREFIXES)
        or _UV_CREDENTIALS.fullmatch(name)
    }
    # Relative entries of PATH would be resolved in the installer's empty folder.
    passed["PATH"] = os.pathsep.join(
        entry for entry in caller.get("PATH", os.defpath).split(os.pathsep) if entry.startswith("/")
    )
    return {
        **passed,
        **_NEUTRAL,
        **{variable: value for _, variable, value, _ in settings if variable},
    }


def _network_settings(caller: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """Return the variables for proxies and certificates as settings, for the record."""
    return [
        (name, name, value, name)
        for name, value in sorted(caller.items())
        if value and name in _VARIABLES and _RECORDABLE.fullmatch(name)
    ]


def _pip_settings(caller: Mapping[str, str]) -> tuple[list[tuple[str, str, str, str]], list[str]]:
    """Return the settings for pip to pass on, and those to ignore.

    A setting is its name, its variable, its value and its source.
    """
    found = _read_pip_settings(caller)
    settings = []
    for name, variable in _PIP.items():
        value, source = found.get(name, ("", ""))
        if name in _PIP_PATHS and value:
            value = os.path.abspath(os.path.expanduser(value))  # noqa: PTH100, PTH111 - keeps an unknown ~name
        if name == "use-feature":
            value = " ".join(one for one in value.split() if one in _PIP_FEATURES)
        if "url" in name or "host" in name:
            value = " ".join(value.split())
        if value:
            settings.append((name, variable, value, source))
    return [*settings, *_network_settings(caller)], _list_ignored(found)


def _read_pip_settings(caller: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the value and the source of every setting of pip, by name."""
    found: dict[str, tuple[str, str]] = {}
    for path in _pip_files(caller):
        parser = configparser.RawConfigParser()
        with contextlib.suppress(OSError, UnicodeDecodeError, configparser.Error):
            parser.read_string(path.read_text("utf-8"))
            for section in ("global", "install"):
                for key, value in parser.items(section) if parser.has_section(section) else ():
                    found[key.replace("_", "-").removeprefix("--")] = (value.strip(), str(path))
    for name, value in caller.items():
        if name.startswith("PIP_") and value:
            found[name.removeprefix("PIP_").replace("_", "-").lower()] = (value, name)
    return found


def _list_ignored(found: Mapping[str, tuple[str, str]]) -> list[str]:
    """Return the settings of `_IGNORED` that are set, with their sources."""
    return [
        f"{name} of {source}"
        for name, (value, source) in found.items()
        if value and name.startswith(_IGNORED)
    ]


def _pip_files(caller: Mapping[str, str]) -> Iterator[Path]:
    """Yield the configuration files of pip; a later one overrides an earlier one."""
    named = caller.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return
    home = caller.get("HOME", "")
    if sys.platform == "darwin":
        yield Path("/Library/Application Support/pip/pip.conf")
    else:
        for folder in reversed((caller.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)):
            yield Path(folder) / "pip" / "pip.conf"
        yield Path("/etc/pip.conf")
    if home.startswith("/"):
        yield Path(home) / ".pip" / "pip.conf"
        mac = Path(home) / "Library" / "Application Support" / "pip"
        if sys.platform == "darwin" and mac.is_dir():
            yield mac / "pip.conf"
        else:
            yield Path(caller.get("XDG_CONFIG_HOME") or f"{home}/.config") / "pip" / "pip.conf"
    if named:
        yield Path(named)


def _uv_settings(caller: Mapping[str, str]) -> tuple[list[tuple[str, str, str, str]], list[str]]:
    """Return the settings for uv to pass on, and those to ignore, as `_pip_settings` does."""
    found: dict[str, tuple[str, str]] = {}
    for path in _uv_files(caller):
        with contextlib.suppress(OSError, ValueError):
            for name, value in _uv_table(tomllib.loads(path.read_text("utf-8"))):
                found[name] = (value, str(path))
    variables = {
        **{f"UV_{name.replace('-', '_').upper()}": name for name in _IGNORED},
        **{variable: name for name, variable in _UV.items()},
    }
    # The older names come first, so that the newer ones override them.
    older = {
        "UV_INDEX_URL": "default-index",
        "UV_EXTRA_INDEX_URL": "index",
        "UV_REQUEST_TIMEOUT": "http-timeout",
    }
    for variable, name in {**older, **variables}.items():
        if given := caller.get(variable):
            found[name] = (given, variable)
    settings = [
        (name, variable, *found[name])
        for name, variable in _UV.items()
        if found.get(name, ("", ""))[0]
    ]
    return [*settings, *_network_settings(caller)], _list_ignored(found)


def _uv_files(caller: Mapping[str, str]) -> Iterator[Path]:
    """Yield the configuration files of uv; a later one overrides an earlier one."""
    if caller.get("UV_NO_CONFIG", "") not in {"", "0", "false"}:
        return
    if named := caller.get("UV_CONFIG_FILE"):
        yield Path(named)
        return
    yield Path("/etc/uv/uv.toml")
    for folder in reversed((caller.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)):
        yield Path(folder) / "uv" / "uv.toml"
    home = caller.get("HOME", "")
    if home.startswith("/"):
        yield Path(caller.get("XDG_CONFIG_HOME") or f"{home}/.config") / "uv" / "uv.toml"


def _uv_table(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the settings of a uv.toml by the names of `_UV`.

    Those below ``[pip]`` override the others.
    """
    tables = [document]
    if isinstance(document.get("pip"), dict):
        tables.append(document["pip"])
    indexes = _uv_indexes(document)
    extra = [_index_value(index) for index in indexes if not index.get("default")]
    for table in tables:
        yield from _uv_options(table)
        urls = table.get("extra-index-url")
        if isinstance(urls, list):
            extra += [url for url in urls if isinstance(url, str)]
    if extra:
        yield "index", " ".join(extra)
    for index in indexes:
        if index.get("default"):
            yield "default-index", _index_value(index)


def _uv_indexes(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the entries of ``[[index]]`` that serve any package.

    An explicit index serves only the packages that a project assigns to it; a flat one is a folder
    of wheels.
    """
    return [
        index
        for index in document.get("index", ())
        if isinstance(index, dict)
        and isinstance(index.get("url"), str)
        and not index.get("explicit")
        and index.get("format") != "flat"
    ]


def _index_value(index: Mapping[str, Any]) -> str:
    """Return an index as UV_INDEX has it: ``NAME=URL``, or the URL."""
    return f"{index['name']}={index['url']}" if index.get("name") else str(index["url"])


def _uv_options(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the settings of one table, without its extra indexes."""
    if isinstance(table.get("index-url"), str):
        yield "default-index", table["index-url"]
    for name in ("native-tls", "system-certs"):
        if isinstance(table.get(name), bool):
            yield name, "true" if table[name] else ""
    hosts = table.get("allow-insecure-host")
    if isinstance(hosts, list):
        yield "allow-insecure-host", " ".join(str(host) for host in hosts)
    if isinstance(table.get("keyring-provider"), str):
        yield "keyring-provider", table["keyring-provider"]
    for name in table:
        if name.startswith(_IGNORED) and table[name]:
            yield name, str(table[name])
