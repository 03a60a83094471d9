"""Files that count: outcome records, logs, drafts, results and the published packet; each is there whole or not at all.

Reads and writes, and tells what it cannot read. Whether a record is evidence for the commit at hand is for `rules` to say.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import re
import secrets
import stat
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from handoff_tasks import canonical, diff, masks, resources, strict_json, validate
from handoff_tasks.errors import HandoffError, Problem, refusal, unwritable
from handoff_tasks.model import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_RERUN = "run the check again"
_END = 65536
_LONGEST_SECRET = 16384


def folder_path(work: Path, commit: str) -> Path:
    """Return where a commit's records lie below the work folder, there or not."""
    return work / "evidence" / commit


def folder(work: Path, commit: str) -> Path:
    """Return the folder of a commit's records below the work folder; made, and hidden from git, when it is not there.

    Raises `HandoffError` (HP080) when it cannot be made.
    """
    place = folder_path(work, commit)
    try:
        place.mkdir(parents=True, exist_ok=True)
        marker = work / ".gitignore"
        if not marker.exists():
            marker.write_text("*\n")
    except OSError as error:
        raise unwritable(place, error) from None
    return place


def log_path(place: Path, check: str) -> Path:
    """Return the path of a check's log."""
    return place / f"{check}.log"


def forget(place: Path, check: str) -> None:
    """Remove a check's record and log, so that nothing old can stand in for what is about to run."""
    try:
        for path in (place / f"{check}.json", log_path(place, check)):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(place, error) from None


def write_record(place: Path, record: Record) -> None:
    """Write ``<id>.json``; it is held to its schema when it is read. Raises `HandoffError` (HP080) when it cannot be written."""
    write(place / f"{record.id}.json", canonical.published_bytes(record.to_dict()))


