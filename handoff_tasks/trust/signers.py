"""Read the trust file and ``revoked_keys``, stricter than OpenSSH.

Functions of values. The trust file is OpenSSH's ``allowed_signers``. ssh-keygen and git read the
same file; what they read in another way than people expect is refused here, each with file and
line.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from handoff_tasks.formats.escape import printable
from handoff_tasks.problems import HandoffError, Problem, refusal
from handoff_tasks.trust import public_key, wire
from handoff_tasks.trust.names import PLAIN_NAME
from handoff_tasks.trust.public_key import KeyFault, PublicKey

if TYPE_CHECKING:
    from collections.abc import Mapping

HANDOFF = "handoff"
GIT = "git"
RECEIPT = "handoff-receipt"
MAX_BYTES = 1024 * 1024
MAX_KEYS = 1000

_FORM = 'PRINCIPAL namespaces="handoff" ssh-ed25519 KEY COMMENT'
_NAMESPACE = re.compile(r"[A-Za-z0-9._@+:/-]+")
_OPTION = re.compile(r'([A-Za-z][A-Za-z0-9-]*)(?:="([^"\\]*)")?(,|(?=[ \t])|$)')
_TIME = re.compile(r"([0-9]{8})([0-9]{4})?([0-9]{2})?(Z?)")
_ASKED = {
    re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"): "%Y-%m-%d",
    re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}Z"): "%Y-%m-%dT%H:%MZ",
    re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"): "%Y-%m-%dT%H:%M:%SZ",
}
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_PATTERN = re.compile(r"[*?!]")
_KEY_WORD = re.compile(r"(?:ssh|sk|ecdsa)-[A-Za-z0-9@.-]+(?:[ \t]|$)")
_KRL = b"SSHKRL\n\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedKey:
    """A line of the trust file.

    ``valid_before`` is the first moment at which the key does not count any more.
    """

    line: int
    principals: tuple[str, ...]
    namespaces: tuple[str, ...]
    key: PublicKey
    name: str
    valid_after: datetime | None = None
    valid_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustFile:
    """The lines of a trust file; no key stands in two of them, and no name stands for two."""

    where: str
    keys: tuple[AllowedKey, ...]

    def of(self, principal: str) -> tuple[AllowedKey, ...]:
        """Return the keys of a principal, of any namespace and time."""
        return tuple(key for key in self.keys if principal in key.principals)

    def demands(self, principal: str, namespace: str) -> bool:
        """Return whether a line gives the principal that namespace.

        Such as ``git`` for signed tags.
        """
        return any(namespace in key.namespaces for key in self.of(principal))


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokedKeys:
    """The bytes of revoked keys, each with its line."""

    where: str = ""
    lines: Mapping[bytes, int]


NOTHING_REVOKED = RevokedKeys(lines={})


def read(data: bytes, where: str) -> TrustFile:
    """Return the keys of a trust file.

    Raises:
        HandoffError: HP130, with file and line, for every line that cannot be trusted.
    """
    problems: list[Problem] = []
    keys: list[AllowedKey] = []
    first: dict[bytes, int] = {}
    for number, text in _lines(data, where):
        try:
            key = _allowed_key(text, number)
            if key.key.raw in first:
                raise KeyFault(
                    f"the key stands in line {first[key.key.raw]} already; "
                    "expected one line for each key"
                )
            first[key.key.raw] = number
            keys.append(key)
        except KeyFault as fault:
            hint = f"write the line as {_FORM}"
            problems.append(
                Problem(code="HP130", where=f"{where}:{number}", message=str(fault), hint=hint)
            )
    if problems:
        raise HandoffError(problems)
    if len(keys) > MAX_KEYS:
        message = f"there are {len(keys)} keys; at most {MAX_KEYS} are read"
        raise refusal("HP130", where, message, "remove the lines that are not needed any more")
    return TrustFile(where=where, keys=tuple(_with_distinct_names(keys)))


def read_revoked(data: bytes, where: str) -> RevokedKeys:
    """Return the keys of a file with one key in each line.

    Those of other kinds sign nothing here.

    Raises:
        HandoffError: HP130, with file and line.
    """
    if data.startswith(_KRL):
        message = "a binary key revocation list; expected public keys, one in each line"
        raise refusal("HP130", where, message, "list the keys as in their .pub files")
    problems: list[Problem] = []
    found: dict[bytes, int] = {}
    for number, text in _lines(data, where):
        words = text.split(maxsplit=2)
        try:
            if len(words) < 2:
                raise KeyFault("not a public key; expected ssh-ed25519 KEY COMMENT")
            if public_key.describe_kind(words[0]) is None:
                found.setdefault(public_key.read_words(words[0], words[1]).raw, number)
            else:
                _check_foreign(words[0], words[1])
        except KeyFault as fault:
            hint = "write the line as in a .pub file: ssh-ed25519 KEY COMMENT"
            problems.append(
                Problem(code="HP130", where=f"{where}:{number}", message=str(fault), hint=hint)
            )
    if problems:
        raise HandoffError(problems)
    return RevokedKeys(where=where, lines=found)


def read_moment(text: str, where: str) -> datetime:
    """Return the time that ``--at`` names, always in UTC.

    The forms are ``2027-03-01`` and ``2027-03-01T12:30:00Z``.

    Raises:
        HandoffError: HP001, for every other form.
    """
    for pattern, form in _ASKED.items():
        if pattern.fullmatch(text):
            with contextlib.suppress(ValueError):
                return datetime.strptime(text, form).replace(tzinfo=UTC)
    message = (
        f"found {text[:40]!r}; expected a time in UTC, such as 2027-03-01 or 2027-03-01T12:30:00Z"
    )
    raise refusal("HP001", where, message, "write the time in that form")


def shown(moment: datetime, beside: datetime | None = None) -> str:
    """Return a moment for people: the day, and mostly the time.

    The time is left out when it is midnight on another day than ``beside``.
    """
    same_day = beside is not None and beside.date() == moment.date()
    if same_day or moment.time() != datetime.min.time():
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return moment.strftime("%Y-%m-%d")


def _lines(data: bytes, where: str) -> list[tuple[int, str]]:
    """Return the lines that say something, each with its number. Raises `HandoffError` (HP130)."""
    if len(data) > MAX_BYTES:
        message = f"the file has {len(data)} bytes; at most {MAX_BYTES} are read"
        raise refusal(
            "HP130",
            where,
            message,
            "name a trust file with --signers, and revoked keys with --revoked",
        )
    found = []
    problems = []
    for number, line in enumerate(data.split(b"\n"), 1):
        message = ""
        try:
            text = line.removesuffix(b"\r").decode("utf-8")
        except UnicodeDecodeError:
            text, message = "", "the line is not UTF-8"
        if text.startswith("\ufeff"):
            message = "the file starts with a byte order mark; expected plain UTF-8"
        elif _CONTROL.search(text):
            message = "the line holds a control character"
        if message:
            hint = "write the file as plain text in UTF-8"
            problems.append(
                Problem(code="HP130", where=f"{where}:{number}", message=message, hint=hint)
            )
        text = text.strip(" \t")
        if text and not text.startswith("#"):
            found.append((number, text))
    if problems:
        raise HandoffError(problems)
    return found


def _allowed_key(text: str, number: int) -> AllowedKey:
    """Return the key of one line. Raises `KeyFault`."""
    names, rest = _first_word(text)
    principals = _principals(names)
    options, rest = _options(rest)
    namespaces = _namespaces(options)
    after = _time("valid-after", options)
    before = _time("valid-before", options)
    if after is not None and before is not None and after >= before:
        raise KeyFault("valid-before is not later than valid-after; the key would never be valid")
    words = rest.split(maxsplit=2)
    if len(words) < 2:
        raise KeyFault("there is no key; expected ssh-ed25519 KEY COMMENT")
    key = public_key.read_words(words[0], words[1])
    comment = words[2].strip(" \t") if len(words) > 2 else ""
    return AllowedKey(
        line=number,
        principals=principals,
        namespaces=namespaces,
        key=key,
        name=printable(comment) or key.fingerprint,
        valid_after=after,
        valid_before=before,
    )


def _principals(names: str) -> tuple[str, ...]:
    """Return the producers at the front of a line. Raises `KeyFault`."""
    principals = tuple(names.split(","))
    for principal in principals:
        if _PATTERN.search(principal):
            raise KeyFault(f"{principal!r} is a pattern; expected the plain name of a producer")
        if not PLAIN_NAME.fullmatch(principal):
            raise KeyFault(f"{principal!r} is not the plain name of a producer")
    return principals


def _namespaces(options: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a key may sign for.

    Raises `KeyFault`, also for unknown options.
    """
    for option in options:
        if option not in ("namespaces", "valid-after", "valid-before"):
            raise KeyFault(
                f"the option {option} is not known here; "
                "known: namespaces, valid-after, valid-before"
            )
    if "namespaces" not in options:
        raise KeyFault(
            'there is no namespaces="..."; '
            "expected one, since a key without it signs for every purpose"
        )
    namespaces = tuple(options["namespaces"].split(","))
    for namespace in namespaces:
        if _PATTERN.search(namespace):
            raise KeyFault(f"the namespace {namespace!r} is a pattern; expected a plain name")
        if not _NAMESPACE.fullmatch(namespace):
            raise KeyFault(
                f"the namespace {namespace!r} is not a plain name; "
                "expected handoff, git or handoff-receipt"
            )
    return namespaces


