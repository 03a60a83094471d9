"""The private checkout.

It holds exactly one commit, is shared by checks, and is restored after changes.
"""

from __future__ import annotations

import errno
import fnmatch
import json
import os
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Self

import pytest
import scratch

from handoff_tasks.git import checkout, locks, repository
from handoff_tasks.git import producer as git_producer
from handoff_tasks.git.checkout import CheckoutSpec
from handoff_tasks.problems import HandoffError
from handoff_tasks.producer.tags import service_tags

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KEEP = ("target", "components/*/target")
WAITING = "waiting until no other check uses the private checkout"

# Occupies the checkout in a process of its own: prints when it is in, and stays until it reads a
# word.
OCCUPANT = """
import json, sys
from pathlib import Path
from handoff_tasks.git import checkout

def say(line):
    print(line, flush=True)

given = json.loads(sys.argv[1])
wanted = checkout.CheckoutSpec(
    base=Path(given["base"]),
    commit=given["commit"],
    tags=tuple(map(tuple, given["tags"])),
    keep=tuple(given["keep"]),
    run=given["run"],
)
with checkout.occupy(wanted, sys.argv[2], say, alone=given["alone"]) as place:
    say(f"in {place.state}")
    word = sys.stdin.readline().strip()
    if word == "compare":
        say(f"found {place.compare()}")
say("out")
"""


