"""Files that count: written whole or not at all, and believed only when they are what was written."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import scratch
from builders import go_packet

from handoff_tasks import files
from handoff_tasks.checks import merge
from handoff_tasks.checks.evidence import EvidenceFolder, read_tail
from handoff_tasks.formats import canonical
from handoff_tasks.problems import HandoffError, Problem, unwritable
from handoff_tasks.record import Binding, Log, Outcome, Record, Tool
from handoff_tasks.release import publish, result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMMIT = "c" * 40
RERUN = "run the check again"
WRITABLE = "make the folder writable, or choose another one"
LOG = b"looking\nall is well\n"
IMPORTS = """
import os, resource, sys
from pathlib import Path
from handoff_tasks import files
from handoff_tasks.problems import HandoffError
from handoff_tasks.release import publish
"""
NAME_A_FILE = "name a plain file with --out-json"


def _record(**changed: Any) -> Record:
    digest = hashlib.sha256(LOG).hexdigest()
    record = Record(
        id="fmt",
        binding=Binding(
            commit=COMMIT,
            tree="d" * 40,
            producer_path=".",
            profile_digest="sha256:" + "e" * 64,
            argv=("cargo", "fmt", "{root}"),
        ),
        outcome=Outcome.PASSED,
        exit_code=0,
        signal=None,
        reason=None,
        started_at_utc="2025-06-15T15:06:40Z",
        finished_at_utc="2025-06-15T15:06:41Z",
        duration_ms=1000,
        timeout_seconds=60,
        log=Log(
            file="fmt.log", size=len(LOG), sha256=digest, output_size=len(LOG), output_sha256=digest
        ),
        tools=(Tool(name="rustc", version="1.95.0", path="/bin/rustc", claim=True),),
        toolchain="1.95.0",
        checkout_state="fresh",
        platform={"system": "Linux", "release": "6", "machine": "x86_64", "python": "3.12.0"},
        environment_names=("HOME", "PATH"),
        environment_digest="sha256:" + "e" * 64,
    )
    return replace(record, **changed)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Make a folder with one record and its log."""
    folder = EvidenceFolder.at(tmp_path / "work", COMMIT).make()
    folder.log("fmt").write_bytes(LOG)
    folder.write_record(_record())
    return folder.path


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder that every user may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _refused(call: Callable[[], object]) -> Problem:
    with pytest.raises(HandoffError) as caught:
        call()
    (problem,) = caught.value.problems
    return problem


