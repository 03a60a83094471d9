"""The producer's work tree is compared as its user's git compares it.

And nothing that is configured is run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import scratch

from handoff_tasks.git import checkout, producer, workspace
from handoff_tasks.git import repository as git_repository
from handoff_tasks.problems import HandoffError
from handoff_tasks.producer.tags import service_tags

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "one\ntwo\n"
CONTENT = b"large\0content\n" * 1000
POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    f"oid sha256:{hashlib.sha256(CONTENT).hexdigest()}\nsize {len(CONTENT)}\n"
)


@dataclass
class User:
    """A user with a configuration of their own and a clone of a producer."""

    home: Path
    clone: Path
    cache: Path

    def git(self, *words: str, cwd: Path | None = None) -> str:
        """Run git as the user does, with the user's configuration."""
        environment = {
            name: value
            for name, value in scratch.environment().items()
            if not name.startswith("GIT_CONFIG")
        }
        done = subprocess.run(
            ["git", *words],
            cwd=cwd or self.clone,
            env={**environment, "HOME": str(self.home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def status(self) -> list[str]:
        """Return the paths that the user's git calls changed."""
        return sorted(
            line[3:]
            for line in self.git("status", "--porcelain", "--untracked-files=all").splitlines()
        )

    def uncommitted(self) -> list[str]:
        """Return the paths that we call changed.

        What the private checkout needs is in place, as in any run but the first.
        """
        found = producer.find_producer(self.clone, "HEAD", service_tags())
        repository = git_repository.Repository(self.cache / "objects.git")
        repository.update(found, service_tags())
        paths = repository.list_uncommitted(found, self.cache / "index")
        checkout.prepare(
            checkout.CheckoutSpec(base=self.cache, commit=found.commit, tags=(), keep=(), run=""),
            lambda _: None,
        )
        again = repository.list_uncommitted(found, self.cache / "index")
        assert paths == again, "the first run and the second of one cache say the same"
        return list(paths)


def user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str | None], *settings: str
) -> User:
    """Return a user with these settings who has cloned a producer with these files."""
    made = scratch.producer(tmp_path / "producer")
    made.commit("files", files)
    who = User(home=tmp_path / "home", clone=tmp_path / "clone", cache=tmp_path / "cache")
    who.home.mkdir()
    for setting in settings:
        who.git("config", "--global", *setting.split("=", 1), cwd=who.home)
    who.git("clone", "--quiet", str(made.path), str(who.clone), cwd=tmp_path)
    monkeypatch.setenv("HOME", str(who.home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return who


@pytest.mark.parametrize(
    ("settings", "attributes", "converted"),
    [
        (["core.autocrlf=true"], "", True),
        (["core.autocrlf=input"], "", False),
        (["core.eol=crlf"], "*.txt text\n", True),
        ([], "*.txt text eol=crlf\n", True),
        ([], "*.txt text working-tree-encoding=UTF-16LE\n", True),
        (["core.autocrlf=true"], "*.txt -text\n", False),
    ],
)
def test_conversions_of_git_are_no_changes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: list[str],
    attributes: str,
    converted: bool,
) -> None:
    """Where `git status` is empty nothing is uncommitted.

    What is changed beside the conversion is.
    """
    who = user(tmp_path, monkeypatch, {"a.txt": TEXT, ".gitattributes": attributes}, *settings)
    path = who.clone / "a.txt"
    committed = subprocess.run(
        ["git", "cat-file", "blob", "HEAD:a.txt"], cwd=who.clone, capture_output=True, check=True
    ).stdout
    assert (path.read_bytes() != committed) is converted
    assert who.uncommitted() == who.status() == []
    path.write_bytes(path.read_bytes().replace(b"t", b"T"))
    assert who.uncommitted() == who.status() == ["a.txt"]


def test_attributes_and_excludes_of_the_user_and_of_the_clone_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are read from every place that the user's git reads.

    Configured, usual, and the clone's own; and a changed one too.
    """
    who = user(tmp_path, monkeypatch, {"a.txt": TEXT, "b.txt": TEXT, "c.txt": TEXT})
    (who.home / ".config" / "git").mkdir(parents=True)
    usual, own = who.home / ".config" / "git", who.clone / ".git" / "info"
    own.mkdir(exist_ok=True)
    (usual / "attributes").write_text("a.txt text\n")
    (own / "attributes").write_text("b.txt text\n")
    (usual / "ignore").write_text("*.one\n")
    (own / "exclude").write_text("*.two\n")
    for name in ("a.txt", "b.txt"):
        (who.clone / name).write_bytes(TEXT.replace("\n", "\r\n").encode())
    # Git calls a file changed whose size is another one, until it is added.
    who.git("add", "a.txt", "b.txt")
    for name in ("x.one", "x.two", "x.three"):
        (who.clone / name).write_text("new\n")
    assert who.uncommitted() == who.status() == ["x.three"]
    (who.home / "attributes").write_text("c.txt text\n")
    (who.home / "ignore").write_text("*.three\n")
    who.git("config", "--global", "core.attributesFile", "~/attributes")
    who.git("config", "--global", "core.excludesFile", "~/ignore")
    (who.clone / "a.txt").write_text(TEXT)
    (who.clone / "c.txt").write_bytes(TEXT.replace("\n", "\r\n").encode())
    who.git("add", "a.txt", "c.txt")
    assert who.uncommitted() == who.status() == ["x.one"]


def test_modes_and_links_are_compared_as_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With core.fileMode=false a mode is no change.

    With core.symlinks=false a link is a file that holds its target.
    """
    made = scratch.producer(tmp_path / "producer")
    (made.root / "link").symlink_to("Cargo.toml")
    made.commit("a link", {})
    who = User(home=tmp_path / "home", clone=tmp_path / "clone", cache=tmp_path / "cache")
    who.home.mkdir()
    monkeypatch.setenv("HOME", str(who.home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    who.git(
        "clone",
        "--quiet",
        "-c",
        "core.symlinks=false",
        str(made.path),
        str(who.clone),
        cwd=tmp_path,
    )
    assert not (who.clone / "link").is_symlink()
    (who.clone / "Cargo.toml").chmod(0o755)
    assert who.uncommitted() == who.status() == ["Cargo.toml"]
    who.git("config", "core.fileMode", "false")
    assert who.uncommitted() == who.status() == []


def test_what_a_sparse_checkout_leaves_out_is_not_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is present and differs is reported nevertheless."""
    who = user(tmp_path, monkeypatch, {"a/one.txt": TEXT, "b/two.txt": TEXT})
    who.git("sparse-checkout", "set", "--cone", "a")
    assert not (who.clone / "b").exists()
    assert who.uncommitted() == who.status() == []
    (who.clone / "a" / "one.txt").unlink()
    assert who.uncommitted() == who.status() == ["a/one.txt"]


def test_a_large_file_is_compared_with_its_pointer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git LFS has put the content in the pointer's place.

    Size and digest say whether it is that; no filter is run.
    """
    who = user(
        tmp_path,
        monkeypatch,
        {"a.bin": POINTER, "b.bin": POINTER, ".gitattributes": "*.bin filter=lfs diff=lfs -text\n"},
    )
    who.git("config", "--global", "filter.lfs.clean", f"touch '{tmp_path}/ran'; cat")
    who.git("config", "--global", "filter.lfs.required", "true")
    assert who.uncommitted() == [], "as it is without Git LFS"
    for name in ("a.bin", "b.bin"):
        (who.clone / name).write_bytes(CONTENT)
    assert who.uncommitted() == []
    (who.clone / "a.bin").chmod(0o755)
    (who.clone / "b.bin").write_bytes(CONTENT[::-1])
    assert who.uncommitted() == ["a.bin", "b.bin"]
    (who.clone / "b.bin").write_bytes(CONTENT + b"x")
    assert who.uncommitted() == ["a.bin", "b.bin"]
    (who.clone / ".gitattributes").write_text("*.bin -text\n")
    (who.clone / "a.bin").chmod(0o644)
    assert who.uncommitted() == [".gitattributes", "a.bin", "b.bin"], (
        "a pointer is one only where attributes say so"
    )
    assert not (tmp_path / "ran").exists()


def test_nothing_that_is_configured_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No monitor.

    Hook, filter, pager or alias, of the user's or the clone's, nor of a submodule's.
    """
    who = user(tmp_path, monkeypatch, {"a.txt": TEXT, ".gitattributes": "*.txt filter=liar\n"})
    ran = tmp_path / "ran"
    who.git(
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        str(tmp_path / "producer"),
        "sub",
    )
    who.git("-c", "user.name=n", "-c", "user.email=e", "commit", "--quiet", "--message", "sub")
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch '{ran}'\ncat\n")
    program.chmod(0o755)
    for where in (
        ["--global"],
        ["--file", str(who.clone / ".git" / "config")],
        ["--file", str(who.clone / ".git/modules/sub/config")],
    ):
        for name in (
            "core.fsmonitor",
            "filter.liar.clean",
            "core.pager",
            "core.editor",
            "alias.config",
        ):
            who.git(
                "config", *where, name, f"!{program}" if name.startswith("alias") else str(program)
            )
    for hook in ("post-index-change", "post-checkout", "reference-transaction"):
        (who.clone / ".git" / "hooks").mkdir(exist_ok=True)
        shutil.copy(program, who.clone / ".git" / "hooks" / hook)
    (who.clone / "a.txt").write_text("changed\n")
    (who.clone / "sub" / "Cargo.toml").write_text("changed\n")
    ran.unlink(missing_ok=True)
    assert who.uncommitted() == ["a.txt"]
    assert not ran.exists()


def test_a_configuration_that_cannot_be_read_has_no_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's git fails with it; we say what differs byte for byte."""
    who = user(tmp_path, monkeypatch, {"a.txt": TEXT}, "core.autocrlf=true")
    assert who.uncommitted() == []
    (who.home / ".gitconfig").write_text("[core\n")
    assert "a.txt" in who.uncommitted()


@pytest.mark.parametrize("settings", [["core.autocrlf=true"], []])
def test_a_profile_with_converted_line_ends_is_the_commits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: list[str]
) -> None:
    """No HP014 on the first run and on the second.

    One for a word that differs; the same digest as everywhere.
    """
    attributes = "" if settings else "*.toml text eol=crlf\n"
    who = user(
        tmp_path,
        monkeypatch,
        {"handoff.toml": scratch.PROFILE, ".gitattributes": attributes},
        *settings,
    )
    path = who.clone / "handoff.toml"
    assert b"\r\n" in path.read_bytes()
    digests = set()
    for _ in range(2):
        opened = workspace.open_workspace(
            root=who.clone, ref="HEAD", profile_path=path, work=tmp_path / "work", cache=who.cache
        )
        assert opened.notes == ()
        digests.add(opened.profile.digest)
        checkout.prepare(opened.checkout_spec(""), lambda _: None)
    plain = tmp_path / "producer" / "handoff.toml"
    other = workspace.open_workspace(
        root=tmp_path / "producer",
        ref="HEAD",
        profile_path=plain,
        work=tmp_path / "work",
        cache=tmp_path / "other",
    )
    assert digests == {other.profile.digest}
    path.write_bytes(path.read_bytes().replace(b'name = "Scratch"', b'name = "Other"'))
    with pytest.raises(HandoffError) as caught:
        workspace.open_workspace(
            root=who.clone, ref="HEAD", profile_path=path, work=tmp_path / "work", cache=who.cache
        )
    [problem] = caught.value.problems
    assert (problem.code, problem.where) == ("HP014", "handoff.toml")
    assert (
        problem.message
        == f"the profile differs from the one in the verified commit {opened.producer.commit[:12]}"
    )


def test_the_users_home_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without HOME there is no configuration of the user's, and no failure."""
    who = user(tmp_path, monkeypatch, {"a.txt": TEXT})
    monkeypatch.delenv("HOME")
    assert os.environ.get("HOME") is None
    assert who.uncommitted() == []
