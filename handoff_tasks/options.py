"""What stands after ``--``: one parser for all sessions. Refuses in one line; looks at no file."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from handoff_tasks import validate
from handoff_tasks.errors import refusal
from handoff_tasks.model import Flavour

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


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


def parse(words: Sequence[str], *, session: str, plain: Sequence[str] = ()) -> Options:  # noqa: PLR0915 - an option a line
    """Return the options in ``words``; ``plain`` names the words without a flag that are expected too, such as ``PACKET``.

    Raises `HandoffError` (HP001), in one line, that tells what is known.
    """
    parser = _Parser(prog=session, add_help=False, allow_abbrev=False)
    known = []

    def add(*flags: str, metavar: str = "", **settings: object) -> None:
        known.append(f"{flags[0]} {metavar}".strip())
        if metavar:
            settings["metavar"] = metavar
        parser.add_argument(*flags, **settings)  # type: ignore[arg-type] # argparse's own keywords, passed through

    add("--producer-root", "--memorykernel-root", metavar="PATH", type=_path, dest="producer_root")
    add("--sample", metavar="|".join(Flavour), type=_flavour)
    add("--out-json", metavar="PATH", type=_path)
    add("--ref", metavar="REV", default="HEAD")
    add("--impact", metavar="FILE", type=_path)
    add("--work-dir", metavar="PATH", type=_path)
    add("--cache-dir", metavar="PATH", type=_path)
    add("--jobs", metavar="N", type=_count)
    add("--timeout", metavar="SECONDS", type=_count)
    add("--toolchain", metavar="NAME")
    add("--result-json", metavar="PATH", type=_path)
    add("--junit", metavar="PATH", type=_path)
    add("--mode", metavar="MODE")
    add("--profile", metavar="NAME")
    add("--allow-untagged", action="store_true")
    add("--fresh", action="store_true")
    add("--rerun", action="store_true")
    add("--show-output", action="store_true")
    add("--dry-run", action="store_true")
    add("--stop-early", action="store_true")
    add("--evidence", metavar="DIR", type=_path, action="append", default=[])
    add("--format", metavar="|".join(FORMATS), type=_one_of(FORMATS), default=FORMATS[0], dest="formatted")
    add("--fail-on", metavar="|".join(LIMITS), type=_one_of(LIMITS))
    parser.add_argument("--run-file", type=_path)
    known[:0] = plain
    for name in plain:
        # One in brackets may be left out; it is the empty text then.
        parser.add_argument(name, **({"nargs": "?"} if name.startswith("[") else {}))  # type: ignore[arg-type] # argparse's own
    try:
        found, unknown = parser.parse_known_args(list(words))
        if unknown:
            flags = [word.split(" ")[0] for word in known]
            raise _Refused(f"unknown option {unknown[0]}{validate.nearest(unknown[0], flags)}")
        for name, value in vars(found).items():
            if value == "" or (isinstance(value, list) and "" in value):
                raise _Refused(f"{name if name in plain else '--' + name.replace('_', '-')} is empty")
        if found.sample and found.producer_root:
            raise _Refused("--producer-root names a producer and --sample chooses the embedded one; expected one of the two")
        _refuse_profile(found.profile, session)
        if found.dry_run and (found.result_json or found.junit):
            raise _Refused("--dry-run has no result; expected it without --result-json and --junit")
    except (_Refused, argparse.ArgumentError) as error:
        raise refusal(
            "HP001", session, f"{error}; known: {', '.join(known)}", "correct the words after --; nothing was run"
        ) from None
    values = vars(found)
    values["plain"] = tuple(values.pop(name) or "" for name in plain)
    values["evidence"] = tuple(values["evidence"])
    return Options(**values)


def _refuse_profile(profile: str | None, session: str) -> None:
    if profile is not None and session not in _READERS:
        raise _Refused(f"--profile is an option of {', '.join(_READERS)}; the noxfile names the profile of this session")


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
        raise argparse.ArgumentTypeError(f"{text!r} is no flavour of the sample; expected {' or '.join(Flavour)}") from None


def _count(text: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,5}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to 999999")
    # Python reads no number of thousands of digits, be they zeros.
    return int(text.lstrip("0"))
