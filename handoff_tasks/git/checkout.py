"""Keep a private checkout of one commit, with its build outputs.

Sessions that run checks share it. Below the base folder: ``objects.git`` (the fetched history),
``checkout`` (the work tree), ``index``, ``state.json``, ``lock``, ``alone`` (a lock for checks that
measure time), ``running/<id>`` (a check that runs, or that left the work tree changed).
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import re
import shutil
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.formats import path_patterns
from handoff_tasks.git import command, locks
from handoff_tasks.model import UMASK
from handoff_tasks.problems import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_FILE_MODES = {"100644": 0o644, "100755": 0o755}
# What a git that runs beside us may have open, or have left.
_PASSING = re.compile(r"index\.lock|objects/(?:[0-9a-f]{2}/)?tmp_obj_\w+")
_LOOSE = re.compile(r"objects/([0-9a-f]{2})/([0-9a-f]{38})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the checkout shall hold: a commit, the tags (below refs/tags) to name in it, the build outputs to keep.

    ``run`` names the run that prepares it, so that the run's own checks need not compare it again; empty for a check alone.
    """

    base: Path
    commit: str
    tags: tuple[tuple[str, str], ...]
    keep: tuple[str, ...]
    run: str

    @property
    def tree(self) -> Path:
        """The work tree."""
        return self.base / "checkout"

    @property
    def objects(self) -> Path:
        """The repository with the fetched history."""
        return self.base / "objects.git"

    def home(self, check: str) -> Path:
        """Return the home folder of a check."""
        return self.base / "home" / check


class Place:
    """The checkout while a check runs in it. ``state`` is ``fresh`` or ``kept``: whether build outputs were there before."""

    def __init__(self, wanted: Wanted, state: str) -> None:
        self.wanted = wanted
        self.state = state
        self.clean = False

    def compare(self) -> tuple[str, ...]:
        """Return what differs from the commit now: as `changes` does, and what other checks would see all the same.

        A check that does not ask leaves the checkout suspect.
        """
        found = tuple(sorted({*changes(self.wanted), *_hiding(self.wanted), *_retold(self.wanted)}))
        # What is ignored changes no verdict here, but the next check shall not find it.
        self.clean = not found and not _leftovers(self.wanted) and not _litter(self.wanted)
        return found


def prepare(wanted: Wanted, say: Callable[[str], None]) -> None:
    """Make the checkout the wanted commit and stamp it with the run, once nobody runs there; ``say`` is told of waiting."""
    with files.lock_file(wanted.base / "lock") as lock:
        locks.wait_for_lock(lock, fcntl.LOCK_EX, say)
        _restore(wanted)


@contextlib.contextmanager
def occupied(wanted: Wanted, check: str, say: Callable[[str], None], *, alone: bool = False) -> Iterator[Place]:
    """Hold the checkout at the wanted commit for ``check`` to run there, beside others that want the same, or ``alone``.

    What an earlier check left changed is restored first, once nobody runs there any more; ``say`` is told of waiting.
    """
    with files.lock_file(wanted.base / "alone") as turn, files.lock_file(wanted.base / "lock") as lock:
        locks.wait_for_lock(turn, fcntl.LOCK_EX if alone else fcntl.LOCK_SH, say)
        while True:
            locks.wait_for_lock(lock, fcntl.LOCK_SH, say)
            if state := _in_place(wanted):
                break
            fcntl.flock(lock, fcntl.LOCK_UN)
            locks.wait_for_lock(lock, fcntl.LOCK_EX, say)
            if not _in_place(wanted):
                _restore(wanted)
            fcntl.flock(lock, fcntl.LOCK_UN)
        place = Place(wanted, state)
        with files.lock_file(wanted.base / "running" / check) as mark:
            locks.wait_for_lock(mark, fcntl.LOCK_EX, say)
            try:
                yield place
            finally:
                if place.clean:
                    (wanted.base / "running" / check).unlink(missing_ok=True)


