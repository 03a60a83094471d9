"""Run git in an environment that is built from nothing.

The configuration, hooks, filters, monitors, replaced objects and grafts of the machine and of the
producer's repository have no effect. This is the only module that imports GitPython.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import shlex
import shutil
import signal
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.model import LAST_SECOND
from handoff_tasks.problems import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any, Self

_CONFIG = {
    "advice.graftFileDeprecated": "false",
    "core.attributesFile": os.devnull,
    "core.autocrlf": "false",
    "core.excludesFile": os.devnull,
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.untrackedCache": "false",
    "fetch.fsckObjects": "true",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "protocol.file.allow": "always",
    # Reading another user's repository is safe here: nothing that its configuration names is run.
    "safe.directory": "*",
    "transfer.fsckObjects": "true",
}
# The variables by which a user's git finds its configuration.
_OF_CONFIGURATION = re.compile(
    r"HOME|XDG_CONFIG_HOME|GIT_CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|PARAMETERS|COUNT|KEY_[0-9]{1,5}|VALUE_[0-9]{1,5})"
)
# The first that leaves the user's configuration out when GIT_CONFIG_GLOBAL says so; an older one would let it speak.
_OLDEST = (2, 32)


class GitError(Exception):
    """A git command that ended with an unexpected status.

    ``status`` is its exit status, ``stderr`` what it said, ``command`` the words that were run, ``place`` the repository or folder
    that it worked on, where that is known.
    """

    def __init__(self, command: tuple[str, ...], status: int, stderr: str, place: Path | None = None) -> None:
        self.command = command
        self.status = status
        self.stderr = stderr.strip()
        self.place = place
        super().__init__(f"git {' '.join(command)} ended with {status}: {self.stderr}")


def reason(text: str) -> str:
    """Return the line of what git wrote to standard error that says most."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(("hint:", "remote: hint:"))]
    if not lines:
        return "git gave no reason"
    # Which side speaks first is a matter of luck; the line that names an object says most.
    telling = next((line for line in lines if re.search(r"\b[0-9a-f]{40}\b", line)), lines[0])
    return re.sub(r"^(?:(?:remote|fatal|error): )+", "", telling)


def executable() -> Path:
    """Return git's absolute path, looked up in the absolute entries of PATH only.

    Raises `HandoffError` (HP004) when there is none.
    """
    entries = [entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry.startswith("/")]
    found = shutil.which("git", path=os.pathsep.join(entries))
    if found is None:
        raise refusal("HP004", "git", "git is not on PATH", "install git 2.32 or later and run again")
    return Path(found)


def run(
    *words: str,
    cwd: Path,
    git_dir: Path | None = None,
    work_tree: Path | None = None,
    index: Path | None = None,
    stdin: bytes = b"",
    accept: tuple[int, ...] = (0,),
    settings: Mapping[str, str] | None = None,
) -> bytes:
    """Run ``git WORDS`` in ``cwd`` and return what it wrote to standard output.

    ``git_dir``, ``work_tree`` and ``index`` name a repository of ours; left out, git looks for one from ``cwd`` upwards. With
    ``settings``, names of configuration to values, these count beside ours, and so do the attributes of the system.
    Raises `GitError` when the exit status is not in ``accept``, `HandoffError` (HP004) when git is missing or too old.
    """
    program = executable()
    environment = _environment(program, settings)
    for name, path in (("GIT_DIR", git_dir), ("GIT_WORK_TREE", work_tree), ("GIT_INDEX_FILE", index)):
        if path is not None:
            environment[name] = str(path)
    return _execute(program, words, cwd, environment, stdin, accept, work_tree or git_dir or cwd)


def user_values(cwd: Path, pattern: str, *, of_paths: bool = False) -> dict[str, str]:
    """Return what the user's configuration says in the repository at ``cwd``, as the user's git reads it: name to value.

    ``pattern`` selects the names, which are in lower case; ``of_paths`` tells that the values are paths, in which ``~`` is a home.
    Nothing that is configured is run. A configuration that cannot be read has no values.
    """
    program = executable()
    environment = {name: value for name, value in _environment(program).items() if not name.startswith("GIT_CONFIG")}
    environment.pop("HOME")
    environment |= {name: value for name, value in os.environ.items() if _OF_CONFIGURATION.fullmatch(name)}
    count = environment.get("GIT_CONFIG_COUNT", "")
    number = int(count) if re.fullmatch("[0-9]{1,5}", count) else 0
    environment |= {"GIT_CONFIG_COUNT": str(number + 1), f"GIT_CONFIG_KEY_{number}": "safe.directory"}
    environment[f"GIT_CONFIG_VALUE_{number}"] = "*"
    words = ("config", "--null", *(("--type=path",) if of_paths else ()), "--get-regexp", pattern)
    try:
        listed = _execute(program, words, cwd, environment, b"", (0, 1), cwd)
    except GitError:
        return {}
    # A name without a value stands for true.
    entries = (entry.partition("\n") for entry in names(listed))
    return {name: value if equals else "true" for name, equals, value in entries}


