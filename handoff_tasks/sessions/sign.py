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
    from handoff_tasks.trust.statement import Receipt


def sign(session: Session, place: Place, run: Run) -> None:
    """Verify a packet, then add a signature, or those of another machine, to its envelope."""
    from handoff_tasks import files
    from handoff_tasks.output import report_files, terminal
    from handoff_tasks.problems import refusal
    from handoff_tasks.release import find_packet
    from handoff_tasks.sessions import packet as packet_session
    from handoff_tasks.trust.keys import open_key
    from handoff_tasks.trust.names import Names
    from handoff_tasks.trust.sign import add_signatures, sign_packet

    options = run.options
    if (options.key is None) == (options.add is None):
        message = "expected --key FILE or --add OTHER.intoto.json, and one of the two only"
        raise refusal("HP001", "--key", message, "name the key to sign with; nothing was signed")
    path = signatures.packet_file(session, run)
    data = find_packet.read_file_bytes(path)
    packet_session.verify_bytes(session, place, run, data, str(path), unsigned=True)
    if run.problems:
        report_files.summarize(run.end, str(path), [])
        return
    envelope = Path(f"{path}{SUFFIX}")
    names = Names(packet=str(path), envelope=str(envelope))
    old = signatures.read_envelope(envelope)
    if options.key is not None:
        key = open_key(resolve_path(session, options.key))
        signed = sign_packet(data, key, old, names=names)
        by = f"by {key.public.fingerprint}"
    else:
        assert options.add is not None
        other = resolve_path(session, options.add)
        signed = add_signatures(
            data,
            old,
            signatures.read_file(other, "HP131", "name the envelope that the other machine wrote"),
            other_packet=_packet_beside(other),
            names=Names(
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
    report_files.summarize(run.end, str(path), [("envelope", f"{envelope}: {state}")])


def receipt(session: Session, place: Place, run: Run) -> None:
    """Write the consumer's signed acceptance or refusal of a packet."""
    from handoff_tasks.output import report_files, terminal
    from handoff_tasks.release import find_packet
    from handoff_tasks.sessions import packet as packet_session
    from handoff_tasks.trust.keys import open_key
    from handoff_tasks.trust.sign import sign_receipt
    from handoff_tasks.trust.statement import Receipt, written_time

    options = run.options
    consumer, key_file = _receipt_options(run)
    path = signatures.packet_file(session, run)
    data = find_packet.read_file_bytes(path)
    if options.refuse is None:
        packet_session.verify_bytes(session, place, run, data, str(path))
        if run.problems:
            report_files.summarize(run.end, str(path), [])
            return
    else:
        _print_signatures(session, place, run, data, str(path))
    folder = place.noxfile.parent
    decision = Receipt(
        consumer=consumer,
        commit=_commit_of(folder),
        time=written_time(signatures.now()),
        reason=options.refuse,
    )
    key = open_key(resolve_path(session, key_file))
    envelope = signatures.read_envelope(Path(f"{path}{SUFFIX}"))
    signed = sign_receipt(data, envelope, decision, key)
    target = _write_receipt(folder, path.stem, decision, signed.data)
    verb = "accepted" if decision.accepted else "refused"
    state = f"{target}: {verb}, signed by {key.public.fingerprint}"
    terminal.say(f"  receipt   {state}")
    # A refusal is not a problem of this session, and its summary must not look like a GO.
    word = "GO" if decision.accepted else "refused"
    report_files.summarize(run.end, str(path), [("receipt", state)], word)


def _receipt_options(run: Run) -> tuple[str, Path]:
    """Return who gives the receipt, and the key. Raises `HandoffError` (HP001)."""
    from handoff_tasks.problems import refusal

    options = run.options
    if options.key is None or options.consumer is None:
        flags = (("--key", options.key), ("--consumer", options.consumer))
        missing = [flag for flag, value in flags if value is None]
        message = f"missing; a receipt needs {' and '.join(missing)}"
        raise refusal("HP001", missing[0], message, "add it after --; nothing was signed")
    check_consumer(options.consumer)
    return options.consumer, options.key


def check_consumer(name: str) -> None:
    """Refuse a consumer's URI that cannot stand in a trust file. Raises `HandoffError` (HP001)."""
    from handoff_tasks.problems import refusal
    from handoff_tasks.trust.names import PLAIN_NAME

    if not PLAIN_NAME.fullmatch(name):
        message = f"found {name!r}; expected letters, digits and . _ @ + : / % ~ - only"
        hint = "name a URI that can stand in a trust file, such as https://example.org/app"
        raise refusal("HP001", "--consumer", message, hint)


def _print_signatures(session: Session, place: Place, run: Run, data: bytes, path: str) -> None:
    """Print what the signatures of a packet are worth; a refusal does not depend on it."""
    from handoff_tasks.output import terminal
    from handoff_tasks.release import verify_packet

    document = verify_packet.judge_bytes(data, path).document
    for judgement in signatures.judge_signatures(session, place, run, data, path, document):
        for line in terminal.findings("Signatures:", judgement.findings):
            terminal.say(line)
        for line in judgement.lines():
            terminal.say(f"  {line}")


def _write_receipt(folder: Path, stem: str, receipt: Receipt, data: bytes) -> Path:
    """Write a receipt to a new file below ``handoff/receipts``, and return its path.

    The file's name has the time of the decision, so that no receipt replaces an earlier one. Raises
    `HandoffError` (HP080, HP083).
    """
    from handoff_tasks import files

    receipts = folder / "handoff" / "receipts"
    files.make_folder(receipts, folder)
    time = receipt.time.replace("-", "").replace(":", "")
    target = receipts / f"{stem}.{time}{SUFFIX}"
    number = 1
    while target.exists() or target.is_symlink():
        number += 1
        target = receipts / f"{stem}.{time}-{number}{SUFFIX}"
    files.create(target, data)
    return target


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
