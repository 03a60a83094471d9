"""Claims about the frame of a session.

Which folders it uses, and how it ends whatever happens in it.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nox.sessions
import pytest
import scratch
from desk import NOXFILE

from handoff_tasks import files
from handoff_tasks.model import Flavour
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.sessions import environments, folders, target
from handoff_tasks.sessions.options import Options

if TYPE_CHECKING:
    from desk import Desk


@pytest.mark.parametrize("name", ["verify-fmt", "verify-a--b-", "verify-" + "long-" * 12 + "name"])
def test_the_folder_of_an_environment_is_noxs(name: str) -> None:
    """In short paths, long ones, and those that nox calls too long.

    What a handoff looks for is where nox puts it.
    """
    for length in range(1, 130):
        folder = "/" + "f" * length
        expected = nox.sessions._normalize_path(folder, name)
        assert environments.bin_folder(Path(folder), name) == f"{expected}/bin"


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="other systems have cache folders of other names"
)
@pytest.mark.parametrize(
    ("cache", "place"),
    [
        ("", "handoff-cache"),
        (".cache", "handoff-cache"),
        ("a/.b/c", "handoff-cache"),
        ("big", "big/handoff-tasks"),
    ],
)
def test_the_default_cache_is_below_no_hidden_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: str, place: str
) -> None:
    """XDG_CACHE_HOME decides unless a name in it begins with a dot.

    The folder is the user's alone.
    """
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if cache:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / cache))
    for _ in range(2):
        found = folders.default_cache()
        assert found == tmp_path / place
        assert stat.S_IMODE(found.stat().st_mode) == 0o700


def _refused_cache() -> Problem:
    with pytest.raises(HandoffError) as caught:
        folders.default_cache()
    [problem] = caught.value.problems
    return problem


def test_a_default_cache_that_others_can_change_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link, a file, a folder of another user or one that others may write to.

    Each is named, and nothing is made.
    """
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    place = tmp_path / "handoff-cache"
    hint = "move it away, or name another folder with --cache-dir"

    def expected(why: str) -> Problem:
        return Problem(
            code="HP036",
            where=str(place),
            message=f"{why}; expected a folder that only you can write to",
            hint=hint,
        )

    place.symlink_to(tmp_path / "elsewhere")
    assert _refused_cache() == expected("is a link")
    (tmp_path / "elsewhere").mkdir()
    assert _refused_cache() == expected("is a link")
    place.unlink()
    place.write_text("x")
    assert _refused_cache() == expected("is a file")
    place.unlink()
    place.mkdir()
    place.chmod(0o775)
    assert _refused_cache() == expected("can be written to by other users (mode 0775)")
    place.chmod(0o755)
    assert folders.default_cache() == place
    with monkeypatch.context() as other:
        other.setattr(os, "getuid", lambda: 12345)
        assert _refused_cache() == expected(
            f"belongs to user {place.stat().st_uid}, not to you (user 12345)"
        )
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    assert (_refused_cache().code, _refused_cache().where) == (
        "HP080",
        str(tmp_path / "file" / "handoff-cache"),
    )


@pytest.mark.parametrize(
    ("options", "name", "expected"),
    [
        (Options(), "sample-rust", ["--sample", "rust"]),
        (Options(sample=Flavour.PYTHON), "sample-python", ["--sample", "python"]),
        (
            Options(work_dir=Path("a b")),
            "sample-python",
            ["--sample", "python", "--work-dir", "a b"],
        ),
        (
            Options(producer_root=Path("../it"), work_dir=Path("w")),
            "memorykernel",
            ["--producer-root", "../it"],
        ),
    ],
)
def test_the_words_that_choose_the_producer_again(
    tmp_path: Path, options: Options, name: str, expected: list[str]
) -> None:
    """The sample that a run took by itself is named, since another machine would take the other one."""
    place = target.place_of(tmp_path / "noxfile.py", "memorykernel")
    assert target.words(place, options, files.built_in_profiles()[name]) == expected


def test_the_producer_of_its_own_noxfile_needs_no_words(desk: Desk) -> None:
    """The noxfile's folder is the producer, unless words say otherwise."""
    place = target.place_of(desk.folder / "noxfile.py", "handoff.toml")
    assert target.words(place, Options(), place.profile_path) == []


