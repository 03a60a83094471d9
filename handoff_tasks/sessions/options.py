"""Parse the options after ``--``."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.formats import schemas
from handoff_tasks.model import Flavour
from handoff_tasks.problems import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

FORMATS = ("text", "md", "html", "json")
_READERS = ("handoff-verify", "handoff-show", "handoff-diff")
LIMITS = ("breaking", "additive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a run; paths as given, the limit in seconds. ``run_file`` is set by a handoff for its own checks.

    ``plain`` are the words without a flag, ``formatted`` is the form of what is printed.
    """

    producer_root: Path | None = None
    sample: Flavour | None = None
    out_json: Path | None = None
    ref: str = "HEAD"
    impact: Path | None = None
    work_dir: Path | None = None
    cache_dir: Path | None = None
    jobs: int | None = None
    timeout: int | None = None
    toolchain: str | None = None
    result_json: Path | None = None
    junit: Path | None = None
    mode: str | None = None
    profile: str | None = None
    allow_untagged: bool = False
    fresh: bool = False
    rerun: bool = False
    show_output: bool = False
    dry_run: bool = False
    stop_early: bool = False
    run_file: Path | None = None
    formatted: str = "text"
    fail_on: str | None = None
    evidence: tuple[Path, ...] = ()
    plain: tuple[str, ...] = ()


class _Refused(Exception):
    pass


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Refused(message)


def parse(words: Sequence[str], *, session: str, plain: Sequence[str] = ()) -> Options:
    """Return the options in ``words``; ``plain`` names the words without a flag that are expected too, such as ``PACKET``.

    Raises `HandoffError` (HP001), in one line, which points to the help.
    """
    parser, flags = _parser(session, plain)
    try:
        found, unknown = parser.parse_known_args(list(words))
        if unknown:
            raise _Refused(f"unknown option {unknown[0]}{schemas.nearest(unknown[0], flags)}")
        for name, value in vars(found).items():
            if value == "" or (isinstance(value, list) and "" in value):
                raise _Refused(
                    f"{name if name in plain else '--' + name.replace('_', '-')} is empty"
                )
        if found.sample and found.producer_root:
            raise _Refused(
                "--producer-root names a producer and --sample chooses the embedded one; expected one of the two"
            )
        _refuse_profile(found.profile, session)
        if found.dry_run and (found.result_json or found.junit):
            raise _Refused("--dry-run has no result; expected it without --result-json and --junit")
    except (_Refused, argparse.ArgumentError) as error:
        hint = (
            f"correct the words after --; nothing was run. All options: nox -s {session} -- --help"
        )
        raise refusal("HP001", session, str(error), hint) from None
    values = vars(found)
    values["plain"] = tuple(values.pop(name) or "" for name in plain)
    values["evidence"] = tuple(values["evidence"])
    return Options(**values)


def _refuse_profile(profile: str | None, session: str) -> None:
    if profile is not None and session not in _READERS:
        raise _Refused(
            f"--profile is an option of {', '.join(_READERS)}; the noxfile names the profile of this session"
        )


