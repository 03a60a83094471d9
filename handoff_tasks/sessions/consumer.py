"""Choose and open the consumer and the producer of an accept, and what both sessions share."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handoff_tasks.sessions import folders, target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nox import Session

    from handoff_tasks.consumer.opened import Consumer
    from handoff_tasks.consumer.profile import Profile
    from handoff_tasks.consumer.rules import TagNow, ValidatorResult
    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.release.choose_profile import VerifyRequest
    from handoff_tasks.sessions.run import Run

_LOG_LINES = 10
_SAMPLES = {"rust": "sample-consumer-rust", "python": "sample-consumer-python"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerPlace:
    """The noxfile that registers a consumer's sessions.

    ``profile`` is the path of the consumer profile; None for the embedded sample. With ``signers``,
    the path of a trust file, every packet must be signed by ``threshold`` of its keys.
    """

    noxfile: Path
    profile: Path | None
    signers: Path | None = None
    threshold: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A consumer and its profile.

    ``profile_path`` is the profile's file. ``request`` says how the producer is opened; None if
    its repository is not known.
    """

    consumer: Consumer
    profile: Profile
    profile_path: Path
    work: Path
    request: VerifyRequest | None

    def producer(self) -> VerifyRequest:
        """Return how the producer is opened. Raises `HandoffError` (HP010)."""
        from handoff_tasks.problems import refusal

        if self.request is not None:
            return self.request
        message = f"the repository of {self.profile.producer.name} is not known"
        hint = "give a clone of it, with all tags, with --producer-root"
        raise refusal("HP010", "--producer-root", message, hint)


def open_place(session: Session, place: ConsumerPlace, run: Run) -> Opened:
    """Return the consumer that the noxfile or the options name, with its profile.

    Raises:
        HandoffError: HP001 (contradicting options), HP010 to HP019 (a repository), HP120 (the
            profile), HP126 (a profile that is not committed).
    """
    from handoff_tasks.consumer import profile as consumer_profile
    from handoff_tasks.consumer.opened import open_consumer
    from handoff_tasks.formats import schemas
    from handoff_tasks.release.choose_profile import VerifyRequest

    options = run.options
    work = folders.work_folder(session, place.noxfile, options)
    cache = folders.cache_folder(session, options)
    root, profile_path, producer_root = _choose(session, place, run, work)
    consumer = open_consumer(root, cache)
    data, where = _read_profile(consumer, profile_path)
    parsed = consumer_profile.parse(data, where, schemas.schema(schemas.CONSUMER_PROFILE))
    request = None
    if producer_root is not None:
        request = VerifyRequest(
            root=producer_root,
            profile_path=profile_path,
            option=parsed.producer.profile,
            work=work,
            cache=cache,
        )
    return Opened(
        consumer=consumer, profile=parsed, profile_path=profile_path, work=work, request=request
    )


def _choose(
    session: Session, place: ConsumerPlace, run: Run, work: Path
) -> tuple[Path, Path, Path | None]:
    """Return the consumer's root, the path of its profile, and the producer's root if known."""
    from handoff_tasks.problems import refusal

    options = run.options
    named = options.producer_root
    producer = folders.resolve_path(session, named) if named else None
    if place.profile is None:
        if options.consumer_root is not None:
            message = "the noxfile registers no consumer profile, so this takes the sample consumer"
            hint = "name the profile: handoff_tasks.register_consumer(nox, __file__, profile=...)"
            raise refusal("HP001", "--consumer-root", message, hint)
        return _sample(run, producer, work)
    if options.sample is not None:
        message = "the noxfile registers a consumer profile of its own"
        raise refusal("HP001", "--sample", message, "leave --sample out; nothing was run")
    root = place.noxfile.parent
    if options.consumer_root is not None:
        root = folders.resolve_path(session, options.consumer_root)
    return root, place.profile, producer


def _sample(run: Run, producer: Path | None, work: Path) -> tuple[Path, Path, Path]:
    """Return the sample consumer, its profile, and the sample producer; build what is missing."""
    from handoff_tasks import files
    from handoff_tasks.model import Flavour
    from handoff_tasks.output import terminal
    from handoff_tasks.setup import sample_consumer

    flavour = run.options.sample or Flavour(target.local_flavour())
    root = work / _SAMPLES[flavour]
    if not root.exists():
        files.make_own_folder(work)
        terminal.say(f"No consumer was named: building the sample consumer in {root}")
        sample_consumer.build(root, flavour)
    if producer is None:
        producer = target.sample_producer(flavour, work)
    return root, root / sample_consumer.PROFILE, producer


