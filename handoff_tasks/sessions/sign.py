"""Run ``handoff-sign`` and ``handoff-receipt``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions import signatures
from handoff_tasks.sessions.folders import resolve_path
from handoff_tasks.trust.names import SUFFIX

if TYPE_CHECKING:
    from nox import Session

    from handoff_tasks.sessions.run import Run
    from handoff_tasks.sessions.target import Place


def sign(session: Session, place: Place, run: Run) -> None:
    """Verify a packet, then add a signature, or those of another machine, to its envelope."""
    from handoff_tasks import files, trust
    from handoff_tasks.output import terminal
    from handoff_tasks.problems import refusal
    from handoff_tasks.release import find_packet
    from handoff_tasks.sessions import packet as packet_session

    options = run.options
    if (options.key is None) == (options.add is None):
        message = "expected --key FILE or --add OTHER.intoto.json, and one of the two only"
        raise refusal("HP001", "--key", message, "name the key to sign with; nothing was signed")
    path = signatures.packet_file(session, run)
    data = find_packet.read_file_bytes(path)
    packet_session.verify_bytes(session, place, run, data, str(path), unsigned=True)
    if run.problems:
        return
    envelope = Path(f"{path}{SUFFIX}")
    names = trust.Names(packet=str(path), envelope=str(envelope))
    old = signatures.read_envelope(envelope)
    if options.key is not None:
        key = trust.open_key(resolve_path(session, options.key))
        signed = trust.sign_packet(data, key, old, names=names)
        by = f"by {key.public.fingerprint}"
    else:
        assert options.add is not None
        other = resolve_path(session, options.add)
        signed = trust.add_signatures(
            data,
            old,
            signatures.read_file(other, "HP131", "name the envelope that the other machine wrote"),
            other_packet=_packet_beside(other),
            names=trust.Names(
                packet=str(path),
                envelope=str(envelope),
                other=str(other),
                other_packet=str(other).removesuffix(SUFFIX),
            ),
        )
        by = f"with the signatures of {other}"
    run.advisories = [*run.advisories, *signed.notes]
    if signed.changed:
        files.write(envelope, signed.data)
    for line in terminal.findings("Advisories:", signed.notes):
        terminal.say(line)
    state = f"signed {by}" if signed.changed else "unchanged: these signatures are there already"
    terminal.say(f"  envelope  {envelope}: {state}")


def receipt(session: Session, place: Place, run: Run) -> None:
    """Write the consumer's signed acceptance or refusal of a packet."""
    from handoff_tasks import files, trust
    from handoff_tasks.output import terminal
    from handoff_tasks.problems import refusal
    from handoff_tasks.release import find_packet
    from handoff_tasks.sessions import packet as packet_session

    options = run.options
    missing = [
        flag
        for flag, value in (("--key", options.key), ("--consumer", options.consumer))
        if value is None
    ]
    if missing:
        message = f"missing; a receipt needs {' and '.join(missing)}"
        raise refusal("HP001", missing[0], message, "add it after --; nothing was signed")
    if options.refuse == "":
        message = "is empty; expected the reason of the refusal"
        raise refusal("HP001", "--refuse", message, "say why the packet is refused")
    assert options.key is not None
    assert options.consumer is not None
    path = signatures.packet_file(session, run)
    data = find_packet.read_file_bytes(path)
    if options.refuse is None:
        packet_session.verify_bytes(session, place, run, data, str(path))
        if run.problems:
            return
    folder = place.noxfile.parent
    decision = trust.Receipt(
        consumer=options.consumer,
        commit=_commit_of(folder),
        time=trust.written_time(signatures.now()),
        reason=options.refuse,
    )
    key = trust.open_key(resolve_path(session, options.key))
    signed = trust.sign_receipt(
        data, signatures.read_envelope(Path(f"{path}{SUFFIX}")), decision, key
    )
    target = folder / "handoff" / "receipts" / f"{path.stem}{SUFFIX}"
    target.parent.mkdir(parents=True, exist_ok=True)
    files.write(target, signed.data)
    verb = "accepted" if decision.accepted else "refused"
    terminal.say(f"  receipt   {target}: {verb}, signed by {key.public.fingerprint}")


def _commit_of(folder: Path) -> str:
    """Return the commit that is checked out in a folder. Raises `HandoffError` (HP011)."""
    from handoff_tasks.git import command
    from handoff_tasks.problems import refusal

    try:
        return command.run("rev-parse", "--verify", "HEAD", cwd=folder).decode().strip()
    except command.GitError as error:
        message = f"a receipt names the consumer's commit: {command.reason(error.stderr)}"
        hint = "run it in the consumer's repository"
        raise refusal("HP011", str(folder), message, hint) from None


def _packet_beside(envelope: Path) -> bytes | None:
    """Return the packet beside an envelope; None if unreadable.

    It serves to name differences.
    """
    from handoff_tasks import files

    try:
        return files.read_plain(Path(str(envelope).removesuffix(SUFFIX)))
    except OSError:
        return None