def changes(wanted: Wanted) -> tuple[str, ...]:
    """Return what differs between work tree and commit: ``modified <path>``, ``deleted <path>``, ``new <path>``, sorted.

    Files that the commit's own .gitignore covers and the build outputs to keep do not count.
    """
    return tuple(sorted(f"{kind} {path}" for kind, path in command.differences(_git(wanted))))


def _hiding(wanted: Wanted) -> list[str]:
    """Return the .gitignore files that are not the commit's: with one, whatever lies beside it would be covered."""
    words = ("-z", "--others", f"--exclude-from={wanted.objects / 'info' / 'exclude'}", "--", ":(glob)**/.gitignore")
    return [f"new {name}" for name in command.names(_git(wanted)("ls-files", *words))]


def _retold(wanted: Wanted) -> list[str]:
    """Return what differs in the checkout's own ``.git``: scripts ask it where they are, and what it ignores.

    Every file in it counts, except the index's bytes, which ``git status`` may refresh, and what `_litter` returns.
    """
    git_dir = wanted.tree / ".git"
    expected = _own_files(wanted)
    present = _entries(git_dir)
    found = [f"deleted .git/{name}" for name in ("refs", "index", *expected) if name not in present]
    found += [
        f"modified .git/{name}"
        for name, text in expected.items()
        if name in present and not (present[name] and _says(git_dir / name, text))
    ]
    if "index" in present and (not present["index"] or _index_entries(wanted, git_dir / "index") != _index_entries(wanted)):
        found.append("modified .git/index")
    known = {*expected, "refs", "index", *_litter(wanted)}
    return found + [f"new .git/{name}" for name, is_file in present.items() if name not in known and is_file is not None]


