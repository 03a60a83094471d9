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
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.problems import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

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
_ENV = "/usr/bin/env"
FSCK_HINT = "run 'git fsck' in the producer's repository and fix what it reports"
# The variables by which git finds the user's configuration.
_OF_CONFIGURATION = re.compile(
    r"HOME|XDG_CONFIG_HOME|GIT_CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|PARAMETERS|COUNT|KEY_[0-9]{1,5}|VALUE_[0-9]{1,5})"
)
# The first version that reads GIT_CONFIG_GLOBAL, which leaves the user's configuration out.
_OLDEST = (2, 32)


class GitError(Exception):
    """A git command that ended with an unexpected status.

    Attributes:
        command: The words after ``git``.
        status: The exit status.
        stderr: What git wrote to standard error.
        place: The repository or folder, if known.
    """

    def __init__(
        self, command: tuple[str, ...], status: int, stderr: str, place: Path | None = None
    ) -> None:
        self.command = command
        self.status = status
        self.stderr = stderr.strip()
        self.place = place
        super().__init__(f"git {' '.join(command)} ended with {status}: {self.stderr}")


def reason(text: str) -> str:
    """Return the most informative line of git's standard error."""
    lines = [
        line.strip()
        for line in text.splitlines()
        if line.strip() and not line.startswith(("hint:", "remote: hint:"))
    ]
    if not lines:
        return "git gave no reason"
    # Both sides of a fetch write, in any order. The line that names an object is the best one.
    naming = [line for line in lines if re.search(r"\b[0-9a-f]{40}\b", line)]
    return re.sub(r"^(?:(?:remote|fatal|error): )+", "", [*naming, *lines][0])


def executable() -> Path:
    """Return git's absolute path from the absolute entries of PATH.

    Raises `HandoffError` (HP004) if there is none.
    """
    entries = [
        entry
        for entry in os.environ.get("PATH", os.defpath).split(os.pathsep)
        if entry.startswith("/")
    ]
    found = shutil.which("git", path=os.pathsep.join(entries))
    if found is None:
        raise refusal(
            "HP004", "git", "git is not on PATH", "install git 2.32 or later and run again"
        )
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
    """Run ``git WORDS`` and return its standard output.

    Args:
        words: The words after ``git``.
        cwd: The folder to run in.
        git_dir: A repository; if none is given, git looks for one from ``cwd`` upwards.
        work_tree: A work tree, instead of the repository's own.
        index: An index, instead of the repository's own.
        stdin: Standard input.
        accept: The exit statuses that are not an error.
        settings: More configuration, name to value. With it the system's attributes count too.

    Raises:
        GitError: If the exit status is not in ``accept``.
        HandoffError: HP004 if git is missing or too old.
    """
    environment = _environment(settings)
    for name, path in (
        ("GIT_DIR", git_dir),
        ("GIT_WORK_TREE", work_tree),
        ("GIT_INDEX_FILE", index),
    ):
        if path is not None:
            environment[name] = str(path)
    place = work_tree or git_dir or cwd
    return _execute(
        words, cwd, _in_environment(environment), stdin=stdin, accept=accept, place=place
    )


def start(*words: str, cwd: Path) -> Any:
    """Start ``git WORDS`` with pipes, and return GitPython's guard of the process.

    Its ``proc`` is the `subprocess.Popen`, which is ended when the guard is collected.
    Raises `HandoffError` (HP004) when git is missing or too old.
    """
    program = executable()
    git = _require(str(program))
    command = [*_in_environment(_environment()), str(program), *words]
    with default_sigchld():
        return git.Git(cwd).execute(command, istream=subprocess.PIPE, as_process=True)


def user_values(cwd: Path, pattern: str, *, of_paths: bool = False) -> dict[str, str]:
    """Return the user's git configuration in a repository: name to value.

    Nothing that is configured is run. A configuration that cannot be read has no values.

    Args:
        cwd: The repository's work tree.
        pattern: The regular expression that selects the names, which are in lower case.
        of_paths: Whether the values are paths, so that ``~`` is expanded to the home folder.
    """
    environment = _environment()
    # The user's own values are inherited: on a command line other users could read them.
    for name in [name for name in environment if name.startswith("GIT_CONFIG") or name == "HOME"]:
        del environment[name]
    count = os.environ.get("GIT_CONFIG_COUNT", "")
    number = int(count) if re.fullmatch("[0-9]{1,5}", count) else 0
    environment["GIT_CONFIG_COUNT"] = str(number + 1)
    environment[f"GIT_CONFIG_KEY_{number}"] = "safe.directory"
    environment[f"GIT_CONFIG_VALUE_{number}"] = "*"
    words = ["config", "--null"]
    if of_paths:
        words.append("--type=path")
    words += ["--get-regexp", pattern]
    try:
        listed = _execute(tuple(words), cwd, _in_user_environment(environment), accept=(0, 1))
    except GitError:
        return {}
    # A name without a value means true.
    entries = (entry.partition("\n") for entry in names(listed))
    return {name: value if equals else "true" for name, equals, value in entries}


