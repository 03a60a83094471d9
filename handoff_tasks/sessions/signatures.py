"""Check the signatures of a packet, and show keys and bundles."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions.folders import resolve_path
from handoff_tasks.trust.names import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from typing import Any

    from nox import Session

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.sessions.run import Run
    from handoff_tasks.sessions.target import Place
    from handoff_tasks.trust.names import Names
    from handoff_tasks.trust.verify import Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """The signatures that a noxfile or the options ask for.

    ``asked`` is whether ``now`` is the moment that ``--at`` names.
    """

    trust_file: bytes
    revoked: bytes | None
    threshold: int
    now: datetime
    asked: bool
    signers: str
    revoked_name: str

    def names(self, packet: str, envelope: str) -> Names:
        """Return the names of the files in messages."""
        from handoff_tasks.trust.names import Names

        return Names(
            packet=packet, envelope=envelope, signers=self.signers, revoked=self.revoked_name
        )

    def judge(
        self, data: bytes, envelope: bytes | None, packet: str, *, demand: bool = True
    ) -> Judgement:
        """Return what the signatures of a packet of the name ``packet`` are worth."""
        from handoff_tasks.trust import verify

        return verify.judge(
            data,
            envelope,
            self.trust_file,
            self.revoked,
            threshold=self.threshold,
            now=self.now,
            asked=self.asked,
            demand=demand,
            names=self.names(packet, f"{packet}{SUFFIX}"),
        )


def read_demand(session: Session, place: Place, run: Run) -> Demand | None:
    """Return the signatures that are asked for, None if none are.

    Raises `HandoffError`: HP001 (an option that needs ``--signers``), HP130 (a file that cannot be
    read).
    """
    from handoff_tasks.problems import refusal
    from handoff_tasks.trust.signers import read_moment

    options = run.options
    signers = place.signers
    if options.signers is not None:
        signers = resolve_path(session, options.signers)
    if signers is None:
        for flag, value in (
            ("--revoked", options.revoked),
            ("--threshold", options.threshold),
            ("--at", options.at),
            ("--receipt", options.receipt),
        ):
            if value is not None:
                message = "needs --signers FILE: who may sign is not known"
                raise refusal("HP001", flag, message, "add --signers, or leave it out")
        return None
    revoked = resolve_path(session, options.revoked) if options.revoked is not None else None
    hint = "name a readable file"
    return Demand(
        trust_file=read_file(signers, "HP130", hint),
        revoked=read_file(revoked, "HP130", hint) if revoked else None,
        threshold=options.threshold or place.threshold,
        now=read_moment(options.at, "--at") if options.at is not None else now(),
        asked=options.at is not None,
        signers=_short(session, signers),
        revoked_name=_short(session, revoked) if revoked else "revoked_keys",
    )


def judge_signatures(
    session: Session,
    place: Place,
    run: Run,
    data: bytes,
    path: str,
    document: Mapping[str, Any] | None,
) -> list[Judgement]:
    """Return what the signatures of a packet are worth, then those of its release tag and receipt.

    The tag is looked at if git was asked about the packet and the trust file has keys for tags, the
    receipt if ``--receipt`` names it. A document of None or of another generator has no signature
    that could be checked.
    """
    from handoff_tasks.trust import verify
    from handoff_tasks.trust.names import Names

    if document is None or "producer" not in document:
        return []
    envelope = find_envelope(run.options.arguments[0], run.workspace, path)
    demand = read_demand(session, place, run)
    if demand is None:
        names = Names(packet=path, envelope=f"{path}{SUFFIX}")
        return [verify.judge(data, envelope, None, None, threshold=1, now=now(), names=names)]
    # A producer's own trust file may have lines for its consumers only.
    demanded = run.options.receipt is None or place.signers is not None
    judgement = demand.judge(data, envelope, path, demand=demanded)
    tag = _judge_tag(demand, run.workspace, document) if run.workspace else None
    receipt = None
    if run.options.receipt is not None:
        receipt = _judge_receipt(session, run, demand, data, envelope)
    return [one for one in (judgement, tag, receipt) if one]


def _judge_receipt(
    session: Session, run: Run, demand: Demand, data: bytes, envelope: bytes | None
) -> Judgement:
    """Return what the receipt of ``--receipt`` is worth; one key is enough for it."""
    from handoff_tasks.trust import verify

    assert run.options.receipt is not None
    file = resolve_path(session, run.options.receipt)
    return verify.judge_receipt(
        data,
        envelope,
        read_file(file, "HP131", "name the file that handoff-receipt wrote"),
        demand.trust_file,
        demand.revoked,
        consumer=run.options.consumer,
        now=demand.now,
        asked=demand.asked,
        names=demand.names("the packet", _short(session, file)),
    )


def published_facts(session: Session, place: Place, run: Run) -> list[tuple[str, str]]:
    """Return what a report shows of the signatures beside the packet that a run has published.

    They can be there already: a packet that is made again has the same bytes. Nothing is shown if
    there is no envelope and the noxfile demands none.
    """
    envelope = Path(f"{run.packet}{SUFFIX}")
    if run.packet is None or (place.signers is None and not envelope.exists()):
        return []
    from handoff_tasks.problems import HandoffError
    from handoff_tasks.trust.names import Names
    from handoff_tasks.trust.verify import judge

    packet = _short(session, run.packet)
    names = Names(packet=packet, envelope=f"{packet}{SUFFIX}")
    try:
        data, old = read_file(run.packet, "HP005", ""), read_envelope(envelope)
        demand = read_demand(session, place, run)
        if demand is None:
            return judge(data, old, None, now=now(), names=names).facts()
        return demand.judge(data, old, packet).facts()
    except HandoffError as error:
        return [("Signature", f"{one.where}: {one.message}") for one in error.problems]


def _judge_tag(
    demand: Demand, workspace: Workspace, document: Mapping[str, Any]
) -> Judgement | None:
    """Return what the signature of the release's tag is worth, None if there is no such tag."""
    from handoff_tasks.trust import verify

    name = workspace.profile.tag_name(str(document["release_tag"]))
    tag = workspace.producer.tags.get(name)
    if tag is None or tag.commit is None:
        return None
    content = workspace.repository.read(tag.object_id) if tag.kind == "tag" else None
    return verify.judge_tag(
        content,
        demand.trust_file,
        demand.revoked,
        name=name,
        target=tag.commit,
        principal=str(document["producer"]["id"]),
        now=demand.now,
        asked=demand.asked,
        names=demand.names("packet", "envelope"),
    )


