"""Register the sessions of one producer with nox.

Heavy imports wait until a session runs, so that listing sessions stays fast.
"""

from __future__ import annotations

import functools
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions import assemble, draft, handoff, setup, target
from handoff_tasks.sessions import check as sessions_check
from handoff_tasks.sessions import packet as packet_sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from nox import Session


def register(
    nox: ModuleType, noxfile: str | Path, profile: str | Path = target.DEFAULT_PROFILE
) -> None:
    """Register the handoff sessions of one producer with ``nox``.

    ``noxfile`` is the noxfile's ``__file__``: its folder is the producer's root when it holds a manifest, and the place of the work
    folder. ``profile`` is the name of a built-in profile or the path of a TOML file, relative to the noxfile. A profile that cannot
    be read ends nox with every mistake in it, and so does a session name that is taken: nox itself would override the first.

    Where a run without words takes the embedded sample, there are sessions for the checks of all its flavours, and the tag
    ``verify`` is for those of the flavour that suits the machine.
    """
    logging.getLogger("nox").addFilter(_is_of_use)
    place = target.place_of(Path(noxfile).resolve(), profile)
    taken = set(nox.registry.get())

    def add(
        name: str,
        doc: str,
        body: Callable[[Session], None],
        *,
        tags: Sequence[str],
        isolated: bool = False,
    ) -> None:
        def session_function(session: Session) -> None:
            if not _helps(session, doc):
                body(session)

        if name in taken:
            sys.exit(
                f"HP031 {noxfile}: there is a session {name} already; expected the name to be free for the handoff\n"
                "      next: rename the other one, or register the handoff sessions once only"
            )
        taken.add(name)
        session_function.__doc__ = doc
        # uv makes an environment in a tenth of the time; where there is none, virtualenv does.
        backend = {"venv_backend": "uv|virtualenv" if isolated else "none"}
        nox.session(name=name, default=False, reuse_venv=True, tags=list(tags), **backend)(
            session_function
        )

    for name, session in place.outline.modes.items():
        add(
            session,
            f"All checks on one commit, then the {name} packet: validated and published, or a NO-GO draft.",
            functools.partial(handoff.run_handoff, place=place, mode_name=name),
            tags=["handoff"],
        )
    add(
        "handoff-init",
        "Write the first profile and noxfile of a repository, from what is found there: -- PATH.",
        setup.init,
        tags=["handoff"],
    )
    add(
        "handoff-explain",
        "What a check would run and why, and what its evidence says now: -- CHECK.",
        functools.partial(sessions_check.explain, place=place),
        tags=["handoff"],
    )
    checks, tagged = target.checks(place)
    for check, title in checks.items():
        add(
            f"verify-{check}",
            f"Check alone, with its evidence: {title}.",
            functools.partial(sessions_check.verify_check, place=place, check_id=check),
            tags=["verify"] if check in tagged else [],
            isolated=True,
        )
    add(
        "pre-release",
        "All checks and the rules of every mode; publishes nothing.",
        functools.partial(handoff.run_handoff, place=place, mode_name=None),
        tags=["handoff"],
    )
    add(
        "impact-draft",
        "The consumer impact statement with all that git knows, and its evidence; writes nothing.",
        functools.partial(draft.draft, place=place),
        tags=["handoff"],
    )
    add(
        "handoff-assemble",
        "The final step alone, from the evidence there is, or from folders of it: -- --mode MODE [--evidence DIR].",
        functools.partial(assemble.assemble, place=place),
        tags=["handoff"],
    )
    add(
        "handoff-verify",
        "Schema and rules on a packet's bytes, with a producer's root also against git: -- PACKET.",
        functools.partial(packet_sessions.verify, place=place),
        tags=["handoff"],
    )
    add(
        "handoff-diff",
        "What one packet changes against another, each a file or TAG: -- OLD NEW.",
        functools.partial(packet_sessions.differ, place=place),
        tags=["handoff"],
    )
    add(
        "handoff-show",
        "A packet's own words, of a file or TAG:, as the end of a run; nothing is checked: -- PACKET.",
        functools.partial(packet_sessions.show, place=place),
        tags=["handoff"],
    )


def _helps(session: Session, doc: str) -> bool:
    """Print the help of a session, if its words ask for it; return whether they do."""
    from handoff_tasks.output import terminal
    from handoff_tasks.sessions import options

    if not options.asks_for_help(session.posargs):
        return False
    for line in options.help_lines(session.name, doc):
        terminal.say(line, wrap=False)
    return True


def _is_of_use(record: logging.LogRecord) -> bool:
    """Return whether a line of nox's says something: that there is no uv does not, since virtualenv makes the environments then."""
    return record.getMessage() != "uv binary not found."
