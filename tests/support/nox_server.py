"""Nox in processes that are forked from one that has imported it and the library: a start takes a third of the time.

`run` behaves like ``python -m nox``. Tests that signal nox, and those of imports, start it the usual way; so does the
library itself when it starts nox.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

import coverage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# The configuration of coverage, which a test removes from the variables of what it starts.
_COVERAGE = os.environ.get("COVERAGE_PROCESS_CONFIG", "")
_IMPORTED = ("git", "jinja2", "jsonschema", "nox._cli", "rich.live", "rich.table")


def run(
    words: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run nox with these words in a folder, its output captured as text."""
    environment = dict(os.environ if env is None else env)
    server = _Server.of(environment)
    if server is not None:
        return server.run(command(words), str(cwd), environment)
    return subprocess.run(
        command(words), cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def command(words: Sequence[str]) -> list[str]:
    """Return the command line that starts nox the usual way."""
    return [sys.executable, "-m", "nox", *words]


def session_words(folder: Path, envdir: Path, session: str, *words: str) -> list[str]:
    """Return the words after ``nox`` for a session of a folder's noxfile."""
    noxfile = str(folder / "noxfile.py")
    return ["--noxfile", noxfile, "--envdir", str(envdir), "-s", session, "--", *words]


def _is_read_at_import(name: str) -> bool:
    """Return whether Python, nox, or what it imports reads the variable when it is imported."""
    return name in {"LANG", "PATH", "UV"} or name.startswith(("LC_", "PYTHON"))


class _Server:
    """The process that has imported nox with one set of the variables that are read then."""

    _uses: ClassVar[Counter[str]] = Counter()
    _made: ClassVar[dict[str, _Server]] = {}

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> _Server | None:
        """Return the server of these variables. It is made at their second use: most sets have one."""
        values = {name: environment[name] for name in environment if _is_read_at_import(name)}
        key = json.dumps(values, sort_keys=True)
        cls._uses[key] += 1
        if key not in cls._made and cls._uses[key] > 1:
            cls._made[key] = cls(values)
        return cls._made.get(key)

    def __init__(self, values: dict[str, str]) -> None:
        self._lock = threading.Lock()
        self._socket, its_own = socket.socketpair()
        with its_own:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(its_own.fileno()), _COVERAGE],
                env=values,
                pass_fds=[its_own.fileno()],
            )
        atexit.register(self.end)

    def end(self) -> None:
        """End the process, which it does when its socket is closed."""
        self._socket.close()
        self._process.wait()

    def run(
        self, command: list[str], cwd: str, env: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Have a process forked, and return what it printed and its exit status."""
        pipes = [os.pipe() for _ in range(3)]
        request = json.dumps({"command": command, "cwd": cwd, "env": env}).encode()
        with self._lock:
            socket.send_fds(
                self._socket, [struct.pack("!I", len(request))], [write for _, write in pipes]
            )
            self._socket.sendall(request)
        for _, write in pipes:
            os.close(write)
        texts = [""] * len(pipes)

        def read(index: int) -> None:
            with os.fdopen(pipes[index][0], encoding="utf-8") as file:
                texts[index] = file.read()

        threads = [threading.Thread(target=read, args=[index]) for index in range(len(pipes))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        out, errors, status = texts
        return subprocess.CompletedProcess(command, int(status), out, errors)


def _serve(requests: socket.socket) -> None:
    """Answer requests until the other side closes; return in the process that is to be nox."""
    while True:
        header, fds, _, _ = socket.recv_fds(requests, 4, 3)
        if not header:
            sys.exit()
        [size] = struct.unpack("!I", header)
        text = b""
        while len(text) < size:
            text += requests.recv(size - len(text))
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            requests.close()
            if (nox := os.fork()) == 0:
                _become(json.loads(text), fds)
                return
            os.close(fds[0])
            os.close(fds[1])
            _, status = os.waitpid(nox, 0)
            os.write(fds[2], str(os.waitstatus_to_exitcode(status)).encode())
            os._exit(0)
        for fd in fds:
            os.close(fd)


def _become(request: Any, fds: list[int]) -> None:
    """Take over the words, folder, variables and outputs that a process would have started with."""
    out, errors, status = fds
    os.dup2(out, 1)
    os.dup2(errors, 2)
    for fd in (out, errors, status):
        os.close(fd)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    tempfile.tempdir = None
    sys.orig_argv[:] = request["command"]
    sys.argv[:] = request["command"][2:]
    sys.path[0] = request["cwd"]


def _measure(configuration: str) -> coverage.Coverage:
    """Measure this process, whatever its variables say of those that it starts."""
    measuring = coverage.Coverage(config_file=f":data:{configuration}", data_suffix=True)
    measuring.start()
    return measuring


def _import() -> None:
    import handoff_tasks

    own = pkgutil.walk_packages(handoff_tasks.__path__, "handoff_tasks.")
    for name in (*_IMPORTED, *(module.name for module in own)):
        if not name.endswith(".__main__"):
            importlib.import_module(name)


def main() -> None:
    """Import the modules, then serve."""
    _, fd, configuration = sys.argv
    if configuration:
        measuring = _measure(configuration)
        _import()
        measuring.stop()
        measuring.save()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    else:
        _import()
    gc.freeze()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _serve(socket.socket(fileno=int(fd)))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if configuration:
        atexit.register(_measure(configuration).save)
    runpy.run_module("nox", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
