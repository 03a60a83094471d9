"""Files around the checkout.

Those that can change a verdict are refused by name, others are reported or ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import scratch

from handoff_tasks.formats import schemas
from handoff_tasks.git import surroundings
from handoff_tasks.producer import profile

if TYPE_CHECKING:
    from pathlib import Path

    from desk import Desk

ADDED = """
refuse_above = ["clippy.toml", ".cargo/config.toml"]

[[environment.user_config]]
files = ["{CARGO_HOME}/config.toml", "{HOME}/.cargo/config.toml"]
harmless = ["net", "registries"]
"""


def parsed() -> profile.Profile:
    """Return a profile with a list of each kind."""
    text = scratch.PROFILE.replace(
        "\n[environment]\n", "\n[environment]\n" + ADDED.split("\n\n", maxsplit=1)[0] + "\n"
    )
    text += ADDED.split("\n\n", 1)[1]
    return profile.parse(text.encode(), "handoff.toml", schemas.schema(schemas.PROFILE))


def put(path: Path, text: str = "") -> Path:
    """Write a file and the folders above it; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_clean_place_has_nothing_to_say(tmp_path: Path) -> None:
    """No file above, no settings: no problem, no advisory. A folder of such a name is no file."""
    (tmp_path / "clippy.toml").mkdir()
    assert surroundings.inspect(tmp_path / "a" / "checkout", parsed(), {"HOME": str(tmp_path)}) == (
        [],
        [],
    )


def test_files_above_are_refused_each_by_name(tmp_path: Path) -> None:
    """A file in the next folder, one far above: each is named, with what to do.

    One in the checkout itself is the producer's.
    """
    checkout = tmp_path / "a" / "b" / "checkout"
    put(checkout / "clippy.toml")
    near, far = put(tmp_path / "a" / "b" / "clippy.toml"), put(tmp_path / ".cargo" / "config.toml")
    problems, notes = surroundings.inspect(checkout, parsed(), {})
    assert notes == []
    assert [(one.code, one.where, one.message, one.hint) for one in problems] == [
        (
            "HP017",
            str(path),
            f"is in a folder above the private checkout {checkout}, "
            "where tools in the checks would read it",
            "move it away, or choose a folder without such a file above it with --cache-dir",
        )
        for path in (near, far)
    ]


def test_settings_of_the_user_that_change_a_verdict_are_refused(tmp_path: Path) -> None:
    """Tables that are not declared harmless are refused: file and tables are named."""
    path = put(
        tmp_path / "config.toml",
        "[net]\nretry = 1\n[build]\nrustflags = []\n[target.x]\nrunner = 'true'\n",
    )
    problems, notes = surroundings.inspect(
        tmp_path / "x" / "checkout", parsed(), {"CARGO_HOME": str(tmp_path)}
    )
    assert notes == []
    assert [(one.code, one.where, one.message, one.hint) for one in problems] == [
        (
            "HP018",
            str(path),
            "user settings that can change a verdict: build, target; expected only net, registries",
            "remove these settings while you verify, "
            "or verify as another user or with another HOME",
        )
    ]


def test_harmless_settings_are_reported(tmp_path: Path) -> None:
    """Settings that only name mirrors are accepted, though they are above the checkout."""
    path = put(tmp_path / ".cargo" / "config.toml", "[registries.x]\nindex = 'y'\n")
    problems, notes = surroundings.inspect(
        tmp_path / ".cache" / "checkout", parsed(), {"HOME": str(tmp_path)}
    )
    assert problems == []
    assert [(one.code, one.where, one.message) for one in notes] == [
        (
            "HA003",
            str(path),
            "user settings that reach the checks and cannot change a verdict: registries",
        )
    ]


@pytest.mark.parametrize("text", ["[net", "\udcff"])
def test_unreadable_settings_are_refused(tmp_path: Path, text: str) -> None:
    """What cannot be read may change anything."""
    (tmp_path / "config.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    [problem], _ = surroundings.inspect(
        tmp_path / "x" / "checkout", parsed(), {"CARGO_HOME": str(tmp_path)}
    )
    assert problem.code == "HP018"
    assert problem.message.startswith(
        "the user's settings cannot be read, so their effect is unknown: "
    )


def test_a_file_of_which_nothing_is_harmless_is_refused_unread(tmp_path: Path) -> None:
    """Such as jq's, which is no TOML: that it is there is enough."""
    path = put(tmp_path / ".jq", "def length: 1;")
    text = scratch.PROFILE + '[[environment.user_config]]\nfiles = ["{HOME}/.jq"]\nharmless = []\n'
    owner = profile.parse(text.encode(), "handoff.toml", schemas.schema(schemas.PROFILE))
    problems, notes = surroundings.inspect(
        tmp_path / "x" / "checkout", owner, {"HOME": str(tmp_path)}
    )
    assert notes == []
    assert [(one.code, one.where, one.message, one.hint) for one in problems] == [
        (
            "HP018",
            str(path),
            "user settings that can change a verdict; expected no such file",
            "remove these settings while you verify, "
            "or verify as another user or with another HOME",
        )
    ]


