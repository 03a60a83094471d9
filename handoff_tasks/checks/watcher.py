"""Stop the processes of a run when the run ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_SHELL = "/bin/sh"
# Each line on the pipe adds an id to watch (+7), removes one (-7), or ends the watcher (end). With
# an id, the process, its group and all their descendants are watched. If the pipe closes without
# "end", all of them get SIGKILL until none runs, for some seconds at most: processes of another
# user cannot be ended. Without ps or awk only the groups are known.
_SCRIPT = r"""
trap '' HUP INT QUIT TERM TSTP TTIN TTOU PIPE
ids=
while read -r line; do
  case $line in
    end) exit 0 ;;
    +*) ids="$ids ${line#+}" ;;
    -*)
      rest=
      for id in $ids; do test "$id" = "${line#-}" || rest="$rest $id"; done
      ids=$rest
      ;;
  esac
done
test -n "$ids" || exit 0
tree() {
  ps -A -o pid= -o ppid= -o pgid= -o stat= | awk -v "ids=$ids" -v "old=$old" '
    BEGIN {
      count = split(ids, list, " ")
      for (i = 1; i <= count; i++) { group[list[i]] = 1; in_tree[list[i]] = 1 }
      count = split(old, list, " ")
      for (i = 1; i <= count; i++) in_tree[list[i]] = 1
    }
    { parent[$1] = $2; if ($3 in group) in_tree[$1] = 1; if ($4 !~ /^Z/) runs[$1] = 1 }
    END {
      do {
        more = 0
        for (id in parent)
          if (!(id in in_tree) && parent[id] in in_tree) { in_tree[id] = 1; more = 1 }
      } while (more)
      for (id in runs) if (id in in_tree) printf "%s ", id
    }'
}
if ! { ps -A -o pid= && awk 'BEGIN { exit 0 }'; } >/dev/null; then
  tree() { for id in $ids; do kill -0 "-$id" && printf '%s ' "-$id"; done; :; }
fi
old=
tries=0
while test $tries -lt 100; do
  found=$(tree) || exit 1
  for id in $ids; do kill -KILL "-$id"; done
  for id in $found; do kill -KILL "$id"; done
  # Look once more: a process may have started another one meanwhile.
  test -n "$found" || test $tries = 0 || exit 0
  old="$old $found"
  tries=$((tries + 1))
  sleep 0.02 || sleep 1
done
"""


class Watcher:
    """A context manager that ends the watched processes if this process ends in its block.

    Raises:
        OSError: The shell cannot be started.
    """

    def __init__(self) -> None:
        path = os.pathsep.join(["/usr/bin", "/bin", os.environ.get("PATH", os.defpath)])
        self._process = subprocess.Popen(
            [_SHELL, "-c", _SCRIPT],
            bufsize=0,
            cwd="/",
            env={"LC_ALL": "C", "PATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Signals of the terminal or to this process group do not reach it.
            start_new_session=True,
            # It inherits the descriptors of locks, which keeps them locked.
            close_fds=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._send("end")
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def announce(self) -> None:
        """Have the calling process watched, right after it was forked.

        It is the ``preexec_fn`` of `subprocess.Popen`: we could be killed between starting a
        process and naming it. The watcher does not see the end of its pipe before the process has
        named itself, since the process holds the pipe as well. It takes no lock and imports
        nothing.
        """
        # Python has just set the signal to its default, which would end the process.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self.watch(os.getpid())
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)

    def watch(self, process: int) -> None:
        """Watch a process, its group and all their descendants."""
        self._send(f"+{process}")

    def release(self, process: int) -> None:
        """Stop watching a process, for instance because it has ended."""
        self._send(f"-{process}")

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        # If the watcher was killed, the work goes on without it.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n".encode())