class Occupant:
    """Another process that occupies the checkout for a check."""

    def __init__(self, wanted: CheckoutSpec, check: str, *, alone: bool = False) -> None:
        given = {
            "base": str(wanted.base),
            "commit": wanted.commit,
            "tags": wanted.tags,
            "keep": wanted.keep,
            "run": wanted.run,
            "alone": alone,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", OCCUPANT, json.dumps(given), check],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

        # A line that never comes must fail the test, not block it.
        self.limit = threading.Timer(20, self.process.kill)

    def __enter__(self) -> Self:
        self.limit.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.limit.cancel()
        self.process.kill()
        self.process.communicate()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()


def _wanted(
    producer: scratch.Producer, ref: str = "HEAD", *, run: str = "", keep: tuple[str, ...] = KEEP
) -> CheckoutSpec:
    found = git_producer.find_producer(producer.root, ref, service_tags())
    base = producer.path.parent / "cache"
    repository.Repository(base / "objects.git").update(found, service_tags())
    tags = tuple(sorted((name, tag.object_id) for name, tag in found.tags.items()))
    return CheckoutSpec(base=base, commit=found.commit, tags=tags, keep=keep, run=run)


def _silent(line: str) -> None:
    raise AssertionError(f"nothing was to be said, but: {line}")


def _visit(
    wanted: CheckoutSpec, check: str = "check", files: Sequence[str] = (), *, compare: bool = True
) -> str:
    """Occupy the checkout once.

    Write ``files`` in it, and return the state that it was found in.
    """
    with checkout.occupy(wanted, check, _silent) as place:
        for name in files:
            path = wanted.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("written by a check\n")
        if compare:
            place.compare()
        return place.state


def _content(wanted: CheckoutSpec) -> dict[str, bytes]:
    return {
        name: content
        for name, (_, _, content) in _outside_git(wanted).items()
        if (wanted.tree / name).is_file()
    }


def _outside_git(wanted: CheckoutSpec) -> dict[str, tuple[int, int, bytes]]:
    listed = scratch.listing(wanted.tree)
    return {name: entry for name, entry in listed.items() if name.split("/")[0] != ".git"}


def _committed(producer: scratch.Producer, ref: str) -> dict[str, bytes]:
    names = producer.git("ls-tree", "-r", "--name-only", ref).splitlines()
    return {
        name: (producer.git("cat-file", "blob", f"{ref}:{name}") + "\n").encode() for name in names
    }


# What is in it


def test_it_holds_exactly_the_commit(producer: scratch.Producer) -> None:
    """Every file of the commit with its bytes and mode, and nothing else."""
    wanted = _wanted(producer, "v1.0.0")
    checkout.prepare(wanted, _silent)
    assert _content(wanted) == _committed(producer, "v1.0.0")
    assert os.access(wanted.tree / "scripts/ok.sh", os.X_OK)
    assert not os.access(wanted.tree / "Cargo.toml", os.X_OK)
    assert checkout.changes(wanted) == ()


def test_what_is_uncommitted_never_reaches_it(producer: scratch.Producer) -> None:
    """Modified, staged and untracked files of the producer's work tree are no part of it."""
    committed = _committed(producer, "HEAD")
    producer.write(
        {"Cargo.toml": "modified\n", "staged.txt": "staged\n", "untracked.txt": "untracked\n"}
    )
    producer.git("add", "staged.txt")
    wanted = _wanted(producer)
    checkout.prepare(wanted, _silent)
    assert _content(wanted) == committed


def test_links_are_checked_out_as_links(producer: scratch.Producer) -> None:
    """A symbolic link of the commit is one in the checkout, wherever it points."""
    (producer.root / "link").symlink_to("Cargo.toml")
    (producer.root / "dangling").symlink_to("/nowhere/at all")
    producer.commit("links", {})
    wanted = _wanted(producer)
    checkout.prepare(wanted, _silent)
    assert str((wanted.tree / "link").readlink()) == "Cargo.toml"
    assert str((wanted.tree / "dangling").readlink()) == "/nowhere/at all"
    assert checkout.changes(wanted) == ()


def test_no_filter_and_no_line_end_conversion_changes_bytes(producer: scratch.Producer) -> None:
    """Files are the commit's bytes, whatever the caller's configuration would make of them."""
    producer.commit("attributes", {".gitattributes": "*.txt filter=liar\n", "a.txt": "one\ntwo\n"})
    producer.git("config", "filter.liar.smudge", "echo smudged")
    producer.git("config", "core.autocrlf", "true")
    wanted = _wanted(producer)
    checkout.prepare(wanted, _silent)
    assert (wanted.tree / "a.txt").read_bytes() == b"one\ntwo\n"
    assert checkout.changes(wanted) == ()


def test_its_own_git_answers_where_it_is(producer: scratch.Producer) -> None:
    """For scripts it is a repository.

    Clean, detached at the commit, with the tags and the history.
    """
    wanted = _wanted(producer)
    checkout.prepare(wanted, _silent)
    assert scratch.git(wanted.tree, "rev-parse", "--show-toplevel") == str(wanted.tree)
    assert scratch.git(wanted.tree, "status", "--porcelain") == ""
    assert scratch.git(wanted.tree, "rev-parse", "HEAD") == producer.head()
    assert scratch.git(wanted.tree, "describe") == "v1.1.0"
    assert scratch.git(wanted.tree, "tag", "--list").split() == ["v1.0.0", "v1.1.0"]
    assert scratch.git(wanted.tree, "rev-list", "--count", "HEAD") == "4"
    assert scratch.git(wanted.tree, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD"


# From one commit to the next


def test_build_outputs_and_unchanged_files_survive_the_next_commit(
    producer: scratch.Producer,
) -> None:
    """What the profile keeps stays with its bytes and times.

    And so does every file that both commits have; others change.
    """
    old = _wanted(producer, "v1.0.0")
    checkout.prepare(old, _silent)
    _visit(old, files=["target/debug/build", "components/a/target/b", "components/b/target/c"])
    before = _outside_git(old)
    new = _wanted(producer, "v1.1.0")
    checkout.prepare(new, _silent)
    after = _outside_git(new)
    changed = set(producer.git("diff", "--name-only", "v1.0.0", "v1.1.0").splitlines())
    files = {name for name in before if (new.tree / name).is_file()}
    assert {
        "target/debug/build",
        "components/a/target/b",
        "components/b/target/c",
        "Cargo.toml",
    } <= files - changed
    assert {name: before[name] for name in files - changed} == {
        name: after[name] for name in files - changed
    }
    assert {
        name: content for name, content in _content(new).items() if "target/" not in name
    } == _committed(producer, "v1.1.0")


def test_everything_else_is_swept(producer: scratch.Producer) -> None:
    """Files that git ignores or does not know, and nested repositories, go.

    Only what the profile names stays.
    """
    wanted = _wanted(producer)
    checkout.prepare(wanted, _silent)
    _visit(
        wanted,
        files=[
            "a.tmp",
            "scripts/b.tmp",
            "new.txt",
            "new/deep/er.txt",
            "components/target",
            "x/target/y",
            "target/kept",
        ],
    )
    scratch.git(wanted.tree, "init", "--quiet", "nested")
    checkout.prepare(wanted, _silent)
    assert sorted(_content(wanted)) == sorted([*_committed(producer, "HEAD"), "target/kept"])
    assert not (wanted.tree / "nested").exists()


def test_without_build_outputs_to_keep_nothing_stays(producer: scratch.Producer) -> None:
    """A profile that keeps nothing gets a swept checkout each time."""
    wanted = _wanted(producer, keep=())
    checkout.prepare(wanted, _silent)
    _visit(wanted, files=["target/debug/build"])
    checkout.prepare(wanted, _silent)
    assert not (wanted.tree / "target").exists()


def test_the_state_tells_whether_build_outputs_were_there(producer: scratch.Producer) -> None:
    """``fresh`` at first.

    ``kept`` once a run finds outputs of an earlier one, ``fresh`` again after clearing.
    """
    assert _visit(_wanted(producer, run="one"), files=["target/a"]) == "fresh"
    assert _visit(_wanted(producer, run="one")) == "fresh", (
        "outputs of the same run are not an earlier one's"
    )
    checkout.prepare(_wanted(producer, run="two"), _silent)
    assert _visit(_wanted(producer, run="two")) == "kept"
    checkout.clear(_wanted(producer).base, _silent)
    assert not _wanted(producer).tree.exists()
    assert _visit(_wanted(producer, run="two")) == "fresh"


def test_tags_that_moved_are_followed(producer: scratch.Producer) -> None:
    """The same commit with other tags is another checkout.

    A script that asks git gets today's answer.
    """
    _visit(_wanted(producer))
    producer.git("tag", "--delete", "v1.1.0")
    wanted = _wanted(producer)
    _visit(wanted)
    assert scratch.git(wanted.tree, "describe").startswith("v1.0.0-2-g")


# What a check leaves behind


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        ("echo x >> Cargo.toml", "modified Cargo.toml"),
        ("rm Cargo.toml", "deleted Cargo.toml"),
        ("echo x > 'a new file'", "new a new file"),
        ("mkdir -p d/e; echo x > d/e/f", "new d/e/f"),
        ("chmod +x Cargo.toml", "modified Cargo.toml"),
        ("chmod -x scripts/ok.sh", "modified scripts/ok.sh"),
        ("rm Cargo.toml; ln -s CHANGELOG.md Cargo.toml", "modified Cargo.toml"),
        ("rm Cargo.toml; mkdir Cargo.toml", "deleted Cargo.toml"),
        ("ln -s /etc/passwd passwd", "new passwd"),
        ("echo '*' > .gitignore; echo x > hidden", "modified .gitignore"),
        (
            "touch -r Cargo.toml t; sed -i s/members/MEMBERS/ Cargo.toml; "
            "touch -r t Cargo.toml; rm t",
            "modified Cargo.toml",
        ),
    ],
)
def test_changes_names_what_differs(producer: scratch.Producer, left: str, expected: str) -> None:
    """Modified, deleted and new files, modes and links.

    With the same size and time too; and the next check finds the commit.
    """
    wanted = _wanted(producer)
    with checkout.occupy(wanted, "check", _silent) as place:
        subprocess.run(["bash", "-c", left], cwd=wanted.tree, check=True)
        assert place.compare() == (expected,)
        assert not place.clean
    _visit(wanted)
    assert _content(wanted) == _committed(producer, "HEAD")