def _execute(
    program: Path,
    words: tuple[str, ...],
    cwd: Path,
    environment: dict[str, str],
    stdin: bytes,
    accept: tuple[int, ...],
    place: Path,
) -> bytes:
    with _environ(environment), contextlib.ExitStack() as stack:
        git = _gitpython()
        _require(git, str(program))
        given = stack.enter_context(tempfile.TemporaryFile())
        given.write(stdin)
        given.seek(0)
        out: bytes
        status, out, err = git.Git(cwd).execute(
            [str(program), *words],
            istream=given,
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            # If we are killed, it holds our locks until it has ended.
            close_fds=False,
        )
    if status not in accept:
        raise GitError(words, int(status), _text(err), place)
    return out


def differences(git: Callable[..., bytes], *below: str, submodules: str = "none") -> list[tuple[str, str]]:
    """Return what differs between a work tree and the index that ``git`` (`run` with its repository given) works on.

    Each as ``modified``, ``deleted`` or ``new``, and the path from the work tree's top. Files that ``.gitignore`` covers do not
    count. Index and work tree only: no HEAD is asked, so nobody who writes one can change the answer. ``submodules`` is what git
    ignores of them.
    """
    words = ("--no-ext-diff", "--no-textconv", "--no-renames", f"--ignore-submodules={submodules}", "--name-status", "-z")
    fields = names(git("diff", *words, *below))
    kinds = {"D": "deleted", "A": "new"}
    found = [(kinds.get(kind, "modified"), path) for kind, path in zip(fields[::2], fields[1::2], strict=True)]
    new = names(git("ls-files", "-z", "--others", "--exclude-standard", *below))
    return [*found, *(("new", path) for path in new)]


def names(listed: bytes) -> list[str]:
    """Return what git lists with ``-z``, each up to a NUL."""
    return [name for name in listed.decode("utf-8", "surrogateescape").split("\0") if name]


def contents(git: Callable[..., bytes], ids: Iterable[str]) -> dict[str, bytes]:
    """Return the contents of objects by id, read in one call of ``git`` (`run` with its repository given)."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return {}
    words = ("cat-file", "--batch")
    answer = git(*words, stdin="".join(f"{sha}\n" for sha in wanted).encode())
    found, place = {}, 0
    for sha in wanted:
        end = answer.find(b"\n", place)
        head = answer[place:end].split(b" ")
        if end < 0 or len(head) != 3:
            raise GitError(words, 1, f"{sha} cannot be read")
        place = end + 1 + int(head[2])
        found[sha] = answer[end + 1 : place]
        place += 1
    return found


def alternates(objects: Path) -> str:
    """Return the content of ``objects/info/alternates`` that borrows a folder of objects; quoted if its path has a newline."""
    path = str(objects)
    if "\n" in path:
        path = '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return f"{path}\n"


def upload_pack() -> str:
    """Return the value of ``--upload-pack`` for fetches from a producer: git drops part of our environment for the other side."""
    settings = f"GIT_NO_REPLACE_OBJECTS=1 GIT_GRAFT_FILE={os.devnull}"
    options = "-c safe.directory='*' -c advice.graftFileDeprecated=false"
    return f"env {settings} {shlex.quote(str(executable()))} {options} upload-pack"


def preload() -> None:
    """Import GitPython now, for instance while something else is waited for."""
    program = executable()
    with _environ(_environment(program)):
        _require(_gitpython(), str(program))


def _gitpython() -> Any:
    # nox shows what other packages log, down to the last detail.
    logging.getLogger("git").setLevel(logging.WARNING)
    import git

    return git


@functools.cache
def _require(git: Any, program: str) -> None:
    """Refuse a git that is too old to leave everybody's configuration out (HP004)."""
    found = git.Git().version_info
    if found[:2] < _OLDEST:
        message = f"found version {'.'.join(map(str, found))}; expected {'.'.join(map(str, _OLDEST))} or later"
        raise refusal("HP004", program, message, "install a newer git, or put it first on PATH, and run again")