def _as_nobody(code: str, *words: str) -> str:
    """Run code that uses ``evidence`` as a user whom permissions bind, and return what it prints."""
    drop = (
        "if os.getuid() == 0:\n    os.setgroups([])\n    os.setgid(65534)\n    os.setuid(65534)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS + drop + code, *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


# The folder


def test_the_folder_is_made_and_hidden_from_git(tmp_path: Path) -> None:
    """``evidence/<commit>`` below the work folder, which ignores itself; a .gitignore that is there stays."""
    work = tmp_path / "deep" / "work"
    assert EvidenceFolder.at(work, COMMIT).make().path == work / "evidence" / COMMIT
    assert (work / "evidence" / COMMIT).is_dir()
    assert (work / ".gitignore").read_text() == "*\n"
    (work / ".gitignore").write_text("mine\n")
    EvidenceFolder.at(work, COMMIT).make()
    assert (work / ".gitignore").read_text() == "mine\n"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """HP080: a file stands where the work folder should be."""
    (tmp_path / "work").write_text("")
    assert _refused(EvidenceFolder.at(tmp_path / "work", COMMIT).make) == Problem(
        code="HP080",
        where=str(tmp_path / "work"),
        message="cannot be written: Not a directory",
        hint=WRITABLE,
    )


def test_what_is_forgotten_is_gone(place: Path) -> None:
    """Record and log of the one check go, those of others stay; nothing to forget is no error."""
    (place / "test.json").write_text("{}")
    EvidenceFolder(place).forget("fmt")
    EvidenceFolder(place).forget("fmt")
    assert [path.name for path in place.iterdir()] == ["test.json"]


def test_what_cannot_be_forgotten_is_refused(place: Path) -> None:
    """HP080: old evidence that cannot be removed must not stand in for new."""
    (place / "fmt.log").unlink()
    (place / "fmt.log").mkdir()
    problem = _refused(lambda: EvidenceFolder(place).forget("fmt"))
    assert (problem.code, problem.where, problem.hint) == ("HP080", str(place), WRITABLE)
    assert problem.message in {
        "cannot be written: Is a directory",
        "cannot be written: Operation not permitted",
    }


# Atomic files


def test_a_file_is_written_with_mode_0644_whatever_the_umask(tmp_path: Path) -> None:
    """The mode is fixed, missing folders are made, and no temporary file is left."""
    before = os.umask(0o077)
    try:
        files.write(tmp_path / "new" / "packet.json", b"one\n")
    finally:
        os.umask(before)
    path = tmp_path / "new" / "packet.json"
    assert path.read_bytes() == b"one\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    files.write(path, b"two\n")
    assert [(entry.name, entry.read_bytes()) for entry in path.parent.iterdir()] == [
        ("packet.json", b"two\n")
    ]


def test_a_file_is_replaced_and_never_written_into(tmp_path: Path) -> None:
    """A process that has the old file open reads it to its end; a link is replaced and not followed."""
    path, other = tmp_path / "packet.json", tmp_path / "other"
    path.write_bytes(b"old\n")
    with path.open("rb") as held:
        files.write(path, b"new\n")
        assert held.read() == b"old\n"
    other.write_bytes(b"other\n")
    path.unlink()
    path.symlink_to(other)
    files.write(path, b"new\n")
    assert not path.is_symlink()
    assert (path.read_bytes(), other.read_bytes()) == (b"new\n", b"other\n")


def test_a_folder_in_the_files_place_is_refused(tmp_path: Path) -> None:
    """HP080, and no temporary file is left."""
    path = tmp_path / "packet.json"
    path.mkdir()
    assert _refused(lambda: files.write(path, b"new\n")) == Problem(
        code="HP080", where=str(path), message="cannot be written: Is a directory", hint=WRITABLE
    )
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    """HP080: no folder can be made below a file, and the file stays."""
    (tmp_path / "file").write_text("old\n")
    path = tmp_path / "file" / "packet.json"
    problem = _refused(lambda: files.write(path, b"new\n"))
    assert (problem.code, problem.where, problem.hint) == ("HP080", str(path), WRITABLE)
    assert problem.message in {
        "cannot be written: File exists",
        "cannot be written: Not a directory",
    }
    assert (tmp_path / "file").read_text() == "old\n"


def test_a_folder_without_permission_is_refused_and_the_old_file_kept(open_folder: Path) -> None:
    """HP080, with the system's reason; nothing has changed."""
    path = open_folder / "packet.json"
    path.write_bytes(b"old\n")
    code = "try:\n    files.write(Path(sys.argv[1]), b'new')\nexcept HandoffError as error:\n    print(error)\n"
    open_folder.chmod(0o555)
    assert (
        _as_nobody(code, str(path))
        == f"HP080 {path}: cannot be written: Permission denied\n      next: {WRITABLE}"
    )
    assert [(entry.name, entry.read_bytes()) for entry in open_folder.iterdir()] == [
        ("packet.json", b"old\n")
    ]
    open_folder.chmod(0o755)


def test_a_full_disk_is_refused_with_its_own_advice(tmp_path: Path) -> None:
    """HP080: a file that grows over what the system allows is not half written; on a full disk the advice is to free some."""
    path = tmp_path / "packet.json"
    path.write_bytes(b"old\n")
    code = (
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "try:\n    files.write(Path(sys.argv[1]), b'x' * 1000)\nexcept HandoffError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS + code, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (
        done.stdout == f"HP080 {path}: cannot be written: File too large\n      next: {WRITABLE}\n"
    )
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [
        ("packet.json", b"old\n")
    ]
    full = unwritable(path, OSError(28, "No space left on device"))
    assert full.problems == (
        Problem(
            code="HP080",
            where=str(path),
            message="cannot be written: No space left on device",
            hint="free some disk space, then run again",
        ),
    )


def test_a_result_may_hold_a_float(tmp_path: Path) -> None:
    """The result file is for machines; its seconds are a float, and a packet could not hold it."""
    result.write_result(tmp_path / "result.json", {"verdict": "GO", "seconds": 1.5})
    assert (
        tmp_path / "result.json"
    ).read_bytes() == b'{\n  "verdict": "GO",\n  "seconds": 1.5\n}\n'


def test_a_result_is_told_whatever_bytes_are_in_a_name(tmp_path: Path) -> None:
    """A name that is no UTF-8 is written out, at any depth."""
    result.write_result(
        tmp_path / "result.json",
        {"packet": "a\udcff", "problems": [{"where": "\udcfe"}], "draft": None},
    )
    assert json.loads((tmp_path / "result.json").read_bytes()) == {
        "packet": "a\\udcff",
        "problems": [{"where": "\\udcfe"}],
        "draft": None,
    }


# Records


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {
            "outcome": Outcome.FAILED,
            "exit_code": 3,
            "reason": 'it said "no"\tand ü',
            "toolchain": None,
        },
        {
            "outcome": Outcome.TIMED_OUT,
            "exit_code": None,
            "signal": "SIGKILL",
            "checkout_state": "kept",
        },
        {
            "outcome": Outcome.TOOL_MISSING,
            "exit_code": None,
            "log": None,
            "tools": (),
            "environment_names": (),
        },
        {"tools": (Tool(name="rg", version=None, path=None, claim=True),)},
    ],
)
def test_a_record_comes_back_as_it_was_written(place: Path, changed: dict[str, Any]) -> None:
    """Every field, for every outcome."""
    EvidenceFolder(place).write_record(_record(**changed))
    assert EvidenceFolder(place).read_record("fmt") == _record(**changed)


