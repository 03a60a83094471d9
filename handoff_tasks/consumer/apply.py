"""Write files all or none: temporary files beside the targets, a journal, renames.

The one part of `consumer` that writes. Everything is done by functions of `os` below open folders,
so that no link is followed, and so that a test can stop the process at each of them.

The order is: journal (``prepare``), temporary files with the new and the old bytes, journal
(``commit``), renames, temporary files and journal removed. What a kill leaves before ``commit`` is
undone by the next run; what it leaves later is finished, or undone if that is no longer possible.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from handoff_tasks.consumer.journal import Entry, Journal, Phase
from handoff_tasks.consumer.tree import Tree
from handoff_tasks.problems import HandoffError, Problem, refusal, unwritable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

JOURNAL = "journal.json"
LOCK = "lock"
_NEW_MODE = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A file to write, relative to the root. ``before`` is None for a file that is not there."""

    path: str
    before: bytes | None
    after: bytes


class Settled(StrEnum):
    """What became of an accept or rollback that was not ended."""

    NOTHING = "nothing to do"
    FINISHED = "finished"
    UNDONE = "undone"


@contextlib.contextmanager
def exclusively(state: Path) -> Iterator[None]:
    """Hold the lock of a consumer for the time of a block.

    Args:
        state: A folder of our own for this consumer. It must be the same in every run.

    Raises:
        HandoffError: HP129, if another accept or rollback is running. HP080, if the folder cannot
            be written.
    """
    try:
        os.makedirs(state, exist_ok=True)  # noqa: PTH103 - all by os, so that a test can stop it
        place = os.path.join(state, LOCK)  # noqa: PTH118 - as above
        descriptor = os.open(
            place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _NEW_MODE
        )
    except OSError as error:
        raise unwritable(state, error) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            process = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            message = f"another accept or rollback is running: process {process}"
            raise refusal(
                "HP129", place, message, "wait until it has ended, then run again"
            ) from None
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def write_all(root: Path, state: Path, writes: Sequence[Write]) -> None:
    """Write all files, or none.

    The lock must be held, and `finish_or_undo` must have been called. If the process is killed, the
    next `finish_or_undo` ends what was begun.

    Raises:
        HandoffError: HP126, if a file is not as it was read. HP080, if a file cannot be written;
            the files are then as before. HP129, if that could not be restored.
    """
    try:
        with Tree(root) as tree:
            _check_before(tree, writes)
            _write_journaled(tree, state, writes, _plan_journal(tree, writes))
    except OSError as error:
        raise unwritable(error.filename or root, error) from None


def _write_journaled(tree: Tree, state: Path, writes: Sequence[Write], journal: Journal) -> None:
    try:
        _write_journal(state, journal)
        for folder in journal.folders:
            tree.make_folder(folder)
        for entry, write in zip(journal.entries, writes, strict=True):
            tree.create(_beside(entry.path, entry.new), write.after, entry.mode)
            if write.before is not None:
                tree.create(_beside(entry.path, entry.old), write.before, entry.mode)
        tree.sync()
        _check_before(tree, writes)
        journal = replace(journal, phase=Phase.COMMIT)
        _write_journal(state, journal)
        if _settle(tree, state, journal) != Settled.FINISHED:
            raise _removed(writes)
    except BaseException as error:  # noqa: BLE001 - raised again when the files are settled
        _give_up(tree, state, journal, error)


def finish_or_undo(root: Path, state: Path) -> Settled:
    """End what a killed accept or rollback has left. The lock must be held.

    Raises:
        HandoffError: HP129, if a file was changed since. HP080, if a file cannot be written.
    """
    where = os.path.join(state, JOURNAL)  # noqa: PTH118 - as above
    try:
        with Tree(state) as folder:
            data = folder.read(JOURNAL)
            folder.sweep(JOURNAL)
        if data is None:
            return Settled.NOTHING
        journal = Journal.from_bytes(data, where)
        with Tree(root) as tree:
            return _settle(tree, state, journal)
    except FileNotFoundError:
        return Settled.NOTHING
    except OSError as error:
        raise unwritable(error.filename or root, error) from None


def unfinished(state: Path) -> Problem | None:
    """Return that an accept was not completed (HP129), None if none was left."""
    place = os.path.join(state, JOURNAL)  # noqa: PTH118 - all by os
    try:
        os.lstat(place)
    except OSError:
        return None
    message = "an accept was not completed, and some of its files may be written"
    hint = "run handoff-accept or handoff-rollback, which finish or undo it first"
    return Problem(code="HP129", where=place, message=message, hint=hint)


def _removed(writes: Sequence[Write]) -> HandoffError:
    message = "a temporary file beside it was removed while the accept ran"
    hint = "keep other programs away from the files, then run again; nothing was written"
    return refusal("HP126", writes[0].path, message, hint)