def _first_word(text: str) -> tuple[str, str]:
    words = re.split(r"[ \t]+", text, maxsplit=1)
    return words[0], words[1] if len(words) > 1 else ""


def _options(text: str) -> tuple[dict[str, str], str]:
    """Return the options at the front of a line, and what follows them. Raises `KeyFault`."""
    options: dict[str, str] = {}
    if _KEY_WORD.match(text):
        return options, text
    at = 0
    while True:
        match = _OPTION.match(text, at)
        if match is None:
            raise KeyFault(
                'the options cannot be read; expected namespaces="handoff,git" and the like, '
                "without spaces between"
            )
        name, value, mark = match.groups()
        if name in options:
            raise KeyFault(f"the option {name} is given twice")
        options[name] = value or ""
        at = match.end()
        if mark != ",":
            return options, text[at:].lstrip(" \t")


def _time(name: str, options: Mapping[str, str]) -> datetime | None:
    """Return the moment of an option; None when it is not given. Raises `KeyFault`."""
    if name not in options:
        return None
    text = options[name]
    match = _TIME.fullmatch(text)
    if match is None:
        raise KeyFault(f"{name} is {text!r}; expected a time such as 20260101Z or 202601011230Z")
    day, minutes, seconds, zone = match.groups()
    if not zone:
        raise KeyFault(
            f"{name} is {text!r}, which is local time and so another time elsewhere; "
            f"expected {text}Z"
        )
    try:
        return datetime.strptime(
            day + (minutes or "0000") + (seconds or "00"), "%Y%m%d%H%M%S"
        ).replace(tzinfo=UTC)
    except ValueError:
        raise KeyFault(f"{name} is {text!r}, which is not a date") from None


def _with_distinct_names(keys: list[AllowedKey]) -> list[AllowedKey]:
    """Return the keys; those whose comment is also another one's get the fingerprint behind it."""
    count = Counter(key.name for key in keys)
    return [
        replace(key, name=f"{key.name} {key.key.short_fingerprint}") if count[key.name] > 1 else key
        for key in keys
    ]


def _check_foreign(kind: str, text: str) -> None:
    """Raise `KeyFault` unless a key of another kind fits its line.

    It may be a mistyped one.
    """
    try:
        named = wire.Reader(base64.b64decode(text, validate=True)).string()
    except (binascii.Error, ValueError):
        raise KeyFault("the key is not base64, or it is damaged") from None
    if named != kind.encode():
        raise KeyFault(f"the key is not of the kind {kind} that stands before it")
