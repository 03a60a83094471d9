"""Install the tools of a check into its session's environment.

The installer runs in an empty folder, in an environment that is built from nothing. Settings that
reach an index are read as data and passed on. Settings that choose other packages are left out.
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
# What both installers need of the environment: the network, certificates, caches, and where a credential helper looks.
_PASSED = frozenset(
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
_PASSED_PREFIXES = ("AWS_", "AZURE_", "CLOUDSDK_", "GOOGLE_", "VSS_")
_NAMED = re.compile(r"(?i)(?:https?|all|no)_proxy|(?:SSL|REQUESTS|CURL)_.*")
# Nothing else is set; a file that a check's own build reads is none of the user's.
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
# The settings that stay: name to the variable that hands it over.
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
# The settings that could put another package in place of the one that is asked for. They are named if an installer fails.
_LEFT_OUT = ("find-links", "no-index", "constraint", "build-constraint", "override", "offline")
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\])?\s*(?:[=<>!~;].*|@\s*(?:https|git\+https|git\+ssh)://.*)?"
)
_PIN = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*={2,3}\s*([^\s;,*]+?)(\.\*)?\s*(?:;.*)?"
)
_ADDRESS_USER = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_ADDRESS_QUERY = re.compile(r"(?<=[\w/])\?[^\s#]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What an installer has done for a check: its report, and why a requirement is not installed, by requirement."""

    report: Installation | None
    failures: Mapping[str, str]


def install(
    session: Session, specs: Sequence[ToolSpec], bin_folder: str, caller: Mapping[str, str]
) -> Installed:
    """Install what the tools in ``specs`` ask for, unless an installer did so for exactly these requirements.

    ``caller`` is the environment in which the user's settings are looked for.
    """
    requirements = sorted({spec.install for spec in specs if spec.install})
    if not requirements:
        return Installed(report=None, failures={})
    strange = {
        one: f"{one} names no package of an index; expected a form such as NAME==VERSION"
        for one in requirements
        if not _REQUIREMENT.fullmatch(one)
    }
    if strange:
        return Installed(report=None, failures=strange)
    environment = Path(bin_folder).parent
    programs = [
        [Path(bin_folder) / name for name in spec.executables] for spec in specs if spec.install
    ]
    if _sees_the_system(environment):
        why = f"the environment {environment} sees packages of the system: unset VIRTUALENV_SYSTEM_SITE_PACKAGES, then --fresh"
        return Installed(report=None, failures=dict.fromkeys(requirements, why))
    if report := _current(environment, requirements, programs):
        return Installed(report=report, failures={})
    (environment / _MARKER).unlink(missing_ok=True)
    is_uv = session.virtualenv.venv_backend == "uv"
    settings, left_out = _uv_settings(caller) if is_uv else _pip_settings(caller)
    done = _run(session, requirements, is_uv=is_uv, environment=_environment(caller, settings))
    if isinstance(done, str):
        unused = f" (not used: {', '.join(left_out)})" if left_out else ""
        failures = {
            one: f"{one} could not be installed{_masked(done)}{unused}" for one in requirements
        }
        return Installed(report=None, failures=failures)
    packages = _packages(environment, done)
    failures = dict(_contradictions(requirements, packages))
    if failures:
        return Installed(report=None, failures=failures)
    report = Installation(
        installer="uv" if is_uv else "pip",
        requirements=tuple(requirements),
        settings=tuple(
            Setting(name=name, value=_masked(value), source=source)
            for name, _, value, source in settings
        ),
        packages=packages,
    )
    files.write(environment / _MARKER, json.dumps(report.to_dict(), indent=1).encode(), sync=False)
    return Installed(report=report, failures={})


def _sees_the_system(environment: Path) -> bool:
    """Return whether Python finds packages outside of an environment in it."""
    try:
        text = (environment / "pyvenv.cfg").read_text("utf-8")
    except OSError:
        return False
    return bool(re.search(r"(?im)^include-system-site-packages\s*=\s*true\s*$", text))


