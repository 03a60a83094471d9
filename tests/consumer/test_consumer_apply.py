"""Claims about writing: all files or none, whatever stops the process, and at whichever call."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from writing import (
    COUNTED,
    FULL,
    INTERRUPT,
    KILL,
    Stopper,
    accept,
    contents,
    in_a_child,
    lay,
    settle,
)

from handoff_tasks.consumer import apply, tree
from handoff_tasks.consumer.apply import Settled, Write
from handoff_tasks.problems import HandoffError

BEFORE = {
    "pin.json": b"old pin",
    "docs/matrix.md": b"old matrix\n" * 9,
    "docs/deep/er/x": b"",
    "other": b"stays",
}
AFTER = {
    **BEFORE,
    "pin.json": b"new pin",
    "docs/matrix.md": b"new\n",
    "docs/deep/er/x": b"full",
    "new/folder/receipt": b"{}",
}
WRITES = [
    Write(path=path, before=BEFORE.get(path), after=AFTER[path])
    for path in ("pin.json", "docs/matrix.md", "docs/deep/er/x", "new/folder/receipt")
]
CHANGING = ("open", "write", "fsync", "fchmod", "mkdir", "rename", "unlink", "rmdir")


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, Path]:
    """Return a root with the files before, and a folder for the state."""
    root = tmp_path / "a root #1"
    lay(root, BEFORE)
    return root, tmp_path / "state"


def shown(error: HandoffError) -> list[tuple[str, str, str]]:
    """Return code, place and message of each problem."""
    return [(one.code, one.where, one.message) for one in error.problems]


def end(root: Path, state: Path, at: int) -> None:
    """End what is left, killed at a call."""
    settle(root, state, Stopper(at))


def folders(root: Path) -> list[str]:
    """Return every folder below one."""
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_dir())


def test_all_files_are_written(place: tuple[Path, Path]) -> None:
    """New bytes in place, modes kept, folders made, nothing left beside the files or in the state."""
    root, state = place
    (root / "pin.json").chmod(0o751)
    accept(root, state, WRITES)
    assert contents(root) == AFTER
    assert stat.S_IMODE((root / "pin.json").stat().st_mode) == 0o751
    assert sorted(contents(state)) == ["lock"]
    assert settle(root, state) == Settled.NOTHING


def test_nothing_to_write_is_fine(place: tuple[Path, Path]) -> None:
    """No file, no change."""
    accept(*place, [])
    assert contents(place[0]) == BEFORE


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True])
def test_killed_at_every_call_the_next_run_finishes_or_undoes(
    place: tuple[Path, Path], late: bool
) -> None:
    """After a kill at each system call in turn the next run leaves all files new or all old."""
    root, state = place
    ends = set()
    for at in range(1, 10_000):
        lay(root, BEFORE)
        lay(state, {})
        stopper = Stopper(at, KILL, late=late)
        status = in_a_child(lambda stopper=stopper: accept(root, state, WRITES, stopper))  # type: ignore[misc]
        if status == 0:
            break
        assert status == -9
        settled = settle(root, state)
        found = contents(root)
        assert found in (BEFORE, AFTER), (at, settled)
        # A kill before the lock is taken leaves nothing to do, and so does one after the last call.
        if settled != Settled.NOTHING:
            assert (found == AFTER) == (settled == Settled.FINISHED)
        assert set(contents(state)) <= {"lock"}
        assert ("new" in folders(root)) == (found == AFTER)
        ends.add(settled)
    assert at > 100
    assert ends == set(Settled)


@pytest.mark.slow
def test_killed_again_while_it_finishes_or_undoes(place: tuple[Path, Path]) -> None:
    """A second kill, at any call of the run that ends the first one, changes nothing of that."""
    root, state = place
    calls = Stopper(0)
    accept(root, state, WRITES, calls)
    ends = set()
    # Before and after the old bytes are on the disk, and between renames.
    for at in (calls.count // 2, calls.count - 60, calls.count - 35, calls.count - 20):
        for again in range(1, 10_000, 3):
            lay(root, BEFORE)
            lay(state, {})
            in_a_child(lambda at=at: accept(root, state, WRITES, Stopper(at)))  # type: ignore[misc]
            status = in_a_child(lambda again=again: end(root, state, again))  # type: ignore[misc]
            settled = settle(root, state)
            assert contents(root) in (BEFORE, AFTER), (at, again, settled)
            assert set(contents(state)) <= {"lock"}
            ends.add(settled)
            if status == 0:
                break
    assert ends == set(Settled)


@pytest.mark.parametrize("error", [FULL, errno.EROFS, errno.EIO])
def test_an_error_at_every_call_leaves_all_as_before(place: tuple[Path, Path], error: int) -> None:
    """A full disk, a read-only file system, a broken disk: a refusal, and all files old; or all new."""
    root, state = place
    refusals = set()
    for at in range(1, 10_000):
        lay(root, BEFORE)
        lay(state, {})
        stopper = Stopper(at, error, only=CHANGING)
        try:
            accept(root, state, WRITES, stopper)
        except HandoffError as refused:
            refusals |= {one.code for one in refused.problems}
        if refusals and not stopper.stopped:
            break
        assert contents(root) in (BEFORE, AFTER), at
        settle(root, state)
        assert contents(root) in (BEFORE, AFTER), at
        assert set(contents(state)) <= {"lock"}
    assert "HP080" in refusals
    assert refusals <= {"HP080", "HP129"}


def test_a_disk_that_stays_full_from_any_call_on(place: tuple[Path, Path]) -> None:
    """Restoring needs no room: the old bytes are on the disk before the first file is replaced."""
    root, state = place

    class Full(Stopper):
        """Every call from one on fails."""

        def _counted(self, real, name):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            def call(*words, **options):  # type: ignore[no-untyped-def] # noqa: ANN002, ANN003, ANN202
                self.count += 1
                if self.count >= self.at:
                    self._stop(name)
                return real(*words, **options)

            return call

    codes: set[str] = set()
    found = []
    for at in range(1, 60):
        lay(root, BEFORE)
        lay(state, {})
        stopper = Full(at, FULL, only=("write", "mkdir"))
        try:
            accept(root, state, WRITES, stopper)
        except HandoffError as refused:
            codes |= {one.code for one in refused.problems}
            found.append(contents(root) == BEFORE and set(contents(state)) <= {"lock"})
        else:
            assert contents(root) == AFTER
            break
    assert all(found)
    assert codes == {"HP080"}
    assert at > 5


@pytest.mark.slow
def test_control_c_at_every_call(place: tuple[Path, Path]) -> None:
    """Ctrl-C leaves all files old, or all new; then it says so."""
    root, state = place
    for at in range(1, 10_000):
        lay(root, BEFORE)
        lay(state, {})
        stopper = Stopper(at, INTERRUPT, late=True)
        try:
            accept(root, state, WRITES, stopper)
        except KeyboardInterrupt as error:
            assert contents(root) in (BEFORE, AFTER), at
            settle(root, state)
            if contents(root) == AFTER and "the files were written before that" not in getattr(
                error, "__notes__", []
            ):
                # After the journal was removed there is nothing left to say it.
                assert set(contents(state)) <= {"lock"}
            assert contents(root) in (BEFORE, AFTER), at
        if not stopper.stopped:
            break


def test_a_file_that_changed_meanwhile_is_refused(place: tuple[Path, Path]) -> None:
    """Bytes that were not judged are not overwritten; nothing is written."""
    root, state = place
    (root / "docs/matrix.md").write_bytes(b"edited")
    (root / "docs/deep/er/x").unlink()
    with pytest.raises(HandoffError) as error:
        accept(root, state, WRITES)
    message = "was changed while the accept ran"
    assert shown(error.value) == [
        ("HP126", "docs/deep/er/x", message),
        ("HP126", "docs/matrix.md", message),
    ]
    assert contents(root) == {
        "pin.json": b"old pin",
        "docs/matrix.md": b"edited",
        "other": b"stays",
    }


@pytest.mark.parametrize("kind", ["link", "folder link", "folder", "fifo"])
def test_no_link_is_followed(place: tuple[Path, Path], tmp_path: Path, kind: str) -> None:
    """What took a file's place meanwhile is not written to, nor read, and what it leads to stays."""
    root, state = place
    outside = tmp_path / "outside"
    lay(outside, {"matrix.md": BEFORE["docs/matrix.md"], "deep/er/x": b""})
    if kind == "folder link":
        (root / "docs").rename(root / "moved")
        (root / "docs").symlink_to(outside)
    else:
        (root / "docs/matrix.md").unlink()
        match kind:
            case "link":
                (root / "docs/matrix.md").symlink_to(outside / "matrix.md")
            case "folder":
                (root / "docs/matrix.md").mkdir()
            case "fifo":
                os.mkfifo(root / "docs/matrix.md")
    with pytest.raises(HandoffError) as error:
        accept(root, state, WRITES)
    assert ("HP126", "docs/matrix.md", "was changed while the accept ran") in shown(error.value)
    assert contents(outside) == {"matrix.md": BEFORE["docs/matrix.md"], "deep/er/x": b""}
    assert (root / "pin.json").read_bytes() == b"old pin"


