"""One module opens files for writing.

It follows no link and writes into nothing that is not ours.
"""

from __future__ import annotations

import ast
import functools
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import scratch

import handoff_tasks
from handoff_tasks import files
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.git import locks
from handoff_tasks.problems import HandoffError
from handoff_tasks.release import publish
from handoff_tasks.setup import scan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from desk import Desk

COMMIT = "c" * 40
MOVE_IT = "move it away, or choose another folder, then run again"


def refused(call: Callable[[], object]) -> tuple[str, str, str, str]:
    """Return code, place, message and hint of the refusal that a call raises."""
    with pytest.raises(HandoffError) as caught:
        call()
    [problem] = caught.value.problems
    return problem.code, problem.where, problem.message, problem.hint


# The source

# What may open a file for writing outside of files.py, and why.
EXCEPTIONS = {
    ("questions", "TemporaryFile"): "has no name that a link could take",
    ("command", "TemporaryFile"): "has no name that a link could take",
    ("installers", "TemporaryFile"): "has no name that a link could take",
    (
        "installers",
        "TemporaryDirectory",
    ): "makes a new folder, in which the installer and nothing of ours writes",
    (
        "embedded",
        "TemporaryDirectory",
    ): "makes a new folder, in which git and nothing of ours writes",
    ("tree", "os.open"): "writes a consumer's files, below open folders, and follows no link",
    ("apply", "os.open"): "opens the lock of a consumer, and follows no link",
    ("terminal", "os.open"): "the null device takes the place of a standard output that is lost",
}
WRITING_FLAGS = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"}
WRITERS = {
    "write_text",
    "write_bytes",
    "touch",
    "mkstemp",
    "mkdtemp",
    "NamedTemporaryFile",
    "TemporaryFile",
}
WRITERS |= {
    "SpooledTemporaryFile",
    "TemporaryDirectory",
    "copy",
    "copy2",
    "copyfile",
    "copytree",
    "copyfileobj",
    "move",
}
WRITERS |= {"hardlink_to", "symlink_to", "mknod", "mkfifo"}


def writes(call: ast.Call) -> str | None:
    """Return what a call that opens a file for writing is called; None for any other call."""
    function = call.func
    name = (
        function.attr
        if isinstance(function, ast.Attribute)
        else function.id
        if isinstance(function, ast.Name)
        else ""
    )
    owner = (
        function.value.id
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
        else ""
    )
    if owner == "os" and name == "open":
        flags = {part.attr for part in ast.walk(call) if isinstance(part, ast.Attribute)}
        return "os.open" if flags & WRITING_FLAGS else None
    if name in {"open", "fdopen"}:
        # open(path, mode) and os.fdopen(descriptor, mode), but path.open(mode).
        at = 1 if isinstance(function, ast.Name) or owner == "os" else 0
        modes = [
            *call.args[at : at + 1],
            *(word.value for word in call.keywords if word.arg == "mode"),
        ]
        plain = all(
            isinstance(mode, ast.Constant) and not set(str(mode.value)) & set("wax+")
            for mode in modes
        )
        return None if plain else name
    if name in {"copy", "move"} and owner != "shutil":
        return None
    return name if name in WRITERS else None


def sources() -> Iterator[Path]:
    """Yield the modules of the package, without what the sample's producers hold."""
    folder = Path(handoff_tasks.__file__).parent
    yield from (
        path for path in sorted(folder.rglob("*.py")) if "sample_producer" not in path.parts
    )


def test_no_other_module_opens_a_file_for_writing() -> None:
    """What does is a short list of exceptions, each of which is still there."""
    found = {
        (path.stem, name)
        for path in sources()
        if path.name != "files.py"
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and (name := writes(call))
    }
    assert found == set(EXCEPTIONS)


def test_the_look_at_the_source_sees_every_way_to_write() -> None:
    """Each call that opens a file for writing is seen, and none that only reads."""
    seen = """
open(p, "w"); open(p, mode="ab"); p.open("r+b"); p.open(mode)
os.fdopen(d, "wb"); os.open(p, os.O_RDWR | os.O_CLOEXEC)
p.write_text("x"); p.write_bytes(b"x"); p.touch(); shutil.copyfile(a, b)
shutil.move(a, b); tempfile.mkstemp(); TemporaryFile()
"""
    unseen = (
        'open(p); open(p, "rb"); p.open(); p.open("r"); os.open(p, os.O_RDONLY); '
        'os.fdopen(d, "rb"); d.copy(); files.copy(a, b)'
    )
    calls = [
        [writes(call) for call in ast.walk(ast.parse(text)) if isinstance(call, ast.Call)]
        for text in (seen, unseen)
    ]
    assert None not in calls[0]
    assert calls[1] == [None] * len(calls[1])


