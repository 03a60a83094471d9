"""Read the user's settings of pip and uv, and build the environment of an installer.

Only settings for reaching an index are passed on.
"""

from __future__ import annotations

import configparser
import contextlib
import os
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

# The variables that both installers need: for the network, certificates, caches and credential
# helpers.
_VARIABLES = frozenset(
    {
        "HOME",
        "USER",
        "LOGNAME",
        "PATH",
        "TMPDIR",
        "NETRC",
        "DBUS_SESSION_BUS_ADDRESS",
        "XDG_CACHE_HOME",
        "XDG_DATA_HOME",
        "XDG_RUNTIME_DIR",
        "PIP_CACHE_DIR",
        "UV_CACHE_DIR",
        "UV_CREDENTIALS_DIR",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "SSL_CLIENT_CERT",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
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
    "UV_PYTHON_DOWNLOADS": "never",
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


def build_environment(
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


def hide_home(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the variables of an installer that builds the producer's project.

    A build reads settings in the home folder, which would decide what is built, so it gets an empty
    one. Caches and passwords for the network are found by variables instead.
    """
    home = Path(environment.get("HOME", "/nonexistent"))
    caches = Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    places = {
        "NETRC": home / ".netrc",
        "PIP_CACHE_DIR": caches / "pip",
        "UV_CACHE_DIR": caches / "uv",
    }
    hidden = {name: value for name, value in environment.items() if not name.startswith("XDG_")}
    found = {name: str(path) for name, path in places.items() if name not in hidden}
    return {**hidden, **found, "HOME": str(folder)}


def _network_settings(caller: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """Return the variables for proxies and certificates as settings, for the record."""
    return [
        (name, name, value, name)
        for name, value in sorted(caller.items())
        if value and name in _VARIABLES and _RECORDABLE.fullmatch(name)
    ]


def pip_settings(caller: Mapping[str, str]) -> tuple[list[tuple[str, str, str, str]], list[str]]:
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


def uv_settings(caller: Mapping[str, str]) -> tuple[list[tuple[str, str, str, str]], list[str]]:
    """Return the settings for uv to pass on, and those to ignore, as `pip_settings` does."""
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