def killed_at_rename(root: Path, state: Path, number: int) -> None:
    """Leave an accept that was killed before one of its renames; the journal's own are among them."""
    assert in_a_child(lambda: accept(root, state, WRITES, Stopper(number, only=("rename",)))) == -9


def test_a_file_edited_after_a_kill_is_not_overwritten(place: tuple[Path, Path]) -> None:
    """Neither finished nor undone: the refusal names the file, and nothing else is touched."""
    root, state = place
    killed_at_rename(root, state, 4)
    assert (root / "pin.json").read_bytes() == b"new pin"
    (root / "docs/matrix.md").write_bytes(b"edited")
    before = contents(root)
    with pytest.raises(HandoffError) as error:
        settle(root, state)
    message = "an accept was not completed; the file is neither as before nor as after it"
    assert shown(error.value) == [("HP129", "docs/matrix.md", message)]
    assert contents(root) == before
    (root / "docs/matrix.md").write_bytes(BEFORE["docs/matrix.md"])
    assert settle(root, state) == Settled.FINISHED
    assert contents(root) == AFTER


def test_a_kill_whose_temporary_files_were_cleaned_away(place: tuple[Path, Path]) -> None:
    """What can no longer be finished is undone, if the old bytes are still there."""
    root, state = place
    killed_at_rename(root, state, 4)
    for path in list(root.rglob(".*.new")):
        path.unlink()
    assert settle(root, state) == Settled.UNDONE
    assert contents(root) == BEFORE


