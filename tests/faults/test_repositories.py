"""Faults of a repository, real ones: what lies, is broken or would like to run something. It works, or one line says why not."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
import scratch

from handoff_tasks.git import workspace
from handoff_tasks.problems import HandoffError
from handoff_tasks.release import decide, gather

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from desk import Desk


def opened(
    made: scratch.Producer, tmp_path: Path, ref: str = "HEAD", root: Path | None = None
) -> workspace.Workspace:
    """Open a producer with the small profile."""
    profile = tmp_path / "handoff.toml"
    profile.write_text(scratch.PROFILE)
    return workspace.open_workspace(
        root=root or made.root,
        ref=ref,
        profile_path=profile,
        work=tmp_path / "work",
        cache=tmp_path / "cache",
    )


def problems(
    made: scratch.Producer, tmp_path: Path, ref: str = "HEAD", root: Path | None = None
) -> list[tuple[str, str]]:
    """Return code and message of what is wrong, or nothing: opened, gathered, and judged as before a run."""
    try:
        space = opened(made, tmp_path, ref, root)
        found = decide.known_problems(
            space, gather.gather_material(space, None), allow_untagged=False
        )
    except HandoffError as error:
        found = list(error.problems)
    return [(problem.code, problem.message) for problem in sorted(found)]


def hostile(key: str, value: str) -> Callable[[scratch.Producer, Path], None]:
    """Return a stimulus: a setting of the producer's repository that would run a program."""

    def stimulus(made: scratch.Producer, marker: Path) -> None:
        made.git("config", key, value.replace("MARK", f"touch {marker}"))

    return stimulus


def _hooks(made: scratch.Producer, marker: Path) -> None:
    folder = made.path / ".git" / "hooks"
    folder.mkdir(exist_ok=True)
    for name in (
        "post-checkout",
        "post-index-change",
        "reference-transaction",
        "pre-auto-gc",
        "fsmonitor-watchman",
    ):
        (folder / name).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (folder / name).chmod(0o755)


def _filter(made: scratch.Producer, marker: Path) -> None:
    made.git("config", "filter.x.smudge", f"touch {marker}; cat")
    made.git("config", "filter.x.clean", f"touch {marker}; cat")
    made.git("config", "filter.x.required", "true")
    (made.path / ".git" / "info").mkdir(exist_ok=True)
    (made.path / ".git" / "info" / "attributes").write_text("* filter=x\n")


def _git_here(made: scratch.Producer, marker: Path) -> None:
    (made.root / "git").write_text(f"#!/bin/sh\ntouch {marker}\n")
    (made.root / "git").chmod(0o755)