def test_a_record_that_its_schema_refuses_is_not_believed(place: Path) -> None:
    """HP040 when it is read, no matter which program wrote it."""
    EvidenceFolder(place).write_record(_record(duration_ms=-1))
    assert EvidenceFolder(place).read_record("fmt") == Problem(
        code="HP040",
        where="fmt.json#/duration_ms",
        message="-1 is less than the minimum of 0",
        hint=RERUN,
    )


def test_a_record_that_is_not_there_is_none(place: Path) -> None:
    """No record is no problem of its own."""
    assert EvidenceFolder(place).read_record("test") is None


def _edited(place: Path, edit: Callable[[dict[str, Any]], object]) -> Problem | Record | None:
    document = json.loads((place / "fmt.json").read_text())
    edit(document)
    (place / "fmt.json").write_text(json.dumps(document))
    return EvidenceFolder(place).read_record("fmt")


@pytest.mark.parametrize(
    ("edit", "pointer", "message"),
    [
        (lambda record: record.update(id="test"), "/id", "found test; expected fmt"),
        (lambda record: record.pop("outcome"), "", "the key outcome is missing"),
        (lambda record: record.update(note="x"), "", None),
        (
            lambda record: record.update(outcome="good"),
            "/outcome",
            'found "good"; expected one of "passed", "failed", "timed_out", "tool_missing", "interrupted", "not_run"',
        ),
        (
            lambda record: record.update(commit="abc"),
            "/commit",
            'found "abc"; expected 40 lower-case hexadecimal digits',
        ),
        (lambda record: record.update(exit_code="0"), "/exit_code", 'found "0"; expected integer'),
        (
            lambda record: record.update(record_contract_version="v2"),
            "/record_contract_version",
            'found "v2"; expected "producer-outcome-record.v1"',
        ),
        (
            lambda record: record.update(started_at_utc="2025-02-30T00:00:00Z"),
            "/started_at_utc",
            'found "2025-02-30T00:00:00Z"; expected a date and time of the form YYYY-MM-DDTHH:MM:SSZ',
        ),
    ],
)
def test_a_record_that_was_edited_is_not_believed(
    place: Path, edit: Callable[[dict[str, Any]], object], pointer: str, message: str | None
) -> None:
    """HP040 names the place in the record, what was found and what was expected."""
    found = _edited(place, edit)
    assert isinstance(found, Problem)
    assert (found.code, found.where, found.hint) == ("HP040", f"fmt.json#{pointer}", RERUN)
    assert found.message == message or (
        message is None and found.message.startswith("unknown key note; known: ")
    )


