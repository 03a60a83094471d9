"""Claims about receipts: the same bytes for the same accept, read strictly, and what a rollback plans."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from consuming import (
    CODE,
    HEAD,
    MATRIX,
    MIRROR,
    PIN,
    a_receipt,
    edited,
    make,
    profile_text,
    read_profile,
    sample_files,
    shown,
)

from handoff_tasks.consumer import plan, receipt
from handoff_tasks.formats import canonical, schemas
from handoff_tasks.problems import HandoffError

if TYPE_CHECKING:
    from handoff_tasks.consumer.receipt import Receipt

WHERE = "config/producer-receipt.json"


def read(data: bytes) -> Receipt:
    """Return the receipt in these bytes."""
    return receipt.read(data, WHERE, schemas.schema(schemas.RECEIPT))


def refusal(data: bytes) -> list[tuple[str, str, str]]:
    """Return the problems of a receipt."""
    with pytest.raises(HandoffError) as error:
        read(data)
    return shown(error.value)


def changed(**changes: Any) -> bytes:
    """Return a receipt's bytes with other values at the top."""
    return canonical.published_bytes(a_receipt().to_dict() | changes)


def test_a_receipt_is_read_as_it_was_written() -> None:
    """Every value survives, and the same accept gives the same bytes."""
    made = a_receipt()
    assert read(made.to_bytes()) == made
    assert read(made.to_bytes()).to_bytes() == made.to_bytes() == a_receipt().to_bytes()


def test_a_receipt_names_no_machine_and_no_time() -> None:
    """Its keys are those of the contract, and its files are named by bytes before and afterwards."""
    document = a_receipt().to_dict()
    assert list(document) == schemas.schema(schemas.RECEIPT)["required"]
    assert [file["path"] for file in document["files"]] == [PIN, MIRROR, MATRIX, CODE]
    assert document["files"][0]["before_sha256"] == receipt.sha256(sample_files()[PIN])
    assert receipt.blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


@pytest.mark.parametrize(
    ("changes", "where", "message"),
    [
        ({"kind": "pin"}, "/kind", 'found "pin"; expected one of "accept", "rollback"'),
        ({"verdict": "NO-GO"}, "/verdict", 'found "NO-GO"; expected "GO"'),
        ({"more": 1}, "", "unknown key more; known: " + ", ".join(a_receipt().to_dict())),
        (
            {"manifest_sha256": "9" * 64},
            "/manifest_sha256",
            f"found {'9' * 64}; /new/manifest_sha256 says {a_receipt().manifest_sha256}",
        ),
        ({"packet_sha256": None}, "/packet_sha256", "expected a value in the receipt of an accept"),
        ({"undoes": "9" * 64}, "/undoes", "expected null in the receipt of an accept"),
        (
            {"files": a_receipt().to_dict()["files"][:1] * 2},
            "/files/1/path",
            f"{PIN} stands twice; expected each file once",
        ),
        (
            {
                "files": [
                    a_receipt().to_dict()["files"][0]
                    | {"after_sha256": receipt.sha256(sample_files()[PIN])}
                ]
            },
            "/files/0",
            "the bytes before and afterwards are the same",
        ),
    ],
)
def test_a_receipt_that_is_not_of_its_form(
    changes: dict[str, Any], where: str, message: str
) -> None:
    """What a rollback would write from must not contradict itself."""
    assert refusal(changed(**changes)) == [("HP128", f"{WHERE}#{where}", message)]


def test_a_receipt_with_other_bytes() -> None:
    """It is one form of its values, so an edit is seen even where it changes no value."""
    data = a_receipt().to_bytes()
    message = "the bytes are not those that were written for these values"
    assert refusal(data.replace(b"  ", b" ")) == [("HP128", WHERE, message)]
    assert (
        refusal(b"\xef\xbb\xbf" + data)[0][2]
        == "the document starts with a byte order mark; expected plain UTF-8"
    )
    assert refusal(b"{")[0][0] == "HP128"