# Locks


def test_a_lock_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """HP083, whether the link leads to a file, to nothing or to a lock.

    What it leads to keeps every byte.
    """
    notes = tmp_path / "notes"
    notes.write_text("dear diary\n")
    for target in (notes, tmp_path / "nothing", tmp_path / "other.lock"):
        path = tmp_path / f"{target.name}.link"
        path.symlink_to(target)
        for call in (locks.hold(path, "it").__enter__, files.lock_file(path).__enter__):
            message = "is a symbolic link; expected a lock file of handoff-tasks, or nothing"
            assert refused(call) == ("HP083", str(path), message, MOVE_IT)
    assert notes.read_text() == "dear diary\n"
    assert sorted(path.name for path in tmp_path.iterdir() if not path.is_symlink()) == ["notes"]


@pytest.mark.parametrize(
    "text",
    [
        "dear diary\n",
        "process 12, since yesterday\ndear diary\n",
        "process 12, since " + "x" * 70000,
        " ",
        "process , since\n",
    ],
)
def test_a_file_of_others_is_not_a_lock(tmp_path: Path, text: str) -> None:
    """HP083: only an empty file and one that holds nothing but names of holders is written into."""
    path = tmp_path / "lock"
    path.write_text(text)
    message = "is not a lock file of handoff-tasks; refusing to overwrite it"
    assert refused(lambda: locks.hold(path, "it").__enter__()) == (
        "HP083",
        str(path),
        message,
        MOVE_IT,
    )
    assert path.read_text() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "process 12, since 2025-01-01T00:00:00Z",
        "\nprocess 12, since x\n\nprocess 13, since y\n",
    ],
)
def test_a_lock_of_ours_is_taken(tmp_path: Path, text: str) -> None:
    """Also one that a killed process left, with the lines of many."""
    path = tmp_path / "lock"
    path.write_text(text)
    with locks.hold(path, "it"):
        assert path.read_text().startswith(f"process {os.getpid()}, since ")
    assert path.read_text() == ""


def test_a_pipe_is_not_a_lock(tmp_path: Path) -> None:
    """HP083, at once."""
    os.mkfifo(tmp_path / "lock")
    message = "is not a plain file; expected a lock file of handoff-tasks, or nothing"
    assert refused(lambda: files.lock_file(tmp_path / "lock").__enter__()) == (
        "HP083",
        str(tmp_path / "lock"),
        message,
        MOVE_IT,
    )


def test_a_committed_link_in_the_place_of_the_lock(desk: Desk) -> None:
    """The run is refused by the link's name, and the file that it leads to keeps every byte."""
    notes = desk.folder.parent / "notes"
    notes.write_text("dear diary\n")
    (desk.folder / ".handoff").mkdir()
    (desk.folder / ".handoff" / "lock").symlink_to(notes)
    assert desk.run("handoff-stable").returncode == 1
    assert desk.findings() == [("HP083", str(desk.folder / ".handoff" / "lock"))]
    assert notes.read_text() == "dear diary\n"


# Folders


def test_evidence_is_not_written_through_a_link(tmp_path: Path) -> None:
    """HP083 names the link, at every step below the work folder.

    Nothing is written where it leads.
    """
    out = tmp_path / "out"
    out.mkdir()
    for number, steps in enumerate((["evidence"], ["evidence", COMMIT])):
        work = tmp_path / f"work {number}"
        link = work.joinpath(*steps)
        link.parent.mkdir(parents=True)
        link.symlink_to(out)
        message = "is a symbolic link; expected a folder, or nothing"
        folder = EvidenceFolder.at(work, COMMIT)
        assert refused(folder.make) == ("HP083", str(link), message, MOVE_IT)
    assert list(out.iterdir()) == []