def _current(
    environment: Path, requirements: Sequence[str], programs: Sequence[Sequence[Path]]
) -> Installation | None:
    """Return what an installer has reported, if it was for these requirements and all of it is still there."""
    try:
        report = Installation.from_dict(json.loads((environment / _MARKER).read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    same = list(report.requirements) == list(requirements) and all(
        any(program.exists() for program in names) for names in programs
    )
    there = {(one.name, one.version) for one in _packages(environment, {})}
    return (
        report
        if same and there.issuperset((one.name, one.version) for one in report.packages)
        else None
    )


def _run(
    session: Session, requirements: Sequence[str], *, is_uv: bool, environment: Mapping[str, str]
) -> dict[str, str] | str:
    """Run the installer; return the sha256 of the files that it tells, by name of the package, or why it failed."""
    from nox.command import CommandFailed

    # What is there may be from another place: all of it is installed again.
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said,
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
                    stdout=said,
                    stderr=subprocess.STDOUT,
                )
        except CommandFailed:
            said.seek(0)
            return reason(said.read())
        if not said.tell():
            # An installer says what it does. nox with -R or --no-install calls none, and does not tell.
            return ": no installer ran; run without -R and --no-install"
        return _told(report)


def reason(said: str) -> str:
    """Return why an installer failed, from what it said: its last line that speaks of an error, or the last one."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(?i)\W*(?:error|caused by)", line)]
    return f": {(telling or lines)[-1][:200]}" if lines else ""


def _told(report: Path) -> dict[str, str]:
    """Return the sha256 of each package's file, as pip reports it; nothing from uv, which has no report."""
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
    return {_normal(name): sha256 for name, sha256 in entries if isinstance(sha256, str)}


def _packages(environment: Path, sha256: Mapping[str, str]) -> tuple[Package, ...]:
    """Return the packages in an environment, sorted, without those that make installations themselves."""
    found = {}
    for metadata in environment.glob("lib/python*/site-packages/*.dist-info/METADATA"):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            head = metadata.read_text("utf-8").partition("\n\n")[0]
            name, version = (
                re.search(rf"(?im)^{key}:[ \t]*(\S+)", head) for key in ("Name", "Version")
            )
            if name and version and _normal(name[1]) not in {"pip", "setuptools", "wheel"}:
                found[_normal(name[1])] = version[1]
    return tuple(
        Package(name=name, version=version, sha256=sha256.get(name))
        for name, version in sorted(found.items())
    )


def _contradictions(
    requirements: Sequence[str], packages: Sequence[Package]
) -> Iterator[tuple[str, str]]:
    """Yield each requirement of one version that the environment does not have, and what it has."""
    versions = {one.name: one.version for one in packages}
    for requirement in requirements:
        pin = _PIN.fullmatch(requirement)
        found = versions.get(_normal(pin[1])) if pin else None
        if pin and not (found and _agree(found, pin, may_be_shorter=False)):
            yield (
                requirement,
                f"{requirement} is not in the environment: {f'found {found}' if found else 'it is missing'}",
            )


def contradiction(spec: ToolSpec, version: str | None) -> str | None:
    """Return why the version that a tool answers is not the one that its requirement asks for; None if it can be."""
    pin = _PIN.fullmatch(spec.install or "")
    if pin is None or version is None or _agree(version, pin, may_be_shorter=True):
        return None
    return f"answers {version}; expected the version of {spec.install}"


def _agree(version: str, pin: re.Match[str], *, may_be_shorter: bool) -> bool:
    """Return whether a version can be the pinned one, by its numbers.

    With ``may_be_shorter`` it may have fewer, but not less than two: a package often counts its own builds of a tool.
    """
    one, other = (re.match(r"v?(?:\d+!)?(\d+(?:\.\d+)*)", text) for text in (version, pin[2]))
    if not one or not other:
        return version == pin[2]
    first, second = (list(map(int, found[1].split("."))) for found in (one, other))
    if len(first) > len(second):
        return first[: len(second)] == second and (bool(pin[3]) or not any(first[len(second) :]))
    same = first == second[: len(first)]
    return same and (not any(second[len(first) :]) or (may_be_shorter and len(first) > 1))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _masked(text: str) -> str:
    """Return a text without the users, passwords and queries of addresses in it."""
    return _ADDRESS_QUERY.sub(f"?{redact.MASK}", _ADDRESS_USER.sub(redact.MASK, text))


def _environment(
    caller: Mapping[str, str], settings: Sequence[tuple[str, str, str, str]]
) -> dict[str, str]:
    passed = {
        name: value
        for name, value in caller.items()
        if name in _PASSED or name.startswith(_PASSED_PREFIXES) or _UV_CREDENTIALS.fullmatch(name)
    }
    # Entries of PATH that are relative would lead into the empty folder.
    passed["PATH"] = os.pathsep.join(
        entry for entry in caller.get("PATH", os.defpath).split(os.pathsep) if entry.startswith("/")
    )
    return {
        **passed,
        **_NEUTRAL,
        **{variable: value for _, variable, value, _ in settings if variable},
    }


def _named(caller: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """Return the settings that are passed on as they are and that the record names: the variable hands itself over."""
    return [
        (name, name, value, name)
        for name, value in sorted(caller.items())
        if value and name in _PASSED and _NAMED.fullmatch(name)
    ]


def _pip_settings(caller: Mapping[str, str]) -> tuple[list[tuple[str, str, str, str]], list[str]]:
    """Return what is set for pip, each as name, variable, value and where it is set; and what of it is left out."""
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
    settings = []
    for name, variable in _PIP.items():
        value, source = found.get(name, ("", ""))
        if name in _PIP_PATHS and value:
            value = os.path.abspath(os.path.expanduser(value))  # noqa: PTH100, PTH111 - a ~name that is unknown stays
        if name == "use-feature":
            value = " ".join(one for one in value.split() if one in _PIP_FEATURES)
        if value:
            settings.append(
                (
                    name,
                    variable,
                    " ".join(value.split()) if "url" in name or "host" in name else value,
                    source,
                )
            )
    return [*settings, *_named(caller)], _left_out(found)


def _left_out(found: Mapping[str, tuple[str, str]]) -> list[str]:
    return [
        f"{name} of {source}"
        for name, (value, source) in found.items()
        if value and name.startswith(_LEFT_OUT)
    ]


def _pip_files(caller: Mapping[str, str]) -> Iterator[Path]:
    """Yield the configuration files of pip, those that override others last."""
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
    """Return what is set for uv, as `_pip_settings` does."""
    found: dict[str, tuple[str, str]] = {}
    for path in _uv_files(caller):
        with contextlib.suppress(OSError, ValueError):
            for name, value in _uv_table(tomllib.loads(path.read_text("utf-8"))):
                found[name] = (value, str(path))
    variables = {
        **{f"UV_{name.replace('-', '_').upper()}": name for name in _LEFT_OUT},
        **{variable: name for name, variable in _UV.items()},
    }
    # The older names come first: the newer ones win.
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
    return [*settings, *_named(caller)], _left_out(found)


def _uv_files(caller: Mapping[str, str]) -> Iterator[Path]:
    """Yield the user's configuration file of uv and the system's, the one that overrides last."""
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
    """Yield the settings of a uv.toml by the names of `_UV`; those below ``[pip]`` override the others."""
    pip = document.get("pip", {})
    tables = [document, *([pip] if isinstance(pip, dict) else [])]
    indexes = [
        one
        for one in document.get("index", ())
        if isinstance(one, dict) and isinstance(one.get("url"), str)
    ]
    # An explicit index is for packages that a project assigns to it, and a flat one is a folder of wheels.
    indexes = [one for one in indexes if not one.get("explicit") and one.get("format") != "flat"]
    extra = [
        f"{one['name']}={one['url']}" if one.get("name") else one["url"]
        for one in indexes
        if not one.get("default")
    ]
    for table in tables:
        if isinstance(table.get("index-url"), str):
            yield "default-index", table["index-url"]
        more = table.get("extra-index-url")
        extra += [one for one in more if isinstance(one, str)] if isinstance(more, list) else []
        for name in ("native-tls", "system-certs"):
            if isinstance(table.get(name), bool):
                yield name, "true" if table[name] else ""
        hosts = table.get("allow-insecure-host")
        if isinstance(hosts, list):
            yield "allow-insecure-host", " ".join(str(one) for one in hosts)
        if isinstance(table.get("keyring-provider"), str):
            yield "keyring-provider", table["keyring-provider"]
        for name in table:
            if name.startswith(_LEFT_OUT) and table[name]:
                yield name, str(table[name])
    if extra:
        yield "index", " ".join(extra)
    for one in indexes:
        if one.get("default"):
            yield "default-index", f"{one['name']}={one['url']}" if one.get("name") else one["url"]
