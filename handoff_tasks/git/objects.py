"""Read objects of a repository."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from handoff_tasks.git import command
from handoff_tasks.limits import LAST_SECOND
from handoff_tasks.problems import refusal

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import IO, Any, Self

# The header of an object in what ``git cat-file --batch`` writes: id, type, size.
_OBJECT = re.compile(rb"([0-9a-f]{40}) ([a-z]+) ([0-9]+)\n")


def contents(git: Callable[..., bytes], ids: Iterable[str]) -> dict[str, bytes]:
    """Return the contents of objects, by id.

    ``git`` is `command.run` with the repository given; it is called once. Raises `GitError`.
    """
    unique = list(dict.fromkeys(ids))
    if not unique:
        return {}
    words = ("cat-file", "--batch")
    answer = git(*words, stdin="".join(f"{sha}\n" for sha in unique).encode())
    read, place = {}, 0
    for sha in unique:
        end = answer.find(b"\n", place)
        head = answer[place:end].split(b" ")
        if end < 0 or len(head) != 3:
            raise command.GitError(words, 1, f"{sha} cannot be read")
        place = end + 1 + int(head[2])
        read[sha] = answer[end + 1 : place]
        place += 1
    return read


class Objects:
    """Reads objects of one repository through one ``git cat-file --batch`` process.

    A context manager. The process starts with the first object.
    """

    def __init__(self, git_dir: Path) -> None:
        self._folder = git_dir
        # GitPython's guard of the process, which ends it when it is collected.
        self._process: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process is None:
            return
        process: subprocess.Popen[bytes] = self._process.proc
        for stream in (process.stdin, process.stdout, process.stderr):
            # What a process that was killed did not read is lost.
            with contextlib.suppress(BrokenPipeError):
                assert stream is not None
                stream.close()
        with command.default_sigchld():
            process.wait()

    def read(self, name: str) -> tuple[str, str, bytes] | None:
        """Return id, type and content of an object, None if there is none.

        ``name`` is an id, or another name that git resolves, such as ``<id>:<path>``.
        Raises `GitError` when git does not answer, or not to the end.
        """
        if not re.fullmatch(r"[^\n\ud800-\udfff]*", name):
            # The process reads names of one line of UTF-8.
            try:
                resolved = command.run(
                    "rev-parse",
                    "--verify",
                    "--quiet",
                    "--end-of-options",
                    name,
                    cwd=self._folder,
                    git_dir=self._folder,
                )
            except command.GitError:
                return None
            name = resolved.decode().strip()
        stdin, stdout = self._pipes()
        try:
            stdin.write(f"{name}\n".encode())
            stdin.flush()
        except OSError:
            raise self._unanswered(name) from None
        return self._answer(name, stdout)

    def _answer(self, name: str, stdout: IO[bytes]) -> tuple[str, str, bytes] | None:
        line = stdout.readline()
        if not line.endswith(b"\n"):
            raise self._unanswered(name)
        header = _OBJECT.fullmatch(line)
        if header is None:
            # "<name> missing", for instance.
            return None
        size = int(header[3])
        # A line feed follows the content.
        content = stdout.read(size + 1)
        if len(content) <= size:
            raise self._unanswered(name)
        return header[1].decode(), header[2].decode(), content[:size]

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None:
            self._process = command.start("cat-file", "--batch", cwd=self._folder)
        return self._process.proc.stdin, self._process.proc.stdout

    def _unanswered(self, name: str) -> command.GitError:
        status = self._process.proc.poll()
        return command.GitError(
            ("cat-file", "--batch"),
            -1 if status is None else status,
            f"no answer for {name}",
            self._folder,
        )


def read_header(commit: bytes, name: bytes) -> bytes:
    """Return the value of a header line of a commit or tag object."""
    head = commit.split(b"\n\n", 1)[0]
    return next(line for line in head.split(b"\n") if line.startswith(name + b" "))[len(name) + 1 :]


def committer_time(commit: str, content: bytes) -> int:
    """Return a commit's committer time in seconds since 1970.

    Raises `HandoffError` (HP013) if it is after the year 9999.
    """
    seconds = int(read_header(content, b"committer").split()[-2])
    if seconds > LAST_SECOND:
        message = f"its committer time, {seconds} seconds since 1970, is after the year 9999"
        raise refusal(
            "HP013", f"commit {commit}", message, "make the commit again with a correct clock"
        )
    return seconds


def is_commit(objects: Objects, sha: str) -> bool:
    """Return whether an object is a commit."""
    found = objects.read(sha)
    return found is not None and found[1] == "commit"


def read_blob(objects: Objects, commit: str, path: str) -> bytes | None:
    """Return the content of a file in a commit, None if there is no such file."""
    found = objects.read(f"{commit}:{path}")
    return found[2] if found and found[1] == "blob" else None
