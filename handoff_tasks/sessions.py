"""The nox sessions: registered by one explicit call, nothing happens at import.

Each session reads its options, opens the workspace, hands over to the steps and prints what they say. No rule, no format and no
git here. nox itself is handed in, and heavy imports wait until a session runs, so that listing sessions costs next to nothing.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import secrets
import shutil
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks import impact_draft, packet_sessions, producers, running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from nox import Session

    from handoff_tasks.assemble import Material
    from handoff_tasks.errors import Problem
    from handoff_tasks.explain import Prospect
    from handoff_tasks.gitrepo import Producer
    from handoff_tasks.options import Options
    from handoff_tasks.producers import Place
    from handoff_tasks.profile import Check, Mode
    from handoff_tasks.running import Run
    from handoff_tasks.verify import Settings
    from handoff_tasks.workspace import Workspace


# In an environment that nox has made to its end.
_MADE = "handoff-made.txt"


def register(nox: ModuleType, noxfile: str | Path, profile: str | Path = producers.DEFAULT_PROFILE) -> None:
    """Register the handoff sessions of one producer with ``nox``.

    ``noxfile`` is the noxfile's ``__file__``: its folder is the producer's root when it holds a manifest, and the place of the work
    folder. ``profile`` is the name of a built-in profile or the path of a TOML file, relative to the noxfile. A profile that cannot
    be read ends nox with every mistake in it, and so does a session name that is taken: nox itself would override the first.

    Where a run without words takes the embedded sample, there are sessions for the checks of all its flavours, and the tag
    ``verify`` is for those of the flavour that suits the machine.
    """
    logging.getLogger("nox").addFilter(_is_of_use)
    place = producers.place_of(Path(noxfile).resolve(), profile)
    taken = set(nox.registry.get())

    def add(name: str, doc: str, body: Callable[[Session], None], *, tags: Sequence[str], isolated: bool = False) -> None:
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
        nox.session(name=name, default=False, reuse_venv=True, tags=list(tags), **backend)(session_function)

    for name, session in place.outline.modes.items():
        add(
            session,
            f"All checks on one commit, then the {name} packet: validated and published, or a NO-GO draft.",
            functools.partial(_handoff, place=place, mode_name=name),
            tags=["handoff"],
        )
    add(
        "handoff-init",
        "Write the first profile and noxfile of a repository, from what is found there: -- PATH.",
        _init,
        tags=["handoff"],
    )
    add(
        "handoff-explain",
        "What a check would run and why, and what its evidence says now: -- CHECK.",
        functools.partial(_explain, place=place),
        tags=["handoff"],
    )
    checks, tagged = producers.checks(place)
    for check, title in checks.items():
        add(
            f"verify-{check}",
            f"Check alone, with its evidence: {title}.",
            functools.partial(_verify, place=place, check_id=check),
            tags=["verify"] if check in tagged else [],
            isolated=True,
        )
    add(
        "pre-release",
        "All checks and the rules of every mode; publishes nothing.",
        functools.partial(_handoff, place=place, mode_name=None),
        tags=["handoff"],
    )
    add(
        "impact-draft",
        "The consumer impact statement with all that git knows, and its evidence; writes nothing.",
        functools.partial(impact_draft.draft, place=place),
        tags=["handoff"],
    )
    add(
        "handoff-assemble",
        "The final step alone, from the evidence there is, or from folders of it: -- --mode MODE [--evidence DIR].",
        functools.partial(_assemble, place=place),
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
    from handoff_tasks import options, screen

    if not options.asks_for_help(session.posargs):
        return False
    for line in options.help_lines(session.name, doc):
        screen.say(line, wrap=False)
    return True


def _is_of_use(record: logging.LogRecord) -> bool:
    """Return whether a line of nox's says something: that there is no uv does not, since virtualenv makes the environments then."""
    return record.getMessage() != "uv binary not found."


def _init(session: Session) -> None:
    with running.framed(session, plain=("PATH",)) as run:
        from handoff_tasks import init, screen

        root = running.from_(session, Path(run.options.plain[0]))
        for line in init.lines(init.start(root, dry_run=run.options.dry_run), root):
            # Files and a command to be copied.
            screen.say(line, wrap=False)


