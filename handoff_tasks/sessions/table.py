"""List every session and every option.

Registration, ``-- --help``, the parser and ``docs/reference/sessions.md`` all read these tables.
Importing this module imports nothing heavy, so that listing sessions stays fast.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = ("text", "md", "html", "json")
LIMITS = ("breaking", "additive")
FLAVOURS = ("rust", "python")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option: its flags, what its value is, and its help.

    ``type`` names the form of the value: ``flag`` (no value), ``text``, ``path``, ``count``, or
    ``choice`` (one of ``choices``).
    """

    flags: tuple[str, ...]
    type: str = "flag"
    metavar: str = ""
    choices: tuple[str, ...] = ()
    repeatable: bool = False
    hidden: bool = False
    help: str

    @property
    def name(self) -> str:
        """The field of `options.Options` that holds the value."""
        return self.flags[0].removeprefix("--").replace("-", "_")

    @property
    def value(self) -> str:
        """The placeholder after the flag in the help; empty for a flag without a value."""
        return self.metavar or "|".join(self.choices)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDefinition:
    """One session, or one kind of session that the profile multiplies.

    ``subject`` is ``modes`` or ``checks`` for a kind of session; ``{title}`` in the description
    is replaced by the mode's name or the check's title. ``arguments`` are the words without a flag,
    those in brackets optional; ``usage`` are other words that a call needs. ``body`` is
    ``module:function`` in this package, imported when the session runs. An ``isolated`` session
    has an environment of its own.
    """

    name: str
    description: str
    options: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    usage: str = ""
    body: str
    subject: str = ""
    isolated: bool = False

    def describe(self, title: str) -> str:
        """Return the description, with what a call needs after ``--``."""
        description = self.description.format(title=title)
        words = self.usage or " ".join(self.arguments)
        return f"{description} (-- {words})" if words else description

    def load_body(self) -> Callable[..., None]:
        """Import and return the function that takes session, place and run."""
        module, _, function = self.body.partition(":")
        loaded = importlib.import_module(f"handoff_tasks.sessions.{module}")
        return cast("Callable[..., None]", getattr(loaded, function))

    def own_options(self) -> list[Option]:
        """Return the session's options, in the order of `OPTIONS`."""
        return [option for flag, option in OPTIONS.items() if flag in self.options]