def test_a_journal_that_cannot_be_read(place: tuple[Path, Path]) -> None:
    """It says what to do, and nothing is written."""
    root, state = place
    lay(state, {"journal.json": b"{}"})
    with pytest.raises(HandoffError) as error:
        accept(root, state, WRITES)
    message = "the journal of an accept that was not completed cannot be read"
    assert shown(error.value) == [("HP129", str(state / "journal.json"), message)]
    assert contents(root) == BEFORE


def test_two_accepts_at_once(place: tuple[Path, Path]) -> None:
    """The second one is refused, and names the process of the first."""
    root, state = place
    with apply.exclusively(state), pytest.raises(HandoffError) as error:
        accept(root, state, WRITES)
    message = f"another accept or rollback is running: process {os.getpid()}"
    assert shown(error.value) == [("HP129", str(state / "lock"), message)]
    assert contents(root) == BEFORE


def test_a_lock_in_another_process(place: tuple[Path, Path]) -> None:
    """A lock of a process that was killed is free; one of a living process is not."""
    root, state = place
    code = (
        "import sys; from pathlib import Path; from handoff_tasks.consumer import apply\n"
        "with apply.exclusively(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(HandoffError) as error:
            accept(root, state, WRITES)
        assert (
            shown(error.value)[0][2]
            == f"another accept or rollback is running: process {other.pid}"
        )
        other.kill()
        other.wait()
    accept(root, state, WRITES)
    assert contents(root) == AFTER


def test_a_file_that_is_open_elsewhere(place: tuple[Path, Path]) -> None:
    """A reader keeps the bytes that it has opened, and a lock of another program does not matter."""
    root, state = place
    with (root / "pin.json").open("rb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        accept(root, state, WRITES)
        assert handle.read() == b"old pin"
    assert contents(root) == AFTER


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written(place: tuple[Path, Path]) -> None:
    """A read-only folder is a refusal, and all files are as before."""
    root, state = place
    (root / "docs").chmod(0o555)
    try:
        with pytest.raises(HandoffError) as error:
            accept(root, state, WRITES)
    finally:
        (root / "docs").chmod(0o755)
    assert error.value.problems[0].code == "HP080"
    assert contents(root) == BEFORE


def test_what_is_at_a_path(place: tuple[Path, Path]) -> None:
    """Plain files, links, folders, and folders on the way that are links."""
    root, _ = place
    (root / "link").symlink_to("pin.json")
    (root / "way").symlink_to("docs")
    os.mkfifo(root / "fifo")
    assert tree.find_kind(root, "pin.json") == ("file", False)
    assert tree.find_kind(root, "link") == ("link", False)
    assert tree.find_kind(root, "docs") == ("folder", False)
    assert tree.find_kind(root, "fifo") == ("other", False)
    assert tree.find_kind(root, "nowhere/at/all") == ("missing", False)
    assert tree.find_kind(root, "pin.json/x") == ("missing", False)
    assert tree.find_kind(root, "way/matrix.md") == ("link", True)


def test_the_counted_calls_are_all_that_change_a_file() -> None:
    """No other function of `os` that writes is used, so no call is left out of the tests above."""
    source = "".join(Path(str(part.__file__)).read_text(encoding="utf-8") for part in (apply, tree))
    used = set(re.findall(r"\bos\.([a-z]\w*)\(", source))
    assert used - set(COUNTED) == {"fspath", "getpid"}
    assert not re.search(r"\bopen\(", re.sub(r"os\.open\(", "", source))