def _environment(program: Path, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    environment = {
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_GRAFT_FILE": os.devnull,
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_PYTHON_GIT_EXECUTABLE": str(program),
        "GIT_PYTHON_REFRESH": "quiet",
        "GIT_TERMINAL_PROMPT": "0",
        "HOME": os.devnull,
        "LC_ALL": "C",
        "PATH": os.pathsep.join(dict.fromkeys([str(program.parent), "/usr/bin", "/bin"])),
        "TMPDIR": tempfile.gettempdir(),
        "TZ": "UTC",
    }
    if settings is not None:
        del environment["GIT_ATTR_NOSYSTEM"]
    # The last one counts.
    entries = [*_CONFIG.items(), *(settings or {}).items()]
    environment["GIT_CONFIG_COUNT"] = str(len(entries))
    for number, (key, value) in enumerate(entries):
        environment[f"GIT_CONFIG_KEY_{number}"] = key
        environment[f"GIT_CONFIG_VALUE_{number}"] = value
    return environment


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


@contextlib.contextmanager
def _environ(environment: dict[str, str]) -> Iterator[None]:
    saved = dict(os.environ)
    # An inherited "ignore" of SIGCHLD would make every git look as if it had ended with 0. Handlers are the main thread's.
    main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGCHLD, signal.SIG_DFL) if main else None
    os.environ.clear()
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)
        if handler is not None:
            signal.signal(signal.SIGCHLD, handler)


class Objects:
    """Reads objects of one repository of ours through one ``git cat-file --batch`` process. A context manager."""

    def __init__(self, git_dir: Path) -> None:
        preload()
        self._folder = git_dir
        self._git = _gitpython().Git(git_dir)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._git.clear_cache()

    def read(self, name: str) -> tuple[str, str, bytes] | None:
        """Return id, type and content of the object called ``name`` (``<id>:<path>`` too); None when there is none.

        Raises `GitError` when git does not answer, or not to the end.
        """
        if not re.fullmatch(r"[^\n\ud800-\udfff]*", name):
            # The process reads names of one line of UTF-8.
            try:
                found = run("rev-parse", "--verify", "--quiet", "--end-of-options", name, cwd=self._folder, git_dir=self._folder)
            except GitError:
                return None
            name = found.decode().strip()
        with _environ(_environment(executable())):
            try:
                sha, kind, size, data = self._git.get_object_data(name)
            except ValueError as error:
                # What is no header of an object is git's word that there is none; nothing at all is no answer.
                if not str(error).startswith("SHA is empty"):
                    return None
                raise self._unanswered(name) from None
            except OSError:
                raise self._unanswered(name) from None
        if len(data) != size:
            raise self._unanswered(name)
        # Annotated as text, bytes in fact.
        return _text(sha), _text(kind), data

    def _unanswered(self, name: str) -> GitError:
        status = self._git.cat_file_all.poll()
        return GitError(("cat-file", "--batch"), -1 if status is None else status, f"no answer for {name}", self._folder)


FSCK_HINT = "run 'git fsck' in the producer's repository and mend what it names"


def read_header(commit: bytes, name: bytes) -> bytes:
    """Return the value of a header line of a commit or tag object."""
    head = commit.split(b"\n\n", 1)[0]
    return next(line for line in head.split(b"\n") if line.startswith(name + b" "))[len(name) + 1 :]


def committer_time(commit: str, content: bytes) -> int:
    """Return a commit's committer time in seconds. Raises `HandoffError` (HP013) for one that no date can be made of."""
    seconds = int(read_header(content, b"committer").split()[-2])
    if seconds > LAST_SECOND:
        message = f"its committer time, {seconds} seconds since 1970, lies beyond the year 9999"
        raise refusal("HP013", f"commit {commit}", message, "make the commit anew on a machine whose clock is right")
    return seconds


def is_commit(objects: Objects, sha: str) -> bool:
    """Return whether an object is a commit."""
    found = objects.read(sha)
    return found is not None and found[1] == "commit"


def read_blob(objects: Objects, commit: str, path: str) -> bytes | None:
    """Return the content of a file in a commit, None if it is not there."""
    found = objects.read(f"{commit}:{path}")
    return found[2] if found and found[1] == "blob" else None
