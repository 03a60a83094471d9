"""Faults while a packet is published: the file is the old one or the new one, whole, and the next run cleans up."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import socket
import stat
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest
import scratch

from handoff_tasks import files
from handoff_tasks.problems import HandoffError
from handoff_tasks.release import publish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from desk import Desk

OLD, NEW = b'{"old": true}\n', b'{"new": true}\n' * 1000
STEPS = 9


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A published packet in a folder of its own."""
    path = tmp_path / "docs" / "packet.json"
    path.parent.mkdir()
    path.write_bytes(OLD)
    return path


def refused(path: Path) -> tuple[str, str]:
    """Return code and message of a refused write."""
    with pytest.raises(HandoffError) as caught:
        files.write(path, NEW)
    [problem] = caught.value.problems
    assert problem.where == str(path)
    return problem.code, problem.message


def left(path: Path) -> list[str]:
    """Return the names in a packet's folder."""
    return sorted(entry.name for entry in path.parent.iterdir())


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o027, 0o077, 0o777])
def test_everybody_may_read_it_under_any_umask(target: Path, mask: int) -> None:
    """Stimulus: an umask. The packet has mode 0644, and nothing else is left."""
    before = os.umask(mask)
    try:
        files.write(target, NEW)
    finally:
        os.umask(before)
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert (target.read_bytes(), left(target)) == (NEW, ["packet.json"])


KILLED = """
import os, signal, sys
from pathlib import Path
from handoff_tasks import files
target, step = Path(sys.argv[1]), int(sys.argv[2])
seen = [0]
def hook(event, arguments):
    if event in ("open", "os.rename", "os.scandir", "os.mkdir") and str(target.parent) in str(arguments):
        seen[0] += 1
    elif event in ("fcntl.flock", "os.chmod"):
        seen[0] += 1
    else:
        return
    if seen[0] == step:
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
files.write(target, sys.stdin.buffer.read())
print("done", seen[0])
"""


@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_kill_at_any_step_leaves_one_of_both_whole(target: Path, step: int) -> None:
    """Stimulus: SIGKILL at the n-th step. Old or new is there, whole; the next write sweeps what the killed one left."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, target, str(step)],
        input=NEW,
        capture_output=True,
        check=False,
    )
    assert done.returncode in (-9, 0), done.stderr
    assert target.read_bytes() in (OLD, NEW)
    assert done.returncode == -9 or target.read_bytes() == NEW
    files.write(target, NEW)
    assert (target.read_bytes(), left(target)) == (NEW, ["packet.json"])


def test_the_steps_are_all_there_are(target: Path) -> None:
    """The kills above reach every step: there is none beyond the last, and the first few do end the writer."""
    ends = [
        subprocess.run(
            [sys.executable, "-c", KILLED, target, str(step)],
            input=NEW,
            capture_output=True,
            check=False,
        ).returncode
        for step in (1, 3, STEPS + 1)
    ]
    assert ends == [-9, -9, 0]


def test_a_writer_that_lives_is_not_swept(target: Path) -> None:
    """Stimulus: a temporary file whose lock is held. It stays; a free one of the same form goes, one of another form stays."""
    held, free, foreign = (
        target.with_name(name)
        for name in (
            ".packet.json.0a0a0a0a.tmp",
            ".packet.json.0b0b0b0b.tmp",
            ".packet.json.mine.tmp",
        )
    )
    for path in (held, free, foreign):
        path.write_bytes(b"half")
    with held.open("rb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        files.write(target, NEW)
    assert left(target) == [".packet.json.0a0a0a0a.tmp", ".packet.json.mine.tmp", "packet.json"]


def test_a_link_of_that_form_is_not_followed(target: Path, tmp_path: Path) -> None:
    """Stimulus: a link where a leftover could lie. It stays, and so does what it points to."""
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    target.with_name(".packet.json.0c0c0c0c.tmp").symlink_to(precious)
    files.write(target, NEW)
    assert precious.read_bytes() == b"mine"


def test_a_file_that_may_not_grow(target: Path) -> None:
    """Stimulus: a limit of file sizes, as a quota is one. HP080, the old packet as it was, nothing left."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        assert refused(target) == ("HP080", f"cannot be written: {os.strerror(errno.EFBIG)}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (target.read_bytes(), left(target)) == (OLD, ["packet.json"])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB; only where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("this user may not mount a disk")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk(small_disk: Path) -> None:
    """Stimulus: no space left. HP080 with what to do, the old packet as it was, nothing left."""
    path = small_disk / "packet.json"
    path.write_bytes(OLD)
    with pytest.raises(HandoffError) as caught:
        files.write(path, b"x" * 100_000)
    [problem] = caught.value.problems
    assert (problem.code, problem.message) == (
        "HP080",
        f"cannot be written: {os.strerror(errno.ENOSPC)}",
    )
    assert problem.hint == "free some disk space, then run again"
    assert (path.read_bytes(), left(path)) == (OLD, ["packet.json"])


