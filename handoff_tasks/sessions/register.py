"""Register the sessions of a producer or a consumer with nox.

Heavy imports wait until a session runs, so that listing sessions stays fast.
"""

from __future__ import annotations

import dataclasses
import functools
import gc
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions import consumer, table, target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from nox import Session

    from handoff_tasks.sessions.consumer import ConsumerPlace
    from handoff_tasks.sessions.table import SessionDefinition
    from handoff_tasks.sessions.target import Place


def register(
    nox: ModuleType,
    noxfile: str | Path,
    profile: str | Path = target.DEFAULT_PROFILE,
    *,
    signers: str | Path | None = None,
    threshold: int = 1,
) -> None:
    """Register the handoff sessions of one producer with ``nox``.

    If a run without options takes the embedded sample, the checks of all its flavours are
    registered, and the tag ``verify`` selects those of the flavour that suits the machine.

    Args:
        nox: The module ``nox``.
        noxfile: The noxfile's ``__file__``. Its folder is the producer's root if it holds a
            manifest, and the place of the work folder.
        profile: The name of a built-in profile, or the path of a TOML file relative to the noxfile.
        signers: The path of a trust file relative to the noxfile, in the form of OpenSSH's
            allowed_signers. Every packet that is verified must then be signed.
        threshold: How many distinct keys of the trust file must have signed.

    Raises:
        SystemExit: The profile cannot be read (HP030, with every mistake in it), or a session name
            is already defined (HP031).
    """
    logging.getLogger("nox").addFilter(_is_useful)
    place = target.place_of(Path(noxfile).resolve(), profile)
    if signers is not None:
        trust_file = place.noxfile.parent / signers
        place = dataclasses.replace(place, signers=trust_file, threshold=threshold)
    for definition in table.SESSIONS.values():
        for name, subject, title, tags in _instances(definition, place):
            description = definition.describe(title)
            body = functools.partial(_run, definition, place, subject, description)
            _add(
                nox,
                noxfile,
                definition,
                name=name,
                body=body,
                description=description,
                tags=tags,
            )


def register_consumer(
    nox: ModuleType,
    noxfile: str | Path,
    profile: str | Path | None = None,
    *,
    name: str = "",
    signers: str | Path | None = None,
    threshold: int = 1,
) -> None:
    """Register the sessions of a consumer, which pins releases of a producer, with ``nox``.

    Args:
        nox: The module ``nox``.
        noxfile: The noxfile's ``__file__``. Its folder is the consumer's root, and the place of
            the work folder.
        profile: The path of a consumer profile relative to the noxfile; None for the embedded
            sample.
        name: An end for the names of the sessions, if a consumer pins several producers:
            ``handoff-accept-<name>``.
        signers: The path of a trust file relative to the noxfile, in the form of OpenSSH's
            allowed_signers. Every packet must then be signed.
        threshold: How many distinct keys of the trust file must have signed.

    Raises:
        SystemExit: A session name is already defined (HP031).
    """
    logging.getLogger("nox").addFilter(_is_useful)
    path = Path(noxfile).resolve()
    place = consumer.ConsumerPlace(
        noxfile=path,
        profile=None if profile is None else path.parent / profile,
        signers=None if signers is None else path.parent / signers,
        threshold=threshold,
    )
    for definition in table.CONSUMER_SESSIONS.values():
        session = f"{definition.name}-{name}" if name else definition.name
        description = definition.describe("")
        body = functools.partial(_run, definition, place, "", description)
        _add(
            nox,
            noxfile,
            definition,
            name=session,
            body=body,
            description=description,
            tags=["consumer"],
            hint="rename it, or give handoff_tasks.register_consumer another name=",
        )


def _add(
    nox: ModuleType,
    noxfile: str | Path,
    definition: SessionDefinition,
    *,
    name: str,
    body: functools.partial[None],
    description: str,
    tags: list[str],
    hint: str = "rename it, or call handoff_tasks.register only once",
) -> None:
    """Define one session. Exits nox (HP031) with ``hint`` if the name is already defined."""
    if name in nox.registry.get():
        sys.exit(
            f"HP031 {noxfile}: session '{name}' is already defined in this noxfile\n"
            f"      next: {hint}"
        )
    functools.update_wrapper(body, _run)
    body.__doc__ = description
    # uv makes an environment in a tenth of virtualenv's time.
    backend = "uv|virtualenv" if definition.isolated else "none"
    decorate = nox.session(
        name=name, default=False, reuse_venv=True, tags=tags, venv_backend=backend
    )
    decorate(body)


def _instances(
    definition: SessionDefinition, place: Place
) -> Iterator[tuple[str, str, str, list[str]]]:
    """Yield name, subject, title and tags of each session of a definition."""
    if definition.subject == "modes":
        for mode, session in place.outline.modes.items():
            yield session, mode, mode, ["handoff"]
    elif definition.subject == "checks":
        checks, selected = target.checks(place)
        for check, title in checks.items():
            yield f"verify-{check}", check, title, ["verify"] if check in selected else []
    else:
        yield definition.name, "", "", ["handoff"]


def _run(
    definition: SessionDefinition,
    place: Place | ConsumerPlace,
    subject: str,
    description: str,
    session: Session,
) -> None:
    """Run the body of a session in its frame, or print the session's help."""
    from handoff_tasks.output import terminal
    from handoff_tasks.sessions import frame, options

    if options.asks_for_help(session.posargs):
        for line in options.help_lines(definition, session.name, description):
            terminal.say(line, wrap=False)
        return
    try:
        with frame.frame_session(session, definition, subject) as run:
            definition.load_body()(session, place, run)
    finally:
        # Python would search all loaded modules for garbage when it exits: 30 ms.
        gc.freeze()


def _is_useful(record: logging.LogRecord) -> bool:
    """Return whether a line of nox's log is useful.

    That uv was not found is not: virtualenv then makes the environments.
    """
    return record.getMessage() != "uv binary not found."
