"""The frame of every session: options in, a user's mistakes shown without a traceback, the result written, an end with the truth.

Knows which folders a run uses and opens its workspace. Runs no check and decides nothing.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import hashlib
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nox import Session

    from handoff_tasks.errors import Problem
    from handoff_tasks.model import CheckResult
    from handoff_tasks.options import Options
    from handoff_tasks.producers import Place
    from handoff_tasks.report import View
    from handoff_tasks.workspace import Workspace


_MOST_OF_A_COMMAND = 160


@dataclass(slots=True, kw_only=True)
class Run:
    """What a session has found so far; written to the result file when the session ends, however it ends.

    ``producer`` is the producer's root and its profile, once they are chosen; ``view`` what the report shows, once there is one.
    """

    options: Options
    mode: str | None = None
    producer: tuple[Path, Path] | None = None
    workspace: Workspace | None = None
    packet: Path | None = None
    draft: Path | None = None
    problems: Sequence[Problem] = ()
    advisories: Sequence[Problem] = ()
    checks: Sequence[CheckResult] = ()
    result: Path | None = None
    junit: Path | None = None
    view: View | None = None
    interrupted: bool = False


@contextlib.contextmanager
def framed(session: Session, *, plain: Sequence[str] = ()) -> Iterator[Run]:
    """Parse the options, show a user's mistakes without a traceback, write the result, end the session with the truth."""
    from handoff_tasks import evidence, options, screen
    from handoff_tasks.assemble import result_document
    from handoff_tasks.errors import HandoffError

    # At its exit Python would look through all that was loaded for what may be freed: 20 ms in each process of a run.
    atexit.register(gc.freeze)
    run = Run(options=options.Options())
    failure: BaseException | None = None
    try:
        run.result = _result_place(session, options.result_json(session.posargs))
        run.options = options.parse(session.posargs, session=session.name, plain=plain)
        run.junit = _junit_place(session, run)
        yield run
    except HandoffError as error:
        _stop(run, "Refused:", error.problems)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - told in the result, then raised again
        failure = _stopped(session, run, error)
    if run.result is not None:
        workspace = run.workspace
        document = result_document(
            mode=run.mode,
            commit=workspace.producer.commit if workspace else None,
            packet_path=run.packet,
            draft=run.draft,
            place=evidence.folder_path(workspace.work, workspace.producer.commit) if workspace else None,
            problems=run.problems,
            advisories=run.advisories,
            checks=run.checks,
        )
        try:
            evidence.write_result(run.result, document)
        except HandoffError as error:
            if failure is None:
                session.error(str(error))
    if failure is not None:
        with contextlib.suppress(Exception):
            _write_junit(session, run)
        # A mistake of ours: nox shows where.
        raise failure
    _write_junit(session, run)
    if run.interrupted:
        # Ends nox too: no further session starts.
        raise KeyboardInterrupt
    if run.problems:
        session.error(f"{len(run.problems)} problem{'s' if len(run.problems) > 1 else ''}")
    if why := screen.lost():
        session.error(why)


def _stop(run: Run, title: str, problems: Sequence[Problem]) -> None:
    """Show why a session goes no further, and note it for the result."""
    from handoff_tasks import screen

    for line in screen.findings(title, problems):
        screen.say(line)
        if run.options.run_file:
            # Of a lane that is all that anybody keeps.
            print(line, file=sys.stderr)  # noqa: T201
    run.problems = (*run.problems, *problems)
    # What was to be shown is not what became of it.
    run.view = None


def _stopped(session: Session, run: Run, error: BaseException) -> BaseException | None:
    """Tell what nobody has told: a git that fails, an interrupt, a mistake of ours. The last is returned, to be raised again."""
    from handoff_tasks import execute, gitcmd, masks
    from handoff_tasks.errors import Problem

    if isinstance(error, gitcmd.GitError):
        words = " ".join(error.command)
        message = f"git {words[:_MOST_OF_A_COMMAND]} ended with {error.status}: {gitcmd.reason(error.stderr)}"
        hint = "see that the disk has room and that nobody works in that folder meanwhile, then run again; 'git fsck' finds damage"
        _stop(run, "Refused:", [Problem(code="HP007", where=str(error.place or "git"), message=message, hint=hint)])
        return None
    if isinstance(error, KeyboardInterrupt | execute.Interrupted):
        run.interrupted = True
        name = error.name if isinstance(error, execute.Interrupted) else "SIGINT"
        message = f"the run was interrupted by {name}"
        _stop(run, "Interrupted:", [Problem(code="HP046", where=session.name, message=message, hint="run again")])
        return None
    said = masks.mask(f"{type(error).__name__}: {error}", masks.secrets(os.environ)).split("\n", 1)[0]
    message = f"stopped by what nobody expected: {said}"
    hint = "this is a mistake of the tool, not of the release: report it, with the lines above that say where it happened"
    _stop(run, "Unexpected:", [Problem(code="HP008", where=session.name, message=message, hint=hint)])
    return error