def test_ignored_files_and_outputs_do_not_count(producer: scratch.Producer) -> None:
    """What the commit's own .gitignore covers, and what is kept, is no change.

    But the next check does not find the former.
    """
    wanted = _wanted(producer, run="one")
    with checkout.occupy(wanted, "check", _silent) as place:
        for name in ("target/c", "components/x/target/d"):
            (wanted.tree / name).parent.mkdir(parents=True, exist_ok=True)
            (wanted.tree / name).write_text("x\n")
        assert place.compare() == ()
        assert place.clean
        for name in ("a.tmp", "scripts/b.tmp"):
            (wanted.tree / name).write_text("x\n")
        assert place.compare() == ()
        assert not place.clean
    with checkout.occupy(wanted, "next", _silent):
        assert (wanted.tree / "target" / "c").exists()
        assert not (wanted.tree / "a.tmp").exists()
        assert not (wanted.tree / "scripts" / "b.tmp").exists()


def test_what_a_check_does_to_its_own_git_hides_nothing(producer: scratch.Producer) -> None:
    """Commits, exclusions and flags in the checkout's .git are listed and undone."""
    wanted = _wanted(producer)
    with checkout.occupy(wanted, "check", _silent) as place:
        scratch.git(wanted.tree, "update-index", "--assume-unchanged", "CHANGELOG.md")
        (wanted.tree / "CHANGELOG.md").write_text("changed\n")
        (wanted.tree / ".git" / "info").mkdir()
        (wanted.tree / ".git" / "info" / "exclude").write_text("*\n")
        (wanted.tree / "new.txt").write_text("new\n")
        (wanted.tree / "Cargo.toml").write_text("changed\n")
        scratch.git(wanted.tree, "commit", "--quiet", "--all", "--message", "covered up")
        assert scratch.git(wanted.tree, "status", "--porcelain") == ""
        found = place.compare()
        assert {
            "modified .git/HEAD",
            "modified CHANGELOG.md",
            "modified Cargo.toml",
            "new new.txt",
        } < set(found)
        assert {"new .git/info/exclude", "modified .git/index"} < set(found)
    _visit(wanted)
    assert scratch.git(wanted.tree, "rev-parse", "HEAD") == producer.head()
    assert _content(wanted) == _committed(producer, "HEAD")


