"""Frame every session: parse options, report mistakes, write the result, set the exit code."""

from __future__ import annotations

import atexit
import contextlib
import errno
import gc
import hashlib
import json
import os
import re
import resource
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nox import Session

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.model import CheckResult
    from handoff_tasks.problems import Problem
    from handoff_tasks.release.choose_profile import VerifyRequest
    from handoff_tasks.report.view import View
    from handoff_tasks.sessions.options import Options
    from handoff_tasks.sessions.target import Place

_MOST_OF_A_COMMAND = 160
_FEWEST_FILES = 64


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
    # Whether the session runs all checks; `known` then returns what is known of them, once they may start.
    of_all: bool = False
    known: Callable[[], Sequence[CheckResult]] | None = None

    @property
    def again(self) -> str | None:
        """The option of this run that runs again what has passed."""
        return "--fresh" if self.options.fresh else "--rerun" if self.options.rerun else None


@contextlib.contextmanager
def framed(session: Session, *, plain: Sequence[str] = ()) -> Iterator[Run]:
    """Parse the options, show a user's mistakes without a traceback, write the result, end the session with the truth."""
    from handoff_tasks.checks import evidence, process
    from handoff_tasks.output import terminal
    from handoff_tasks.problems import HandoffError
    from handoff_tasks.release import result as release_result
    from handoff_tasks.release.result import result_document
    from handoff_tasks.sessions import options as sessions_options

    # At its exit Python would look through all that was loaded for what may be freed: 20 ms in each process of a run.
    atexit.register(gc.freeze)
    run = Run(options=sessions_options.Options())
    failure: BaseException | None = None
    try:
        run.result = _result_place(session, sessions_options.result_json(session.posargs))
        run.options = sessions_options.parse(session.posargs, session=session.name, plain=plain)
        run.junit = _junit_place(session, run)
        _require_files(session)
        # SIGTERM and SIGHUP too, wherever the session is: while it waits for a lock as well.
        with process.interruptible():
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
            release_result.write_result(run.result, document)
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
    if why := terminal.lost():
        session.error(why)


def _stop(run: Run, title: str, problems: Sequence[Problem]) -> None:
    """Show why a session goes no further, and note it for the result."""
    from handoff_tasks.output import terminal

    for line in terminal.findings(title, problems):
        terminal.say(line)
        if run.options.run_file:
            # Of a lane that is all that anybody keeps.
            print(line, file=sys.stderr)  # noqa: T201
    run.problems = (*run.problems, *problems)
    # What was to be shown is not what became of it.
    run.view = None


def _stopped(session: Session, run: Run, error: BaseException) -> BaseException | None:
    """Tell what nobody has told: a git that fails, an interrupt, a mistake of ours. The last is returned, to be raised again."""
    from handoff_tasks.checks import process
    from handoff_tasks.formats import redact
    from handoff_tasks.git import command
    from handoff_tasks.output import summary, terminal
    from handoff_tasks.problems import Problem, too_many_files

    if isinstance(error, command.GitError):
        words = " ".join(error.command)
        message = f"git {words[:_MOST_OF_A_COMMAND]} ended with {error.status}: {command.reason(error.stderr)}"
        hint = "see that the disk has room and that nobody works in that folder meanwhile, then run again; 'git fsck' finds damage"
        _stop(run, "Refused:", [Problem(code="HP007", where=str(error.place or "git"), message=message, hint=hint)])
        return None
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        _stop(run, "Refused:", too_many_files(session.name, error).problems)
        return None
    if isinstance(error, KeyboardInterrupt):
        name = error.name if isinstance(error, process.Interrupted) else "SIGINT"
        message = f"the run was interrupted by {name}"
        run.problems = (*run.problems, Problem(code="HP046", where=session.name, message=message, hint="run again"))
        run.interrupted, run.view = True, None
        if run.known is not None:
            with contextlib.suppress(Exception):
                run.checks = run.known()
        if run.of_all:
            terminal.say(summary.interrupted(run.checks, run.again))
        elif run.options.run_file is None:
            terminal.say("Interrupted. Run the same command again.")
        return None
    said = redact.mask(f"{type(error).__name__}: {error}", redact.secrets(os.environ)).split("\n", 1)[0]
    message = f"stopped by what nobody expected: {said}"
    hint = "this is a mistake of the tool, not of the release: report it, with the lines above that say where it happened"
    _stop(run, "Unexpected:", [Problem(code="HP008", where=session.name, message=message, hint=hint)])
    return error