@pytest.mark.parametrize(
    ("data", "where", "message"),
    [
        (b"", ":1:1", "not JSON: expected a value"),
        (b'{"id": "fmt",', ":1:14", "not JSON: expected a key in double quotes"),
        (b'{"id": "fmt",\n "id": "fmt"}', ":2:2#/id", 'duplicate key "id"'),
        (
            b'{"duration_ms": 1.5}',
            ":1:17#/duration_ms",
            "1.5 is a float; only whole numbers are expected",
        ),
        (b'{"id": "\xff"}', ":1:9#/id", "byte 8 is not UTF-8"),
        (
            b"\xef\xbb\xbf{}",
            ":1:1",
            "the document starts with a byte order mark; expected plain UTF-8",
        ),
        (b"[]", "#", "found []; expected object"),
    ],
)
def test_a_record_that_is_no_document_is_not_believed(
    place: Path, data: bytes, where: str, message: str
) -> None:
    """HP040 for what is truncated, says a key twice, or is not JSON as it should be; the way out is to run the check again."""
    (place / "fmt.json").write_bytes(data)
    assert EvidenceFolder(place).read_record("fmt") == Problem(
        code="HP040", where=f"fmt.json{where}", message=message, hint=RERUN
    )


def test_a_truncated_record_is_not_believed(place: Path) -> None:
    """Whatever is cut off, it is HP040 and no exception, down to the last brace."""
    data = (place / "fmt.json").read_bytes()
    for size in range(0, len(data) - 1, 7):
        (place / "fmt.json").write_bytes(data[:size])
        found = EvidenceFolder(place).read_record("fmt")
        assert isinstance(found, Problem)
        assert found.code == "HP040"


def test_a_record_that_cannot_be_read_is_not_believed(place: Path) -> None:
    """HP040 with the system's reason."""
    (place / "fmt.json").unlink()
    (place / "fmt.json").mkdir()
    assert EvidenceFolder(place).read_record("fmt") == Problem(
        code="HP040", where="fmt.json", message="cannot be read: Is a directory", hint=RERUN
    )


# Logs


def test_a_log_that_was_edited_is_not_believed(place: Path) -> None:
    """HP041 names both digests."""
    (place / "fmt.log").write_bytes(LOG + b"x")
    found, said = hashlib.sha256(LOG + b"x").hexdigest(), hashlib.sha256(LOG).hexdigest()
    assert EvidenceFolder(place).read_record("fmt") == Problem(
        code="HP041",
        where="fmt.log",
        message=f"the log has changed since the check wrote it: found sha256 {found}; expected {said}",
        hint=RERUN,
    )


def test_a_log_that_is_missing_is_told(place: Path) -> None:
    """HP041: a record without its log is no evidence."""
    (place / "fmt.log").unlink()
    assert EvidenceFolder(place).read_record("fmt") == Problem(
        code="HP041",
        where="fmt.log",
        message="the log cannot be read: No such file or directory",
        hint=RERUN,
    )


def test_a_record_that_names_another_log_is_not_believed(place: Path) -> None:
    """HP041: the log lies beside the record, under the check's name, and nowhere else."""
    assert _edited(place, lambda record: record["log"].update(file="../../other.log")) == Problem(
        code="HP041",
        where="fmt.log",
        message="the record names the log ../../other.log",
        hint=RERUN,
    )


def test_the_end_of_a_log_is_told(tmp_path: Path) -> None:
    """The last lines, of a long log, of a short one, with bytes that are no text; none where there is no log."""
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"line %d\n" % number for number in range(50000)))
    assert read_tail(path, 2) == ["line 49998", "line 49999"]
    path.write_bytes(b"one\n\xff")
    assert read_tail(path, 5) == ["one", "\ufffd"]
    assert read_tail(tmp_path / "missing", 5) == []