def _verify(session: Session, place: Place, check_id: str) -> None:
    with running.framed(session) as run:
        from handoff_tasks import checkout, evidence, files, installers, rules, screen, verify
        from handoff_tasks.errors import refusal
        from handoff_tasks.model import Outcome
        from handoff_tasks.workspace import take_over

        bin_folder = next(iter(session.bin_paths or ()), None)
        if bin_folder is None:
            raise refusal(
                "HP003",
                session.name,
                "the session has no environment of its own (--no-venv, or the backend 'none')",
                "run it without --no-venv",
            )
        # nox has made the environment to its end.
        files.write(Path(bin_folder).parent / _MADE, b"", sync=False)
        run_name = ""
        if run.options.run_file:
            workspace, run_name = take_over(run.options.run_file)
            run.workspace = workspace
        else:
            workspace = running.open_(session, place, run, to_run=True)
        check = workspace.profile.check(check_id)
        if run.options.dry_run:
            prospects = _prospects(session, run, workspace, [check])
            run.problems = _foreseen(session, run, prospects, again=True)
            run.advisories = workspace.notes
            for line in _advised(run.advisories):
                screen.say(line)
            screen.say("Nothing was run.")
            return
        specs = [workspace.profile.tools[name] for name in check.tools]
        installed = installers.install(session, specs, bin_folder, os.environ)
        settings = verify.Settings(
            bin_folder=bin_folder,
            timeout=run.options.timeout,
            toolchain=run.options.toolchain,
            run=run_name,
            caller=os.environ,
            not_installed=installed.failures,
            installation=installed.report,
        )
        # A check forgets what is known of it before it runs. In a run of all the lock is the handoff's.
        alone = not run.options.run_file
        with (
            checkout.held(evidence.lock_path(workspace.work), "the work folder", shared=True) if alone else contextlib.nullcontext()
        ):
            record = verify.run_check(workspace, check, settings)
        result = rules.judge_evidence(check, record, workspace.binding(check))
        run.checks, run.problems = [result], rules.check_problems([result], workspace.profile, str(workspace.wanted("").tree))
        run.advisories = workspace.notes
        run.interrupted = record.outcome is Outcome.INTERRUPTED


def _handoff(session: Session, place: Place, mode_name: str | None) -> None:  # noqa: PLR0915 - one story, from options to end
    """Run all checks, then decide: one mode and publish, or every mode and publish nothing (``mode_name`` None)."""
    with running.framed(session) as run:
        from handoff_tasks import assemble, checkout, end_screen, evidence, resume, screen
        from handoff_tasks.errors import HandoffError, Problem

        options = run.options
        run.mode, run.of_all = mode_name, True
        _agree(options, mode_name)
        workspace = running.open_(session, place, run, to_run=True)
        modes = [workspace.profile.mode(mode_name)] if mode_name else list(workspace.profile.modes)
        allow_untagged = options.allow_untagged or mode_name is None
        statement = running.from_(session, options.impact) if options.impact else None
        named = running.target_of(session, run, workspace)
        target = named if mode_name else None
        if target and (found := evidence.check_target(target, workspace.producer.git_dir, workspace.producer.top)):
            raise HandoffError(found)
        verify = running.verify_command(session, place, run, named)
        material = assemble.gather(workspace, statement)
        here = Path(session.invoked_from)
        # The statement to fill in stands here too: its problems point to it, and the end of the run is minutes away.
        for line in [*end_screen.start(session.name, workspace, material, here), *end_screen.block(workspace, material)]:
            screen.say(line)
        known = assemble.known_problems(workspace, material, allow_untagged=allow_untagged)
        goes_on = "they stop this run" if options.stop_early else "they run all the same"
        for line in screen.findings(f"Known before any check has run ({goes_on}):", known):
            screen.say(line)
        if options.dry_run:
            _look_ahead(session, run, workspace, known, material.notes, target)
            return
        if known and options.stop_early:
            with checkout.held(evidence.lock_path(workspace.work), "the work folder", say=screen.say):
                run.checks = assemble.not_run(workspace)
                _finish(run, workspace, material, modes, target, here, allow_untagged=allow_untagged, verify=verify, ran=False)
            return
        if known:
            screen.say("This run cannot end with GO. To save it, press Ctrl-C and fix this first; --stop-early does so by itself")
        with (
            checkout.held(evidence.lock_path(workspace.work), "the work folder", say=screen.say),
            checkout.held(workspace.base / "run.lock", "the private checkout", say=screen.say),
        ):
            wanted, envdir = workspace.wanted(secrets.token_hex(8)), running.envdir(session)
            if options.fresh:
                checkout.clear(wanted, screen.say)
                _clear_environments(workspace.profile.checks, envdir)
            checkout.prepare(wanted, screen.say)
            settings = functools.partial(_settings, options=options, envdir=envdir, run=wanted.run)
            kept = resume.kept(workspace, settings, screen.say) if not (options.fresh or options.rerun) else frozenset()
            run.known = functools.partial(assemble.results, workspace, kept)
            stopped = _fan_out(workspace, kept, wanted.run, place.noxfile, envdir, options)
            run.interrupted = stopped is not None
            more = []
            if workspace.asked_again().tags != workspace.producer.tags:
                before = workspace.producer
                workspace = running.open_(session, place, run, ref=before.commit, to_run=True)
                more = _moved(material.facts.tag_name, before, workspace.producer)
                material = assemble.gather(workspace, statement)
            if stopped:
                message = f"the run was interrupted by {stopped}"
                more.append(Problem(code="HP046", where=session.name, message=message, hint="run again"))
            run.checks = assemble.results(workspace, kept)
            _finish(run, workspace, material, modes, target, here, allow_untagged=allow_untagged, more=more, verify=verify)


