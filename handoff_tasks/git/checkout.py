"""Keep a private checkout of one commit, with its build outputs.

Sessions that run checks share it. Below the base folder: ``objects.git`` (the fetched history),
``checkout`` (the work tree), ``index``, ``state.json``, ``lock``, ``alone`` (a lock for checks that
measure time), ``running/<id>`` (a check that runs, or that left the work tree changed). Checks that
do not see some files have another checkout beside it, with the name of their view at the end:
``checkout-<view>``, ``index-<view>`` and so on. All have the lock ``alone`` in common.
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
from handoff_tasks.git.file_modes import set_modes
from handoff_tasks.limits import UMASK
from handoff_tasks.problems import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

# What another git that runs here may have open, or have left.
_TEMPORARY = re.compile(r"index\.lock|objects/(?:[0-9a-f]{2}/)?tmp_obj_\w+")
_LOOSE = re.compile(r"objects/([0-9a-f]{2})/([0-9a-f]{38})")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutSpec:
    """What the checkout must hold.

    Attributes:
        base: The producer's folder in the cache.
        commit: The commit.
        tags: The tags to create in it: name below refs/tags, and object id.
        keep: The build outputs to keep, as path patterns.
        run: The name of the run that prepares it. The run's own checks do not compare it again.
            Empty for a check alone.
        view: The name of the view that it shows; empty for the whole commit.
    """

    base: Path
    commit: str
    tags: tuple[tuple[str, str], ...]
    keep: tuple[str, ...]
    run: str
    view: str = ""

    def place(self, name: str) -> Path:
        """Return the path of a file or folder of this checkout's own."""
        stem, dot, extension = name.partition(".")
        return self.base / (f"{stem}-{self.view}{dot}{extension}" if self.view else name)

    @property
    def tree(self) -> Path:
        """The work tree."""
        return self.place("checkout")

    @property
    def objects(self) -> Path:
        """The repository with the fetched history."""
        return self.base / "objects.git"

    def home(self, check: str) -> Path:
        """Return the home folder of a check."""
        return self.base / "home" / check


class Checkout:
    """The checkout while a check runs in it.

    ``state`` is ``kept`` if build outputs were there before, else ``fresh``.
    """

    def __init__(self, spec: CheckoutSpec, state: str) -> None:
        self.spec = spec
        self.state = state
        self.clean = False

    def compare(self) -> tuple[str, ...]:
        """Return what differs from the commit now.

        That is what `changes` returns, and what would reach other checks besides.
        If a check does not compare, the checkout counts as changed.
        """
        found = tuple(
            sorted(
                {*changes(self.spec), *_foreign_ignores(self.spec), *_own_git_changes(self.spec)}
            )
        )
        # Ignored files do not change this verdict, but the next check must not find them.
        self.clean = not found and not _has_leftovers(self.spec) and not _litter(self.spec)
        return found


def prepare(spec: CheckoutSpec, say: Callable[[str], None]) -> None:
    """Make the checkout match ``spec`` and record the run, when no check runs in it.

    ``say`` gets one line if it waits. Raises `HandoffError` (HP006, HP019).
    """
    with files.lock_file(spec.place("lock")) as lock:
        locks.wait_for_lock(lock, fcntl.LOCK_EX, say)
        _restore(spec)


@contextlib.contextmanager
def occupy(
    spec: CheckoutSpec, check: str, say: Callable[[str], None], *, alone: bool = False
) -> Iterator[Checkout]:
    """Hold the checkout for ``check``, beside others of the same commit, or ``alone``.

    What an earlier check changed is restored first, when no check runs there any more.
    ``say`` gets one line if it waits. Raises `HandoffError` (HP006, HP019).
    """
    with files.lock_file(spec.base / "alone") as turn, files.lock_file(spec.place("lock")) as lock:
        locks.wait_for_lock(turn, fcntl.LOCK_EX if alone else fcntl.LOCK_SH, say)
        while True:
            locks.wait_for_lock(lock, fcntl.LOCK_SH, say)
            if state := _in_place(spec):
                break
            fcntl.flock(lock, fcntl.LOCK_UN)
            locks.wait_for_lock(lock, fcntl.LOCK_EX, say)
            if not _in_place(spec):
                _restore(spec)
            fcntl.flock(lock, fcntl.LOCK_UN)
        checkout = Checkout(spec, state)
        with files.lock_file(spec.place("running") / check) as mark:
            locks.wait_for_lock(mark, fcntl.LOCK_EX, say)
            try:
                yield checkout
            finally:
                if checkout.clean:
                    (spec.place("running") / check).unlink(missing_ok=True)