@pytest.mark.parametrize(
    ("left", "changed"),
    [
        ("mkdir .git/info; echo '*.o' >.git/info/exclude", "new .git/info/exclude"),
        ("mkdir .git/info; echo '*.md -diff' >.git/info/attributes", "new .git/info/attributes"),
        ("mkdir .git/info; git rev-parse HEAD >.git/info/grafts", "new .git/info/grafts"),
        (
            "mkdir .git/hooks; printf '#!/bin/sh\n' >.git/hooks/post-checkout",
            "new .git/hooks/post-checkout",
        ),
        ("git rev-parse HEAD >.git/shallow", "new .git/shallow"),
        ("git config core.excludesFile /tmp/x", "modified .git/config"),
        ("printf '[core]\n\tbare = true\n' >.git/config.worktree", "new .git/config.worktree"),
        ("echo /tmp >>.git/objects/info/alternates", "modified .git/objects/info/alternates"),
        ("echo x >.git/objects/info/commit-graph", "new .git/objects/info/commit-graph"),
        (
            "mkdir .git/objects/pack; echo x >.git/objects/pack/pack-1.pack",
            "new .git/objects/pack/pack-1.pack",
        ),
        ("git update-ref refs/heads/x HEAD", "new .git/refs/heads/x"),
        ("git update-ref --no-deref HEAD HEAD~1", "modified .git/HEAD"),
        ("git symbolic-ref refs/heads/y refs/tags/v1.0.0", "new .git/refs/heads/y"),
        ("git tag --delete v1.0.0", "modified .git/packed-refs"),
        ("rm .git/packed-refs", "deleted .git/packed-refs"),
        ("rm -r .git/refs", "deleted .git/refs"),
        ("mv .git/HEAD .git/head; ln -s head .git/HEAD", "modified .git/HEAD"),
        ("rm .git/HEAD; mkfifo .git/HEAD", "modified .git/HEAD"),
        ("rm .git/index", "deleted .git/index"),
        ("rm .git/index; mkfifo .git/index", "modified .git/index"),
        ("echo x >.git/index", "modified .git/index"),
        ("git update-index --assume-unchanged Cargo.toml", "modified .git/index"),
        ("git update-index --skip-worktree Cargo.toml", "modified .git/index"),
        ("git update-index --chmod=+x Cargo.toml", "modified .git/index"),
        ("git rm --quiet --cached Cargo.toml", "modified .git/index"),
        ("echo x >t.tmp; git add --force --intent-to-add t.tmp", "modified .git/index"),
        ("git update-index --split-index", "new .git/sharedindex.*"),
    ],
)
def test_what_changes_the_answers_of_git_is_a_change(
    producer: scratch.Producer, left: str, changed: str
) -> None:
    """Each is named.

    Also if no file of the commit differs, and the next check finds a repository as it was.
    """
    wanted = _wanted(producer)
    with checkout.occupy(wanted, "check", _silent) as place:
        done = subprocess.run(
            ["bash", "-c", left],
            cwd=wanted.tree,
            env=scratch.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found = place.compare()
        assert fnmatch.filter(found, changed), found
        assert not place.clean
    with checkout.occupy(wanted, "next", _silent) as place:
        assert place.compare() == ()
    assert scratch.git(wanted.tree, "status", "--porcelain") == ""
    assert scratch.git(wanted.tree, "describe") == "v1.1.0"


def test_an_object_that_stands_for_one_of_the_commits_is_a_change(
    producer: scratch.Producer,
) -> None:
    """It would be read it in place of ours.

    A new object changes no answer, and is gone for the next check.
    """
    wanted = _wanted(producer)
    head = producer.head()
    with checkout.occupy(wanted, "check", _silent) as place:
        made = scratch.git(wanted.tree, "hash-object", "-w", "--stdin", stdin="new\n")
        assert place.compare() == ()
        assert not place.clean
        forged = wanted.tree / ".git" / "objects" / head[:2] / head[2:]
        forged.parent.mkdir(exist_ok=True)
        forged.write_text("x")
        assert place.compare() == (f"new .git/objects/{head[:2]}/{head[2:]}",)
    with checkout.occupy(wanted, "next", _silent) as place:
        assert not (wanted.tree / ".git" / "objects" / made[:2]).exists()


@pytest.mark.parametrize(
    "words",
    [["status"], ["diff"], ["describe"], ["update-index", "--refresh"], ["write-tree"], ["fsck"]],
)
def test_asking_git_is_no_change(producer: scratch.Producer, words: list[str]) -> None:
    """Also if git writes its index again, with other times of the files."""
    wanted = _wanted(producer)
    with checkout.occupy(wanted, "check", _silent) as place:
        (wanted.tree / "Cargo.toml").touch()
        scratch.git(wanted.tree, *words)
        assert place.compare() == ()
        assert place.clean


def test_its_git_is_compared_before_a_check_alone(producer: scratch.Producer) -> None:
    """What was written there between two checks is gone.

    Though every file of the commit is as it was.
    """
    wanted = _wanted(producer)
    _visit(wanted)
    (wanted.tree / ".git" / "info").mkdir()
    (wanted.tree / ".git" / "info" / "exclude").write_text("*\n")
    _visit(wanted)
    assert not (wanted.tree / ".git" / "info").exists()


def test_the_callers_umask_does_not_reach_it(producer: scratch.Producer) -> None:
    """Files and folders have the modes of a clone with umask 022.

    In a new checkout and in one with other modes.
    """
    wanted = _wanted(producer)
    before = os.umask(0o077)
    try:
        checkout.prepare(wanted, _silent)
        modes = {name: mode for name, (mode, *_) in scratch.listing(wanted.tree).items()}
        (wanted.tree / "Cargo.toml").chmod(0o600)
        (wanted.tree / "scripts").chmod(0o700)
        checkout.prepare(wanted, _silent)
    finally:
        os.umask(before)
    assert {name: mode for name, (mode, *_) in scratch.listing(wanted.tree).items()} == modes
    assert {oct(stat.S_IMODE(path.lstat().st_mode)) for path in wanted.tree.rglob("*")} == {
        "0o644",
        "0o755",
    }


def test_a_check_has_a_home_that_is_empty(producer: scratch.Producer) -> None:
    """What an earlier run of it has left is gone.

    Also what a package manager has made read-only.
    """
    wanted = _wanted(producer)
    home = checkout.make_home(wanted, "check", empty=True)
    assert home == wanted.base / "home" / "check"
    (home / "go" / "mod").mkdir(parents=True)
    (home / "go" / "mod" / "a").write_text("x")
    (home / "go" / "mod").chmod(0o500)
    assert checkout.make_home(wanted, "check", empty=False) == home
    assert (home / "go" / "mod" / "a").exists()
    assert [path.name for path in checkout.make_home(wanted, "check", empty=True).iterdir()] == [
        ".gitconfig"
    ]


def test_a_check_may_remove_its_git_or_make_it_a_file_or_a_link(
    producer: scratch.Producer, tmp_path: Path
) -> None:
    """The checkout's .git is written anew, and a link that stands there is not followed."""
    wanted = _wanted(producer)
    victim = tmp_path / "victim"
    for left in (
        "rm -rf .git",
        "rm -rf .git; echo x > .git",
        f"rm -rf .git; mkdir {victim}; ln -s {victim} .git",
    ):
        with checkout.occupy(wanted, "check", _silent):
            subprocess.run(["bash", "-c", left], cwd=wanted.tree, check=True)
        _visit(wanted)
        assert scratch.git(wanted.tree, "rev-parse", "HEAD") == producer.head()
    assert list(victim.iterdir()) == []


def test_a_check_that_did_not_compare_leaves_it_suspect(producer: scratch.Producer) -> None:
    """A check that was stopped before it compared leaves a checkout that is restored."""
    for run in ("", "one"):
        wanted = _wanted(producer, run=run)
        _visit(wanted, files=["Cargo.toml"], compare=False)
        _visit(wanted, "another")
        assert _content(wanted) == _committed(producer, "HEAD")


def test_what_changed_between_two_checks_is_restored(producer: scratch.Producer) -> None:
    """A check on its own compares the checkout again: others may have written into it."""
    wanted = _wanted(producer)
    _visit(wanted)
    (wanted.tree / "Cargo.toml").write_text("changed by hand\n")
    _visit(wanted)
    assert _content(wanted) == _committed(producer, "HEAD")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"commit": 1}'])