def test_a_folder_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Above the checkout and among the user's settings: each place is named.

    A name that is too long stands for a locked folder.
    """
    far = "f" * 300
    text = ADDED.replace("clippy.toml", far).replace("{HOME}/.cargo", "{HOME}/" + far)
    top, rest = text.split("\n\n", 1)
    text = scratch.PROFILE.replace("\n[environment]\n", f"\n[environment]\n{top}\n") + rest
    owner = profile.parse(text.encode(), "handoff.toml", schemas.schema(schemas.PROFILE))
    problems, _ = surroundings.inspect(tmp_path / "checkout", owner, {"HOME": str(tmp_path)})
    assert [(one.code, one.where) for one in problems] == [
        ("HP017", str(tmp_path / far / "config.toml")),
        *(("HP017", str(folder / far)) for folder in (tmp_path, *tmp_path.parents)),
    ]
    assert {(one.message, one.hint) for one in problems} == {
        (
            "cannot be read (File name too long), so it is unknown whether it changes a verdict",
            "move it away, or choose another folder with --cache-dir",
        )
    }


def test_a_variable_that_names_no_folder_is_no_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unset, empty or relative variable: nothing is looked for in the current folder."""
    put(tmp_path / "config.toml", "[build]\n")
    monkeypatch.chdir(tmp_path)
    for caller in ({}, {"CARGO_HOME": ""}, {"CARGO_HOME": "."}):
        assert surroundings.inspect(tmp_path / "x" / "checkout", parsed(), caller) == ([], [])


@pytest.mark.parametrize("name", [".ignore", ".rgignore"])
def test_what_ripgrep_follows_is_refused_for_every_profile(tmp_path: Path, name: str) -> None:
    """Also if the profile does not list it.

    Many scripts call ripgrep, and it would hide files from them.
    """
    path = put(tmp_path / name, "*.rs\n")
    plain = profile.parse(scratch.PROFILE.encode(), "handoff.toml", schemas.schema(schemas.PROFILE))
    problems, notes = surroundings.inspect(tmp_path / "x" / "checkout", plain, {})
    message = (
        f"is in a folder above the private checkout {tmp_path / 'x' / 'checkout'}, "
        "where tools in the checks would read it"
    )
    assert [(one.code, one.where, one.message) for one in problems] == [
        ("HP017", str(path), message)
    ]
    assert notes == []


def test_folders_of_toolchains_are_found(tmp_path: Path) -> None:
    """By the variable.

    Or at the default place, if the profile passes it on or a program of it is on PATH; never a
    missing one.
    """
    for name in (".cargo", ".rustup", ".pyenv", "other"):
        (tmp_path / name).mkdir()
    home, on_path = str(tmp_path), f"/usr/bin:{tmp_path}/.cargo/bin"
    cargo, rustup, other = f"{home}/.cargo", f"{home}/.rustup", f"{home}/other"
    look = surroundings.tool_homes
    assert look({"HOME": home, "PATH": "/usr/bin"}, ["HOME"]) == {}
    assert look({"HOME": home, "PATH": "/usr/bin"}, ["CARGO_HOME"]) == {"CARGO_HOME": cargo}
    assert look({"HOME": home, "PATH": on_path}, []) == {"CARGO_HOME": cargo, "RUSTUP_HOME": rustup}
    assert look({"HOME": home, "PATH": on_path, "CARGO_HOME": other}, []) == {}
    assert look({"HOME": home, "PATH": on_path, "CARGO_HOME": other}, ["CARGO_HOME"]) == {
        "CARGO_HOME": other
    }
    assert look({"PATH": on_path, "PYENV_ROOT": other}, ["PYENV_ROOT"]) == {"PYENV_ROOT": other}
    assert look({"HOME": home, "PATH": "", "RUSTUP_HOME": f"{home}/missing"}, ["RUSTUP_HOME"]) == {}
    assert look({}, ["CARGO_HOME"]) == {}


@pytest.mark.slow
def test_nothing_runs_below_such_a_file(desk: Desk) -> None:
    """A run and a check alone are refused before anything has run, by name.

    A packet can still be verified there.
    """
    (desk.folder / "handoff.toml").write_text(
        scratch.PROFILE.replace(
            "\n[environment]\n", '\n[environment]\nrefuse_above = ["clippy.toml"]\n'
        )
    )
    assert desk.run("handoff-stable").returncode == 0
    above = put(desk.folder / "clippy.toml")
    for session in ("handoff-stable", "verify-ok"):
        done = desk.run(session)
        assert done.returncode == 1
        assert desk.findings() == [("HP017", str(above))]
        assert (
            f"Refused:\n  HP017 {above}: is in a folder above the private checkout" in done.stdout
        )
    assert desk.run("handoff-verify", str(desk.packet)).returncode == 0