def _parser(session: str, plain: Sequence[str]) -> tuple[argparse.ArgumentParser, list[str]]:
    """Return the parser of all sessions, and the flags that it knows."""
    parser = _Parser(
        prog=f"nox -s {session} --",
        add_help=False,
        allow_abbrev=False,
        # Else the words depend on the window's width.
        formatter_class=lambda prog: argparse.HelpFormatter(prog, width=80),
    )
    flags = []

    def add(*names: str, help: str, **settings: object) -> None:  # noqa: A002 - argparse's own word
        flags.append(names[0])
        parser.add_argument(*names, help=help, **settings)  # type: ignore[arg-type] # argparse's own keywords, passed through

    add(
        *("--producer-root", "--memorykernel-root"),
        metavar="PATH",
        type=_path,
        dest="producer_root",
        help="the producer's root; default: the noxfile's folder, else the sample",
    )
    add(
        "--sample",
        metavar="|".join(Flavour),
        type=_flavour,
        help="the flavour of the embedded sample producer",
    )
    add(
        "--out-json",
        metavar="PATH",
        type=_path,
        help="where to publish the packet; default: the profile's path",
    )
    add("--ref", metavar="REV", default="HEAD", help="the commit to verify; default: HEAD")
    add(
        "--impact",
        metavar="FILE",
        type=_path,
        help="the consumer impact statement; default: the one in the changelog",
    )
    add(
        "--work-dir",
        metavar="PATH",
        type=_path,
        help="evidence, logs and drafts; default: .handoff/ beside the noxfile",
    )
    add(
        "--cache-dir",
        metavar="PATH",
        type=_path,
        help="the private checkout; default: the user's cache folder",
    )
    add(
        "--jobs",
        metavar="N",
        type=_count,
        help="checks side by side; default: 3, or the number of processors",
    )
    add(
        "--timeout",
        metavar="SECONDS",
        type=_count,
        help="the limit of each check; default: the profile's",
    )
    add(
        "--toolchain",
        metavar="NAME",
        help="the toolchain; default: the profile's, else the machine's",
    )
    add(
        "--result-json",
        metavar="PATH",
        type=_path,
        help="write verdict, problems and outcomes there",
    )
    add("--junit", metavar="PATH", type=_path, help="write checks and problems there as JUnit XML")
    add("--mode", metavar="MODE", help="the mode to assemble; default: the session's")
    add(
        "--profile",
        metavar="NAME",
        help="judge packets by this profile; default: the one that the packet names",
    )
    add("--allow-untagged", action="store_true", help="accept a release that is not tagged yet")
    add(
        "--fresh",
        action="store_true",
        help="run all checks again, from an empty checkout in new environments",
    )
    add("--rerun", action="store_true", help="run all checks again, in the checkout that is there")
    add("--show-output", action="store_true", help="print what the checks print")
    add("--dry-run", action="store_true", help="run nothing, and print what would be done")
    add(
        "--stop-early",
        action="store_true",
        help="end before the checks if problems are known already",
    )
    add(
        "--evidence",
        metavar="DIR",
        type=_path,
        action="append",
        default=[],
        help="handoff-assemble: a folder with the evidence of other machines; may be repeated",
    )
    add(
        "--format",
        metavar="|".join(FORMATS),
        type=_one_of(FORMATS),
        default=FORMATS[0],
        dest="formatted",
        help="what handoff-diff and handoff-show print; default: text",
    )
    add(
        "--fail-on",
        metavar="|".join(LIMITS),
        type=_one_of(LIMITS),
        help="handoff-diff: end with 1 on such a change",
    )
    parser.add_argument(
        "--help",
        "-h",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print this, and do nothing else",
    )
    parser.add_argument("--run-file", type=_path, help=argparse.SUPPRESS)
    for name in plain:
        # One in brackets may be left out; it is the empty text then.
        parser.add_argument(name, **({"nargs": "?"} if name.startswith("[") else {}))  # type: ignore[arg-type] # argparse's own
    return parser, flags


def asks_for_help(words: Sequence[str]) -> bool:
    """Return whether the words ask for help: then they need not make sense otherwise."""
    return "--help" in words or "-h" in words


def help_lines(session: str, summary: str) -> list[str]:
    """Return what ``-- --help`` prints: what a session does, and the options of all sessions."""
    parser, _ = _parser(session, ())
    parser.usage = f"nox -s {session} -- [options]"
    parser.description = summary
    return parser.format_help().rstrip("\n").splitlines()


def result_json(words: Sequence[str]) -> Path | None:
    """Return the path after ``--result-json``, also among words that `parse` refuses, so that a refusal can be told there too."""
    found = None
    for number, word in enumerate(words):
        flag, _, value = word.partition("=")
        if flag == "--result-json":
            value = value or (words[number + 1] if number + 1 < len(words) else "")
            found = Path(value) if value and not value.startswith("--") else None
    return found


def _path(text: str) -> Path | str:
    # An empty path would be the current folder; the empty text is refused with the others.
    return Path(text) if text else text


def _one_of(known: Sequence[str]) -> Callable[[str], str]:
    def chosen(text: str) -> str:
        # Not argparse's own choices: how they are refused differs from one Python to the next.
        if text not in known:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(known)}")
        return text

    return chosen


def _flavour(text: str) -> Flavour:
    try:
        return Flavour(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no flavour of the sample; expected {' or '.join(Flavour)}"
        ) from None


def _count(text: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,5}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to 999999")
    # Python reads no number of thousands of digits, be they zeros.
    return int(text.lstrip("0"))
