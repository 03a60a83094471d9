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
from handoff_tasks.sessions import table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from handoff_tasks.sessions.table import Option, SessionDefinition


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a run, with their defaults; paths as given, the limit in seconds.

    ``arguments`` are the words without a flag; one that was left out is the empty text.
    """

    producer_root: Path | None = None
    sample: Flavour | None = None
    out_json: Path | None = None
    ref: str = "HEAD"
    release: str | None = None
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
    format: str = "text"
    fail_on: str | None = None
    key: Path | None = None
    add: Path | None = None
    signers: Path | None = None
    revoked: Path | None = None
    threshold: int | None = None
    at: str | None = None
    bundle: str | None = None
    public_key: Path | None = None
    consumer: str | None = None
    consumer_root: Path | None = None
    accept_change: tuple[str, ...] = ()
    branch: str | None = None
    receipt: Path | None = None
    refuse: str | None = None
    evidence: tuple[Path, ...] = ()
    arguments: tuple[str, ...] = ()


class _Refused(Exception):
    pass


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Refused(message)


def parse(words: Sequence[str], definition: SessionDefinition, session: str) -> Options:
    """Return the options in ``words``.

    ``session`` is the name under which the session was registered. Raises `HandoffError` (HP001)
    for an option that the session does not have, a value that is missing or invalid, and options
    that contradict each other.
    """
    hint = f"correct the words after --; nothing was run. All options: nox -s {session} -- --help"
    _refuse_other_options(words, definition, session, hint)
    try:
        values, unknown = _parser(definition, session).parse_known_args(list(words))
        if unknown:
            raise _Refused(f"unexpected word {unknown[0]}")
        return _options(vars(values), definition)
    except (_Refused, argparse.ArgumentError) as error:
        raise refusal("HP001", session, str(error), hint) from None


def _refuse_other_options(
    words: Sequence[str], definition: SessionDefinition, session: str, hint: str
) -> None:
    known = [flag for option in definition.own_options() for flag in option.flags]
    shown = [option.flags[0] for option in definition.own_options() if not option.hidden]
    for word in words:
        if word == "--":
            return
        flag = word.partition("=")[0]
        if word.startswith("--") and flag not in known:
            # An option of another session is spelled correctly.
            nearest = "" if flag in table.OPTIONS else schemas.nearest(flag, shown)
            raise refusal("HP001", flag, f"not an option of {session}{nearest}", hint)


def _options(values: dict[str, object], definition: SessionDefinition) -> Options:
    for name, value in values.items():
        if value == "" or (isinstance(value, list) and "" in value):
            argument = name in definition.arguments
            raise _Refused(f"{name if argument else '--' + name.replace('_', '-')} is empty")
    if values.get("sample") and values.get("producer_root"):
        raise _Refused(
            "--producer-root names a producer and --sample chooses the embedded one; "
            "expected one of the two"
        )
    if values.get("dry_run") and (values.get("result_json") or values.get("junit")):
        raise _Refused("--dry-run has no result; expected it without --result-json and --junit")
    values["arguments"] = tuple(values.pop(name) or "" for name in definition.arguments)
    for name in ("accept_change", "evidence"):
        if name in values:
            values[name] = tuple(values[name])  # type: ignore[arg-type] # a list, by append
    return Options(**values)  # type: ignore[arg-type] # each value has been converted by its option


def _parser(definition: SessionDefinition, session: str) -> argparse.ArgumentParser:
    """Return the parser of a session's own options; an option that is not given has no value."""
    parser = _Parser(
        prog=f"nox -s {session} --",
        add_help=False,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        # A fixed width, so that the text does not depend on the window.
        formatter_class=lambda prog: argparse.HelpFormatter(prog, width=80),
    )
    for option in definition.own_options():
        _add_option(parser, option)
    parser.add_argument("--help", "-h", action="store_true", help="print this, and do nothing else")
    for name in definition.arguments:
        if name.startswith("["):
            parser.add_argument(name, nargs="?", default=None, help=argparse.SUPPRESS)
        else:
            parser.add_argument(name, help=argparse.SUPPRESS)
    return parser


def _add_option(parser: argparse.ArgumentParser, option: Option) -> None:
    text = argparse.SUPPRESS if option.hidden else option.help
    if option.type == "flag":
        parser.add_argument(*option.flags, dest=option.name, action="store_true", help=text)
        return
    parser.add_argument(
        *option.flags,
        dest=option.name,
        metavar=option.value,
        type=_converter(option),
        action="append" if option.repeatable else "store",
        help=text,
    )


def _converter(option: Option) -> Callable[[str], object]:
    """Return the function that converts the value of an option."""
    if option.type == "choice":
        return _choice(option)
    converters: dict[str, Callable[[str], object]] = {"path": _path, "count": _count, "text": str}
    return converters[option.type]


def asks_for_help(words: Sequence[str]) -> bool:
    """Return whether the words ask for help; the other words then need not be valid."""
    return "--help" in words or "-h" in words


def help_lines(definition: SessionDefinition, session: str, description: str) -> list[str]:
    """Return what ``-- --help`` prints: usage, what the session does, and its own options."""
    parser = _parser(definition, session)
    words = definition.usage or " ".join(definition.arguments)
    parser.usage = f"nox -s {session} -- [options] {words}".rstrip()
    parser.description = description
    return parser.format_help().rstrip("\n").splitlines()


def result_json(words: Sequence[str]) -> Path | None:
    """Return the path after ``--result-json``; also from words that `parse` refuses.

    The refusal is then written to that result, too.
    """
    result = None
    for number, word in enumerate(words):
        flag, _, value = word.partition("=")
        if flag == "--result-json":
            following = words[number + 1] if number + 1 < len(words) else ""
            value = value or following
            result = Path(value) if value and not value.startswith("--") else None
    return result


def _path(text: str) -> Path | str:
    # An empty path would be the current folder; the empty text is refused with the others.
    return Path(text) if text else text


def _choice(option: Option) -> Callable[[str], str]:
    def choose(text: str) -> str:
        # Not argparse's choices: the words of its refusal differ between Python versions.
        if text not in option.choices:
            expected = ", ".join(option.choices)
            raise argparse.ArgumentTypeError(f"found {text!r}; expected one of {expected}")
        return Flavour(text) if option.name == "sample" else text

    return choose


def _count(text: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,5}", text, re.ASCII):
        raise argparse.ArgumentTypeError(
            f"found {text!r}; expected a whole number from 1 to 999999"
        )
    # int() refuses thousands of digits, even if they are zeros.
    return int(text.lstrip("0"))