def _says(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode("utf-8", "surrogateescape")
    except OSError:
        return False


def _entries(git_dir: Path) -> dict[str, bool | None]:
    """Return what lies in a ``.git``, path to whether it is a plain file; None for a folder. No link is followed."""
    found: dict[str, bool | None] = {}
    if git_dir.is_symlink():
        return found
    for place, folders, names in os.walk(git_dir):
        for name in (*folders, *names):
            path = os.path.join(place, name)  # noqa: PTH118 - there may be many
            mode = os.lstat(path).st_mode
            found[os.path.relpath(path, git_dir)] = None if stat.S_ISDIR(mode) else stat.S_ISREG(mode)
    return dict(sorted(found.items()))


def _index_entries(wanted: Wanted, index: Path | None = None) -> bytes | None:
    """Return the entries of an index with their flags (``assume-unchanged``, ``skip-worktree``); None if it is damaged.

    Without ``index``, those of our own.
    """
    try:
        return _git(wanted, index)("ls-files", "-z", "-v", "-f", "--stage")
    except command.GitError:
        return None


def _litter(wanted: Wanted) -> list[str]:
    """Return files in the checkout's ``.git`` that change no answer: a lock of the index, and new objects.

    An object that our repository has too is not among them: git could read it in place of ours.
    """
    present = _entries(wanted.tree / ".git")
    passing = [name for name, is_file in present.items() if is_file and _PASSING.fullmatch(name)]
    loose = {found[1] + found[2]: name for name, is_file in present.items() if is_file and (found := _LOOSE.fullmatch(name))}
    if not loose:
        return passing
    asked = "".join(f"{sha}\n" for sha in loose).encode()
    answers = _git(wanted)("cat-file", "--batch-check", stdin=asked).decode().splitlines()
    return [*passing, *(loose[answer.split()[0]] for answer in answers if answer.endswith(" missing"))]


def _own_files(wanted: Wanted) -> dict[str, str]:
    """Return what the checkout's own ``.git`` says, file to text: detached at the commit, with the tags, borrowing our objects."""
    return {
        "HEAD": f"{wanted.commit}\n",
        "config": "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n",
        "objects/info/alternates": command.alternates(wanted.objects / "objects"),
        "packed-refs": "".join(f"{sha} refs/tags/{name}\n" for name, sha in sorted(wanted.tags)),
    }


def _leftovers(wanted: Wanted) -> bool:
    """Tell whether files lie there that the commit's .gitignore covers and that are no build output to keep."""
    listed = _git(wanted)("ls-files", "-z", "--others", "--ignored", "--exclude-per-directory=.gitignore", "--directory")
    names = [name.rstrip("/") for name in command.names(listed)]
    return len(path_patterns.select([*wanted.keep, *(f"{path}/" for path in wanted.keep)], names)) < len(set(names))


def clear(wanted: Wanted, say: Callable[[str], None]) -> None:
    """Remove the work tree with all build outputs, so that the next check starts from nothing."""
    with files.lock_file(wanted.base / "lock") as lock:
        locks.wait_for_lock(lock, fcntl.LOCK_EX, say)
        for name in ("index", "state.json"):
            (wanted.base / name).unlink(missing_ok=True)
        if wanted.tree.exists():
            shutil.rmtree(wanted.tree)


def _in_place(wanted: Wanted) -> str | None:
    """Return ``fresh`` or ``kept`` when the checkout holds the wanted commit and nothing else, None when it does not."""
    try:
        state = json.loads((wanted.base / "state.json").read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(state, dict) or _stamp(wanted) | {"run": state.get("run"), "state": state.get("state")} != state:
        return None
    folder = wanted.base / "running"
    if any(_left_behind(mark) for mark in (sorted(folder.iterdir()) if folder.is_dir() else ())):
        return None
    if wanted.run and state["run"] == wanted.run and wanted.tree.is_dir():
        return str(state["state"])
    if not wanted.tree.is_dir() or changes(wanted) or _leftovers(wanted) or _retold(wanted) or _litter(wanted):
        return None
    return _state(wanted)


def _left_behind(mark: Path) -> bool:
    """Tell whether the check of a mark has ended without saying that the checkout is clean: nobody holds its lock."""
    try:
        with files.open_plain(mark, os.O_NOFOLLOW) as held:
            return locks.try_lock(held.fileno(), fcntl.LOCK_SH) and mark.exists()
    except FileNotFoundError:
        return False


def _stamp(wanted: Wanted) -> dict[str, object]:
    return {"commit": wanted.commit, "tags": [list(tag) for tag in wanted.tags], "keep": list(wanted.keep), "run": wanted.run}


def _restore(wanted: Wanted) -> None:
    """Make the work tree the wanted commit; nobody else is in it. Raises `HandoffError` (HP019) when it does not become that."""
    try:
        with _fixed_umask():
            left = _make(wanted)
    except (command.GitError, OSError) as error:
        left = [command.reason(error.stderr) if isinstance(error, command.GitError) else str(error)]
    if left:
        raise refusal(
            "HP019",
            str(wanted.tree),
            f"the private checkout does not become commit {wanted.commit[:12]}: {', '.join(left[:5])}",
            f"see that the disk has room and that no other program writes there, delete the folder {wanted.base}, then run again",
        )


def _make(wanted: Wanted) -> Sequence[str]:
    """Write the work tree of the wanted commit and stamp it; return what differs from the commit, then without a stamp."""
    wanted.tree.mkdir(parents=True, exist_ok=True)
    (wanted.base / "state.json").unlink(missing_ok=True)
    (wanted.objects / "info").mkdir(exist_ok=True)
    files.write(wanted.objects / "info" / "exclude", "".join(f"/{path}\n" for path in wanted.keep).encode(), sync=False)
    # The bytes of the commit, whatever its .gitattributes would make of them.
    files.write(wanted.objects / "info" / "attributes", b"* -text -eol -filter -ident -working-tree-encoding\n", sync=False)
    index = wanted.base / "index"
    (wanted.base / "index.lock").unlink(missing_ok=True)
    git = _git(wanted)
    try:
        git("read-tree", "--reset", "-u", wanted.commit)
    except command.GitError:
        if not index.is_file():
            raise
        # An index that a check or a full disk has spoiled: nothing in it is needed, it only saves time.
        index.unlink()
        git("read-tree", "--reset", "-u", wanted.commit)
    excludes = [word for path in wanted.keep for word in ("-e", f"/{path}")]
    git("clean", "-ffdxq", *excludes)
    if left := changes(wanted):
        return left
    _set_modes(wanted)
    _own_repository(wanted, index)
    shutil.rmtree(wanted.base / "running", ignore_errors=True)
    stamp = json.dumps({**_stamp(wanted), "state": _state(wanted)})
    files.write(wanted.base / "state.json", stamp.encode(), sync=False)
    return ()


@contextlib.contextmanager
def _fixed_umask() -> Iterator[None]:
    before = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(before)


def _set_modes(wanted: Wanted) -> None:
    """Give all files and folders of the commit the modes that a new checkout has: git restores the executable bit only."""
    folders = {wanted.tree}
    for entry in command.names(_git(wanted)("ls-files", "-z", "--stage")):
        described, _, name = entry.partition("\t")
        path = wanted.tree / name
        mode = _FILE_MODES.get(described.split(" ", 1)[0])
        if mode is not None and stat.S_IMODE(path.lstat().st_mode) != mode:
            path.chmod(mode)
        folders.update(wanted.tree / folder for folder in _folders_of(name))
    for folder in folders:
        if stat.S_IMODE(folder.stat().st_mode) != _FILE_MODES["100755"]:
            folder.chmod(_FILE_MODES["100755"])


def _folders_of(name: str) -> Iterator[str]:
    while name := name.rpartition("/")[0]:
        yield name


def make_home(wanted: Wanted, check: str, *, empty: bool) -> Path:
    """Return the home folder of a check, made if it is not there; with ``empty`` without what the last run left in it.

    It holds an empty configuration file for git, so that a check may write one.
    """
    home = wanted.home(check)
    with _fixed_umask():
        # A check may have put a link in its place.
        if empty or home.is_symlink():
            _remove(home)
        home.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(home / ".gitconfig"):
            files.create(home / ".gitconfig", b"")
    return home


def _remove(folder: Path) -> None:
    """Remove a folder, also one with folders that may not be written to, as some package managers leave them."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    with contextlib.suppress(FileNotFoundError):
        try:
            shutil.rmtree(folder)
        except PermissionError:
            for place, names, _ in os.walk(folder):
                for name in names:
                    path = os.path.join(place, name)  # noqa: PTH118 - there may be many
                    if not os.path.islink(path):  # noqa: PTH114
                        os.chmod(path, 0o700)  # noqa: PTH101
            shutil.rmtree(folder)


def _git(wanted: Wanted, index: Path | None = None) -> Callable[..., bytes]:
    """Return git for the checkout, by our own repository and our own index, or another one."""
    index = index or wanted.base / "index"
    return functools.partial(command.run, cwd=wanted.tree, git_dir=wanted.objects, work_tree=wanted.tree, index=index)


def _state(wanted: Wanted) -> str:
    return "kept" if any(True for pattern in wanted.keep for _ in wanted.tree.glob(pattern)) else "fresh"


def _own_repository(wanted: Wanted, index: Path) -> None:
    """Write the checkout's own ``.git`` anew. It is for scripts that ask git where they are; we ask it nothing."""
    git_dir = wanted.tree / ".git"
    if git_dir.is_dir() and not git_dir.is_symlink():
        shutil.rmtree(git_dir)
    else:
        git_dir.unlink(missing_ok=True)
    for folder in ("objects/info", "refs/heads", "refs/tags"):
        (git_dir / folder).mkdir(parents=True)
    for name, text in _own_files(wanted).items():
        files.write(git_dir / name, text.encode("utf-8", "surrogateescape"), sync=False)
    files.copy(index, git_dir / "index")