def _look_ahead(
    session: Session, run: Run, workspace: Workspace, known: Sequence[Problem], notes: Sequence[Problem], target: Path | None
) -> None:
    """Print what the run would do, and run nothing."""
    from handoff_tasks import screen

    prospects = _prospects(session, run, workspace, workspace.profile.checks)
    run.problems = [*known, *_foreseen(session, run, prospects, again=run.again is not None)]
    run.advisories = notes
    for line in _advised(notes):
        screen.say(line)
    then = f"be published at {screen.near(target, Path(session.invoked_from))}" if target else "be found good, and not be published"
    screen.say(
        f"Nothing was run. Known already: {len(run.problems)} problem{'s' * (len(run.problems) > 1)}, so no packet"
        if run.problems
        else f"Nothing was run. If every check passes, the packet would {then}"
    )


def _moved(tag: str, before: Producer, now: Producer) -> list[Problem]:
    """Return a problem if the release's tag is not what it was before the checks ran."""
    from handoff_tasks.errors import Problem

    if tag not in before.tags or now.tags.get(tag) == before.tags[tag]:
        return []
    message, hint = "the tag moved while the checks ran", "find out who moved it, then run again"
    return [Problem(code="HP058", where=f"tag {tag}", message=message, hint=hint)]


def _clear_unfinished(checks: Sequence[Check], envdir: Path) -> None:
    """Remove the environments that nox was making when it was ended: it would take half of one for a whole one."""
    made = [Path(running.bin_folder(envdir, check.session)).parent / _MADE for check in checks]
    _clear_environments([check for check, marker in zip(checks, made, strict=True) if not marker.exists()], envdir)


def _clear_environments(checks: Sequence[Check], envdir: Path) -> None:
    """Remove the environments of the checks: their programs come first on PATH, and an earlier check may have put one there."""
    for check in checks:
        environment = Path(running.bin_folder(envdir, check.session)).parent
        if environment.is_symlink() or environment.is_file():
            environment.unlink()
        elif environment.is_dir():
            shutil.rmtree(environment)


def _prospects(session: Session, run: Run, workspace: Workspace, checks: Sequence[Check]) -> list[Prospect]:
    """Return how checks would run now; the private checkout holds the commit afterwards."""
    from handoff_tasks import checkout, explain, screen

    envdir = running.envdir(session)
    with checkout.held(workspace.base / "run.lock", "the private checkout"):
        checkout.prepare(workspace.wanted(""), screen.say)
        return [
            explain.prospect(workspace, check, _settings(check, options=run.options, envdir=envdir, run="")) for check in checks
        ]


def _foreseen(session: Session, run: Run, prospects: Sequence[Prospect], *, again: bool) -> list[Problem]:
    """Print what a run would do, and return why checks could not run now; ``again``: what has passed is not kept."""
    from handoff_tasks import explain, fanout, screen

    lanes = fanout.plan([one.check for one in prospects if again or not one.kept], run.options.jobs or default_jobs())
    found = explain.problems(prospects)
    for line in [
        "",
        f"{session.name} would run",
        *explain.plan(lanes, [] if again else prospects),
        "",
        *explain.table(prospects),
        *screen.findings("What would stop it:", found),
        "",
    ]:
        screen.say(line)
    return found