def _raises(desk: Desk, raised: str) -> None:
    """Have the step that gathers raise an unexpected error."""
    lines = f"import handoff_tasks.release.gather as step\ndef gather(*_, **__):\n    raise {raised}\nstep.gather_material = gather\n"
    (desk.folder / "noxfile.py").write_text(NOXFILE + lines)


def test_what_nobody_expected_is_in_the_result(desk: Desk) -> None:
    """HP008, NO-GO, exit 1, in the JUnit XML too.

    The traceback is shown, and a secret in it is masked where we write it.
    """
    _raises(desk, 'KeyError(__import__("os").environ["MY_TOKEN"])')
    junit = desk.folder / "junit.xml"
    done = desk.run("handoff-stable", "--junit", str(junit), MY_TOKEN="geheim-geheim")  # noqa: S106 - made up
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert (desk.result["verdict"], len(desk.result["problems"])) == ("NO-GO", 1)
    [problem] = desk.result["problems"]
    assert problem["message"].startswith("internal error: KeyError: ")
    assert "geheim" not in problem["message"]
    assert {**problem, "message": ""} == {
        "code": "HP008",
        "where": "handoff-stable",
        "message": "",
        "hint": "this is a bug in handoff-tasks, please report it with the traceback",
    }
    assert 'name="HP008 handoff-stable"' in junit.read_text()
    assert not desk.packet.exists()


@pytest.mark.parametrize(
    ("raised", "name"),
    [
        ("KeyboardInterrupt", "SIGINT"),
        (
            "__import__('handoff_tasks.checks.interrupts').checks.interrupts.Interrupted(15)",
            "SIGTERM",
        ),
    ],
)
def test_an_interrupt_at_any_moment_is_in_the_result(desk: Desk, raised: str, name: str) -> None:
    """HP046, also where no check runs yet; nox ends as interrupted, and no traceback is printed."""
    _raises(desk, raised)
    done = desk.run("handoff-stable")
    assert (done.returncode, "Traceback" in done.stdout + done.stderr) == (130, False)
    message = f"the run was interrupted by {name}"
    assert desk.result["problems"] == [
        {"code": "HP046", "where": "handoff-stable", "message": message, "hint": "run again"}
    ]


def test_a_git_that_fails_is_one_refusal(desk: Desk) -> None:
    """HP007 says which command, git's reason, where, what to do next.

    In the result, and of a handoff's check on its screen.
    """
    desk.profile(scratch.check("spoils", ["bash", "-c", "echo x > ../index"]))
    done = desk.run("verify-spoils")
    assert (done.returncode, "Traceback" in done.stdout + done.stderr) == (1, False)
    [base] = (desk.folder / "cache").iterdir()
    words = "git diff --no-ext-diff --no-textconv --no-renames --ignore-submodules=none --name-status -z ended with 128"
    message = f"{words}: {base}/index: index file smaller than expected"
    assert desk.result["problems"] == [
        {
            "code": "HP007",
            "where": str(base / "checkout"),
            "message": message,
            "hint": "free some disk space, end other programs that use that folder, then run again; "
            "'git fsck' finds damage",
        }
    ]
    done = desk.run("handoff-stable")
    assert desk.findings() == [("HP047", "check spoils")]
    # The screen shows no more of a line than anybody reads.
    assert f"nox |   HP007 {base / 'checkout'}: git diff " in done.stdout


@pytest.mark.parametrize("work", ["file", "file/below", "dangling", "x" * 300])
@pytest.mark.parametrize("session", ["handoff-stable", "pre-release", "handoff-assemble"])
def test_a_work_folder_that_cannot_be_made_is_refused(desk: Desk, work: str, session: str) -> None:
    """HP080 names the folder that cannot be made, in the result too, without a traceback."""
    (desk.folder / "file").touch()
    (desk.folder / "dangling").symlink_to("nowhere")
    words = ["--mode", "stable"] if session == "handoff-assemble" else []
    done = desk.run(session, *words, "--work-dir", str(desk.folder / work))
    assert (done.returncode, "Traceback" in done.stdout + done.stderr) == (1, False)
    [problem] = desk.result["problems"]
    assert (problem["code"], problem["where"]) == ("HP080", str(desk.folder / work))
    reason = "File name too long" if work == "x" * 300 else "Not a directory"
    assert problem["message"] == f"cannot be written: {reason}"
    assert problem["hint"] == "make the folder writable, or choose another one"