def _require_files(session: Session) -> None:
    """Raise `HandoffError` (HP085) if this process may open fewer files than a run and its checks need."""
    from handoff_tasks.problems import RAISE_THE_LIMIT, refusal

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= limit < _FEWEST_FILES:
        message = f"this process may have {limit} open files; expected {_FEWEST_FILES} or more"
        raise refusal("HP085", session.name, message, RAISE_THE_LIMIT)


def _result_place(session: Session, path: Path | None) -> Path | None:
    """Return where the result belongs, the one of an earlier run removed: whatever happens, it shall not be taken for ours."""
    from handoff_tasks import files
    from handoff_tasks.problems import refusal

    if path is None:
        return None
    place = from_(session, path)
    if why := files.clear_place(place, "result", _is_result):
        raise refusal("HP001", "--result-json", why, "name another file; nothing was run")
    return place


def _is_result(data: bytes) -> bool:
    """Tell whether a file is the result of a run, and not one that only speaks of it."""
    from handoff_tasks.release.result import RESULT_CONTRACT

    try:
        # Its seconds are floats, so it is not for the strict reader.
        found = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("result_contract_version") == RESULT_CONTRACT


def _junit_place(session: Session, run: Run) -> Path | None:
    if run.options.junit is None:
        return None
    from handoff_tasks.output import report_files

    return report_files.junit_place(from_(session, run.options.junit), run.result)


def _write_junit(session: Session, run: Run) -> None:
    """Write the JUnit XML that was asked for, also of a run that was refused."""
    if run.junit is None:
        return
    from handoff_tasks.output import report_files
    from handoff_tasks.problems import HandoffError
    from handoff_tasks.report import view as report_view

    view = run.view or report_view.view(None, report_view.Source(session=session.name), run.problems, run.advisories)
    try:
        report_files.write_junit(view, run.junit)
    except HandoffError as error:
        session.error(str(error))


def from_(session: Session, path: Path) -> Path:
    """Return a path of the command line, relative to where nox was called; ``~`` is the user's home."""
    # Not Path.expanduser: that ends in a traceback for a ~name that nobody has.
    return Path(os.path.normpath(Path(session.invoked_from) / os.path.expanduser(path)))  # noqa: PTH111


def verify_command(session: Session, place: Place, run: Run, packet: Path) -> str:
    """Return the command that verifies a packet of this run, to be pasted where nox was called."""
    import shlex

    from handoff_tasks.sessions import target as sessions_target

    assert run.producer is not None
    here = Path(session.invoked_from)
    noxfile = [] if place.noxfile == here / "noxfile.py" else ["--noxfile", _seen_from(here, place.noxfile)]
    chosen = sessions_target.words(place, run.options, run.producer[1])
    return shlex.join(["nox", *noxfile, "-s", "handoff-verify", "--", *chosen, _seen_from(here, packet)])