def _advised(advisories: Sequence[Problem]) -> list[str]:
    """Return the advisories of a run that stops before its end, as lines."""
    from handoff_tasks import screen

    return [*screen.findings("Advisories:", advisories)[1:], ""] if advisories else []


def _explain(session: Session, place: Place) -> None:
    """Print what a check would run and why; without a word, a line for each."""
    with running.framed(session, plain=("[CHECK]",)) as run:
        from handoff_tasks import explain, harmless, screen

        workspace = running.open_(session, place, run, to_run=True)
        name = run.options.plain[0].removeprefix("verify-")
        checks = [workspace.profile.check(name)] if name else workspace.profile.checks
        prospects = _prospects(session, run, workspace, checks)
        settings = _settings(checks[0], options=run.options, envdir=running.envdir(session), run="")
        for line in explain.lines(prospects[0], workspace, settings) if name else explain.table(prospects):
            screen.say(harmless.printable(line))


def _settings(check: Check, *, options: Options, envdir: Path, run: str) -> Settings:
    """Return what a check would run with in its own session."""
    from handoff_tasks import verify

    return verify.Settings(
        bin_folder=running.bin_folder(envdir, check.session),
        timeout=options.timeout,
        toolchain=options.toolchain,
        run=run,
        caller=os.environ,
        not_installed={},
    )


def _fan_out(workspace: Workspace, kept: frozenset[str], run: str, noxfile: Path, envdir: Path, options: Options) -> str | None:
    """Run the checks that are not kept in nox processes of their own; return the signal that interrupted us, if one did."""
    from handoff_tasks import board, evidence, fanout, screen
    from handoff_tasks.workspace import hand_over

    checks = [check for check in workspace.profile.checks if check.id not in kept]
    if not checks:
        return None

    folder = evidence.folder(workspace.work, workspace.producer.commit)
    run_file = workspace.base / f"run-{run}.json"
    # The run lock is ours: these are of runs that were killed.
    for stale in workspace.base.glob("run-*.json"):
        _clear_unfinished(checks, envdir)
        stale.unlink(missing_ok=True)
    hand_over(workspace, run, run_file)
    for check in checks:
        evidence.forget(folder, check.id)
    for chatter in folder.glob("lane-*.nox.log"):
        chatter.unlink()
    seen = board.board(folder, [check.id for check in workspace.profile.checks], kept)
    threading.Thread(target=_preload, daemon=True).start()
    stopped: str | None = "an error"
    try:
        stopped = fanout.run(
            fanout.plan(checks, options.jobs or default_jobs()),
            noxfile=noxfile,
            envdir=envdir,
            words=_words(options, run_file),
            chatter=folder,
            say=screen.say,
            look=None if options.show_output else seen.look,
        )
    finally:
        if not options.show_output:
            seen.close()
        if stopped:
            _clear_unfinished(checks, envdir)
        # A lane that outlives us finds no run to go on with.
        run_file.unlink(missing_ok=True)
    return stopped


def _preload() -> None:
    """Import what the end of a run needs while its checks run: it takes as long as many a check."""
    from handoff_tasks import report_html, reporting  # noqa: F401 - the import is all that is wanted

    report_html.template()


def _agree(options: Options, mode_name: str | None) -> None:
    """Refuse a --mode that contradicts the session."""
    from handoff_tasks.errors import refusal

    if options.mode is not None and options.mode != mode_name:
        expected = f"--mode {mode_name}, or none" if mode_name else "none: this session looks at every mode"
        raise refusal(
            "HP001", "--mode", f"found {options.mode}; expected {expected}", "call the session of that mode; nothing was run"
        )


def default_jobs() -> int:
    """Return how many checks run at once when nobody says: a cold build fills the processors, a warm one leaves room."""
    return min(3, os.cpu_count() or 1)


def _words(options: Options, run_file: Path) -> list[str]:
    """Return the words after ``--`` for the checks of a run."""
    words = ["--run-file", str(run_file)]
    for flag, value in (("--timeout", options.timeout), ("--toolchain", options.toolchain)):
        words += [flag, str(value)] if value else []
    return words