def test_a_secret_is_masked_also_where_the_end_of_a_log_cuts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its second half alone would be no value of the environment, and would be shown."""
    monkeypatch.setenv("SOME_TOKEN", "first-half-SECOND-HALF")
    path = tmp_path / "log"
    path.write_bytes(
        b"x" * 100_000 + b"first-half-SECOND-HALF" + b"y" * (65536 - len("SECOND-HALF"))
    )
    [line] = read_tail(path, 1)
    assert "HALF" not in line
    assert line.endswith("y" * 1000)


def test_a_pipe_in_a_files_place_is_no_evidence(place: Path) -> None:
    """A pipe without a writer is reported at once, in a record's place, in a log's, and when a log's end is asked for."""
    (place / "fmt.log").unlink()
    os.mkfifo(place / "fmt.log")
    assert EvidenceFolder(place).read_record("fmt") == Problem(
        code="HP041",
        where="fmt.log",
        message="the log cannot be read: it is not a plain file",
        hint=RERUN,
    )
    assert read_tail(place / "fmt.log", 5) == []
    (place / "fmt.json").unlink()
    os.mkfifo(place / "fmt.json")
    assert EvidenceFolder(place).read_record("fmt") == Problem(
        code="HP040", where="fmt.json", message="cannot be read: it is not a plain file", hint=RERUN
    )


# Where a packet may go


def _target(path: Path, tmp_path: Path) -> Problem | None:
    return publish.check_target(path, tmp_path / "repository" / ".git")


def test_a_file_and_nothing_are_fine(tmp_path: Path) -> None:
    """An old packet is replaced, a new one is made, with the folders that are missing; nothing is written by looking."""
    (tmp_path / "old.json").write_bytes(canonical.published_bytes(go_packet()))
    assert _target(tmp_path / "old.json", tmp_path) is None
    assert _target(tmp_path / "new.json", tmp_path) is None
    assert _target(tmp_path / "deep" / "deeper" / "new.json", tmp_path) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.json"]


def test_another_generators_packet_may_be_replaced(tmp_path: Path) -> None:
    """What a producer published before it used this library is a packet too, by the keys that every consumer knows."""
    keys = ("packet_contract_version", "verdict", "verification_outcomes", "git_state")
    foreign = {key: value for key, value in go_packet().items() if key not in keys}
    (tmp_path / "old.json").write_text(json.dumps(foreign))
    assert _target(tmp_path / "old.json", tmp_path) is None


@pytest.mark.parametrize(
    "data",
    [b"", b"[checks]\n", b"{}", b"[]", b"\xff", b'{"release_tag": "v1.2.3"}', b"[" * 100_000],
)
def test_a_file_that_is_no_packet_is_never_replaced(tmp_path: Path, data: bytes) -> None:
    """HP081 for a manifest, a source, a record, a log, an empty lock: whatever does not read as a packet."""
    (tmp_path / "x").write_bytes(data)
    assert _target(tmp_path / "x", tmp_path) == Problem(
        code="HP081",
        where=str(tmp_path / "x"),
        message="exists and is not a handoff packet; refusing to overwrite it",
        hint="name another file with --out-json, or delete this one first",
    )


def test_a_file_that_cannot_be_read_is_not_replaced(open_folder: Path) -> None:
    """HP081: what would be lost is not known."""
    path = open_folder / "x"
    path.write_text("")
    path.chmod(0)
    code = "print(publish.check_target(Path(sys.argv[1]), Path('/nowhere')).text())"
    assert (
        _as_nobody(code, str(path))
        == f"HP081 {path}: cannot be read: Permission denied\n      next: {NAME_A_FILE}"
    )


def test_a_bare_repository_and_a_work_trees_own_folder_are_gits(
    producer: scratch.Producer, tmp_path: Path
) -> None:
    """HP081 whatever the folder's name is: the common folder of a linked work tree, its own one there, and a bare clone."""
    bare = tmp_path / "meta"
    scratch.git(tmp_path, "clone", "--quiet", "--bare", str(producer.path), str(bare))
    scratch.git(bare, "worktree", "add", "--quiet", "--detach", str(tmp_path / "tree"), "v1.1.0")
    own = bare / "worktrees" / "tree"
    for path in (
        bare / "packet.json",
        bare / "refs" / "heads" / "x",
        own / "packet.json",
        bare / "config",
    ):
        problem = publish.check_target(path, own)
        assert problem is not None
        assert problem.message == "is inside a repository's .git"
    assert publish.check_target(tmp_path / "tree" / "packet.json", own) is None