def _seen_from(folder: Path, path: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def envdir(session: Session) -> Path:
    """Return the absolute path of the folder of nox's environments.

    Raises `HandoffError` (HP084) if its name is not UTF-8: no environment can be made there.
    """
    try:
        place = Path(session.cache_dir).parent.absolute()
    except FileNotFoundError as error:
        # nox before 2026 makes one folder only.
        Path(str(error.filename)).parent.mkdir(parents=True, exist_ok=True)
        place = Path(session.cache_dir).parent.absolute()
    try:
        str(place).encode()
    except UnicodeEncodeError:
        from handoff_tasks.problems import refusal

        message = "the path is not UTF-8, so no environment for a check can be made there"
        raise refusal("HP084", str(place), message, "name another folder to nox: nox --envdir FOLDER") from None
    return place


def bin_folder(envdir: Path, name: str) -> str:
    """Return where nox puts the programs of a session's environment: it gives one whose path is long a short name."""
    name = re.sub(r"-+", "-", name).strip("-")
    if len(str(envdir / name)) > 87 and len(str(envdir)) < 91:
        name = hashlib.sha1(name.encode("ascii"), usedforsecurity=False).hexdigest()[:8]
    return str(envdir / name / "bin")


def asked(session: Session, place: Place, run: Run) -> VerifyRequest:
    """Choose the producer, if that was not done; return it with what is needed to open it and read."""
    from handoff_tasks.release.choose_profile import VerifyRequest
    from handoff_tasks.sessions import target as sessions_target

    work = _work(session, place, run.options)
    named = from_(session, run.options.producer_root) if run.options.producer_root else None
    run.producer = run.producer or sessions_target.choose(place, run.options, named, work)
    root, profile_path = run.producer
    return VerifyRequest(
        root=root,
        profile_path=profile_path,
        option=run.options.profile,
        work=work,
        cache=_cache(session, run.options),
    )


def open_(session: Session, place: Place, run: Run, *, ref: str | None = None, to_run: bool = False) -> Workspace:
    """Choose the producer, if that was not done, and open its workspace at ``ref``, else at the commit that the options name.

    ``to_run`` tells that checks are to run there.
    """
    from handoff_tasks.git import workspace as git_workspace
    from handoff_tasks.sessions import target as sessions_target

    work = _work(session, place, run.options)
    named = from_(session, run.options.producer_root) if run.options.producer_root else None
    run.producer = run.producer or sessions_target.choose(place, run.options, named, work)
    root, profile_path = run.producer
    run.workspace = git_workspace.open_(
        root=root,
        ref=ref or run.options.ref,
        profile_path=profile_path,
        work=work,
        cache=_cache(session, run.options),
        to_run=to_run,
    )
    return run.workspace


def _work(session: Session, place: Place, options: Options) -> Path:
    """Return the work folder: the one that is named, else ``.handoff`` beside the noxfile, which must not be a link (HP083)."""
    if options.work_dir:
        return from_(session, options.work_dir)
    work = place.noxfile.parent / ".handoff"
    if work.is_symlink():
        from handoff_tasks import files

        hint = "move it away, or name the folder with --work-dir"
        raise files.foreign(work, "is a symbolic link; expected a folder, or nothing", hint)
    return work


def _cache(session: Session, options: Options) -> Path:
    if options.cache_dir:
        return from_(session, options.cache_dir)
    return default_cache()


def default_cache() -> Path:
    """Return the folder of the private checkouts, made if it is not there.

    It is the user's cache folder, unless a name in its path begins with a dot, as on Linux: many web servers and test suites
    serve no file below such a folder. Then it is a folder in the home folder. Neither a folder for temporary files (it is emptied,
    and other users may write above the checkout) nor one for all users will do.

    Raises `HandoffError` (HP036) if other users could change what is in it, HP080 if it cannot be made.
    """
    import platformdirs

    from handoff_tasks.problems import refusal, unwritable

    place = Path(platformdirs.user_cache_dir("handoff-tasks", appauthor=False))
    if any(part.startswith(".") for part in place.parts):
        place = Path.home() / "handoff-cache"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            place.mkdir(mode=0o700)
        status = place.lstat()
    except OSError as error:
        raise unwritable(place, error) from None
    if not stat.S_ISDIR(status.st_mode):
        why = "is a link" if stat.S_ISLNK(status.st_mode) else "is a file"
    elif status.st_uid != os.getuid():
        why = f"belongs to user {status.st_uid}, not to you (user {os.getuid()})"
    elif status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        why = f"can be written to by other users (mode {stat.S_IMODE(status.st_mode):04o})"
    else:
        return place
    hint = "move it away, or name another folder with --cache-dir"
    raise refusal("HP036", str(place), f"{why}; expected a folder that only you can write to", hint)


def target_of(session: Session, run: Run, workspace: Workspace) -> Path:
    """Return where the packet belongs; neither result nor JUnit XML must lie there too, under whatever spelling."""
    from handoff_tasks import files
    from handoff_tasks.problems import refusal

    out_json = run.options.out_json
    target = from_(session, out_json) if out_json else workspace.producer.root / workspace.profile.packet_path
    place = files.resolve_parent(target)
    if run.result and files.resolve_parent(run.result) == place:
        run.result = None
        raise refusal("HP001", "--result-json", f"{target} is the packet's place", "name another file; nothing was run")
    if run.junit and files.resolve_parent(run.junit) == place:
        run.junit = None
        raise refusal("HP110", "--junit", f"{target} is the packet's place", "name another file; nothing was run")
    return target