def test_a_state_that_cannot_be_read_is_no_state(producer: scratch.Producer, text: str) -> None:
    """A truncated or foreign state file leads to a restore."""
    wanted = _wanted(producer)
    _visit(wanted)
    (wanted.base / "state.json").write_text(text)
    (wanted.tree / "Cargo.toml").write_text("changed\n")
    _visit(wanted)
    assert _content(wanted) == _committed(producer, "HEAD")


@pytest.mark.parametrize("data", [b"", b"x\n", b"DIRC" + b"\xff" * 100])
def test_a_spoiled_index_is_made_anew(producer: scratch.Producer, data: bytes) -> None:
    """An index of ours that a check or a full disk damaged is replaced; build outputs stay."""
    wanted = _wanted(producer)
    _visit(wanted, files=["Cargo.toml", "target/a"])
    (wanted.base / "index").write_bytes(data)
    _visit(wanted)
    assert {
        name: content for name, content in _content(wanted).items() if name != "target/a"
    } == _committed(producer, "HEAD")
    assert (wanted.tree / "target" / "a").exists()


def test_what_an_interrupted_git_left_is_no_obstacle(producer: scratch.Producer) -> None:
    """A lock file of a git that was killed does not stop the next restore."""
    wanted = _wanted(producer)
    _visit(wanted, files=["Cargo.toml"])
    (wanted.base / "index.lock").write_text("")
    _visit(wanted)
    assert _content(wanted) == _committed(producer, "HEAD")


