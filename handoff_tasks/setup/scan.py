"""Write the first profile, statement and noxfile of a repository, from what git knows of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.formats import path_patterns, schemas
from handoff_tasks.problems import refusal
from handoff_tasks.producer import profile
from handoff_tasks.setup import first_statement, noxfile, read_listing, recognise, templates
from handoff_tasks.setup.draft import ReleaseContract, ServiceContract

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from handoff_tasks.setup.draft import Draft
    from handoff_tasks.setup.listing import Listing
    from handoff_tasks.setup.recognise import Recognition

PROFILE = "handoff.toml"
NOXFILE = "noxfile.py"
# Beside a noxfile whose sessions are checks: the nox of such a check has no handoff-tasks.
OWN_NOXFILE = "handoff_noxfile.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What was written, or would be written with ``dry_run``, and what is left to do.

    ``texts`` maps each path to its text, ``to_commit`` are the files that git does not know yet.
    ``found``, ``assumed``, ``warnings`` and ``to_do`` are lines; ``release`` is the option that
    names the release, empty if the commit says it. ``noxfile`` is the name of the noxfile.
    """

    root: Path
    dry_run: bool
    texts: Mapping[str, str]
    to_commit: Sequence[str]
    title: str
    found: Sequence[tuple[str, str]]
    assumed: Sequence[str]
    warnings: Sequence[str]
    to_do: Sequence[str]
    release: str
    noxfile: str


def start(
    root: Path,
    *,
    sessions: Collection[str] = (),
    release: str | None = None,
    dry_run: bool = False,
) -> Start:
    """Write the first files of a handoff that do not exist; with ``dry_run`` write nothing.

    These are ``handoff.toml``, ``noxfile.py``, and for an ordinary release ``handoff.md`` with its
    impact statement. ``sessions`` are the names of the sessions that every profile gets,
    ``release`` is the name of the release that is prepared. Raises `HandoffError`: HP090 (not a
    folder of a repository), HP091 (there is a profile already), HP083 (the noxfile cannot be read),
    HP080 (a file cannot be written).
    """
    listing = read_listing.read_listing(root)
    if os.path.lexists(root / PROFILE):
        hint = "edit it, or move it away and call init again"
        message = "there is a profile already; nothing was written"
        raise refusal("HP091", str(root / PROFILE), message, hint)
    old_noxfile = _read_noxfile(root / NOXFILE)
    recognition = recognise.recognise(listing, release)
    texts = {PROFILE: templates.render(recognition.draft)}
    # A mistake in what we write is found here.
    parsed = profile.parse(
        texts[PROFILE].encode(), str(root / PROFILE), schemas.schema(schemas.PROFILE)
    )
    to_do = list(recognition.gaps)
    contract = recognition.draft.contract
    if isinstance(contract, ReleaseContract):
        to_do = [*_statement(root, recognition, texts), *to_do]
    name = NOXFILE
    if old_noxfile is not None and any(check.argv[0] == "nox" for check in parsed.checks):
        name = OWN_NOXFILE
    style = noxfile.read_style(listing)
    if old_noxfile is None or name == OWN_NOXFILE:
        texts[name] = noxfile.new_noxfile(style)
    else:
        ours = {*sessions, *(mode.session for mode in parsed.modes)}
        ours.update(check.session for check in parsed.checks)
        to_do += _noxfile_gaps(old_noxfile, style, ours)
    if not dry_run:
        for path, content in texts.items():
            files.create(root / path, content.encode())
    return Start(
        root=root,
        dry_run=dry_run,
        texts=texts,
        to_commit=_to_commit(listing, root, recognition.draft, name),
        title=recognition.title,
        found=recognition.found,
        assumed=recognition.assumed,
        warnings=recognition.warnings,
        to_do=to_do,
        release=_release_option(contract),
        noxfile=name,
    )


def _noxfile_gaps(text: str, style: noxfile.Style, ours: Collection[str]) -> list[str]:
    """Return what to do in a noxfile that exists; ``ours`` are the sessions of the handoff."""
    lines = [f"{NOXFILE}, {line}" for line in noxfile.additions(text, style)]
    lines += [
        f"{NOXFILE}: the handoff defines a session '{name}' too: rename yours"
        for name in noxfile.session_clashes(text, ours)
    ]
    return lines


def _read_noxfile(path: Path) -> str | None:
    """Return the text of the noxfile; None if there is none. Raises `HandoffError` (HP083)."""
    if not os.path.lexists(path):
        return None
    try:
        return files.read_plain(path).decode("utf-8", "replace")
    except FileNotFoundError:
        reason = "is a symbolic link to nothing"
    except IsADirectoryError:
        reason = "is a folder"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    hint = "move it away, then call init again"
    message = f"{reason}; expected a noxfile, or nothing. Nothing was written"
    raise files.foreign(path, message, hint)


def _statement(root: Path, recognition: Recognition, texts: dict[str, str]) -> list[str]:
    """Add the statement's file to ``texts``, and return what is to be filled in."""
    contract = recognition.draft.contract
    assert isinstance(contract, ReleaseContract)
    place = contract.statement
    names = contract.naming
    if os.path.lexists(root / place):
        return [f"{place} exists: add a section ## {names.release} with the block of impact-draft"]
    changed: tuple[str, ...] = ()
    if names.latest:
        paths = read_listing.changed_paths(root, names.latest)
        changed = path_patterns.select(recognition.draft.runtime_paths, paths)
    version, runtime_paths = contract.version, recognition.draft.runtime_paths
    new_version = (
        version is not None
        and not contract.is_stated
        and bool(path_patterns.select(runtime_paths, [version.path]))
    )
    texts[place] = first_statement.write_statement(names, changed, new_version=new_version)
    return [
        f"{place}:{number}  {label}" for number, label in first_statement.open_lines(texts[place])
    ]


def _release_option(contract: ReleaseContract | ServiceContract) -> str:
    """Return the name to give with ``--release``; empty if a file of the commit says it."""
    if isinstance(contract, ServiceContract) or contract.version:
        return ""
    return contract.naming.release


def _to_commit(listing: Listing, root: Path, draft: Draft, name: str) -> list[str]:
    """Return the files to add: those that are written, and those that git does not know yet."""
    contract = draft.contract
    others = [".gitignore"]
    if isinstance(contract, ServiceContract):
        others = [contract.manifest, contract.changelog, ".gitignore"]
    unknown = [path for path in others if path not in listing.modes and (root / path).is_file()]
    ours = [PROFILE, name]
    if isinstance(contract, ReleaseContract):
        ours.insert(1, contract.statement)
        if contract.version and not contract.is_stated:
            ours.append(contract.version.path)
            if contract.version.lock:
                ours.append(contract.version.lock[0])
    return [*ours, *unknown]
