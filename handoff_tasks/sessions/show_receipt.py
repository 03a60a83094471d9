"""Show a receipt of an accept or a rollback, for ``handoff-show``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions.folders import resolve_path

if TYPE_CHECKING:
    from nox import Session

    from handoff_tasks.sessions.run import Run


def show(session: Session, run: Run) -> bool:
    """Print the receipt that the argument names; return whether it is a receipt.

    Raises `HandoffError`: HP001 (a form that receipts do not have), HP128 (a damaged receipt).
    """
    from handoff_tasks.consumer import receipt_text
    from handoff_tasks.formats import escape
    from handoff_tasks.output import terminal
    from handoff_tasks.problems import refusal
    from handoff_tasks.sessions import repin

    word, form = run.options.arguments[0], run.options.format
    data = None if word.endswith(":") else _receipt_bytes(resolve_path(session, Path(word)))
    if data is None:
        return False
    receipt = repin.parse_receipt(data, word)
    if form == "html":
        message = "a receipt has no page; expected one of text, md, json"
        raise refusal("HP001", "--format", message, "choose another form")
    if form == "json":
        terminal.say(escape.escape_json(data.decode().rstrip("\n")), wrap=False)
        return True
    render = receipt_text.markdown if form == "md" else receipt_text.text
    for line in render(receipt):
        terminal.say(escape.printable(line), wrap=form == "text")
    return True


def _receipt_bytes(path: Path) -> bytes | None:
    """Return the bytes of a file that says it is a receipt, None for any other file."""
    from handoff_tasks import files
    from handoff_tasks.consumer.receipt import CONTRACT

    try:
        data = files.read_plain(path)
        document = json.loads(data)
    except (OSError, ValueError, RecursionError):
        # The packet's reader reports it.
        return None
    if isinstance(document, dict) and document.get("receipt_contract_version") == CONTRACT:
        return data
    return None