# Several at once


def test_processes_that_want_the_same_share_it_and_another_waits(
    producer: scratch.Producer,
) -> None:
    """Two checks of one commit run side by side.

    A third that needs another commit waits with a message, and gets it when both have ended.
    """
    one, other = _wanted(producer), _wanted(producer, "v1.0.0")
    with Occupant(one, "first") as first:
        assert first.line() == "in fresh"
        with Occupant(one, "second") as second:
            assert second.line() == "in fresh"
            with Occupant(other, "third") as third:
                assert third.line() == WAITING
                assert _content(one) == _committed(producer, "HEAD")
                first.tell("compare")
                assert (first.line(), first.line()) == ("found ()", "out")
                assert third.process.poll() is None
                second.tell("compare")
                assert (second.line(), second.line()) == ("found ()", "out")
                assert third.line() == "in fresh"
                assert _content(other) == _committed(producer, "v1.0.0")


def test_a_check_that_joins_waits_until_a_change_can_be_restored(
    producer: scratch.Producer,
) -> None:
    """What one check left changed is not restored under the feet of another that still runs."""
    wanted = _wanted(producer, run="one")
    with Occupant(wanted, "first") as first:
        assert first.line() == "in fresh"
        _visit(wanted, "second", ["new.txt"])
        with Occupant(wanted, "third") as third:
            assert third.line() == WAITING
            assert (wanted.tree / "new.txt").exists()
            first.tell("compare")
            assert first.line() == "found ('new new.txt',)"
            assert third.line() == "in fresh"
            assert not (wanted.tree / "new.txt").exists()