def read_record(place: Path, check: str) -> Record | Problem | None:
    """Return the record of a check; None when there is none, a problem (HP040) when it or its log cannot be believed."""
    path = place / f"{check}.json"
    try:
        data = plain_bytes(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return Problem(code="HP040", where=path.name, message=f"cannot be read: {error.strerror}", hint=_RERUN)
    try:
        document = strict_json.read(data, path.name, code="HP040")
    except HandoffError as error:
        return replace(error.problems[0], hint=_RERUN)
    if found := validate.violations(document, resources.schema(resources.RECORD), where=path.name, code="HP040", hint=_RERUN):
        return found[0]
    assert isinstance(document, dict)
    record = Record.from_dict(document)
    if record.id != check:
        return Problem(code="HP040", where=f"{path.name}#/id", message=f"found {record.id}; expected {check}", hint=_RERUN)
    return _log_problem(place, record) or record


def _log_problem(place: Path, record: Record) -> Problem | None:
    if record.log is None:
        return None
    path = log_path(place, record.id)
    if record.log.file != path.name:
        return Problem(code="HP041", where=path.name, message=f"the record names the log {record.log.file}", hint=_RERUN)
    found = hashlib.sha256()
    try:
        with _plain(path) as handle:
            while block := handle.read(1 << 20):
                found.update(block)
    except OSError as error:
        return Problem(code="HP041", where=path.name, message=f"the log cannot be read: {error.strerror}", hint=_RERUN)
    if found.hexdigest() != record.log.sha256:
        message = f"the log is not what the check wrote: sha256 {found.hexdigest()}, the record says {record.log.sha256}"
        return Problem(code="HP041", where=path.name, message=message, hint=_RERUN)
    return None


def folders_of(given: Path, commit: str) -> list[Path]:
    """Return every folder at or below ``given`` that is named like the commit: what other machines have gathered on it, sorted.

    Links are not followed. Raises `HandoffError` (HP105) when there is none.
    """
    below = [Path(place) for place, _, _ in os.walk(given)]
    found = sorted(place for place in below if place.name == commit)
    if found:
        return found
    if not given.is_dir():
        message, hint = "no such folder", "name a folder that evidence was gathered in"
    else:
        others = sorted({place.name for place in below if re.fullmatch(r"[0-9a-f]{40}", place.name)})
        message = f"holds no evidence of commit {commit}" + (f", only of {', '.join(others)}" if others else "")
        hint = "gather evidence of the commit that is assembled, or name its commit with --ref"
    raise refusal("HP105", f"--evidence {given}", message, hint)


def lay(place: Path, sources: Sequence[Path], checks: Sequence[str]) -> list[Problem]:
    """Lay the records and logs of ``checks`` from other folders into ``place``; what is there already is one more source.

    A record counts by its bytes, with those of its log: the same ones may come twice. Two different ones are a conflict (HP104),
    of which nothing is laid: to choose one would be to choose an outcome. A file that cannot be read is a problem (HP106).
    Raises `HandoffError` (HP080) when ``place`` cannot be written.
    """
    problems: list[Problem] = []
    for check in checks:
        found: dict[Path, tuple[bytes, bytes | None]] = {}
        for source in dict.fromkeys([place, *sources]):
            try:
                record = _own_bytes(source / f"{check}.json")
                if record is not None:
                    found[source] = (record, _own_bytes(log_path(source, check)))
            except OSError as error:
                message = f"cannot be read: {error.strerror}"
                where = str(error.filename)
                problems.append(Problem(code="HP106", where=where, message=message, hint="gather it again as a plain file"))
        different = list(dict.fromkeys(found.values()))
        if len(different) > 1:
            first = next(iter(found))
            other = next(source for source, pair in found.items() if pair != found[first])
            message = f"two different records of it: in {first} and in {other}"
            hint = "find out which one counts and take the other away, or run the check again in one place"
            problems.append(Problem(code="HP104", where=f"check {check}", message=message, hint=hint))
        elif different and place not in found:
            record, log = different[0]
            # The record last: where it is, its log is too.
            if log is not None:
                write(log_path(place, check), log)
            write(place / f"{check}.json", record)
    return problems


def _own_bytes(path: Path) -> bytes | None:
    """Return the bytes of a plain file; None when there is none. Raises `OSError`, for a link too: it may lead anywhere."""
    try:
        with _plain(path, os.O_NOFOLLOW) as handle:
            return handle.read()
    except FileNotFoundError:
        return None


def plain_bytes(path: Path, most: int = strict_json.MAX_BYTES) -> bytes:
    """Return the bytes of a plain file, to which a link may lead.

    Raises `OSError`, at once for what would never end and for a file of more than ``most`` bytes.
    """
    with _plain(path) as handle:
        size = os.fstat(handle.fileno()).st_size
        # It may grow while it is read.
        data = handle.read(most + 1) if size <= most else b""
        if max(size, len(data)) > most:
            raise OSError(errno.EFBIG, f"it has {max(size, len(data))} bytes; at most {most} are read", str(path))
        return data


def _plain(path: Path, flags: int = 0) -> IO[bytes]:
    """Open a plain file to read. Raises `OSError` for everything else: a pipe waits for a writer, and a device may never end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | flags)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "it is no plain file", str(path))


def tail(path: Path, lines: int) -> list[str]:
    """Return the last lines of a log without the caller's secrets, read from its last 64 KiB; none when there is no log."""
    try:
        with _plain(path) as handle:
            # A secret that begins before the end that is shown is masked whole, too.
            handle.seek(max(0, path.stat().st_size - _END - _LONGEST_SECRET))
            text = handle.read().decode("utf-8", "replace")
    except OSError:
        return []
    return masks.mask(text, masks.secrets(os.environ))[-_END:].splitlines()[-lines:]


def check_target(path: Path, git_dir: Path) -> Problem | None:
    """Return why a packet must not be written to ``path`` (HP081), None when it may be.

    Not to a folder or a link, not into a repository's own folders, not over a file that is no packet, of whatever generator.
    """

    def refused(message: str, hint: str) -> Problem:
        return Problem(code="HP081", where=str(path), message=message, hint=hint)

    name_a_file = "name a plain file with --out-json"
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        mode = None
    except OSError as error:
        return refused(f"cannot be looked at: {error.strerror}", name_a_file)
    if mode is not None and not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a symbolic link" if stat.S_ISLNK(mode) else "no regular file"
        return refused(f"is {kind}; expected a file or nothing", name_a_file)
    parent = resolved(path).parent
    if in_a_repository(path) or git_dir.resolve() in (parent, *parent.parents):
        return refused("lies inside a repository's .git", name_a_file)
    if mode is not None:
        try:
            a_packet = not diff.unreadable(strict_json.read(plain_bytes(path), str(path)), str(path))
        except OSError as error:
            return refused(f"cannot be read: {error.strerror}", name_a_file)
        except HandoffError:
            a_packet = False
        if not a_packet:
            message = "holds something else than a handoff packet; expected one to replace, or nothing"
            return refused(message, "name another file with --out-json, or delete this one first")
    place = next(folder for folder in (parent, *parent.parents) if folder.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        return refused(
            f"the folder {place} cannot be written to", "make the folder writable, or choose another file with --out-json"
        )
    return None


def in_a_repository(path: Path) -> bool:
    """Tell whether a path leads into a folder of git's own: ``.git``, a bare repository, or a work tree's folder in one.

    Such a folder is known by what git itself knows it by, whatever its name is.
    """
    place = resolved(path)
    if ".git" in place.parts:
        return True
    return any(_is_git_folder(str(folder)) for folder in place.parents)


def _is_git_folder(folder: str) -> bool:
    # Not Path's methods: they raise for a name that is too long.
    def there(name: str) -> bool:
        return os.path.exists(os.path.join(folder, name))  # noqa: PTH110, PTH118

    return there("HEAD") and (there("commondir") or (there("objects") and there("refs")))


def resolved(path: Path) -> Path:
    """Return the one spelling of the place that a file at ``path`` takes: folders may be links, the file itself is none."""
    # Not Path.resolve: it raises for links that lead in a circle.
    return Path(os.path.realpath(path.parent)) / path.name


def clear_place(path: Path, what: str, is_ours: Callable[[bytes], bool]) -> str | None:
    """Remove ``what`` an earlier run has left at ``path``; return why nothing may be written there, None when something may.

    ``is_ours`` tells by its bytes whether a file is one. Raises `HandoffError` (HP080) when it cannot be removed.
    """
    if in_a_repository(path):
        return f"{path} lies inside a repository's .git"
    try:
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode) or not is_ours(plain_bytes(path)):
            return f"{path} is there already and is no {what} of a run; expected a file of its own"
        path.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unwritable(path, error) from None
    return None


def write(path: Path, data: bytes) -> None:
    """Replace the file at ``path`` by ``data``, whole or not at all; mode 0644 whatever the umask.

    A temporary file beside it is written, synced and renamed, and the folder is synced; what a killed writer has left there is
    swept. Raises `HandoffError` (HP080) when that cannot be done; the old file is then as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep(path)
        temporary, descriptor = _temporary(path)
        try:
            with os.fdopen(descriptor, "wb") as handle:
                os.fchmod(handle.fileno(), 0o644)
                handle.write(data)
                handle.flush()
                os.fsync(handle.fileno())
                temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync(path.parent)
    except OSError as error:
        raise unwritable(path, error) from None


def _temporary(path: Path) -> tuple[Path, int]:
    """Make a file of our own beside ``path`` and hold its lock; return its path and descriptor."""
    while True:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Another writer may have swept it before it was locked.
        if temporary.exists():
            return temporary, descriptor
        os.close(descriptor)


def _sweep(path: Path) -> None:
    """Remove the temporary files of writers that were killed: a living one holds the lock of its own."""
    ours = re.compile(re.escape(f".{path.name}.") + r"[0-9a-f]{8}\.tmp")
    for other in path.parent.iterdir():
        if not ours.fullmatch(other.name):
            continue
        with contextlib.suppress(OSError):
            descriptor = os.open(other, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                other.unlink()
            finally:
                os.close(descriptor)


def write_result(path: Path, document: Mapping[str, object]) -> None:
    """Write the result of a run for machines; its seconds are the one float there is. Raises `HandoffError` (HP080).

    Bytes of a name that are no UTF-8 are written out: the result is told even then.
    """
    write(path, canonical.result_bytes(_in_utf8(document)))


def _in_utf8(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {key: _in_utf8(item) for key, item in value.items()}
    return [_in_utf8(item) for item in value] if isinstance(value, list) else value


def _sync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