_OPTIONS = [
    Option(
        flags=("--producer-root", "--memorykernel-root"),
        type="path",
        metavar="PATH",
        help="the producer's root; default: the noxfile's folder, else the sample",
    ),
    Option(
        flags=("--consumer-root",),
        type="path",
        metavar="PATH",
        help="the consumer's root; default: the noxfile's folder, else the sample",
    ),
    Option(
        flags=("--sample",),
        type="choice",
        choices=FLAVOURS,
        help="the flavour of the embedded sample producer",
    ),
    Option(
        flags=("--ref",),
        type="text",
        metavar="REV",
        help="the commit to read or verify; default: HEAD",
    ),
    Option(
        flags=("--release",),
        type="text",
        metavar="TAG",
        help="the release, by its tag; default: what the commit states",
    ),
    Option(
        flags=("--mode",),
        type="text",
        metavar="MODE",
        help="the mode to assemble; default: the session's",
    ),
    Option(
        flags=("--impact",),
        type="path",
        metavar="FILE",
        help="the consumer impact statement; default: the one in the changelog",
    ),
    Option(
        flags=("--evidence",),
        type="path",
        metavar="DIR",
        repeatable=True,
        help="a folder with the evidence of other machines; may be repeated",
    ),
    Option(
        flags=("--out-json",),
        type="path",
        metavar="PATH",
        help="where to publish the packet; default: the profile's path",
    ),
    Option(flags=("--allow-untagged",), help="accept a release that is not tagged yet"),
    Option(
        flags=("--fresh",),
        help="run all checks again, from an empty checkout in new environments",
    ),
    Option(flags=("--rerun",), help="run all checks again, in the existing checkout"),
    Option(flags=("--stop-early",), help="end before the checks if problems are known already"),
    Option(
        flags=("--jobs",),
        type="count",
        metavar="N",
        help="checks side by side; default: the number of processors, at most 3",
    ),
    Option(
        flags=("--timeout",),
        type="count",
        metavar="SECONDS",
        help="the limit of each check; default: the profile's",
    ),
    Option(
        flags=("--toolchain",),
        type="text",
        metavar="NAME",
        help="the toolchain; default: the profile's, else the machine's",
    ),
    Option(flags=("--show-output",), help="print what the checks print"),
    Option(flags=("--dry-run",), help="print what would be done, and do nothing"),
    Option(
        flags=("--profile",),
        type="text",
        metavar="NAME",
        help="the profile for packets; default: the one that the packet names",
    ),
    Option(
        flags=("--format",),
        type="choice",
        choices=FORMATS,
        help="the form of what is printed; default: text",
    ),
    Option(
        flags=("--fail-on",),
        type="choice",
        choices=LIMITS,
        help="end with exit code 1 on such a change",
    ),
    Option(
        flags=("--accept-change",),
        type="text",
        metavar="FINGERPRINT",
        repeatable=True,
        help="accept one breaking or early change, by its fingerprint; may be repeated",
    ),
    Option(
        flags=("--branch",),
        type="text",
        metavar="NAME",
        help="make one commit on this new branch, and leave the work tree as it is",
    ),
    Option(
        flags=("--key",),
        type="path",
        metavar="FILE",
        help="the ed25519 SSH key to sign with; a FILE.pub asks the ssh-agent",
    ),
    Option(
        flags=("--add",),
        type="path",
        metavar="FILE",
        help="add the signatures of another machine's envelope",
    ),
    Option(
        flags=("--signers",),
        type="path",
        metavar="FILE",
        help="who may sign, as OpenSSH's allowed_signers; then an unsigned packet is NO-GO",
    ),
    Option(
        flags=("--revoked",),
        type="path",
        metavar="FILE",
        help="public keys that no longer count, one a line",
    ),
    Option(
        flags=("--threshold",),
        type="count",
        metavar="K",
        help="how many distinct keys must have signed; default: 1",
    ),
    Option(
        flags=("--at",),
        type="text",
        metavar="TIME",
        help="the moment at which keys must be valid, for an audit; default: now",
    ),
    Option(
        flags=("--receipt",),
        type="path",
        metavar="FILE",
        help="the receipt: signed, to check with the packet; of an accept, to undo or to check",
    ),
    Option(
        flags=("--bundle",),
        type="text",
        metavar="KEYID",
        help="print the Sigstore bundle of one signature, by its key's fingerprint",
    ),
    Option(
        flags=("--public-key",),
        type="path",
        metavar="FILE",
        help="print the PEM of an SSH public key, FILE.pub",
    ),
    Option(
        flags=("--consumer",),
        type="text",
        metavar="URI",
        help="who gives the receipt; for a receipt that is checked, default: the one it names",
    ),
    Option(
        flags=("--refuse",),
        type="text",
        metavar="REASON",
        help="refuse the packet, and say why",
    ),
    Option(
        flags=("--result-json",),
        type="path",
        metavar="PATH",
        help="write verdict, problems and outcomes there",
    ),
    Option(
        flags=("--junit",),
        type="path",
        metavar="PATH",
        help="write checks and problems there as JUnit XML",
    ),
    Option(
        flags=("--work-dir",),
        type="path",
        metavar="PATH",
        help="evidence, logs and drafts; default: .handoff/ beside the noxfile",
    ),
    Option(
        flags=("--cache-dir",),
        type="path",
        metavar="PATH",
        help="the private checkout; default: the user's cache folder",
    ),
    # A handoff passes it to the sessions of its own checks.
    Option(
        flags=("--run-file",),
        type="path",
        metavar="PATH",
        hidden=True,
        help="the run that this check is part of",
    ),
]
OPTIONS = {option.flags[0]: option for option in _OPTIONS}
"""Each option once, by its first flag."""

_RESULT = ("--result-json", "--junit")
_PRODUCER = ("--producer-root", "--sample", "--ref", "--work-dir", "--cache-dir", *_RESULT)
_CHECK = ("--timeout", "--toolchain")
_SIGNERS = ("--signers", "--revoked", "--threshold", "--at")
_ALL_CHECKS = (
    *(*_PRODUCER, *_CHECK, "--release", "--impact", "--out-json", "--allow-untagged", "--dry-run"),
    *("--fresh", "--rerun", "--stop-early", "--jobs", "--show-output"),
)