def test_names_that_nobody_can_have_are_in_no_repository(tmp_path: Path) -> None:
    """Too long a name, links in a circle: an answer, and no exception."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert not files.is_inside_git_folder(tmp_path / ("x" * 300) / "packet.json")
    assert not files.is_inside_git_folder(tmp_path / "a" / "packet.json")


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    """HP081 says what it is: a folder, a symbolic link (dangling or not), a pipe."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    for name, kind in {
        "folder": "a folder",
        "link": "a symbolic link",
        "dangling": "a symbolic link",
        "pipe": "not a regular file",
    }.items():
        assert _target(tmp_path / name, tmp_path) == Problem(
            code="HP081",
            where=str(tmp_path / name),
            message=f"is {kind}; expected a file or nothing",
            hint=NAME_A_FILE,
        )


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    """HP081 with the system's reason, at any depth."""
    (tmp_path / "file").write_text("")
    assert _target(tmp_path / "file" / "packet.json", tmp_path) == Problem(
        code="HP081",
        where=str(tmp_path / "file" / "packet.json"),
        message="cannot be looked at: Not a directory",
        hint=NAME_A_FILE,
    )


def test_nothing_inside_a_repositorys_own_folder_is_a_target(tmp_path: Path) -> None:
    """HP081: not in .git, not through a link to it, not in a git folder of another name, not in place of a .git file."""
    git_dir = tmp_path / "repository" / ".git"
    (git_dir / "refs").mkdir(parents=True)
    (tmp_path / "way").symlink_to(git_dir / "refs")
    other = tmp_path / "separate"
    other.mkdir()
    (tmp_path / "worktree").mkdir()
    (tmp_path / "worktree" / ".git").write_text(f"gitdir: {git_dir}\n")
    for path, folder in (
        (git_dir / "packet.json", git_dir),
        (git_dir / "refs" / "new" / "packet.json", git_dir),
        (git_dir / "HEAD", git_dir),
        (tmp_path / "way" / "packet.json", git_dir),
        (tmp_path / "elsewhere" / ".git" / "packet.json", git_dir),
        (other / "packet.json", other),
        (tmp_path / "worktree" / ".git", git_dir),
    ):
        assert publish.check_target(path, folder) == Problem(
            code="HP081", where=str(path), message="is inside a repository's .git", hint=NAME_A_FILE
        )


def test_a_folder_that_cannot_be_written_to_is_refused(open_folder: Path) -> None:
    """HP081 names the nearest folder that exists, and says what to do."""
    code = "print(publish.check_target(Path(sys.argv[1]), Path('/nowhere')).text())"
    path = open_folder / "deep" / "packet.json"
    open_folder.chmod(0o555)
    assert _as_nobody(code, str(path)) == (
        f"HP081 {path}: the folder {open_folder} cannot be written to\n"
        "      next: make the folder writable, or choose another file with --out-json"
    )
    open_folder.chmod(0o755)


def _gathered(folder: Path, check: str, record: bytes, log: bytes | None = LOG) -> Path:
    """Write a record and its log as another machine left them; return the folder of the commit."""
    place = folder / COMMIT
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{check}.json").write_bytes(record)
    if log is not None:
        (place / f"{check}.log").write_bytes(log)
    return place


def test_evidence_is_found_below_a_folder(tmp_path: Path) -> None:
    """The commit's folder itself, one below it, one for each artifact: all of them, sorted; links are not followed."""
    first, second = (
        _gathered(tmp_path / "a", "fmt", b"1"),
        _gathered(tmp_path / "b" / "evidence", "test", b"2"),
    )
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert merge.find_evidence_folders(tmp_path, COMMIT) == [
        EvidenceFolder(first),
        EvidenceFolder(second),
    ]
    assert merge.find_evidence_folders(first, COMMIT) == [EvidenceFolder(first)]