def test_a_disk_that_is_read_only(small_disk: Path) -> None:
    """Stimulus: a disk that cannot be written to. HP080, the old packet as it was."""
    path = small_disk / "packet.json"
    path.write_bytes(OLD)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert refused(path) == ("HP080", f"cannot be written: {os.strerror(errno.EROFS)}")
    assert path.read_bytes() == OLD


def _link(path: Path) -> None:
    path.symlink_to(path.with_name("elsewhere"))


def _socket(path: Path) -> None:
    # Its address is short: some systems take a hundred bytes.
    here = os.getcwd()  # noqa: PTH109 - to go back there
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_link, "is a symbolic link; expected a file or nothing"),
        (os.mkfifo, "is not a regular file; expected a file or nothing"),
        (_socket, "is not a regular file; expected a file or nothing"),
        (os.mkdir, "is a folder; expected a file or nothing"),
    ],
)
def test_what_is_no_file_is_refused(
    tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    """Stimulus: a link, a pipe, a socket, a folder in the packet's place. HP081 before anything runs; it stays what it is."""
    path = tmp_path / "packet.json"
    make(path)
    kind = stat.S_IFMT(path.lstat().st_mode)
    problem = publish.check_target(path, tmp_path / "repository" / ".git")
    assert problem is not None
    assert (problem.code, problem.where, problem.message) == ("HP081", str(path), message)
    assert stat.S_IFMT(path.lstat().st_mode) == kind


@pytest.mark.parametrize(
    "below", [".git/packet.json", ".git/hooks/post-commit", ".git", "deep/.git/x/packet.json"]
)
def test_no_packet_inside_a_repositorys_own_folder(tmp_path: Path, below: str) -> None:
    """Stimulus: a place inside .git. HP081; nothing is made there."""
    problem = publish.check_target(tmp_path / below, tmp_path / ".git")
    assert problem is not None
    assert (problem.code, problem.message) == ("HP081", "is inside a repository's .git")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_leads_into_git_by_a_link(tmp_path: Path) -> None:
    """Stimulus: a folder that is a link into .git. HP081: the place counts, not the name."""
    (tmp_path / ".git" / "hooks").mkdir(parents=True)
    (tmp_path / "docs").symlink_to(tmp_path / ".git" / "hooks")
    problem = publish.check_target(tmp_path / "docs" / "packet.json", tmp_path / ".git")
    assert problem is not None
    assert problem.message == "is inside a repository's .git"


@pytest.mark.parametrize("name", ["manifest", "profile", "noxfile", "record", "lock"])
def test_a_file_of_somebody_elses_is_no_place_for_a_packet(desk: Desk, name: str) -> None:
    """Stimulus: --out-json names a file that has another purpose. HP081, nothing is run, every byte of it stays."""
    path = {
        "manifest": desk.producer.root / scratch.MANIFEST_PATH,
        "profile": desk.folder / "handoff.toml",
        "noxfile": desk.folder / "noxfile.py",
        "record": desk.evidence() / "ok.json",
        "lock": desk.folder / ".handoff" / "lock",
    }[name]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    before = path.read_bytes()
    assert desk.run("handoff-stable", "--out-json", str(path)).returncode == 1
    assert desk.result["problems"] == [
        {
            "code": "HP081",
            "where": str(path),
            "message": "exists and is not a handoff packet; refusing to overwrite it",
            "hint": "name another file with --out-json, or delete this one first",
        }
    ]
    assert desk.result["checks"] == []
    assert path.read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize(("option", "code"), [("--result-json", "HP001"), ("--junit", "HP110")])
def test_a_result_or_junit_by_another_spelling_is_no_packet(
    desk: Desk, option: str, code: str
) -> None:
    """Stimulus: the packet's place through a linked folder. Refused, whether a packet is there or not, and that one stays."""
    desk.packet.parent.mkdir(exist_ok=True)
    (desk.folder / "way").symlink_to(desk.packet.parent)
    spelled = desk.folder / "way" / desk.packet.name
    done = desk.bare("handoff-stable", *desk.place(), option, str(spelled))
    assert (
        f"{code} {option}: {desk.packet} is the packet's place\n        next: name another file; nothing was run"
        in done.stdout
    )
    assert (done.returncode, desk.packet.exists()) == (1, False)
    assert desk.run("handoff-stable").returncode == 0
    published = desk.packet.read_bytes()
    done = desk.bare("handoff-stable", *desk.place(), option, str(spelled))
    kind = {"--result-json": "result", "--junit": "JUnit XML"}[option]
    assert (
        f"{code} {option}: {spelled} is there already and is no {kind} of a run; expected a file of its own\n"
        in done.stdout
    )
    assert (done.returncode, desk.packet.read_bytes()) == (1, published)


@pytest.mark.parametrize(
    "text",
    ['my notes on "result_contract_version"\n', '{"result_contract_version": "v0"}', "[" * 100_000],
)
def test_a_file_that_speaks_of_a_result_is_none(desk: Desk, text: str) -> None:
    """Stimulus: --result-json names a file with a result's key in it. HP001, and it stays; a real result is replaced."""
    desk.result_path.write_text(text)
    done = desk.run("handoff-diff", "a", "b")
    message = (
        f"{desk.result_path} is there already and is no result of a run; expected a file of its own"
    )
    assert (
        f"HP001 --result-json: {message}\n        next: name another file; nothing was run"
        in done.stdout
    )
    assert desk.result_path.read_text() == text
    desk.result_path.unlink()
    for _ in range(2):
        assert desk.run("handoff-diff", "a", "b").returncode == 1
        assert [code for code, _ in desk.findings()] == ["HP005"]


@pytest.mark.slow
def test_a_pipe_is_never_waited_for(desk: Desk) -> None:
    """Stimulus: a pipe without a writer as packet, statement, result and JUnit XML, and a device that never ends."""
    pipe = desk.folder / "pipe"
    os.mkfifo(pipe)
    for path in (str(pipe), "/dev/zero"):
        reported = f"HP005 {path}: the packet cannot be read: it is not a plain file"
        for session, words in (
            ("handoff-verify", [path]),
            ("handoff-show", [path]),
            ("handoff-diff", [path, path]),
        ):
            assert reported in desk.bare(session, *words).stdout
        for option, kind in (("--result-json", "result"), ("--junit", "JUnit XML")):
            done = desk.bare("handoff-show", "x", option, path)
            assert (
                f"{option}: {path} is there already and is no {kind} of a run; expected a file of its own"
                in done.stdout
            )
        assert desk.run("handoff-stable", "--impact", path).returncode == 1
        [problem] = desk.result["problems"]
        message = "the impact statement cannot be read: it is not a plain file"
        assert (problem["code"], problem["where"], problem["message"]) == (
            "HP060",
            "--impact",
            message,
        )


@pytest.mark.parametrize("option", ["--result-json", "--junit"])
def test_no_result_inside_a_repositorys_own_folder(desk: Desk, option: str) -> None:
    """Stimulus: a place where git keeps its refs. Refused, and no ref is made."""
    path = desk.producer.path / ".git" / "refs" / "heads" / "x"
    done = desk.bare("handoff-diff", "a", "b", option, str(path))
    assert (
        f"{option}: {path} is inside a repository's .git\n        next: name another file; nothing was run"
        in done.stdout
    )
    assert (done.returncode, path.exists()) == (1, False)


def test_two_writers_at_once(target: Path) -> None:
    """Stimulus: twenty writers of one file at the same moment. One of their packets is there, whole, and nothing else."""
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from handoff_tasks import files
        for number in range(20):
            files.write(Path(sys.argv[1]), sys.argv[2].encode() * 5000)
    """)
    writers = [
        subprocess.Popen([sys.executable, "-c", script, target, letter]) for letter in "abcd"
    ]
    assert [writer.wait() for writer in writers] == [0] * 4
    data = target.read_bytes()
    assert len(data) == 5000
    assert len(set(data)) == 1
    assert left(target) == ["packet.json"]
