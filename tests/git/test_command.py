"""Git runs in an environment built from nothing.

Nothing of the machine, the caller or a repository has a say.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import scratch

from handoff_tasks.git import command
from handoff_tasks.git import objects as git_objects
from handoff_tasks.problems import HandoffError, Problem

if TYPE_CHECKING:
    from pathlib import Path


def _trap(path: Path) -> Path:
    """Write a program that leaves ``<name>.ran`` beside itself when it is run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\ntouch '{path}.ran'\nexit 0\n")
    path.chmod(0o755)
    return path


def test_output_is_bytes_as_git_wrote_them(producer: scratch.Producer) -> None:
    """Standard output comes back as bytes, its last newline kept."""
    assert command.run("rev-parse", "HEAD", cwd=producer.root) == producer.head().encode() + b"\n"
    assert command.run(
        "cat-file", "blob", f"HEAD:{scratch.MANIFEST_PATH}", cwd=producer.root
    ).endswith(b"}\n")


def test_standard_input_is_what_was_given(producer: scratch.Producer) -> None:
    """Git reads the given bytes, and nothing when none are given."""
    assert (
        command.run("hash-object", "--stdin", cwd=producer.root, stdin=b"one\n")
        == b"5626abf0f72e58d7a153368ba57db4c673c0e171\n"
    )
    assert (
        command.run("hash-object", "--stdin", cwd=producer.root)
        == b"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\n"
    )


def test_an_unexpected_status_is_an_error_that_tells_command_status_and_reason(
    producer: scratch.Producer,
) -> None:
    """A `GitError` has the words, the exit status and git's message, in English."""
    with pytest.raises(command.GitError) as caught:
        command.run("rev-parse", "--verify", "no-such-thing", cwd=producer.root)
    assert caught.value.command == ("rev-parse", "--verify", "no-such-thing")
    assert caught.value.status == 128
    assert caught.value.stderr == "fatal: Needed a single revision"
    assert (
        str(caught.value)
        == "git rev-parse --verify no-such-thing ended with 128: fatal: Needed a single revision"
    )


def test_a_status_that_is_accepted_is_no_error(producer: scratch.Producer) -> None:
    """``accept`` names the exit statuses that are answers."""
    words = ("merge-base", "--is-ancestor", "HEAD", "HEAD~1")
    assert command.run(*words, cwd=producer.root, accept=(0, 1)) == b""
    with pytest.raises(command.GitError, match=r"ended with 1: $"):
        command.run(*words, cwd=producer.root)


def test_no_git_on_path_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HP004 says that git is missing and what to do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HandoffError) as caught:
        command.run("version", cwd=tmp_path)
    assert caught.value.problems == (
        Problem(
            code="HP004",
            where="git",
            message="git is not on PATH",
            hint="install git 2.32 or later and run again",
        ),
    )


def test_a_git_that_is_too_old_is_refused(tmp_path: Path) -> None:
    """HP004 names the program, the version that was found and the oldest that is good.

    GitPython asks once, so in a new process.
    """
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho 'git version 2.31.8 (a vendor)'\n")
    old.chmod(0o755)
    script = (
        "import os, pathlib; from handoff_tasks.git import command as gitcmd; "
        "from handoff_tasks.problems import HandoffError\n"
        "for ask in (lambda: gitcmd.run('version', cwd=pathlib.Path('/')), gitcmd.preload):\n"
        "    try: ask()\n"
        "    except HandoffError as error: print(error)\n"
    )
    environment = {**os.environ, "PATH": f"{old.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    message = (
        f"HP004 {old}: found version 2.31.8; expected 2.32 or later\n"
        "      next: install a newer git, or put it first on PATH, and run again\n"
    )
    assert done.stdout == 2 * message


