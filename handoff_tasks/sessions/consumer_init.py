"""Run ``consumer-init``."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions.folders import resolve_path

if TYPE_CHECKING:
    from nox import Session

    from handoff_tasks.consumer.scan import Scan
    from handoff_tasks.sessions.consumer import ConsumerPlace
    from handoff_tasks.sessions.run import Run

PROFILE = "consumer.toml"
_NOXFILE = """\
import nox

import handoff_tasks

handoff_tasks.register_consumer(nox, __file__, profile="consumer.toml")
"""
_LARGEST = 1 << 20


def init(session: Session, _place: ConsumerPlace, run: Run) -> None:
    """Write a first consumer profile from what is pinned, and a noxfile if there is none."""
    from handoff_tasks import files
    from handoff_tasks.consumer import scan
    from handoff_tasks.output import terminal

    root = resolve_path(session, Path(run.options.arguments[0]))
    committed = _read_commit(root)
    found = scan.scan(committed, str(root))
    text = scan.write_profile(found, root.name, "TODO: the producer's name")
    texts = {PROFILE: text}
    if not (root / "noxfile.py").exists():
        texts["noxfile.py"] = _NOXFILE
    for path, content in texts.items():
        if not run.options.dry_run:
            files.create(root / path, content.encode())
        terminal.say(f"  {'would write' if run.options.dry_run else 'wrote'}  {root / path}")
    for line in _summary(found):
        terminal.say(line)
    if "noxfile.py" not in texts:
        terminal.say("  add to noxfile.py:")
        terminal.say(f"    {_NOXFILE.splitlines()[-1]}", wrap=False)
    terminal.say("Next: read each TODO in the profile, commit it, then try it:")
    terminal.say("  nox -s handoff-pinned -- --producer-root PATH", wrap=False)


def _summary(found: Scan) -> list[str]:
    pin = found.pin
    lines = [f"  pin         {pin.path}: {pin.values.pair}"]
    if pin.mirror:
        lines.append(f"  manifest    {pin.mirror}, whose sha256 the pin names")
    if found.embedded:
        lines.append(f"  embedded    {found.embedded}, whose files are left out")
    used = [file.path for file in found.files if file.used]
    lines += [f"  file        {path}" for path in used]
    unsure = len(found.files) - len(used) + len(found.history)
    if unsure:
        lines.append(f"  left out    {unsure} more that name {pin.values.release_tag}, as comments")
    return lines


def _read_commit(root: Path) -> dict[str, bytes]:
    """Return the plain files of the commit that is checked out, up to 1 MiB each.

    Raises `HandoffError` (HP011).
    """
    from handoff_tasks.git import command, objects
    from handoff_tasks.problems import refusal

    git = functools.partial(command.run, cwd=root)
    try:
        listed = git("ls-tree", "-r", "-l", "-z", "HEAD")
    except (command.GitError, OSError) as error:
        reason = command.reason(error.stderr) if isinstance(error, command.GitError) else str(error)
        message = f"not the root of a repository with a commit ({reason})"
        raise refusal("HP011", str(root), message, "name the consumer's root") from None
    blobs = {}
    for line in command.names(listed):
        described, _, path = line.partition("\t")
        mode, kind, blob, size = described.split()
        # A blob that this clone lacks has no size.
        small = size.isdecimal() and int(size) <= _LARGEST
        if kind == "blob" and mode.startswith("100") and small:
            blobs[path] = blob
    contents = objects.contents(git, list(dict.fromkeys(blobs.values())))
    return {path: contents[blob] for path, blob in blobs.items()}