def _give_up(tree: Tree, state: Path, journal: Journal, error: BaseException) -> None:
    """Undo what was begun, if it can be undone, and raise what has happened."""
    if journal.phase == Phase.COMMIT:
        journal = replace(journal, phase=Phase.UNDO)
        # A full disk must not keep the files from being restored.
        with contextlib.suppress(OSError):
            _write_journal(state, journal)
    try:
        settled = _settle(tree, state, journal)
    except (OSError, HandoffError) as later:
        said = later.strerror if isinstance(later, OSError) else later.problems[0].message
        message = f"the files could not be restored: {said}"
        hint = "correct that, then run again: the next run ends what was begun"
        place = os.path.join(state, JOURNAL)  # noqa: PTH118 - as above
        raise refusal("HP129", place, message, hint) from error
    if isinstance(error, OSError):
        if settled == Settled.FINISHED:
            return
        raise unwritable(error.filename or tree.root, error) from None
    if settled == Settled.FINISHED:
        error.add_note("the files were written before that")
    raise error


def _settle(tree: Tree, state: Path, journal: Journal) -> Settled:
    """Finish or undo a journal. Raises `HandoffError` (HP129) if neither is possible."""
    states = [_State.of(tree, entry) for entry in journal.entries]
    can_finish = journal.phase != Phase.PREPARE and all(one.can_finish for one in states)
    can_undo = all(one.can_undo for one in states)
    if can_finish and (journal.phase == Phase.COMMIT or not can_undo):
        _finish(tree, state, journal)
        return Settled.FINISHED
    if can_undo:
        _undo(tree, state, journal)
        return Settled.UNDONE
    changed = [one for one in states if not one.can_undo]
    raise HandoffError(
        Problem(
            code="HP129",
            where=one.entry.path,
            message="an accept was not completed; the file is neither as before nor as after it",
            hint="restore the file with git, then run again",
        )
        for one in changed
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What is there of an entry."""

    entry: Entry
    can_finish: bool
    can_undo: bool

    @classmethod
    def of(cls, tree: Tree, entry: Entry) -> _State:
        found = _digest(tree.read(entry.path))
        new = _digest(tree.read(_beside(entry.path, entry.new)))
        old = _digest(tree.read(_beside(entry.path, entry.old)))
        before, after = entry.before_sha256, entry.after_sha256
        return cls(
            entry=entry,
            can_finish=found == after or (found == before and new == after),
            can_undo=found == before or (found == after and (before is None or old == before)),
        )


def _finish(tree: Tree, state: Path, journal: Journal) -> None:
    for entry in journal.entries:
        tree.rename(_beside(entry.path, entry.new), entry.path)
    tree.sync()
    _clean_up(tree, state, journal)


def _undo(tree: Tree, state: Path, journal: Journal) -> None:
    if journal.phase != Phase.PREPARE:
        for entry in journal.entries:
            if _digest(tree.read(entry.path)) == entry.before_sha256:
                continue
            if entry.before_sha256 is None:
                tree.remove(entry.path)
            else:
                tree.rename(_beside(entry.path, entry.old), entry.path)
        tree.sync()
    _clean_up(tree, state, journal)


def _clean_up(tree: Tree, state: Path, journal: Journal) -> None:
    """Remove temporary files, folders that stayed empty, and the journal last."""
    for entry in journal.entries:
        tree.remove(_beside(entry.path, entry.new))
        tree.remove(_beside(entry.path, entry.old))
    for path in reversed(journal.folders):
        tree.remove_folder(path)
    tree.sync()
    with Tree(state) as folder:
        folder.remove(JOURNAL)
        folder.sync()


def _check_before(tree: Tree, writes: Sequence[Write]) -> None:
    """Refuse files that are not as they were read (HP126)."""
    problems = []
    for write in writes:
        if tree.read(write.path) != write.before:
            message = "was changed while the accept ran"
            hint = "commit or discard the change, then run again; nothing was written"
            problems.append(Problem(code="HP126", where=write.path, message=message, hint=hint))
    if problems:
        raise HandoffError(problems)


def _plan_journal(tree: Tree, writes: Sequence[Write]) -> Journal:
    entries, folders = [], []
    for write in writes:
        parts = write.path.split("/")[:-1]
        for size in range(1, len(parts) + 1):
            folder = "/".join(parts[:size])
            if folder not in folders and not tree.has_folder(folder):
                folders.append(folder)
        mark, name = secrets.token_hex(4), write.path.rpartition("/")[2]
        entries.append(
            Entry(
                path=write.path,
                before_sha256=_digest(write.before),
                after_sha256=hashlib.sha256(write.after).hexdigest(),
                mode=tree.mode(write.path),
                new=f".{name}.{mark}.new",
                old=f".{name}.{mark}.old",
            )
        )
    return Journal(phase=Phase.PREPARE, folders=tuple(folders), entries=tuple(entries))


def _write_journal(state: Path, journal: Journal) -> None:
    with Tree(state) as folder:
        temporary = f".{JOURNAL}.{secrets.token_hex(4)}.new"
        try:
            folder.create(temporary, journal.to_bytes(), _NEW_MODE)
            folder.rename(temporary, JOURNAL)
        except OSError:
            folder.remove(temporary)
            raise
        folder.sync()


def _beside(path: str, name: str) -> str:
    folder = path.rpartition("/")[0]
    return f"{folder}/{name}" if folder else name


def _digest(data: bytes | None) -> str | None:
    return None if data is None else hashlib.sha256(data).hexdigest()