def _result_place(session: Session, path: Path | None) -> Path | None:
    """Return where the result belongs, the one of an earlier run removed: whatever happens, it shall not be taken for ours."""
    from handoff_tasks import evidence
    from handoff_tasks.errors import refusal

    if path is None:
        return None
    place = from_(session, path)
    if why := evidence.clear_place(place, "result", _is_result):
        raise refusal("HP001", "--result-json", why, "name another file; nothing was run")
    return place


def _is_result(data: bytes) -> bool:
    """Tell whether a file is the result of a run, and not one that only speaks of it."""
    from handoff_tasks.assemble import RESULT_CONTRACT

    try:
        # Its seconds are floats, so it is not for the strict reader.
        found = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("result_contract_version") == RESULT_CONTRACT


def _junit_place(session: Session, run: Run) -> Path | None:
    if run.options.junit is None:
        return None
    from handoff_tasks import reporting

    return reporting.junit_place(from_(session, run.options.junit), run.result)


def _write_junit(session: Session, run: Run) -> None:
    """Write the JUnit XML that was asked for, also of a run that was refused."""
    if run.junit is None:
        return
    from handoff_tasks import report, reporting
    from handoff_tasks.errors import HandoffError

    view = run.view or report.view(None, report.Source(session=session.name), run.problems, run.advisories)
    try:
        reporting.write_junit(view, run.junit)
    except HandoffError as error:
        session.error(str(error))


def from_(session: Session, path: Path) -> Path:
    """Return a path of the command line, relative to where nox was called; ``~`` is the user's home."""
    # Not Path.expanduser: that ends in a traceback for a ~name that nobody has.
    return Path(os.path.normpath(Path(session.invoked_from) / os.path.expanduser(path)))  # noqa: PTH111


def envdir(session: Session) -> Path:
    """Return the absolute path of the folder of nox's environments."""
    try:
        return Path(session.cache_dir).parent.absolute()
    except FileNotFoundError as error:
        # nox before 2026 makes one folder only.
        Path(str(error.filename)).parent.mkdir(parents=True, exist_ok=True)
        return Path(session.cache_dir).parent.absolute()


def bin_folder(envdir: Path, name: str) -> str:
    """Return where nox puts the programs of a session's environment: it gives one whose path is long a short name."""
    name = re.sub(r"-+", "-", name).strip("-")
    if len(str(envdir / name)) > 87 and len(str(envdir)) < 91:
        name = hashlib.sha1(name.encode("ascii"), usedforsecurity=False).hexdigest()[:8]
    return str(envdir / name / "bin")


def open_(session: Session, place: Place, run: Run, *, ref: str | None = None, to_run: bool = False) -> Workspace:
    """Choose the producer, if that was not done, and open its workspace at ``ref``, else at the commit that the options name.

    ``to_run`` tells that checks are to run there.
    """
    from handoff_tasks import producers, workspace

    work = _work(session, place, run.options)
    named = from_(session, run.options.producer_root) if run.options.producer_root else None
    run.producer = run.producer or producers.choose(place, run.options, named, work)
    root, profile_path = run.producer
    run.workspace = workspace.open_(
        root=root,
        ref=ref or run.options.ref,
        profile_path=profile_path,
        work=work,
        cache=_cache(session, run.options),
        to_run=to_run,
        # Its Rust flavour is verified with the profile of the service that it resembles, and is not that service.
        name=producers.SAMPLE_NAME if named is None and producers.takes_sample(place) else None,
    )
    return run.workspace


def _work(session: Session, place: Place, options: Options) -> Path:
    return from_(session, options.work_dir) if options.work_dir else place.noxfile.parent / ".handoff"


def _cache(session: Session, options: Options) -> Path:
    if options.cache_dir:
        return from_(session, options.cache_dir)
    import platformdirs

    return Path(platformdirs.user_cache_dir("handoff-tasks", appauthor=False))


def target_of(session: Session, run: Run, workspace: Workspace) -> Path:
    """Return where the packet belongs; neither result nor JUnit XML must lie there too, under whatever spelling."""
    from handoff_tasks import evidence
    from handoff_tasks.errors import refusal

    out_json = run.options.out_json
    target = from_(session, out_json) if out_json else workspace.producer.root / workspace.profile.packet_path
    place = evidence.resolved(target)
    if run.result and evidence.resolved(run.result) == place:
        run.result = None
        raise refusal("HP001", "--result-json", f"{target} is the packet's place", "name another file; nothing was run")
    if run.junit and evidence.resolved(run.junit) == place:
        run.junit = None
        raise refusal("HP110", "--junit", f"{target} is the packet's place", "name another file; nothing was run")
    return target