def test_a_screen_that_cannot_be_written_to_changes_no_packet(desk: Desk) -> None:
    """Standard output on a full disk: said once, exit 1, no traceback.

    The packet is published and the result says GO.
    """
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            desk.command("handoff-stable", *desk.words()),
            cwd=desk.folder,
            stdout=full,
            stderr=subprocess.PIPE,
            env=os.environ,
            text=True,
            check=False,
        )
    said = (
        "standard output cannot be written: No space left on device; the run goes on without it "
        "(next: read the report beside the evidence, or run again with other output)"
    )
    assert [line for line in done.stderr.splitlines() if line == said] == [said]
    assert f"Session handoff-stable aborted: {said}" in done.stderr
    assert (done.returncode, "Traceback" in done.stderr, "ignored" in done.stderr) == (
        1,
        False,
        False,
    )
    assert (desk.result["verdict"], desk.packet.exists()) == ("GO", True)


@pytest.mark.parametrize(("files", "session"), [(12, "handoff-stable"), (63, "impact-draft")])
def test_too_low_a_limit_of_open_files_is_refused(desk: Desk, files: int, session: str) -> None:
    """HP085 names the limit and how to raise it, in the result too, before anything is run."""
    command = [
        "bash",
        "-c",
        f'ulimit -n {files}; exec "$@"',
        "bash",
        *desk.command(session, *desk.words()),
    ]
    done = subprocess.run(command, cwd=desk.folder, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stdout + done.stderr) == (1, False)
    assert desk.result["problems"] == [
        {
            "code": "HP085",
            "where": session,
            "message": f"this process may have {files} open files; expected 64 or more",
            "hint": "raise the limit with 'ulimit -n 1024', then run again",
        }
    ]


@pytest.mark.parametrize(
    ("number", "message", "hint"),
    [
        (
            "EMFILE",
            "this process has as many open files as it is allowed to have",
            "raise the limit with 'ulimit -n 1024', then run again",
        ),
        ("ENFILE", "the machine has too many open files", "end other programs, then run again"),
    ],
)
def test_open_files_that_run_out_on_the_way_are_refused(
    desk: Desk, number: str, message: str, hint: str
) -> None:
    """HP085, wherever it happens: it is not a mistake of the tool."""
    _raises(desk, f"OSError(__import__('errno').{number}, 'x')")
    done = desk.run("handoff-stable")
    assert (done.returncode, "Traceback" in done.stdout + done.stderr) == (1, False)
    assert desk.result["problems"] == [
        {"code": "HP085", "where": "handoff-stable", "message": message, "hint": hint}
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", [b"caf\xe9", b"new\nline"])
def test_a_producer_of_any_name_is_handed_over(desk: Desk, name: bytes) -> None:
    """A path that is not UTF-8 or holds a newline changes no verdict."""
    moved = desk.folder.parent / os.fsdecode(name)
    try:
        desk.producer.path.rename(moved)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    desk.producer.path = desk.producer.root = moved
    done = subprocess.run(
        desk.command("handoff-stable", *desk.words()),
        cwd=desk.folder,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert desk.result["verdict"] == "GO"


def test_environments_need_a_path_in_utf8(desk: Desk) -> None:
    """HP084 says where the environments would be, before any check is run, and how to name another folder."""
    place = desk.folder / os.fsdecode(b"caf\xe9")
    try:
        place.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    desk.envdir = place
    done = subprocess.run(
        desk.command("handoff-stable", *desk.words()),
        cwd=desk.folder,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert desk.result["problems"] == [
        {
            "code": "HP084",
            "where": str(desk.folder / "caf\\udce9"),
            "message": "the path is not UTF-8, so no environment for a check can be made there",
            "hint": "name another folder to nox: nox --envdir FOLDER",
        }
    ]
    assert desk.result["checks"] == []