def changes(spec: CheckoutSpec) -> tuple[str, ...]:
    """Return what differs between work tree and commit, sorted.

    Each is ``modified <path>``, ``deleted <path>`` or ``new <path>``. Files that the commit's own
    .gitignore covers and the build outputs to keep do not count.
    """
    return tuple(sorted(f"{kind} {path}" for kind, path in command.differences(_git(spec))))


def _foreign_ignores(spec: CheckoutSpec) -> list[str]:
    """Return the .gitignore files that are not the commit's: they would hide files."""
    words = (
        "-z",
        "--others",
        f"--exclude-from={spec.objects / 'info' / 'exclude'}",
        "--",
        ":(glob)**/.gitignore",
    )
    return [f"new {name}" for name in command.names(_git(spec)("ls-files", *words))]


def _own_git_changes(spec: CheckoutSpec) -> list[str]:
    """Return what differs in the checkout's own ``.git``, which scripts read.

    Every file in it counts, except what `_litter` returns and the bytes of the index, which
    ``git status`` may refresh.
    """
    git_dir = spec.tree / ".git"
    expected = _own_files(spec)
    present = _entries(git_dir)
    found = [f"deleted .git/{name}" for name in ("refs", "index", *expected) if name not in present]
    found += [
        f"modified .git/{name}"
        for name, text in expected.items()
        if name in present and not (present[name] and _says(git_dir / name, text))
    ]
    if "index" in present and (
        not present["index"] or _index_entries(spec, git_dir / "index") != _index_entries(spec)
    ):
        found.append("modified .git/index")
    known = {*expected, "refs", "index", *_litter(spec)}
    return found + [
        f"new .git/{name}"
        for name, is_file in present.items()
        if name not in known and is_file is not None
    ]