def test_the_folder_that_is_named_may_be_a_link(tmp_path: Path) -> None:
    """--work-dir is the user's word; the links are those below it."""
    (tmp_path / "real").mkdir()
    (tmp_path / "work").symlink_to(tmp_path / "real")
    EvidenceFolder.at(tmp_path / "work", COMMIT).make()
    assert (tmp_path / "real" / "evidence" / COMMIT).is_dir()


@pytest.mark.parametrize("session", ["handoff-stable", "handoff-assemble", "verify-ok"])
def test_a_committed_link_in_the_place_of_the_work_folder(desk: Desk, session: str) -> None:
    """A link in the default folder is refused (HP083); nothing is written through it."""
    out = desk.folder.parent / "out"
    out.mkdir()
    (desk.folder / ".handoff").symlink_to(out)
    assert (
        desk.run(
            session, *(["--mode", "stable"] if session == "handoff-assemble" else [])
        ).returncode
        == 1
    )
    [problem] = desk.result["problems"]
    assert problem == {
        "code": "HP083",
        "where": str(desk.folder / ".handoff"),
        "message": "is a symbolic link; expected a folder, or nothing",
        "hint": "move it away, or name the folder with --work-dir",
    }
    assert list(out.iterdir()) == []


def test_a_packet_is_not_written_through_a_committed_link(desk: Desk) -> None:
    """HP081 names the link that leads out of the repository, before anything is run.

    A link that stays inside is followed.
    """
    out = desk.folder.parent / "out"
    out.mkdir()
    link = desk.packet.parent
    link.symlink_to(out)
    assert desk.run("handoff-stable").returncode == 1
    [problem] = desk.result["problems"]
    assert problem == {
        "code": "HP081",
        "where": str(desk.packet),
        "message": (
            f"the folder {link} is a symbolic link that leads "
            f"out of the repository {desk.producer.path}"
        ),
        "hint": "commit a folder there instead, or name another path with --out-json",
    }
    assert (desk.result["checks"], list(out.iterdir())) == ([], [])
    named = publish.check_target(
        link / "packet.json", desk.producer.path / ".git", desk.producer.path
    )
    assert named is not None
    assert named.code == "HP081"
    link.unlink()
    (desk.producer.path / "inside").mkdir()
    link.symlink_to("inside")
    assert (
        publish.check_target(desk.packet, desk.producer.path / ".git", desk.producer.path) is None
    )
    assert (
        publish.check_target(out / "packet.json", desk.producer.path / ".git", desk.producer.path)
        is None
    )


def test_a_folder_of_the_users_is_not_hidden(tmp_path: Path) -> None:
    """One that we make and an empty one get a .gitignore, and so hide themselves.

    One with other files does not.
    """
    for name, made in (("new", []), ("empty", [None]), ("used", ["notes"])):
        place = tmp_path / name
        for entry in made:
            place.mkdir()
            if entry:
                (place / entry).write_text("mine\n")
        files.make_own_folder(place)
        files.make_own_folder(place)
        found = sorted(path.name for path in place.iterdir())
        assert found == (["notes"] if name == "used" else [".gitignore"])
    assert (tmp_path / "new" / ".gitignore").read_text() == "*\n"


@pytest.mark.slow
@pytest.mark.parametrize("ignored", [False, True])
def test_a_work_folder_that_git_sees_is_told(desk: Desk, ignored: bool) -> None:
    """HA007 where --work-dir is the producer's root: no .gitignore is written there.

    None where git ignores the evidence anyway.
    """
    root = desk.producer.root
    if ignored:
        (root / ".gitignore").write_text("/target\n*.tmp\n/evidence/\n/lock\n")
        desk.producer.git("commit", "--quiet", "--all", "--message", "ignore")
    before = (root / ".gitignore").read_text()
    assert desk.run("handoff-stable", "--work-dir", str(root), "--allow-untagged").returncode == 0
    found = [one for one in desk.result["advisories"] if one["code"] == "HA007"]
    assert found == (
        []
        if ignored
        else [
            {
                "code": "HA007",
                "where": str(root),
                "message": (
                    "the work folder holds other files, so its lock and evidence "
                    "are not hidden from git"
                ),
                "hint": (
                    "name a folder of its own with --work-dir, "
                    "or add 'lock' and 'evidence/' to a .gitignore"
                ),
            }
        ]
    )
    assert (root / ".gitignore").read_text() == before
    (root / "new.txt").write_text("new\n")
    assert "?? new.txt" in desk.producer.git("status", "--porcelain")