def test_a_killed_checks_mark_leads_to_a_restore(producer: scratch.Producer) -> None:
    """A killed check's changes are restored, though it never listed them."""
    wanted = _wanted(producer, run="one")
    with Occupant(wanted, "first") as first:
        assert first.line() == "in fresh"
        (wanted.tree / "Cargo.toml").write_text("changed\n")
        first.process.kill()
        first.process.wait()
    assert (wanted.base / "running" / "first").exists()
    _visit(wanted, "second")
    assert _content(wanted) == _committed(producer, "HEAD")
    assert list((wanted.base / "running").iterdir()) == []


def test_a_killed_checks_mark_counts_when_its_process_id_is_in_use_again(
    producer: scratch.Producer,
) -> None:
    """The process that bears the id of a killed check is not that check."""
    wanted = _wanted(producer, run="one")
    with Occupant(wanted, "first") as first:
        assert first.line() == "in fresh"
        (wanted.tree / "Cargo.toml").write_text("changed\n")
        first.process.kill()
        first.process.wait()
    (wanted.base / "running" / "first").write_text(str(os.getpid()))
    _visit(wanted, "second")
    assert _content(wanted) == _committed(producer, "HEAD")


def test_a_check_that_must_be_alone_waits_for_the_others_and_they_for_it(
    producer: scratch.Producer,
) -> None:
    """A check that runs alone waits for the running ones, and later ones wait for it.

    Both get a message.
    """
    wanted = _wanted(producer, run="one")
    with Occupant(wanted, "first") as first:
        assert first.line() == "in fresh"
        with Occupant(wanted, "alone", alone=True) as alone:
            assert alone.line() == WAITING
            first.tell("compare")
            assert alone.line() == "in fresh"
            with Occupant(wanted, "later") as later:
                assert later.line() == WAITING
                alone.tell("compare")
                assert (alone.line(), alone.line()) == ("found ()", "out")
                assert later.line() == "in fresh"


def test_clearing_waits_for_who_is_in(producer: scratch.Producer) -> None:
    """The work tree is not removed under a check that runs in it."""
    wanted = _wanted(producer)
    with Occupant(wanted, "first") as first:
        assert first.line() == "in fresh"
        said: list[str] = []

        def say(line: str) -> None:
            said.append(line)
            assert wanted.tree.exists()
            first.tell("compare")

        checkout.clear(wanted.base, say)
    assert said == [WAITING]
    assert not wanted.tree.exists()