def bundle(session: Session, run: Run) -> str:
    """Return the Sigstore bundle of one signature of a packet's envelope, as text."""
    from handoff_tasks.trust import sign

    path = Path(f"{packet_file(session, run)}{SUFFIX}")
    data = read_file(path, "HP132", "sign the packet first: nox -s handoff-sign")
    assert run.options.bundle is not None
    return sign.bundle(data, run.options.bundle, str(path)).decode().rstrip("\n")


def public_key(session: Session, path: Path) -> str:
    """Return the PEM of an SSH public key, for tools that do not read OpenSSH's form."""
    from handoff_tasks.trust import keys

    return keys.read_public(resolve_path(session, path)).pem().rstrip("\n")


def packet_file(session: Session, run: Run) -> Path:
    """Return the packet's path. Raises `HandoffError` (HP001) for ``TAG:``."""
    from handoff_tasks.problems import refusal

    word = run.options.arguments[0]
    if word.endswith(":"):
        message = f"{word} names a packet in the producer's history; expected a file"
        raise refusal("HP001", "PACKET", message, "check out the packet, and name its file")
    return resolve_path(session, Path(word))


def read_envelope(path: Path) -> bytes | None:
    """Return the bytes of an envelope, None if there is none. Raises `HandoffError` (HP131)."""
    from handoff_tasks import files
    from handoff_tasks.problems import refusal

    try:
        return files.read_plain(path, flags=os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        message = f"the envelope cannot be read: {error.strerror}"
        raise refusal("HP131", str(path), message, "move it away, then run again") from None


def read_file(path: Path, code: str, hint: str) -> bytes:
    """Return a file's bytes. Raises `HandoffError` with ``code`` if it cannot be read."""
    from handoff_tasks import files
    from handoff_tasks.problems import refusal

    try:
        return files.read_plain(path)
    except OSError as error:
        raise refusal(code, str(path), f"cannot be read: {error.strerror}", hint) from None


def find_envelope(argument: str, workspace: Workspace | None, path: str) -> bytes | None:
    """Return the envelope beside a packet: in its folder, or in the tree of its tag.

    Args:
        argument: The word that named the packet, a file or ``TAG:``.
        workspace: The producer; it can be None if the packet is a file.
        path: The packet's name in messages.
    """
    from handoff_tasks.release import find_packet

    if not argument.endswith(":"):
        return read_envelope(Path(f"{path}{SUFFIX}"))
    assert workspace is not None
    # At a tag the packet's name is TAG:PATH.
    tag, _, inside = path.partition(":")
    return find_packet.read_path_at_tag(workspace, tag, f"{inside}{SUFFIX}")


def now() -> datetime:
    """Return the present moment in UTC."""
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _short(session: Session, path: Path) -> str:
    """Return a path as it is typed in the folder from which nox was called."""
    from handoff_tasks.output import terminal

    return terminal.near(path, Path(session.invoked_from))