# Files of others


def test_init_overwrites_no_link_and_no_folder(tmp_path: Path) -> None:
    """HP083 for a noxfile that is a link to nothing, a folder or a pipe.

    Nothing is written, the profile neither.
    """
    hint = "move it away, then call init again"
    for kind, what in (
        ("link", "is a symbolic link to nothing"),
        ("folder", "is a folder"),
        ("pipe", "cannot be read: it is not a plain file"),
    ):
        made = scratch.repository(tmp_path / kind)
        noxfile = made.root / "noxfile.py"
        {"link": lambda path: path.symlink_to("nothing"), "folder": Path.mkdir, "pipe": os.mkfifo}[
            kind
        ](noxfile)
        for dry_run in (True, False):
            message = f"{what}; expected a noxfile, or nothing. Nothing was written"
            assert refused(functools.partial(scan.start, made.root, dry_run=dry_run)) == (
                "HP083",
                str(noxfile),
                message,
                hint,
            )
        assert sorted(path.name for path in made.root.iterdir()) == [".git", "noxfile.py"]


def test_a_noxfile_that_is_a_link_to_a_file_stays(tmp_path: Path) -> None:
    """An existing noxfile behind a link: the lines to add are printed, nothing changes."""
    made = scratch.repository(tmp_path / "app")
    (tmp_path / "shared.py").write_text("import nox\n")
    (made.root / "noxfile.py").symlink_to(tmp_path / "shared.py")
    assert scan.start(made.root).to_do[-2].startswith("noxfile.py, before line 1 (import nox):\n")
    assert (made.root / "noxfile.py").is_symlink()
    assert (tmp_path / "shared.py").read_text() == "import nox\n"


def test_a_new_file_replaces_nothing(tmp_path: Path) -> None:
    """HP083 for a file, a link and a folder; all stay."""
    (tmp_path / "file").write_text("old\n")
    (tmp_path / "link").symlink_to("nothing")
    (tmp_path / "folder").mkdir()
    for name in ("file", "link", "folder"):
        message = "already exists; it was not overwritten"
        assert refused(functools.partial(files.create, tmp_path / name, b"new\n")) == (
            "HP083",
            str(tmp_path / name),
            message,
            MOVE_IT,
        )
    assert ((tmp_path / "file").read_text(), (tmp_path / "nothing").exists()) == ("old\n", False)
    files.create(tmp_path / "new", b"new\n")
    assert (tmp_path / "new").read_bytes() == b"new\n"


def test_a_log_and_an_addition_follow_no_link(tmp_path: Path) -> None:
    """A log takes a link's place; what is added to goes through none."""
    notes = tmp_path / "notes"
    notes.write_text("dear diary\n")
    (tmp_path / "log").symlink_to(notes)
    with files.stream(tmp_path / "log") as log:
        log.write(b"said\n")
    assert not (tmp_path / "log").is_symlink()
    (tmp_path / "summary").symlink_to(notes)
    assert refused(lambda: files.append(tmp_path / "summary", b"said\n"))[0] == "HP080"
    assert notes.read_text() == "dear diary\n"
    for _ in range(2):
        files.append(tmp_path / "new", b"said\n")
    assert (tmp_path / "new").read_bytes() == b"said\nsaid\n"


def test_a_sample_is_not_built_through_a_link(desk: Desk) -> None:
    """HP009: a link to nothing in its place is not followed."""
    (desk.folder / "noxfile.py").write_text(
        "import nox\nimport handoff_tasks\nhandoff_tasks.register(nox, __file__)\n"
    )
    (desk.folder / ".handoff").mkdir()
    (desk.folder / ".handoff" / "sample-producer-python").symlink_to(desk.folder / "elsewhere")
    done = subprocess.run(
        desk.command(
            "impact-draft", "--sample", "python", "--cache-dir", str(desk.folder / "cache")
        ),
        cwd=desk.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "HP009" in done.stdout
    assert "the sample producer cannot be built here: it is a symbolic link" in done.stdout
    assert not (desk.folder / "elsewhere").exists()