@pytest.mark.parametrize(
    "stimulus",
    [
        hostile("core.fsmonitor", "MARK"),
        hostile("core.sshCommand", "MARK"),
        hostile("core.pager", "MARK"),
        hostile("core.editor", "MARK"),
        hostile("uploadpack.packObjectsHook", "MARK"),
        hostile("diff.external", "MARK"),
        hostile("alias.rev-parse", "!MARK"),
        hostile("alias.upload-pack", "!MARK"),
        hostile("gpg.program", "MARK"),
        hostile("credential.helper", "!MARK"),
        hostile("remote.origin.uploadpack", "MARK"),
        _hooks,
        _filter,
        _git_here,
    ],
    ids=lambda stimulus: getattr(stimulus, "__name__", "x"),
)
def test_nothing_of_the_producers_is_run(
    producer: scratch.Producer,
    tmp_path: Path,
    stimulus: Callable[[scratch.Producer, Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stimulus: a setting, hook, filter or program that would run when git works there. It is GO, and nothing of it has run."""
    marker = tmp_path / "it-ran"
    stimulus(producer, marker)
    monkeypatch.chdir(producer.root)
    monkeypatch.setenv("PATH", f".:{tmp_path / 'none'}:/usr/local/bin:/usr/bin:/bin")
    assert problems(producer, tmp_path) == []
    assert not marker.exists()


def _object(made: scratch.Producer, name: str) -> Path:
    sha = made.git("rev-parse", name)
    path = made.path / ".git" / "objects" / sha[:2] / sha[2:]
    assert path.is_file()
    path.chmod(0o644)
    return path


@pytest.mark.parametrize(
    "name", ["HEAD", "HEAD^{tree}", f"HEAD:{scratch.MANIFEST_PATH}", "HEAD~1", "v1.1.0"]
)
@pytest.mark.parametrize("how", ["gone", "empty", "garbage"])
def test_a_broken_object_is_one_line(
    producer: scratch.Producer, tmp_path: Path, name: str, how: str
) -> None:
    """Stimulus: an object that the release needs is gone, empty or garbage. One problem, with git's word and what to do."""
    path = _object(producer, name)
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(b"" if how == "empty" else b"not an object")
    [(code, message)] = problems(producer, tmp_path, ref="refs/heads/main")
    assert code in {"HP011", "HP012", "HP013"}
    assert "\n" not in message
    assert "Traceback" not in message


def test_an_object_swapped_for_another(producer: scratch.Producer, tmp_path: Path) -> None:
    """Stimulus: the manifest's object holds another good object's bytes. Its name does not fit: HP013."""
    other = _object(producer, f"HEAD:{scratch.CHANGELOG_PATH}").read_bytes()
    _object(producer, f"HEAD:{scratch.MANIFEST_PATH}").write_bytes(other)
    assert [code for code, _ in problems(producer, tmp_path)] == ["HP013"]


def test_replaced_objects_do_not_count(producer: scratch.Producer, tmp_path: Path) -> None:
    """Stimulus: git replace puts another commit in the verified one's place. The real one is read: GO."""
    before = opened(producer, tmp_path).tree
    other = producer.git("commit-tree", "HEAD~1^{tree}", "-m", "other")
    producer.git("replace", producer.head(), other)
    assert problems(producer, tmp_path) == []
    assert opened(producer, tmp_path).tree == before


def test_grafts_do_not_count(producer: scratch.Producer, tmp_path: Path) -> None:
    """Stimulus: a graft cuts the runtime commit off. The commits' own parents count: GO."""
    (producer.path / ".git" / "info").mkdir(exist_ok=True)
    (producer.path / ".git" / "info" / "grafts").write_text(producer.head() + "\n")
    assert problems(producer, tmp_path) == []


def test_a_bare_repository(producer: scratch.Producer, tmp_path: Path) -> None:
    """Stimulus: a clone without a work tree. HP011: the root of a checked-out producer is asked for."""
    scratch.git(tmp_path, "clone", "--quiet", "--bare", str(producer.path), "bare.git")
    [(code, _)] = problems(producer, tmp_path, root=tmp_path / "bare.git")
    assert code == "HP011"


def test_a_second_work_tree(producer: scratch.Producer, tmp_path: Path) -> None:
    """Stimulus: the producer's root is a linked work tree, whose .git is a file. It works like the first: GO."""
    producer.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "second"), "v1.1.0")
    assert problems(producer, tmp_path, root=tmp_path / "second") == []


def test_a_detached_head(producer: scratch.Producer, tmp_path: Path) -> None:
    """Stimulus: no branch is checked out. The commit counts: GO."""
    producer.git("checkout", "--quiet", "--detach", "v1.1.0")
    assert problems(producer, tmp_path) == []


def test_borrowed_objects(producer: scratch.Producer, tmp_path: Path) -> None:
    """Stimulus: a clone that borrows its objects, first with, then without the lender. GO, then one line."""
    scratch.git(tmp_path, "clone", "--quiet", "--shared", str(producer.path), "borrower")
    assert problems(producer, tmp_path, root=tmp_path / "borrower") == []
    shutil.rmtree(tmp_path / "cache")
    shutil.rmtree(producer.path / ".git" / "objects")
    [(code, message)] = problems(producer, tmp_path, root=tmp_path / "borrower")
    assert code in {"HP011", "HP012", "HP013"}
    assert "\n" not in message


@pytest.mark.parametrize(
    ("path", "code"), [(scratch.MANIFEST_PATH, "HP020"), (scratch.CHANGELOG_PATH, "HP022")]
)
def test_a_link_in_a_files_place(
    producer: scratch.Producer, tmp_path: Path, path: str, code: str
) -> None:
    """Stimulus: manifest or changelog is a link to a file outside. No regular file is there: refused, the target is not read."""
    (tmp_path / "outside").write_text((producer.root / path).read_text())
    (producer.root / path).unlink()
    (producer.root / path).symlink_to(tmp_path / "outside")
    producer.commit("chore: a link", {})
    assert [found for found, _ in problems(producer, tmp_path)] == [code]


def test_a_submodule_in_the_tree(producer: scratch.Producer, tmp_path: Path) -> None:
    """Stimulus: a gitlink in the commit. It is neither fetched nor run; what the packet speaks of is all there."""
    producer.git("update-index", "--add", "--cacheinfo", f"160000,{producer.head()},sub")
    producer.git("commit", "--quiet", "--message", "chore: a submodule")
    producer.git("tag", "--force", "--annotate", "--message", "v1.1.0", "v1.1.0")
    assert problems(producer, tmp_path) == []


def test_names_with_strange_bytes(producer: scratch.Producer, tmp_path: Path) -> None:
    """Stimulus: file names with a line break, a quote, a dash in front and no UTF-8. It works: GO."""
    for name in (b"a\nb", b'"quoted"', b"-rf", b"\xff\xfe"):
        with open(bytes(producer.root) + b"/" + name, "wb") as handle:  # noqa: PTH123 - a name that is no text
            handle.write(b"x")
    producer.commit("chore: names", {})
    producer.tag("v1.1.0")
    assert problems(producer, tmp_path) == []


@pytest.mark.parametrize(
    "ref",
    [
        "--upload-pack=touch",
        "-x",
        "HEAD^{tree}",
        "HEAD:CHANGELOG.md",
        "no/such",
        "",
        "refs/tags/v1.1.0:x",
    ],
)
def test_what_is_no_commit(producer: scratch.Producer, tmp_path: Path, ref: str) -> None:
    """Stimulus: a ref that is an option, a tree, a file, nothing. HP012 in one line, and nothing is run."""
    assert [code for code, _ in problems(producer, tmp_path, ref=ref)] == ["HP012"]


def test_a_commit_of_no_date(producer: scratch.Producer, tmp_path: Path) -> None:
    """Stimulus: a clock that was far off. git takes such a commit, but a packet could not say its time."""
    late = {
        "GIT_AUTHOR_DATE": "@99999999999999 +0000",
        "GIT_COMMITTER_DATE": "@99999999999999 +0000",
    }
    scratch.git(producer.path, "commit", "--quiet", "--allow-empty", "--message", "late", **late)
    assert problems(producer, tmp_path) == [
        (
            "HP013",
            "its committer time, 99999999999999 seconds since 1970, is after the year 9999",
        )
    ]


def test_a_runtime_behind_a_link(producer: scratch.Producer, tmp_path: Path) -> None:
    """Stimulus: a folder of the runtime is a link to one beside it: what changes there counts; what leads away is refused."""
    (producer.root / "lib").mkdir()
    (producer.root / "lib" / "code.rs").write_text("1\n")
    (producer.root / "crates" / "real").symlink_to("../lib")
    runtime = producer.commit("feat: a link", {"lib/code.rs": "1\n"})
    previous = producer.git("rev-parse", "v1.1.0~1")
    producer.release("v1.2.0", runtime, rollback=f"v1.1.0/{previous}")
    producer.commit("fix: late", {"lib/code.rs": "2\n"})
    producer.tag("v1.2.0")
    assert [
        code for code, message in problems(producer, tmp_path) if message.endswith(": lib/code.rs")
    ] == ["HP053", "HP054"]
    (producer.root / "crates" / "away").symlink_to("../../elsewhere")
    producer.commit("feat: away", {"x": "x\n"})
    assert (
        "HP033",
        "is below the runtime paths and is a link that leaves the producer's root",
    ) in problems(producer, tmp_path)


def test_a_tag_that_stands_for_a_branch(producer: scratch.Producer, tmp_path: Path) -> None:
    """Stimulus: refs/tags/v1.1.0 is a symbolic reference: it would move with every commit."""
    producer.git("tag", "--delete", "v1.1.0")
    producer.git("symbolic-ref", "refs/tags/v1.1.0", "refs/heads/main")
    assert problems(producer, tmp_path) == [
        ("HP059", "the tag is a symbolic reference, which moves with the reference it names")
    ]


def test_a_path_that_is_no_utf8_after_the_runtime_commit(
    producer: scratch.Producer, tmp_path: Path
) -> None:
    """Stimulus: a document whose name is Latin-1. A packet can say it all the same."""
    (producer.root / os.fsdecode(b"caf\xe9.md")).write_text("x\n")
    producer.commit("docs: a name", {"y": "y\n"})
    space = opened(producer, tmp_path)
    assert "caf\\xe9.md" in gather.gather_material(space, None).facts.runtime.paths_after


@pytest.mark.slow
def test_many_tags(producer: scratch.Producer, tmp_path: Path) -> None:
    """Stimulus: five hundred more tags of the release's form, without manifests of their own. It works: GO."""
    lines = "".join(f"create refs/tags/v0.{number}.0 {producer.head()}\n" for number in range(500))
    producer.git("update-ref", "--stdin", stdin=lines)
    assert problems(producer, tmp_path) == []


# Damage to our own copy


def _without_head(base: Path) -> None:
    (base / "objects.git" / "HEAD").unlink()


def _without_an_object(base: Path) -> None:
    for path in (base / "objects.git" / "objects").rglob("*"):
        if path.is_file() and path.parent.name != "info":
            path.unlink()


def _with_a_changed_object(base: Path) -> None:
    packs = [
        path
        for path in (base / "objects.git" / "objects").rglob("*")
        if path.is_file() and path.parent.name != "info"
    ]
    for path in packs:
        path.chmod(0o644)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2] + b"\xff" * 8 + data[len(data) // 2 + 8 :])


def _with_a_file_for_the_checkout(base: Path) -> None:
    shutil.rmtree(base / "checkout")
    (base / "checkout").write_text("")


def _with_a_folder_for_the_index(base: Path) -> None:
    (base / "index").unlink()
    (base / "index").mkdir()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "place", "said"),
    [
        (_without_head, "objects.git", "our copy of the producer's history is damaged: "),
        (_without_an_object, "objects.git", "our copy of the producer's history is damaged: "),
        (_with_a_changed_object, "objects.git", "our copy of the producer's history is damaged: "),
        (
            _with_a_file_for_the_checkout,
            "checkout",
            "the private checkout cannot be made commit COMMIT: ",
        ),
        (
            _with_a_folder_for_the_index,
            "checkout",
            "the private checkout cannot be made commit COMMIT: ",
        ),
    ],
)
def test_a_damaged_copy_of_ours_is_refused_with_the_remedy(
    desk: Desk, damage: Callable[[Path], None], place: str, said: str
) -> None:
    """Exit 1, HP019 with the folder to delete, the published packet as it was; with the folder gone the run is GO."""
    assert desk.run("handoff-stable").returncode == 0
    published = desk.packet.read_bytes()
    [base] = [path for path in (desk.folder / "cache").iterdir() if path.is_dir()]
    damage(base)
    done = desk.run("handoff-stable", "--rerun")
    assert (done.returncode, "Traceback" in done.stdout + done.stderr) == (1, False)
    [problem] = desk.result["problems"]
    assert (problem["code"], problem["where"]) == ("HP019", str(base / place))
    assert problem["message"].startswith(said.replace("COMMIT", desk.producer.head()[:12]))
    assert f"delete the folder {base}, then run again" in problem["hint"]
    assert desk.packet.read_bytes() == published
    shutil.rmtree(base)
    assert desk.run("handoff-stable", "--rerun").returncode == 0
    assert desk.packet.read_bytes() == published
