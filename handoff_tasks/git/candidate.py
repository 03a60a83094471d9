"""Make a commit with other files on top of a repository's commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.git import command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

PLAIN = "100644"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file of a commit: its mode as git writes it, and its blob's id."""

    mode: str
    blob: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who makes a commit, and when, in seconds since 1970."""

    name: str
    email: str
    seconds: int

    @property
    def line(self) -> str:
        """The identity as a commit has it."""
        plain = [
            "".join(" " if mark in "<>\n\0" else mark for mark in text).strip()
            for text in (self.name, self.email)
        ]
        return f"{plain[0]} <{plain[1]}> {self.seconds} +0000"


def list_entries(git_dir: Path, commit: str, paths: Sequence[str]) -> dict[str, Entry]:
    """Return the plain files of a commit that have one of these paths from the top."""
    listed = command.run(
        "ls-tree", "-z", "--full-tree", commit, "--", *paths, cwd=git_dir, git_dir=git_dir
    )
    found = {}
    for line in command.names(listed):
        described, _, path = line.partition("\t")
        mode, kind, blob = described.split(" ")
        if kind == "blob" and mode.startswith("100"):
            found[path] = Entry(mode=mode, blob=blob)
    return found


def commit_files(
    git_dir: Path,
    reference: str,
    parent: str,
    files: Mapping[str, tuple[str, bytes]],
    *,
    message: str,
    identity: Identity,
) -> str:
    """Make a commit with these files on its parent, move a reference to it, and return its id.

    The objects are written first, then the reference changes once.

    Args:
        git_dir: The repository.
        reference: The full name of the reference.
        parent: The commit that the new one comes after.
        files: Path from the top to mode and bytes. All other files are the parent's.
        message: The commit's message.
        identity: Author and committer.

    Raises:
        GitError: If git cannot write it.
    """
    stream = b"".join(_stream(reference, parent, files, message=message, identity=identity))
    words = ("fast-import", "--quiet", "--force", "--done")
    made = command.run(*words, cwd=git_dir, git_dir=git_dir, stdin=stream)
    return made.decode().strip()


def _stream(
    reference: str,
    parent: str,
    files: Mapping[str, tuple[str, bytes]],
    *,
    message: str,
    identity: Identity,
) -> Iterator[bytes]:
    """Yield what ``git fast-import`` reads."""
    yield f"commit {reference}\nmark :1\n".encode()
    yield f"author {identity.line}\ncommitter {identity.line}\n".encode()
    yield _data(message.encode())
    yield f"from {parent}\n".encode()
    for path, (mode, content) in sorted(files.items()):
        yield f"M {mode} inline {_quoted(path)}\n".encode("utf-8", "surrogateescape")
        yield _data(content)
    # git prints the commit's id.
    yield b"get-mark :1\ndone\n"


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