def _read_profile(consumer: Consumer, path: Path) -> tuple[bytes, str]:
    """Return the bytes of the profile and its name in messages.

    A profile in the consumer's repository must be committed, because the receipt names the commit.
    """
    from handoff_tasks import files
    from handoff_tasks.consumer import rules
    from handoff_tasks.consumer.opened import inspect_targets
    from handoff_tasks.problems import HandoffError, refusal

    resolved = files.resolve_parent(path)
    if resolved.is_relative_to(consumer.root):
        inside = resolved.relative_to(consumer.root).as_posix()
        targets, head = inspect_targets(consumer, [inside], [])
        if problems := rules.check_targets(targets):
            raise HandoffError(problems)
        return head[inside], inside
    try:
        return files.read_plain(path), str(path)
    except OSError as error:
        message = f"the consumer profile cannot be read: {error.strerror}"
        hint = "name the consumer profile in the noxfile, or write one with consumer-init"
        raise refusal("HP120", str(path), message, hint) from None


@contextlib.contextmanager
def writing(opened: Opened, *, needed: bool = True) -> Iterator[None]:
    """Hold the consumer's lock, and end what a killed accept has left.

    If nothing is to be written, it is only refused that something was left (HP129).
    """
    from handoff_tasks.consumer import apply
    from handoff_tasks.output import terminal
    from handoff_tasks.problems import HandoffError

    consumer = opened.consumer
    if not needed:
        if problem := apply.unfinished(consumer.state):
            raise HandoffError(problem)
        yield
        return
    with apply.exclusively(consumer.state):
        settled = apply.finish_or_undo(consumer.root, consumer.state)
        if settled != apply.Settled.NOTHING:
            terminal.say(f"An earlier accept was not completed; it was {settled} now.")
        yield


def read_tag(workspace: Workspace, release_tag: str) -> TagNow:
    """Return what the producer's git says now of a release's tag and the manifest at it."""
    from handoff_tasks.consumer import pin
    from handoff_tasks.consumer.rules import TagNow
    from handoff_tasks.release import find_packet

    name = workspace.profile.tag_name(release_tag)
    ref = workspace.producer.tags.get(name)
    if ref is None or ref.commit is None:
        return TagNow(name=name, target=None)
    path = workspace.profile.manifest_path
    data = find_packet.read_path_at_tag(workspace, name, path) if path else None
    stated = None if data is None else pin.read_manifest(data)
    return TagNow(name=name, target=ref.commit, manifest=data, pin=stated)


def read_contracts(workspace: Workspace, commit: str) -> dict[str, str]:
    """Return the versions of contracts that a commit of a producer without a manifest states."""
    from handoff_tasks.producer import stated

    profile = workspace.profile
    at = replace(workspace.producer, commit=commit)
    files = workspace.repository.files(at, stated.paths(profile))
    return dict(stated.read_stated(profile, files).contracts)


def run_validators(opened: Opened, run: Run, files: dict[str, tuple[str, bytes]]) -> Workspace:
    """Run the validators on the consumer's commit with new files; keep their results in the run.

    Return the workspace that they ran in, with records and logs.

    Raises:
        HandoffError: HP006, HP080.
    """
    from handoff_tasks.checks.evidence import EvidenceFolder
    from handoff_tasks.consumer import validate
    from handoff_tasks.formats import redact
    from handoff_tasks.output import terminal
    from handoff_tasks.record import Outcome

    workspace = validate.open_candidate(
        opened.consumer, opened.profile, files, opened.profile_path, opened.work
    )
    secrets = redact.secrets(os.environ)
    display = terminal.LogLines if run.options.format == "text" else terminal.NoLines
    settings = validate.settings_of(os.environ, run.options.timeout)
    results = list(
        validate.run_validators(workspace, settings, lambda name: display(name, secrets))
    )
    run.checks = results
    folder = EvidenceFolder.of(workspace)
    for result in results:
        if result.outcome is not Outcome.PASSED and result.record and result.record.log:
            tail = folder.tail(result.id, _LOG_LINES)
            for line in terminal.log_end(result.id, tail, folder.log(result.id)):
                terminal.say(line)
    if any(result.outcome is Outcome.INTERRUPTED for result in results):
        # The frame reports it; no file was written yet.
        raise KeyboardInterrupt
    return workspace


def validator_results(run: Run) -> list[ValidatorResult]:
    """Return the results of the validators that have run, for the rules."""
    from handoff_tasks.consumer.rules import ValidatorResult

    return [
        ValidatorResult(
            id=result.id,
            outcome=str(result.outcome),
            exit_code=result.exit_code,
            reason=result.reason,
        )
        for result in run.checks
    ]