def test_relative_entries_of_path_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git in the current folder, or in a relative entry of PATH, is never taken."""
    real = scratch.program("git")
    _trap(tmp_path / "git")
    _trap(tmp_path / "bin" / "git")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join(["", ".", "bin", os.path.dirname(real)]))  # noqa: PTH120 - a text as in PATH
    assert str(command.executable()) == real
    command.run("version", cwd=tmp_path)
    assert not list(tmp_path.rglob("*.ran"))


def test_the_callers_git_variables_have_no_effect(
    tmp_path: Path, producer: scratch.Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIT_DIR.

    GIT_INDEX_FILE, GIT_CONFIG_*, GIT_TRACE and the like of the caller do not reach git.
    """
    other = scratch.producer(tmp_path / "other")
    other.commit("another", {"a.txt": "a\n"})
    trace = tmp_path / "trace"
    for name, value in {
        "GIT_DIR": str(other.path / ".git"),
        "GIT_WORK_TREE": str(other.path),
        "GIT_INDEX_FILE": str(tmp_path / "index"),
        "GIT_OBJECT_DIRECTORY": str(other.path / ".git" / "objects"),
        "GIT_NAMESPACE": "elsewhere",
        "GIT_CEILING_DIRECTORIES": str(tmp_path),
        "GIT_TRACE": str(trace),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.abbrev",
        "GIT_CONFIG_VALUE_0": "5",
        "GIT_CONFIG_PARAMETERS": "'core.abbrev=5'",
        "GIT_EXEC_PATH": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    assert command.run("rev-parse", "HEAD", cwd=producer.root).decode().strip() == producer.head()
    assert len(command.run("rev-parse", "--short", "HEAD", cwd=producer.root).strip()) == 7
    assert command.run("status", "--porcelain", cwd=producer.root) == b""
    assert not trace.exists()


def test_configuration_of_home_has_no_effect(
    tmp_path: Path, producer: scratch.Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither ~/.gitconfig nor the XDG folder is read."""
    home = tmp_path / "home"
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".gitconfig").write_text("[core]\n\tabbrev = 5\n[status]\n\tshowUntrackedFiles = no\n")
    (home / ".config" / "git" / "config").write_text("[core]\n\tabbrev = 5\n")
    (home / ".config" / "git" / "ignore").write_text("*\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    producer.write({"new.txt": "new\n"})
    assert len(command.run("rev-parse", "--short", "HEAD", cwd=producer.root).strip()) == 7
    assert command.run("status", "--porcelain", cwd=producer.root) == b"?? new.txt\n"


def test_no_hook_and_no_monitor_of_the_repository_is_run(
    tmp_path: Path, producer: scratch.Producer
) -> None:
    """Hooks, core.hooksPath and core.fsmonitor of a repository's own configuration stay unused."""
    hook = _trap(producer.path / ".git" / "hooks" / "post-checkout")
    _trap(tmp_path / "hooks" / "post-checkout")
    monitor = _trap(tmp_path / "monitor")
    producer.git("config", "core.fsmonitor", str(monitor))
    producer.git("config", "core.hooksPath", str(tmp_path / "hooks"))
    command.run("status", "--porcelain", cwd=producer.root)
    command.run("checkout", "--quiet", "--detach", "HEAD", cwd=producer.root)
    assert not list(tmp_path.rglob("*.ran"))
    producer.git("config", "--unset", "core.fsmonitor")
    producer.git("config", "--unset", "core.hooksPath")
    producer.git("checkout", "--quiet", "--detach", "HEAD")
    assert hook.with_name("post-checkout.ran").exists(), "the trap itself works"


def test_replaced_objects_are_read_as_they_are(producer: scratch.Producer) -> None:
    """A replace ref does not swap a commit for another."""
    head, old = producer.head(), producer.git("rev-parse", "HEAD~2")
    producer.git("replace", head, old)
    assert producer.git("rev-parse", "HEAD^{tree}") == producer.git(
        "rev-parse", f"{old}^{{tree}}"
    ), "the caller's git sees it"
    tree = command.run("rev-parse", "HEAD^{tree}", cwd=producer.root)
    assert tree != command.run("rev-parse", f"{old}^{{tree}}", cwd=producer.root)


def test_grafts_are_ignored(producer: scratch.Producer) -> None:
    """A grafts file does not cut history off."""
    (producer.path / ".git" / "info").mkdir(exist_ok=True)
    (producer.path / ".git" / "info" / "grafts").write_text(producer.head() + "\n")
    assert producer.git("rev-list", "--count", "HEAD") == "1", "the caller's git sees it"
    assert command.run("rev-list", "--count", "HEAD", cwd=producer.root) == b"4\n"


def test_the_callers_environment_is_as_before(
    producer: scratch.Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """os.environ is the caller's again after a call.

    A failed one, a reading of objects and the early import.
    """
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("HANDOFF_TEST", "kept")
    before = dict(os.environ)
    command.run("rev-parse", "HEAD", cwd=producer.root)
    assert dict(os.environ) == before
    with pytest.raises(command.GitError):
        command.run("rev-parse", "--verify", "no-such-thing", cwd=producer.root)
    assert dict(os.environ) == before
    command.preload()
    assert dict(os.environ) == before
    with git_objects.Objects(producer.path / ".git") as objects:
        assert objects.read("HEAD") is not None
        assert objects.read("no-such-thing") is None
    assert dict(os.environ) == before


def test_objects_are_read_with_id_type_and_bytes(producer: scratch.Producer) -> None:
    """One process answers for commits.

    For paths with spaces, for what is missing, and for what comes after it.
    """
    head = producer.commit("odd names", {"with space/a #1.txt": "odd\n"})
    with git_objects.Objects(producer.path / ".git") as objects:
        commit = objects.read(head)
        assert commit is not None
        assert commit[:2] == (head, "commit")
        assert commit[2].endswith(b"\n\nodd names\n")
        assert objects.read(f"{head}:no/such/path") is None
        assert objects.read("0" * 40) is None
        assert objects.read(f"{head}:with space/a #1.txt") == (
            "994e126d270f6ab080f20051254741652e2bc726",
            "blob",
            b"odd\n",
        )


@pytest.mark.parametrize("when", ["before", "between"])
def test_a_git_that_does_not_answer_is_an_error(producer: scratch.Producer, when: str) -> None:
    """A process that was killed is a `GitError`, and no object that is missing."""
    with git_objects.Objects(producer.path / ".git") as objects:
        assert objects.read("HEAD") is not None
        process = objects._process.proc
        process.kill()
        if when == "before":
            process.wait()
        with pytest.raises(command.GitError) as caught:
            objects.read("HEAD")
    assert (caught.value.command, caught.value.place) == (
        ("cat-file", "--batch"),
        producer.path / ".git",
    )
    assert caught.value.stderr == "no answer for HEAD"


def test_an_object_is_read_by_a_path_that_no_line_can_hold(producer: scratch.Producer) -> None:
    """A line break, or bytes that are not UTF-8, in a path.

    The object is found, and what is asked next is not confused.
    """
    blob = producer.git("rev-parse", "HEAD:Cargo.toml")
    with git_objects.Objects(producer.path / ".git") as objects:
        for name in ("a\nb", os.fsdecode(b"caf\xe9")):
            entry = b"100644 blob %s\t%s\0" % (blob.encode(), os.fsencode(name))
            tree = command.run("mktree", "-z", cwd=producer.root, stdin=entry).decode().strip()
            found = objects.read(f"{tree}:{name}")
            assert found is not None
            assert found[:2] == (blob, "blob")
            assert objects.read(f"{tree}:{name}/x") is None
        assert objects.read(blob) is not None


def test_an_object_that_ends_too_early_is_an_error(
    producer: scratch.Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half an object is none."""
    with git_objects.Objects(producer.path / ".git") as objects:
        assert objects.read("HEAD") is not None
        half = io.BytesIO(b"%b blob 5\nhalf" % (b"0" * 40))
        monkeypatch.setattr(objects, "_pipes", lambda: (io.BytesIO(), half))
        with pytest.raises(command.GitError, match="no answer for HEAD"):
            objects.read("HEAD")


def test_a_repository_of_ours_is_named_by_folder_work_tree_and_index(
    tmp_path: Path, producer: scratch.Producer
) -> None:
    """``git_dir``.

    ``work_tree`` and ``index`` stand for what is looked for upwards from ``cwd``.
    """
    index = tmp_path / "index"
    git_dir = producer.path / ".git"
    command.run("read-tree", "HEAD~1", cwd=tmp_path, git_dir=git_dir, index=index)
    assert index.is_file()
    listed = command.run(
        "status", "--porcelain", cwd=tmp_path, git_dir=git_dir, work_tree=producer.path, index=index
    )
    assert b"M CHANGELOG.md" in listed
    assert producer.git("status", "--porcelain") == ""


def test_an_inherited_ignore_of_sigchld_does_not_turn_failure_into_success(
    producer: scratch.Producer,
) -> None:
    """Where the system reaps children, Python would report 0 for a git that said no.

    Here its status is true.
    """
    code = (
        "import signal, sys\nfrom pathlib import Path\n"
        "from handoff_tasks.git import command as gitcmd\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "try:\n    gitcmd.run('merge-base', '--is-ancestor', "
        "'HEAD', 'HEAD~1', cwd=Path(sys.argv[1]))\n"
        "except gitcmd.GitError as error:\n    print(error.status)\n"
        "print(signal.getsignal(signal.SIGCHLD).name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(producer.root)], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["1", "SIG_IGN"]


def test_importing_the_module_does_not_import_gitpython() -> None:
    """GitPython reads the environment when it is imported, so that waits for the first call."""
    code = (
        "import sys, handoff_tasks.git.command as g; assert 'git' not in sys.modules; "
        "g.preload(); assert 'git' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