# --- Rollback --------------------------------------------------------------------------------------


def rollback(
    current: dict[str, bytes] | None = None, given: Receipt | None = None, text: str | None = None
) -> plan.Plan:
    """Return the plan of a rollback of the sample's accept."""
    made = make()
    after = {file.path: file.after for file in made.files}
    before = {file.path: file.before for file in made.files}
    return receipt.plan_rollback(
        read_profile(text), given or a_receipt(), before, after | (current or {}), WHERE
    )


def test_a_rollback_is_byte_identical() -> None:
    """Files as the accept left them get their bytes before."""
    made = rollback()
    assert made.problems == ()
    assert {file.path: file.after for file in made.files} == {
        path: sample_files()[path] for path in (PIN, MIRROR, MATRIX, CODE)
    }
    assert (made.old.release_tag, made.new.release_tag) == ("v0.3.3", "v0.3.2")


def test_a_rollback_of_an_edited_file_keeps_the_edit() -> None:
    """A file that was edited since is undone by its templates."""
    after = {file.path: file.after for file in make().files}
    made = rollback({MATRIX: after[MATRIX] + b"\nMore.\n"})
    assert made.problems == ()
    [file] = [file for file in made.files if file.path == MATRIX]
    assert file.after == sample_files()[MATRIX] + b"\nMore.\n"


def test_a_rollback_over_a_later_edit_is_refused() -> None:
    """All or nothing: one edited line refuses the whole rollback."""
    after = {file.path: file.after for file in make().files}
    made = rollback({MATRIX: after[MATRIX].replace(b"`v0.3.3`", b"`v0.4.0`")})
    message = "no line is '- Producer release tag: `v0.3.3`'; line 5 is '- Producer release tag: `v0.4.0`'"
    assert shown(made) == [("HP128", f"{MATRIX}:5", message)]
    assert made.files == ()


def test_a_receipt_that_cannot_be_undone() -> None:
    """A rollback's receipt, a file of another profile, and bytes that are not there or not the ones."""
    kind = replace(a_receipt(), kind=receipt.ROLLBACK)
    message = "it is the receipt of a rollback; only an accept can be undone"
    assert shown(rollback(given=kind)) == [("HP128", f"{WHERE}#/kind", message)]

    text = profile_text('path = "src/release.py"', 'path = "src/other.py"')
    message = "src/release.py is not a file of the consumer profile"
    assert shown(rollback(text=text)) == [("HP128", f"{WHERE}#/files/3/path", message)]

    good = a_receipt()
    missing = replace(good.files[0], path=MATRIX)
    files = (*good.files[:2], replace(good.files[2], before_sha256="0" * 64), good.files[3])
    found = receipt.sha256(sample_files()[MATRIX])
    message = (
        f"blob {good.files[2].before_blob} has the sha256 {found}; the receipt says {'0' * 64}"
    )
    assert shown(rollback(given=replace(good, files=files))) == [
        ("HP128", f"{WHERE}#/files/2/before_sha256", message)
    ]

    made = receipt.plan_rollback(read_profile(), replace(good, files=(missing,)), {}, {}, WHERE)
    message = f"the consumer's repository has no blob {missing.before_blob}"
    assert shown(made) == [("HP128", f"{WHERE}#/files/0/before_blob", message)]


def test_a_receipt_of_a_rollback() -> None:
    """It names the receipt that it undid, and has no packet."""
    made = rollback()
    undone = a_receipt(
        made,
        kind=receipt.ROLLBACK,
        packet_sha256=None,
        undoes=receipt.sha256(a_receipt().to_bytes()),
        consumer=receipt.Consumer(name="Sample consumer", commit=HEAD, tree="4" * 40),
    )
    assert read(undone.to_bytes()) == undone
    assert json.loads(undone.to_bytes())["new"]["release_tag"] == "v0.3.2"
    assert edited(PIN, "v0.3.2", "v0.3.2") == sample_files()