def _says(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode("utf-8", "surrogateescape")
    except OSError:
        return False


def _entries(git_dir: Path) -> dict[str, bool | None]:
    """Return what is in a ``.git``: path to whether it is a plain file, None for a folder.

    No link is followed.
    """
    found: dict[str, bool | None] = {}
    if git_dir.is_symlink():
        return found
    for place, folders, names in os.walk(git_dir):
        for name in (*folders, *names):
            path = os.path.join(place, name)  # noqa: PTH118 - there may be many
            mode = os.lstat(path).st_mode
            found[os.path.relpath(path, git_dir)] = (
                None if stat.S_ISDIR(mode) else stat.S_ISREG(mode)
            )
    return dict(sorted(found.items()))


def _index_entries(spec: CheckoutSpec, index: Path | None = None) -> bytes | None:
    """Return the entries of an index with their flags, None if it is damaged.

    The flags are ``assume-unchanged`` and ``skip-worktree``. Without ``index`` our own is read.
    """
    try:
        return _git(spec, index)("ls-files", "-z", "-v", "-f", "--stage")
    except command.GitError:
        return None


def _litter(spec: CheckoutSpec) -> list[str]:
    """Return files in the checkout's ``.git`` that do not change an answer of git.

    These are a lock of the index, and new objects. An object that our repository has too is not
    among them: git could read it instead of ours.
    """
    present = _entries(spec.tree / ".git")
    passing = [name for name, is_file in present.items() if is_file and _TEMPORARY.fullmatch(name)]
    loose = {
        found[1] + found[2]: name
        for name, is_file in present.items()
        if is_file and (found := _LOOSE.fullmatch(name))
    }
    if not loose:
        return passing
    asked = "".join(f"{sha}\n" for sha in loose).encode()
    answers = _git(spec)("cat-file", "--batch-check", stdin=asked).decode().splitlines()
    return [
        *passing,
        *(loose[answer.split()[0]] for answer in answers if answer.endswith(" missing")),
    ]


def _own_files(spec: CheckoutSpec) -> dict[str, str]:
    """Return the content of the files of the checkout's own ``.git``.

    It is detached at the commit, has the tags, and borrows our objects.
    """
    return {
        "HEAD": f"{spec.commit}\n",
        "config": "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n",
        "objects/info/alternates": command.alternates(spec.objects / "objects"),
        "packed-refs": "".join(f"{sha} refs/tags/{name}\n" for name, sha in sorted(spec.tags)),
    }


def _has_leftovers(spec: CheckoutSpec) -> bool:
    """Return whether ignored files are there that are not build outputs to keep."""
    listed = _git(spec)(
        "ls-files",
        "-z",
        "--others",
        "--ignored",
        "--exclude-per-directory=.gitignore",
        "--directory",
    )
    names = [name.rstrip("/") for name in command.names(listed)]
    return len(
        path_patterns.select([*spec.keep, *(f"{path}/" for path in spec.keep)], names)
    ) < len(set(names))


def clear(base: Path, say: Callable[[str], None]) -> None:
    """Remove all work trees of a producer with all build outputs.

    The next check starts from nothing. Work trees of views that no check has any more are among
    them. ``base`` is the producer's folder in the cache.
    """
    for tree in sorted(base.glob("checkout*")):
        view = tree.name.removeprefix("checkout").removeprefix("-")
        spec = CheckoutSpec(base=base, commit="", tags=(), keep=(), run="", view=view)
        with files.lock_file(spec.place("lock")) as lock:
            locks.wait_for_lock(lock, fcntl.LOCK_EX, say)
            for name in ("index", "state.json"):
                spec.place(name).unlink(missing_ok=True)
            if spec.tree.exists():
                shutil.rmtree(spec.tree)


def remove(spec: CheckoutSpec) -> None:
    """Remove a checkout that no check runs in, with all that belongs to it."""
    _remove(spec.tree)
    for name in ("index", "state.json", "lock"):
        spec.place(name).unlink(missing_ok=True)


def _in_place(spec: CheckoutSpec) -> str | None:
    """Return the checkout's state if it matches ``spec``, else None."""
    try:
        state = json.loads(spec.place("state.json").read_text())
    except (OSError, ValueError):
        return None
    if (
        not isinstance(state, dict)
        or _stamp(spec) | {"run": state.get("run"), "state": state.get("state")} != state
    ):
        return None
    folder = spec.place("running")
    if any(_left_behind(mark) for mark in (sorted(folder.iterdir()) if folder.is_dir() else ())):
        return None
    if spec.run and state["run"] == spec.run and spec.tree.is_dir():
        return str(state["state"])
    if (
        not spec.tree.is_dir()
        or changes(spec)
        or _has_leftovers(spec)
        or _own_git_changes(spec)
        or _litter(spec)
    ):
        return None
    return _state(spec)


def _left_behind(mark: Path) -> bool:
    """Return whether the check of a mark ended without a clean checkout.

    Its lock is free then, and the mark still there.
    """
    try:
        with files.open_plain(mark, os.O_NOFOLLOW) as held:
            return locks.try_lock(held.fileno(), fcntl.LOCK_SH) and mark.exists()
    except FileNotFoundError:
        return False


def _stamp(spec: CheckoutSpec) -> dict[str, object]:
    return {
        "commit": spec.commit,
        "tags": [list(tag) for tag in spec.tags],
        "keep": list(spec.keep),
        "run": spec.run,
    }


def _restore(spec: CheckoutSpec) -> None:
    """Make the work tree match the commit; no check may run in it.

    Raises `HandoffError` (HP019) if that fails.
    """
    try:
        with _fixed_umask():
            left = _make(spec)
    except (command.GitError, OSError) as error:
        left = [command.reason(error.stderr) if isinstance(error, command.GitError) else str(error)]
    if left:
        raise refusal(
            "HP019",
            str(spec.tree),
            f"the private checkout cannot be made commit {spec.commit[:12]}: {', '.join(left[:5])}",
            "check that the disk has space and that no other program writes there, delete the "
            f"folder {spec.base}, then run again",
        )


def _make(spec: CheckoutSpec) -> Sequence[str]:
    """Write the work tree of the commit and record that; return what differs.

    If something differs, nothing is recorded.
    """
    spec.tree.mkdir(parents=True, exist_ok=True)
    spec.place("state.json").unlink(missing_ok=True)
    (spec.objects / "info").mkdir(exist_ok=True)
    files.write(
        spec.objects / "info" / "exclude",
        "".join(f"/{path}\n" for path in spec.keep).encode(),
        sync=False,
    )
    # The bytes of the commit, whatever its .gitattributes would make of them.
    files.write(
        spec.objects / "info" / "attributes",
        b"* -text -eol -filter -ident -working-tree-encoding\n",
        sync=False,
    )
    index = spec.place("index")
    spec.place("index.lock").unlink(missing_ok=True)
    git = _git(spec)
    try:
        git("read-tree", "--reset", "-u", spec.commit)
    except command.GitError:
        if not index.is_file():
            raise
        # The index is damaged, by a check or a full disk. It only saves time.
        index.unlink()
        git("read-tree", "--reset", "-u", spec.commit)
    excludes = [word for path in spec.keep for word in ("-e", f"/{path}")]
    git("clean", "-ffdxq", *excludes)
    if left := changes(spec):
        return left
    set_modes(spec.tree, command.names(_git(spec)("ls-files", "-z", "--stage")))
    _own_repository(spec, index)
    shutil.rmtree(spec.place("running"), ignore_errors=True)
    stamp = json.dumps({**_stamp(spec), "state": _state(spec)})
    files.write(spec.place("state.json"), stamp.encode(), sync=False)
    return ()


@contextlib.contextmanager
def _fixed_umask() -> Iterator[None]:
    before = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(before)


def make_home(spec: CheckoutSpec, check: str, *, empty: bool) -> Path:
    """Make the home folder of a check, and return it.

    With ``empty`` it is emptied first. It holds an empty configuration file for git, which a check
    may write to.
    """
    home = spec.home(check)
    with _fixed_umask():
        # A check may have put a link in its place.
        if empty or home.is_symlink():
            _remove(home)
        home.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(home / ".gitconfig"):
            files.create(home / ".gitconfig", b"")
    return home


def _remove(folder: Path) -> None:
    """Remove a folder, including folders without write permission."""
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


def _git(spec: CheckoutSpec, index: Path | None = None) -> Callable[..., bytes]:
    """Return git for the checkout, with our repository and our index or another one."""
    index = index or spec.place("index")
    return functools.partial(
        command.run, cwd=spec.tree, git_dir=spec.objects, work_tree=spec.tree, index=index
    )


def _state(spec: CheckoutSpec) -> str:
    return (
        "kept" if any(True for pattern in spec.keep for _ in spec.tree.glob(pattern)) else "fresh"
    )


def _own_repository(spec: CheckoutSpec, index: Path) -> None:
    """Write the checkout's own ``.git`` again. Only scripts use it."""
    git_dir = spec.tree / ".git"
    if git_dir.is_dir() and not git_dir.is_symlink():
        shutil.rmtree(git_dir)
    else:
        git_dir.unlink(missing_ok=True)
    for folder in ("objects/info", "refs/heads", "refs/tags"):
        (git_dir / folder).mkdir(parents=True)
    for name, text in _own_files(spec).items():
        files.write(git_dir / name, text.encode("utf-8", "surrogateescape"), sync=False)
    files.copy(index, git_dir / "index")
