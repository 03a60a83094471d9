"""Write and read receipts, and plan a rollback from one.

Functions of values. The same accept gives the same bytes: a receipt has no time, no path of a
machine and no value of a variable. It is read strictly, because a rollback writes what it says.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from handoff_tasks.consumer.edits import PlannedFile
from handoff_tasks.consumer.plan import Plan
from handoff_tasks.consumer.undo import undo
from handoff_tasks.consumer.values import PinValues
from handoff_tasks.formats import canonical, schemas, strict_json
from handoff_tasks.problems import HandoffError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from handoff_tasks.consumer.profile import Profile

CONTRACT = "consumer-repin-receipt.v1"
ACCEPT = "accept"
ROLLBACK = "rollback"
_HINT = "restore the receipt from the consumer's history, or name another one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """The consumer's commit that was changed, and its tree."""

    name: str
    commit: str
    tree: str

    def to_dict(self) -> dict[str, str]:
        """Return the object of a receipt."""
        return {"name": self.name, "commit": self.commit, "tree": self.tree}


@dataclass(frozen=True, slots=True, kw_only=True)
class Producer:
    """The release that is pinned afterwards. ``tag_target`` is None if git was not asked for it."""

    name: str
    tag: str
    tag_target: str | None
    runtime_commit: str

    def to_dict(self) -> dict[str, str | None]:
        """Return the object of a receipt."""
        return {
            "name": self.name,
            "tag": self.tag,
            "tag_target": self.tag_target,
            "runtime_commit": self.runtime_commit,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptChange:
    """A change of the release, and whether it was accepted by its fingerprint."""

    fingerprint: str
    change_class: str
    message: str
    accepted: bool

    def to_dict(self) -> dict[str, object]:
        """Return the object of a receipt."""
        return {
            "fingerprint": self.fingerprint,
            "class": self.change_class,
            "message": self.message,
            "accepted": self.accepted,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFile:
    """A file that was written: its bytes before, by sha256 and blob, and afterwards."""

    path: str
    before_sha256: str
    before_blob: str
    after_sha256: str
    mode: str

    @classmethod
    def of(cls, file: PlannedFile, mode: str) -> ReceiptFile:
        """Return the entry of a planned file."""
        return cls(
            path=file.path,
            before_sha256=sha256(file.before),
            before_blob=blob_id(file.before),
            after_sha256=sha256(file.after),
            mode=mode,
        )

    def to_dict(self) -> dict[str, str]:
        """Return the object of a receipt."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptValidator:
    """A validator that passed, and the versions of its tools."""

    id: str
    command: str
    tools: Mapping[str, str]

    def to_dict(self) -> dict[str, object]:
        """Return the object of a receipt."""
        return {
            "id": self.id,
            "command": self.command,
            "outcome": "passed",
            "exit_code": 0,
            "tools": dict(sorted(self.tools.items())),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What an accept or a rollback changed, and by which proof. ``undoes`` is a rollback's only."""

    kind: str
    consumer: Consumer
    producer: Producer
    packet_sha256: str | None
    manifest_sha256: str | None
    undoes: str | None
    old: PinValues
    new: PinValues
    changes: tuple[ReceiptChange, ...]
    files: tuple[ReceiptFile, ...]
    validators: tuple[ReceiptValidator, ...]
    profile_digest: str

    def to_dict(self) -> dict[str, Any]:
        """Return the document, keys in the order of the contract."""
        return {
            "receipt_contract_version": CONTRACT,
            "kind": self.kind,
            "consumer": self.consumer.to_dict(),
            "producer": self.producer.to_dict(),
            "packet_sha256": self.packet_sha256,
            "manifest_sha256": self.manifest_sha256,
            "undoes": self.undoes,
            "old": self.old.to_dict(),
            "new": self.new.to_dict(),
            "changes": [change.to_dict() for change in self.changes],
            "files": [file.to_dict() for file in self.files],
            "validators": [validator.to_dict() for validator in self.validators],
            "profile_digest": self.profile_digest,
            "verdict": "GO",
        }

    def to_bytes(self) -> bytes:
        """Return the file."""
        return canonical.published_bytes(self.to_dict())

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Receipt:
        """Return the receipt of a document that its schema accepted."""
        return cls(
            kind=document["kind"],
            consumer=Consumer(**document["consumer"]),
            producer=Producer(**document["producer"]),
            packet_sha256=document["packet_sha256"],
            manifest_sha256=document["manifest_sha256"],
            undoes=document["undoes"],
            old=PinValues.from_dict(document["old"]),
            new=PinValues.from_dict(document["new"]),
            changes=tuple(_change(one) for one in document["changes"]),
            files=tuple(ReceiptFile(**one) for one in document["files"]),
            validators=tuple(
                ReceiptValidator(id=one["id"], command=one["command"], tools=one["tools"])
                for one in document["validators"]
            ),
            profile_digest=document["profile_digest"],
        )


def _change(document: Mapping[str, Any]) -> ReceiptChange:
    return ReceiptChange(
        fingerprint=document["fingerprint"],
        change_class=document["class"],
        message=document["message"],
        accepted=document["accepted"],
    )


def read(data: bytes, where: str, schema: Mapping[str, Any]) -> Receipt:
    """Return the receipt in ``data``.

    Raises:
        HandoffError: HP128, if the document is not a receipt, or contradicts itself.
    """
    try:
        document: Any = strict_json.read(data, where, code="HP128")
    except HandoffError as error:
        raise HandoffError([replace(one, hint=_HINT) for one in error.problems]) from None
    problems = schemas.violations(document, schema, where=where, code="HP128", hint=_HINT)
    if not problems:
        problems = [
            Problem(code="HP128", where=f"{where}#{pointer}", message=message, hint=_HINT)
            for pointer, message in _contradictions(document)
        ]
    if problems:
        raise HandoffError(problems)
    receipt = Receipt.from_dict(document)
    if receipt.to_bytes() != data:
        message = "the bytes are not those that were written for these values"
        raise HandoffError(Problem(code="HP128", where=where, message=message, hint=_HINT))
    return receipt


def _contradictions(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    new = document["new"]
    for pointer, value, name in (
        ("/producer/runtime_commit", document["producer"]["runtime_commit"], "commit_sha"),
        ("/manifest_sha256", document["manifest_sha256"], "manifest_sha256"),
    ):
        if value != new[name]:
            yield pointer, f"found {value}; /new/{name} says {new[name]}"
    for kind, pointer in ((ACCEPT, "/packet_sha256"), (ROLLBACK, "/undoes")):
        present = document[pointer[1:]] is not None
        if present != (document["kind"] == kind):
            expected = "a value" if document["kind"] == kind else "null"
            yield pointer, f"expected {expected} in the receipt of {_article(document['kind'])}"
    seen = set()
    for number, file in enumerate(document["files"]):
        if file["path"] in seen:
            yield f"/files/{number}/path", f"{file['path']} stands twice; expected each file once"
        seen.add(file["path"])
        if file["before_sha256"] == file["after_sha256"]:
            yield f"/files/{number}", "the bytes before and afterwards are the same"


def _article(kind: str) -> str:
    return f"{'an' if kind == ACCEPT else 'a'} {kind}"


def plan_rollback(
    profile: Profile,
    receipt: Receipt,
    before: Mapping[str, bytes],
    current: Mapping[str, bytes],
    where: str,
) -> Plan:
    """Return the plan that undoes an accept, all or nothing.

    A file that is as the accept left it gets its bytes before. One that was edited since is undone
    by its templates.

    Args:
        profile: The consumer.
        receipt: What the accept did.
        before: The bytes of each file's ``before_blob``, by path, from the consumer's git.
        current: The bytes of each file now, by path.
        where: What the receipt is called in messages.
    """
    problems = list(_unfit(profile, receipt, before, where))
    if problems:
        return _plan(receipt, (), problems)
    untouched, edited = [], {}
    for file in receipt.files:
        found = current.get(file.path)
        if found is not None and sha256(found) == file.after_sha256:
            untouched.append(
                PlannedFile(path=file.path, before=found, after=before[file.path], changes=())
            )
        else:
            edited[file.path] = before[file.path]
    undone = undo(profile, edited, current, receipt.old, receipt.new)
    order = {file.path: number for number, file in enumerate(receipt.files)}
    files = sorted([*untouched, *undone.files], key=lambda file: order[file.path])
    return _plan(receipt, files, undone.problems)


def _plan(receipt: Receipt, files: Sequence[PlannedFile], problems: Sequence[Problem]) -> Plan:
    return Plan(
        old=receipt.new,
        new=receipt.old,
        files=() if problems else tuple(files),
        problems=tuple(sorted(set(problems))),
    )


def _unfit(
    profile: Profile, receipt: Receipt, before: Mapping[str, bytes], where: str
) -> Iterator[Problem]:
    """Yield why a receipt cannot be undone at all."""
    if receipt.kind != ACCEPT:
        message = "it is the receipt of a rollback; only an accept can be undone"
        hint = f"accept the packet of {receipt.old.release_tag} again"
        yield Problem(code="HP128", where=f"{where}#/kind", message=message, hint=hint)
        return
    for number, file in enumerate(receipt.files):
        place = f"{where}#/files/{number}"
        if file.path not in profile.targets:
            message = f"{file.path} is not a file of the consumer profile"
            hint = "use the profile that the accept was made with"
            yield Problem(code="HP128", where=f"{place}/path", message=message, hint=hint)
        elif file.path not in before:
            message = f"the consumer's repository has no blob {file.before_blob}"
            hint = "fetch the commit that the accept was made on"
            yield Problem(code="HP128", where=f"{place}/before_blob", message=message, hint=hint)
        elif sha256(before[file.path]) != file.before_sha256:
            message = f"blob {file.before_blob} has the sha256 {sha256(before[file.path])}"
            yield Problem(
                code="HP128",
                where=f"{place}/before_sha256",
                message=f"{message}; the receipt says {file.before_sha256}",
                hint=_HINT,
            )


def sha256(data: bytes) -> str:
    """Return the sha256 of bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def blob_id(data: bytes) -> str:
    """Return the id that git gives to these bytes."""
    header = b"blob %d\0" % len(data)
    return hashlib.sha1(header + data, usedforsecurity=False).hexdigest()