_SESSIONS = [
    SessionDefinition(
        name="handoff-<mode>",
        description=(
            "Run all checks on one commit, then publish the {title} packet or leave a NO-GO draft."
        ),
        options=(*_ALL_CHECKS, "--mode"),
        body="handoff:run_mode",
        subject="modes",
    ),
    SessionDefinition(
        name="handoff-init",
        description="Write the first profile, statement and noxfile of a repository.",
        options=("--release", "--dry-run", *_RESULT),
        arguments=("[PATH]",),
        body="setup:init",
    ),
    SessionDefinition(
        name="handoff-explain",
        description="Print what a check would run and why, and its evidence.",
        options=(*_PRODUCER, *_CHECK),
        arguments=("[CHECK]",),
        body="check:explain",
    ),
    SessionDefinition(
        name="verify-<check>",
        description="Run one check and leave its evidence: {title}.",
        options=(*_PRODUCER, *_CHECK, "--dry-run", "--run-file"),
        body="check:verify_check",
        subject="checks",
        isolated=True,
    ),
    SessionDefinition(
        name="pre-release",
        description="Run all checks and the rules of every mode; publish nothing.",
        options=_ALL_CHECKS,
        body="handoff:run_pre_release",
    ),
    SessionDefinition(
        name="impact-draft",
        description="Print a consumer impact statement from what git knows; write nothing.",
        options=(*_PRODUCER, "--release"),
        body="draft:draft",
    ),
    SessionDefinition(
        name="handoff-assemble",
        description="Decide and publish from existing evidence.",
        options=(
            *(*_PRODUCER, "--release", "--mode", "--impact", "--evidence", "--out-json"),
            *("--allow-untagged", "--dry-run"),
        ),
        usage="--mode MODE [--evidence DIR]",
        body="assemble:assemble",
    ),
    SessionDefinition(
        name="handoff-verify",
        description="Check a packet against schema, rules and, if possible, git.",
        options=(*_PRODUCER, "--profile", *_SIGNERS, "--receipt", "--consumer"),
        arguments=("PACKET",),
        body="packet:verify",
    ),
    SessionDefinition(
        name="handoff-sign",
        description="Verify a packet, then sign it with an SSH key, or add other signatures.",
        options=(*_PRODUCER, "--profile", "--key", "--add"),
        arguments=("PACKET",),
        body="sign:sign",
    ),
    SessionDefinition(
        name="handoff-receipt",
        description="Sign the consumer's acceptance or refusal of a packet.",
        options=(*_PRODUCER, "--profile", *_SIGNERS, "--key", "--consumer", "--refuse"),
        arguments=("PACKET",),
        body="sign:receipt",
    ),
    SessionDefinition(
        name="handoff-diff",
        description="Print what one packet changes against another; each is a file or TAG:.",
        options=(*_PRODUCER, "--profile", "--format", "--fail-on"),
        arguments=("OLD", "NEW"),
        body="packet:compare",
    ),
    SessionDefinition(
        name="handoff-show",
        description="Print what a packet (a file or TAG:) or a receipt says, without checking it.",
        options=(*_PRODUCER, "--profile", "--format", *_SIGNERS, "--bundle", "--public-key"),
        arguments=("[PACKET]",),
        body="packet:show",
    ),
]
SESSIONS = {definition.name: definition for definition in _SESSIONS}
"""Every session of a producer by its name, in the order of ``nox --list``."""

_CONSUMER = (
    *("--consumer-root", "--producer-root", "--sample", "--work-dir", "--cache-dir"),
    *_RESULT,
)
_WRITE = ("--timeout", "--dry-run", "--branch", "--format")

_CONSUMER_SESSIONS = [
    SessionDefinition(
        name="handoff-accept",
        description="Verify a packet, then pin its release: write all files, or none.",
        options=(*_CONSUMER, *_WRITE, *_SIGNERS, "--accept-change", "--key", "--consumer"),
        arguments=("PACKET",),
        body="accept:accept",
    ),
    SessionDefinition(
        name="handoff-rollback",
        description="Undo the accept of a receipt: restore all files, or none.",
        options=(*_CONSUMER, *_WRITE, "--receipt"),
        body="rollback:rollback",
    ),
    SessionDefinition(
        name="handoff-pinned",
        description="Check that what is pinned is still true; write nothing.",
        options=(*_CONSUMER, "--receipt"),
        body="pinned:check_pinned",
    ),
    SessionDefinition(
        name="consumer-init",
        description="Write a first consumer profile from what is pinned.",
        options=("--dry-run", *_RESULT),
        arguments=("PATH",),
        body="consumer_init:init",
    ),
]
CONSUMER_SESSIONS = {definition.name: definition for definition in _CONSUMER_SESSIONS}
"""Every session of a consumer by its name, in the order of ``nox --list``."""


def fixed_names() -> frozenset[str]:
    """Return the names of the sessions that every profile gets, beside its modes and checks."""
    return frozenset(definition.name for definition in _SESSIONS if not definition.subject)
