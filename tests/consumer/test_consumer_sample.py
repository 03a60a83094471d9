"""Claims about the sample consumer: constants, files, and its own validators before and after a repin."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from consuming import HEAD, make, read_profile, release, sample_files

from handoff_tasks import files
from handoff_tasks.consumer import apply, profile, receipt
from handoff_tasks.consumer.apply import Write
from handoff_tasks.formats import schemas
from handoff_tasks.model import Flavour
from handoff_tasks.problems import HandoffError
from handoff_tasks.setup import sample_consumer

if TYPE_CHECKING:
    from pathlib import Path


def git(root: Path, *words: str) -> str:
    """Return what git says."""
    return subprocess.run(
        ["git", *words], cwd=root, capture_output=True, text=True, check=True
    ).stdout


def run(root: Path, argv: tuple[str, ...]) -> tuple[int, str]:
    """Return exit code and last line of a validator."""
    words = [sys.executable if word == "python3" else word for word in argv]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip().split("\n")[-1]


@pytest.mark.parametrize("flavour", list(Flavour))
def test_it_is_built_with_its_constants(tmp_path: Path, flavour: Flavour) -> None:
    """Two commits on main, a clean work tree, a profile without a mistake, validators that pass."""
    root = tmp_path / "a consumer #1"
    sample_consumer.build(root, flavour)
    assert git(root, "log", "--format=%H", "main").split() == [
        sample_consumer.COMMITS[flavour][name] for name in ("pin", "app")
    ]
    assert git(root, "status", "--porcelain") == ""
    assert git(root, "symbolic-ref", "HEAD") == "refs/heads/main\n"
    data = (root / sample_consumer.PROFILE).read_bytes()
    found = profile.parse(data, sample_consumer.PROFILE, schemas.schema(schemas.CONSUMER_PROFILE))
    assert found.producer.profile in files.built_in_profiles()
    for validator in found.validators:
        assert run(root, validator.argv) == (0, validator.success_line)


def test_an_accept_and_a_rollback_by_hand(tmp_path: Path) -> None:
    """Plan, write, validate, receipt, plan back, write: the tree is the first one again."""
    root, state = tmp_path / "consumer", tmp_path / "state"
    sample_consumer.build(root)
    made = make()
    assert made.old.release_tag == "v0.3.2"
    accepted = receipt.Receipt(
        kind=receipt.ACCEPT,
        consumer=receipt.Consumer(
            name="Sample consumer", commit=HEAD, tree=git(root, "rev-parse", "HEAD^{tree}").strip()
        ),
        producer=receipt.Producer(
            name="P", tag="v0.3.3", tag_target=None, runtime_commit=made.new.commit_sha
        ),
        packet_sha256="0" * 64,
        manifest_sha256=made.new.manifest_sha256,
        undoes=None,
        old=made.old,
        new=made.new,
        changes=(),
        files=tuple(receipt.ReceiptFile.of(file, "100644") for file in made.files),
        validators=(),
        profile_digest=read_profile().digest,
    )
    writes = [Write(path=file.path, before=file.before, after=file.after) for file in made.files]
    writes.append(Write(path=read_profile().receipt_path, before=None, after=accepted.to_bytes()))
    with apply.exclusively(state):
        assert apply.finish_or_undo(root, state) == apply.Settled.NOTHING
        apply.write_all(root, state, writes)
    for validator in read_profile().validators:
        assert run(root, validator.argv) == (0, validator.success_line)
    changed = {line[3:] for line in git(root, "status", "--porcelain").splitlines()}
    assert changed == {*read_profile().targets, read_profile().receipt_path}
    git(root, "add", ".")

    read = receipt.read(
        (root / read_profile().receipt_path).read_bytes(),
        "receipt",
        schemas.schema(schemas.RECEIPT),
    )
    assert read == accepted
    before = {
        file.path: git(root, "cat-file", "blob", file.before_blob).encode() for file in read.files
    }
    current = {file.path: (root / file.path).read_bytes() for file in read.files}
    back = receipt.plan_rollback(read_profile(), read, before, current, "receipt")
    assert back.problems == ()
    with apply.exclusively(state):
        apply.write_all(
            root,
            state,
            [Write(path=file.path, before=file.before, after=file.after) for file in back.files],
        )
    (root / read_profile().receipt_path).unlink()
    git(root, "add", ".")
    assert git(root, "status", "--porcelain") == ""


def test_the_next_service_contract_fails_its_validators(tmp_path: Path) -> None:
    """Of a service.v4 the client knows nothing: the validator says so."""
    root = tmp_path / "consumer"
    sample_consumer.build(root)
    for file in make(to=release("v0.5.0", expected_service_contract_version="service.v4")).files:
        (root / file.path).write_bytes(file.after)
    results = [run(root, validator.argv) for validator in read_profile().validators]
    assert results == [
        (0, "Pin validation passed."),
        (0, "Error code validation passed."),
        (
            1,
            'error: the client understands "service.v2", "service.v3"; pinned is service.v4',
        ),
    ]


def test_it_is_built_nowhere_else(tmp_path: Path) -> None:
    """A folder with something in it is refused, and stays as it is."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x/file").write_bytes(b"mine")
    with pytest.raises(HandoffError) as error:
        sample_consumer.build(tmp_path / "x")
    [problem] = error.value.problems
    assert (problem.code, problem.message) == (
        "HP009",
        "the sample consumer cannot be built here: it exists and is not an empty folder",
    )
    assert [path.name for path in tmp_path.rglob("*")] == ["x", "file"]
    (tmp_path / "f").write_bytes(b"")
    with pytest.raises(HandoffError):
        sample_consumer.build(tmp_path / "f/below")


def test_data_that_is_not_what_was_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other data makes other commits, and nothing is left."""
    monkeypatch.setattr(sample_consumer, "_MIRROR", "config/other.json")
    with pytest.raises(HandoffError) as error:
        sample_consumer.build(tmp_path / "x")
    assert error.value.problems[0].message.startswith("the sample's data makes commit ")
    assert list(tmp_path.iterdir()) == []
    assert sample_files()