def _execute(
    words: tuple[str, ...],
    cwd: Path,
    prefix: list[str],
    *,
    stdin: bytes = b"",
    accept: tuple[int, ...] = (0,),
    place: Path | None = None,
) -> bytes:
    """Run git behind ``prefix``, the words of `/usr/bin/env` that give it its environment."""
    program = executable()
    git = _require(str(program))
    with default_sigchld(), tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        out: bytes
        status, out, err = git.Git(cwd).execute(
            [*prefix, str(program), *words],
            istream=given,
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            # If we are killed, git holds our locks until it has ended.
            close_fds=False,
        )
    if status not in accept:
        raise GitError(words, int(status), _text(err), place or cwd)
    return out


def differences(
    git: Callable[..., bytes], *below: str, submodules: str = "none"
) -> list[tuple[str, str]]:
    """Return what differs between a work tree and an index.

    HEAD is not read, so a check that writes one does not change the answer. Files that
    ``.gitignore`` covers do not count.

    Args:
        git: `run` with work tree and index given.
        below: The words that limit git to a folder.
        submodules: The value of git's ``--ignore-submodules``.

    Returns:
        Pairs of ``modified``, ``deleted`` or ``new``, and the path from the work tree's top.
    """
    words = (
        "--no-ext-diff",
        "--no-textconv",
        "--no-renames",
        f"--ignore-submodules={submodules}",
        "--name-status",
        "-z",
    )
    fields = names(git("diff", *words, *below))
    kinds = {"D": "deleted", "A": "new"}
    found = [
        (kinds.get(kind, "modified"), path)
        for kind, path in zip(fields[::2], fields[1::2], strict=True)
    ]
    new = names(git("ls-files", "-z", "--others", "--exclude-standard", *below))
    return [*found, *(("new", path) for path in new)]


def make_bare(folder: Path) -> None:
    """Make an empty bare repository in a folder, if there is none."""
    if (folder / "objects").is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    words = ("--quiet", "--bare", "--template=", "--object-format=sha1")
    run("init", *words, str(folder), cwd=folder)


def names(listed: bytes) -> list[str]:
    """Return the names that git lists with ``-z``."""
    return [name for name in listed.decode("utf-8", "surrogateescape").split("\0") if name]


def alternates(objects: Path) -> str:
    """Return an ``objects/info/alternates`` that borrows a folder of objects."""
    path = str(objects)
    if "\n" in path:
        path = '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return f"{path}\n"


def upload_pack() -> str:
    """Return the value of ``--upload-pack`` for fetches from a producer.

    git drops a part of our environment for the process that it starts on the other side.
    """
    settings = f"GIT_NO_REPLACE_OBJECTS=1 GIT_GRAFT_FILE={os.devnull}"
    options = "-c safe.directory='*' -c advice.graftFileDeprecated=false"
    return f"env {settings} {shlex.quote(str(executable()))} {options} upload-pack"


def preload() -> None:
    """Import GitPython now, for instance while something else is waited for."""
    _require(str(executable()))


@functools.cache
def _require(program: str) -> Any:
    """Return GitPython. Raises `HandoffError` (HP004) if git is too old."""
    git = _load()
    with default_sigchld():
        answer = git.Git().execute(
            [*_in_environment(_environment()), program, "version"], with_exceptions=False
        )
    version = tuple(int(part) for part in re.findall(r"[0-9]+", answer)[:2])
    if version < _OLDEST:
        found = re.search(r"[0-9.]*[0-9]", answer)
        number = found[0] if found else "unknown"
        message = f"found version {number}; expected {_OLDEST[0]}.{_OLDEST[1]} or later"
        raise refusal(
            "HP004", program, message, "install a newer git, or put it first on PATH, and run again"
        )
    return git


@functools.cache
def _load() -> Any:
    """Import GitPython, and keep it from running git, which it does when it is imported."""
    # nox shows what other packages log, down to the last detail.
    logging.getLogger("git").setLevel(logging.WARNING)
    # It must not search PATH for git: each command here names the git that it runs. It finds a
    # file that cannot be run, and "quiet" says that this is fine.
    settings = {"GIT_PYTHON_GIT_EXECUTABLE": os.devnull, "GIT_PYTHON_REFRESH": "quiet"}
    before = {name: os.environ[name] for name in settings if name in os.environ}
    os.environ.update(settings)
    try:
        import git
    finally:
        for name in settings:
            del os.environ[name]
        os.environ.update(before)
    return git


def _in_environment(environment: Mapping[str, str]) -> list[str]:
    """Return the words before a command that give it this environment and nothing else."""
    return [_ENV, "-i", *(f"{name}={value}" for name, value in environment.items())]


def _in_user_environment(environment: Mapping[str, str]) -> list[str]:
    """Return the words before a command that add this to what finds the user's configuration."""
    words = [_ENV]
    for name in os.environ:
        if not _OF_CONFIGURATION.fullmatch(name):
            words += ["-u", name]
    return [*words, *(f"{name}={value}" for name, value in environment.items())]


def _environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    environment = {
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_GRAFT_FILE": os.devnull,
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "HOME": os.devnull,
        "LC_ALL": "C",
        "PATH": os.pathsep.join(dict.fromkeys([str(executable().parent), "/usr/bin", "/bin"])),
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
def default_sigchld() -> Iterator[None]:
    """Make the exit status of children readable: an inherited "ignore" would turn each into 0."""
    # Only the main thread may set a handler.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, handler)