def test_waiting_ends_after_a_limit(
    producer: scratch.Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HP006 after a day, which is a moment here."""
    monkeypatch.setattr(locks, "_PATIENCE_SECONDS", 0.05)
    wanted = _wanted(producer)
    with Occupant(wanted, "first") as first:
        assert first.line() == "in fresh"
        with pytest.raises(HandoffError) as caught:
            checkout.prepare(wanted, lambda _line: None)
    assert caught.value.problems[0].to_dict() == {
        "code": "HP006",
        "where": "checkout",
        "message": "another run has used the private checkout for a day",
        "hint": "end it, then run again",
    }


# The lock of a run


def test_a_lock_that_is_held_names_its_holder(tmp_path: Path) -> None:
    """HP006 names the process and its start; when the lock is free, it is taken."""
    path = tmp_path / "work" / "lock"
    code = (
        "import sys\nfrom pathlib import Path\nfrom handoff_tasks.git import checkout, locks\n"
        "with locks.hold(Path(sys.argv[1]), 'the work folder'):\n"
        "    print('held', flush=True)\n    sys.stdin.readline()\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        since = path.read_text().removeprefix(f"process {process.pid}, since ")
        with pytest.raises(HandoffError) as caught, locks.hold(path, "the work folder"):
            pass
        process.communicate("done\n")
    (problem,) = caught.value.problems
    assert problem.to_dict() == {
        "code": "HP006",
        "where": str(path),
        "message": f"the work folder is in use by process {process.pid}, since {since}",
        "hint": "wait until it has ended, then run again",
    }
    assert len(since) == len("2025-01-01T00:00:00Z")
    with locks.hold(path, "the work folder"):
        assert path.read_text().startswith(f"process {os.getpid()}, since ")
    assert path.read_text() == ""


SHARING = (
    "import sys\nfrom pathlib import Path\nfrom handoff_tasks.git import checkout, locks\n"
    "with locks.hold(Path(sys.argv[1]), 'it', shared=True):\n"
    "    print('held', flush=True)\n    sys.stdin.readline()\n"
)


def test_a_shared_lock_is_held_by_many_and_names_one_that_lives(tmp_path: Path) -> None:
    """A lock that is needed alone names a living holder.

    It does so if others have ended or were killed; the last holder leaves it empty.
    """
    path = tmp_path / "lock"
    path.write_text(f"process {2**22 + 1}, since long ago")

    def holder() -> str:
        with pytest.raises(HandoffError) as caught, locks.hold(path, "it"):
            pass
        return caught.value.problems[0].message.split(",")[0]

    sharing = [
        subprocess.Popen(
            [sys.executable, "-c", SHARING, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in "123"
    ]
    for process in sharing:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
    assert holder() in {f"it is in use by process {process.pid}" for process in sharing}
    sharing[0].kill()
    sharing[0].communicate()
    sharing[1].communicate(b"done\n")
    assert holder() == f"it is in use by process {sharing[2].pid}"
    with locks.hold(path, "it", shared=True):
        pass
    assert holder() == f"it is in use by process {sharing[2].pid}"
    sharing[2].communicate(b"done\n")
    assert path.read_text() == ""
    with (
        locks.hold(path, "it"),
        pytest.raises(HandoffError) as caught,
        locks.hold(path, "it", shared=True),
    ):
        pass
    assert caught.value.problems[0].message.startswith(
        f"it is in use by process {os.getpid()}, since "
    )


@pytest.mark.parametrize("kind", ["file", "name"])
def test_a_lock_that_there_cannot_be(tmp_path: Path, kind: str) -> None:
    """HP080 with the system's reason: a file for its folder, a name too long."""
    path = tmp_path / "work" / "lock"
    if kind == "file":
        path.parent.write_text("")
    else:
        path = tmp_path / ("x" * 300) / "lock"
    with pytest.raises(HandoffError) as caught, locks.hold(path, "the work folder"):
        pass
    reason = {"file": errno.EEXIST, "name": errno.ENAMETOOLONG}[kind]
    assert [one.to_dict() for one in caught.value.problems] == [
        {
            "code": "HP080",
            "where": str(path),
            "message": f"cannot be written: {os.strerror(reason)}",
            "hint": "make the folder writable, or choose another one",
        }
    ]


def test_a_lock_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HP080 with its own advice."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(HandoffError) as caught, locks.hold(tmp_path / "lock", "the work folder"):
        pass
    assert caught.value.problems[0].message == "cannot be written: No space left on device"
    assert caught.value.problems[0].hint == "free some disk space, then run again"


def test_a_lock_without_a_name_is_in_use_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HP006 where the holder has not written its name yet."""
    monkeypatch.setattr(locks, "_LEFTOVER_SECONDS", 0.05)
    path = tmp_path / "lock"
    with locks.hold(path, "the work folder"):
        path.write_text("")
        with pytest.raises(HandoffError) as caught, locks.hold(path, "the work folder"):
            pass
    assert caught.value.problems[0].message == "the work folder is in use by another process"


@pytest.mark.parametrize("name", ['new\n"line"\\', "\udcff"])
def test_the_cache_may_have_any_name(producer: scratch.Producer, name: str) -> None:
    """A script in the checkout asks git and gets an answer, and nothing differs from the commit."""
    base = producer.path.parent / name / "base"
    try:
        base.mkdir(parents=True)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    found = git_producer.find_producer(producer.root, "HEAD", service_tags())
    repository.Repository(base / "objects.git").update(found, service_tags())
    wanted = CheckoutSpec(base=base, commit=found.commit, tags=(), keep=(), run="")
    checkout.prepare(wanted, _silent)
    assert scratch.git(wanted.tree, "log", "-1", "--format=%H") == producer.head()
    with checkout.occupy(wanted, "check", _silent) as place:
        assert place.compare() == ()