def _finish(
    run: Run,
    workspace: Workspace,
    material: Material,
    modes: Sequence[Mode],
    target: Path | None,
    here: Path,
    *,
    allow_untagged: bool,
    more: Sequence[Problem] = (),
    verify: str,
    ran: bool = True,
) -> None:
    """Decide each mode, publish the packet of the one (with ``target``) or leave drafts, and print the end of the run.

    ``verify`` is the command that verifies the packet, for the report. An interrupted run prints one line. With ``ran`` False the
    run stopped before any check.
    """
    from handoff_tasks import assemble, end_screen, reporting, screen

    decisions = [
        assemble.decide(workspace, material, run.checks, mode, allow_untagged=allow_untagged, more=more, ran=ran) for mode in modes
    ]
    run.problems = sorted({problem for decision in decisions for problem in decision.problems})
    run.advisories = sorted({*material.notes, *(advisory for decision in decisions for advisory in decision.advisories)})
    if run.mode is None:
        # That nothing is left to rehearse matters to those who asked for the rehearsal.
        run.advisories = [advisory for advisory in run.advisories if advisory.code != "HA010"]
    digest = ""
    if run.problems:
        drafts = [assemble.write_draft(workspace, decision) for decision in decisions]
        run.draft = drafts[0]
    else:
        for mode in workspace.profile.modes:
            assemble.draft_path(workspace, mode.name).unlink(missing_ok=True)
        if target is not None:
            producer = workspace.producer
            digest = assemble.publish(decisions[0], target, producer.git_dir, producer.top)
            run.packet = target
    run.view = reporting.view_of(
        workspace,
        material,
        run.checks,
        decisions,
        problems=run.problems,
        advisories=run.advisories,
        published=run.packet,
        digest=digest,
        draft=run.draft,
        verify=verify,
    )
    page, unwritten = reporting.write(run.view, workspace, run.mode)
    run.advisories = sorted({*run.advisories, *unwritten})
    if run.interrupted:
        screen.say(end_screen.interrupted(run.checks, run.again))
        return
    ended = end_screen.Ended(
        checks=run.checks,
        problems=run.problems,
        advisories=run.advisories,
        decisions=decisions,
        draft=run.draft,
        target=target,
        digest=digest,
        here=here,
        report=page,
        ran=ran,
    )
    for line in end_screen.end(ended, workspace, material):
        screen.say(line)
    for line in reporting.marks(run.problems, run.advisories, workspace):
        screen.command(line)


def _assemble(session: Session, place: Place) -> None:
    with running.framed(session) as run:
        from handoff_tasks import assemble, checkout, end_screen, evidence, screen
        from handoff_tasks.errors import refusal

        if run.options.mode is None:
            raise refusal("HP001", "--mode", "missing; expected the mode to assemble", "say -- --mode stable, or another mode")
        run.mode = run.options.mode
        workspace = running.open_(session, place, run)
        mode = workspace.profile.mode(run.mode)
        material = assemble.gather(workspace, running.from_(session, run.options.impact) if run.options.impact else None)
        for line in end_screen.start(session.name, workspace, material, Path(session.invoked_from)):
            screen.say(line)
        # Else the statement to fill in is part of the end, which follows at once, unless not even a draft can be made.
        if run.options.dry_run or material.manifest.service_version not in workspace.profile.envelope_policies:
            for line in end_screen.block(workspace, material):
                screen.say(line)
        if run.options.dry_run:
            checks = assemble.results(workspace)
            decided = assemble.decide(workspace, material, checks, mode, allow_untagged=run.options.allow_untagged)
            run.problems = decided.problems
            run.advisories = sorted({*material.notes, *decided.advisories})
            found = screen.findings("Problems:", decided.problems)
            for line in ["", *screen.checks(checks), *found, "", *_advised(run.advisories)]:
                screen.say(line)
            screen.say(f"Nothing was written. The packet would {'not ' if decided.problems else ''}be published")
            return
        with checkout.held(evidence.lock_path(workspace.work), "the work folder"):
            target = running.target_of(session, run, workspace)
            more = assemble.take_in(workspace, [running.from_(session, given) for given in run.options.evidence])
            run.checks = assemble.results(workspace)
            again = running.verify_command(session, place, run, target)
            _finish(
                run,
                workspace,
                material,
                [mode],
                target,
                Path(session.invoked_from),
                allow_untagged=run.options.allow_untagged,
                more=more,
                verify=again,
            )