@pytest.mark.parametrize(
    ("commit", "message", "hint"),
    [
        (None, "no such folder", "name a folder that evidence was gathered in"),
        (
            "",
            f"holds no evidence of commit {COMMIT}",
            "gather evidence of the commit that is assembled, or name its commit with --ref",
        ),
        (
            "a" * 40,
            f"holds no evidence of commit {COMMIT}, only of {'a' * 40}",
            "gather evidence of the commit that is assembled, or name its commit with --ref",
        ),
    ],
)
def test_a_folder_without_evidence_is_refused(
    tmp_path: Path, commit: str | None, message: str, hint: str
) -> None:
    """A folder that is not there, an empty one, one with evidence of another commit, which is named."""
    place = tmp_path / "given"
    if commit is not None:
        (place / commit).mkdir(parents=True)
    with pytest.raises(HandoffError) as caught:
        merge.find_evidence_folders(place, COMMIT)
    assert caught.value.problems == (
        Problem(code="HP105", where=f"--evidence {place}", message=message, hint=hint),
    )


def test_evidence_of_many_machines_is_laid_into_one_folder(tmp_path: Path) -> None:
    """Pairs are copied as they are, of the checks that are asked for alone; the same bytes may come twice; twice is as once."""
    place = tmp_path / "here"
    place.mkdir()
    sources = [
        _gathered(tmp_path / "a", "fmt", b"fmt"),
        _gathered(tmp_path / "b", "test", b"test", log=None),
        _gathered(tmp_path / "c", "fmt", b"fmt"),
        _gathered(tmp_path / "d", "foreign", b"foreign"),
    ]
    for _ in range(2):
        assert (
            merge.merge_evidence(
                EvidenceFolder(place),
                [EvidenceFolder(one) for one in sources],
                ["fmt", "test", "lint"],
            )
            == []
        )
        assert {path.name: path.read_bytes() for path in place.iterdir()} == {
            "fmt.json": b"fmt",
            "fmt.log": LOG,
            "test.json": b"test",
        }


@pytest.mark.parametrize("differs", ["record", "log", "no log"])
@pytest.mark.parametrize("first_is_here", [False, True])
def test_two_different_records_of_a_check_are_a_conflict(
    tmp_path: Path, differs: str, first_is_here: bool
) -> None:
    """Both folders are named and nothing is chosen: what is here stays, what is not here is not laid."""
    place = tmp_path / "here"
    place.mkdir()
    first = _gathered(tmp_path / "a", "fmt", b"fmt")
    other = _gathered(
        tmp_path / "b",
        "fmt",
        b"other" if differs == "record" else b"fmt",
        {"record": LOG, "log": b"another\n", "no log": None}[differs],
    )
    if first_is_here:
        first.rename(place / COMMIT)
        place = first = place / COMMIT
    before = sorted(path.name for path in place.iterdir())
    sources = [EvidenceFolder(one) for one in ([other] if first_is_here else [first, other])]
    assert merge.merge_evidence(EvidenceFolder(place), sources, ["fmt"]) == [
        Problem(
            code="HP104",
            where="check fmt",
            message=f"two different records of it: in {first} and in {other}",
            hint="find out which one counts and delete the other, or run the check again in one place",
        )
    ]
    assert sorted(path.name for path in place.iterdir()) == before


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_evidence_that_is_no_plain_file_is_a_problem(tmp_path: Path, kind: str) -> None:
    """A link may lead anywhere, a pipe never ends: reported by name, not read."""
    source = _gathered(tmp_path / "a", "fmt", b"fmt")
    log = source / "fmt.log"
    log.unlink()
    if kind == "link":
        log.symlink_to(source / "fmt.json")
    elif kind == "pipe":
        os.mkfifo(log)
    else:
        log.mkdir()
    place = tmp_path / "here"
    place.mkdir()
    [problem] = merge.merge_evidence(EvidenceFolder(place), [EvidenceFolder(source)], ["fmt"])
    assert (problem.code, problem.where, problem.hint) == (
        "HP106",
        str(log),
        "gather it again as a plain file",
    )
    reason = {
        "link": os.strerror(errno.ELOOP),
        "pipe": "it is not a plain file",
        "folder": os.strerror(errno.EISDIR),
    }[kind]
    assert problem.message == f"cannot be read: {reason}"
    assert list(place.iterdir()) == []
