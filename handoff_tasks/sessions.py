"""The nox sessions: registered by one explicit call, nothing happens at import.

Each session reads its options, opens the workspace, hands over to the steps and prints what they say. No rule, no format and no
git here. nox itself is handed in, and heavy imports wait until a session runs, so that listing sessions costs next to nothing.
"""

from __future__ import annotations

import contextlib
import functools
import os
import secrets
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import ModuleType

    from nox import Session

    from handoff_tasks.assemble import Material
    from handoff_tasks.errors import Problem
    from handoff_tasks.model import CheckResult
    from handoff_tasks.options import Options
    from handoff_tasks.profile import Check, Mode
    from handoff_tasks.workspace import Workspace

DEFAULT_PROFILE = "memorykernel"
_SAMPLE_PROFILES = {"rust": DEFAULT_PROFILE, "python": "sample-python"}
_SAMPLE_FOLDERS = {"rust": "sample-producer", "python": "sample-producer-python"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outline:
    """What sessions are made of: names with what is said of each, and the manifest's path."""

    modes: dict[str, str]
    checks: dict[str, str]
    manifest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the sessions were registered: the noxfile and the profile's file; the profile's name when it is a built-in one."""

    noxfile: Path
    profile_path: Path
    built_in: str | None
    outline: _Outline


def register(nox: ModuleType, noxfile: str | Path, profile: str | Path = DEFAULT_PROFILE) -> None:
    """Register the handoff sessions of one producer with ``nox``.

    ``noxfile`` is the noxfile's ``__file__``: its folder is the producer's root when it holds a manifest, and the place of the work
    folder. ``profile`` is the name of a built-in profile or the path of a TOML file, relative to the noxfile. A profile that cannot
    be read ends nox with every mistake in it, and so does a session name that is taken: nox itself would override the first.

    Where a run without words takes the embedded sample, there are sessions for the checks of all its flavours, and the tag
    ``verify`` is for those of the flavour that suits the machine.
    """
    place = _place(Path(noxfile).resolve(), profile)
    taken = nox.registry.get()

    def add(name: str, doc: str, body: Callable[[Session], None], *, tags: Sequence[str], isolated: bool = False) -> None:
        def session_function(session: Session) -> None:
            body(session)

        if name in taken:
            sys.exit(
                f"HP031 {noxfile}: there is a session {name} already; expected the name to be free for the handoff\n"
                "      next: rename the other one, or register the handoff sessions once only"
            )
        session_function.__doc__ = doc
        backend = {} if isolated else {"venv_backend": "none"}
        nox.session(name=name, default=False, reuse_venv=True, tags=list(tags), **backend)(session_function)

    for name, session in place.outline.modes.items():
        add(
            session,
            f"All checks on one commit, then the {name} packet: validated and published, or a NO-GO draft.",
            functools.partial(_handoff, place=place, mode_name=name),
            tags=["handoff"],
        )
    checks, tagged = _checks(place)
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
        "handoff-assemble",
        "The final step alone, from the evidence there is: -- --mode MODE.",
        functools.partial(_assemble, place=place),
        tags=["handoff"],
    )
    add(
        "handoff-verify",
        "Schema and rules on a packet's bytes, with a producer's root also against git: -- PACKET.",
        functools.partial(_verify_packet, place=place),
        tags=["handoff"],
    )


def _place(noxfile: Path, profile: str | Path) -> _Place:
    from handoff_tasks import resources

    built_in = resources.profiles()
    if isinstance(profile, str) and profile in built_in:
        path = built_in[profile]
        return _Place(noxfile=noxfile, profile_path=path, built_in=profile, outline=_outline(path))
    path = noxfile.parent / profile
    if not path.is_file():
        sys.exit(
            f"HP030 {path}: no such profile; expected a file, or a built-in one: {', '.join(built_in)}\n"
            f"      next: correct the name in {noxfile}"
        )
    return _Place(noxfile=noxfile, profile_path=path, built_in=None, outline=_outline(path))


def _checks(place: _Place) -> tuple[dict[str, str], set[str]]:
    """Return the checks to register, name to title, and those among them that the tag ``verify`` is for."""
    checks = dict(place.outline.checks)
    tagged = set(checks)
    if _takes_sample(place):
        here = _flavour_here()
        for flavour, path in _sample_profiles().items():
            others = place.outline.checks if path == place.profile_path else _outline(path).checks
            checks |= {check: title for check, title in others.items() if check not in checks}
            if flavour == here:
                tagged = set(others)
    return checks, tagged


def _outline(profile_path: Path) -> _Outline:
    """Return the names in a profile: cheap, since listing sessions must be; a run parses the profile in full."""
    try:
        document = tomllib.loads(profile_path.read_text("utf-8"))
        return _Outline(
            modes={_text(mode["name"]): _text(mode["session"]) for mode in document["modes"]},
            checks={_text(check["id"]): _text(check["title"]) for check in document["checks"]},
            manifest=_text(document["paths"]["manifest"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        from handoff_tasks import profile, resources
        from handoff_tasks.errors import HandoffError

        try:
            profile.parse(profile_path.read_bytes(), str(profile_path), resources.schema(resources.PROFILE))
        except (HandoffError, OSError) as error:
            sys.exit(str(error))
        raise


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


@dataclass(slots=True, kw_only=True)
class _Run:
    """What a session has found so far; written to the result file when the session ends, however it ends.

    ``producer`` is the producer's root and its profile, once they are chosen.
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
    interrupted: bool = False


@contextlib.contextmanager
def _running(session: Session, *, packet: bool = False) -> Iterator[_Run]:
    """Parse the options, show a user's mistakes without a traceback, write the result, end the session with the truth."""
    from handoff_tasks import evidence, options, screen
    from handoff_tasks.assemble import result_document
    from handoff_tasks.errors import HandoffError

    run = _Run(options=options.Options())
    try:
        run.result = _result_place(session, options.result_json(session.posargs))
        run.options = options.parse(session.posargs, session=session.name, packet=packet)
        yield run
    except HandoffError as error:
        for line in screen.findings("Refused:", error.problems):
            screen.say(line)
        run.problems = (*run.problems, *error.problems)
    if run.result is not None:
        workspace = run.workspace
        document = result_document(
            mode=run.mode,
            commit=workspace.producer.commit if workspace else None,
            packet_path=run.packet,
            draft=run.draft,
            place=evidence.folder(workspace.work, workspace.producer.commit) if workspace else None,
            problems=run.problems,
            advisories=run.advisories,
            checks=run.checks,
        )
        try:
            evidence.write_result(run.result, document)
        except HandoffError as error:
            session.error(str(error))
    if run.interrupted:
        # Ends nox too: no further session starts.
        raise KeyboardInterrupt
    if run.problems:
        session.error(f"{len(run.problems)} problem{'s' if len(run.problems) > 1 else ''}")


def _result_place(session: Session, path: Path | None) -> Path | None:
    """Return where the result belongs, the one of an earlier run removed: whatever happens, it shall not be taken for ours."""
    from handoff_tasks import evidence
    from handoff_tasks.errors import refusal

    if path is None:
        return None
    place = _from(session, path)
    try:
        if place.exists():
            if b'"result_contract_version"' not in place.read_bytes()[:4096]:
                message = f"{place} is there already and is no result of a run; expected a file of its own"
                raise refusal("HP001", "--result-json", message, "name another file; nothing was run")
            place.unlink()
    except OSError as error:
        raise evidence.unwritable(place, error) from None
    return place


def _from(session: Session, path: Path) -> Path:
    """Return a path of the command line, relative to where nox was called; ``~`` is the user's home."""
    # Not Path.expanduser: that ends in a traceback for a ~name that nobody has.
    return Path(os.path.normpath(Path(session.invoked_from) / os.path.expanduser(path)))  # noqa: PTH111


def _envdir(session: Session) -> Path:
    """Return the folder of nox's environments."""
    try:
        return Path(session.cache_dir).parent
    except FileNotFoundError as error:
        # nox before 2026 makes one folder only.
        Path(str(error.filename)).parent.mkdir(parents=True, exist_ok=True)
        return Path(session.cache_dir).parent


def _open(session: Session, place: _Place, run: _Run, *, ref: str | None = None) -> Workspace:
    from handoff_tasks import workspace

    run.producer = run.producer or _producer(session, place, run.options)
    root, profile_path = run.producer
    run.workspace = workspace.open_(
        root=root,
        ref=ref or run.options.ref,
        profile_path=profile_path,
        work=_work(session, place, run.options),
        cache=_cache(session, run.options),
    )
    return run.workspace


def _work(session: Session, place: _Place, options: Options) -> Path:
    return _from(session, options.work_dir) if options.work_dir else place.noxfile.parent / ".handoff"


def _cache(session: Session, options: Options) -> Path:
    if options.cache_dir:
        return _from(session, options.cache_dir)
    import platformdirs

    return Path(platformdirs.user_cache_dir("handoff-tasks", appauthor=False))


def _own_root(place: _Place) -> Path | None:
    """Return the noxfile's folder when it holds a producer manifest."""
    folder = place.noxfile.parent
    return folder if (folder / place.outline.manifest).is_file() else None


def _takes_sample(place: _Place) -> bool:
    """Tell whether a run that names no producer takes the embedded sample."""
    return place.built_in == DEFAULT_PROFILE and _own_root(place) is None


def _sample_profiles() -> dict[str, Path]:
    """Return the profile of each flavour of the sample."""
    from handoff_tasks import resources

    built_in = resources.profiles()
    return {flavour: built_in[name] for flavour, name in _SAMPLE_PROFILES.items()}


def _flavour_here() -> str:
    """Return the flavour of the sample that suits this machine: Rust where there is cargo."""
    from handoff_tasks import execute

    return "rust" if execute.which(["cargo"], execute.path_of(None, os.environ)) else "python"


def _producer(session: Session, place: _Place, options: Options) -> tuple[Path, Path]:
    """Return the root of the producer that is meant and its profile; the sample is built where it is not there yet."""
    from handoff_tasks.errors import refusal

    if options.producer_root:
        return _from(session, options.producer_root), place.profile_path
    if _takes_sample(place):
        return _sample(session, place, options)
    own = _own_root(place)
    if options.sample:
        whose = "the noxfile's folder is a producer itself" if own else "the noxfile registers a profile of its own"
        raise refusal(
            "HP001",
            "--sample",
            f"{whose}; expected the default profile and a noxfile outside of any producer",
            "leave --sample out; nothing was run",
        )
    if own:
        return own, place.profile_path
    raise refusal(
        "HP010",
        str(place.noxfile.parent),
        "the noxfile's folder holds no producer manifest",
        "give the producer's root with --producer-root, or put the noxfile into it",
    )


def _sample(session: Session, place: _Place, options: Options) -> tuple[Path, Path]:
    from handoff_tasks import sample, screen
    from handoff_tasks.errors import HandoffError
    from handoff_tasks.model import Flavour

    flavour = options.sample or Flavour(_flavour_here())
    if flavour is Flavour.PYTHON and not options.sample:
        screen.say(
            "cargo is not on PATH: the sample producer is taken in its Python flavour, checked by ruff and pytest "
            "(--sample rust|python chooses)"
        )
    root = _work(session, place, options) / _SAMPLE_FOLDERS[flavour]
    if not root.exists():
        screen.say(f"No producer was named: building the sample producer in {root}")
        try:
            sample.build(root, flavour)
        except HandoffError:
            # Another session may have been faster.
            if not (root / ".git").is_dir():
                raise
    return root, _sample_profiles()[flavour]


def _verify(session: Session, place: _Place, check_id: str) -> None:
    with _running(session) as run:
        from handoff_tasks import rules, verify
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
        run_name = ""
        if run.options.run_file:
            workspace, run_name = take_over(run.options.run_file)
            run.workspace = workspace
        else:
            workspace = _open(session, place, run)
        check = workspace.profile.check(check_id)
        settings = verify.Settings(
            bin_folder=bin_folder,
            timeout=run.options.timeout,
            toolchain=run.options.toolchain,
            run=run_name,
            caller=os.environ,
            not_installed=_install(session, workspace, check, bin_folder),
        )
        record = verify.run_check(workspace, check, settings)
        result = rules.judge_evidence(check, record, workspace.binding(check))
        run.checks, run.problems = [result], rules.check_problems([result])
        run.advisories = workspace.notes
        run.interrupted = record.outcome is Outcome.INTERRUPTED


def _install(session: Session, workspace: Workspace, check: Check, bin_folder: str) -> Mapping[str, str]:
    """Install the tools that the session brings itself, once per environment; return what could not be installed, and why."""
    from nox.command import CommandFailed

    specs = [spec for name in check.tools if (spec := workspace.profile.tools[name]).install]
    wanted = "\n".join(sorted({str(spec.install) for spec in specs}))
    marker = Path(bin_folder).parent / "handoff-installed.txt"
    if not specs or (marker.is_file() and marker.read_text() == wanted):
        return {}
    try:
        session.install(*wanted.split("\n"))
    except CommandFailed:
        return {str(spec.install): f"{spec.install} could not be installed" for spec in specs}
    if all((Path(bin_folder) / spec.executables[0]).exists() for spec in specs):
        marker.write_text(wanted)
    return {}


def _handoff(session: Session, place: _Place, mode_name: str | None) -> None:
    """Run all checks, then decide: one mode and publish, or every mode and publish nothing (``mode_name`` None)."""
    with _running(session) as run:
        from handoff_tasks import assemble, checkout, end_screen, evidence, fanout, screen
        from handoff_tasks.errors import HandoffError, Problem
        from handoff_tasks.workspace import hand_over

        options = run.options
        run.mode = mode_name
        _agree(options, mode_name)
        workspace = _open(session, place, run)
        modes = [workspace.profile.mode(mode_name)] if mode_name else list(workspace.profile.modes)
        allow_untagged = options.allow_untagged or mode_name is None
        statement = _from(session, options.impact) if options.impact else None
        target = _target(session, run, workspace)
        if mode_name and (found := evidence.check_target(target, workspace.producer.git_dir)):
            raise HandoffError(found)
        material = assemble.gather(workspace, statement)
        for line in end_screen.start(session.name, workspace, material):
            screen.say(line)
        known = assemble.known_problems(workspace, material, allow_untagged=allow_untagged)
        for line in screen.findings("Known before any check has run (they run all the same):", known):
            screen.say(line)
        commit = workspace.producer.commit
        folder = evidence.folder(workspace.work, commit)
        with (
            checkout.held(workspace.work / "lock", "the work folder"),
            checkout.held(workspace.base / "run.lock", "the private checkout"),
        ):
            wanted = workspace.wanted(secrets.token_hex(8))
            if options.fresh:
                checkout.clear(wanted, screen.say)
            checkout.prepare(wanted, screen.say)
            run_file = workspace.base / f"run-{wanted.run}.json"
            hand_over(workspace, wanted.run, run_file)
            for check in workspace.profile.checks:
                evidence.forget(folder, check.id)
            for chatter in folder.glob("lane-*.nox.log"):
                chatter.unlink()
            stopped = fanout.run(
                fanout.plan(workspace.profile.checks, options.jobs or default_jobs()),
                noxfile=place.noxfile,
                envdir=_envdir(session),
                words=_words(options, run_file),
                chatter=folder,
                say=screen.say,
            )
            # A lane that outlives us finds no run to go on with.
            run_file.unlink(missing_ok=True)
            run.interrupted = stopped is not None
            before = workspace.producer.tags.get(material.facts.tag_name)
            workspace = _open(session, place, run, ref=commit)
            material = assemble.gather(workspace, statement)
            more = []
            if before is not None and workspace.producer.tags.get(material.facts.tag_name) != before:
                message = "the tag moved while the checks ran"
                hint = "find out who moved it, then run again"
                more.append(Problem(code="HP058", where=f"tag {material.facts.tag_name}", message=message, hint=hint))
            if stopped:
                message = f"the run was interrupted by {stopped}"
                more.append(Problem(code="HP046", where=session.name, message=message, hint="run again"))
            _finish(run, workspace, material, modes, target if mode_name else None, allow_untagged=allow_untagged, more=more)


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


def _target(session: Session, run: _Run, workspace: Workspace) -> Path:
    """Return where the packet belongs; the result must not lie there too."""
    from handoff_tasks.errors import refusal

    out_json = run.options.out_json
    target = _from(session, out_json) if out_json else workspace.producer.root / workspace.profile.packet_path
    if run.result == target:
        run.result = None
        raise refusal("HP001", "--result-json", f"{target} is the packet's place", "name another file; nothing was run")
    return target


def _finish(
    run: _Run,
    workspace: Workspace,
    material: Material,
    modes: Sequence[Mode],
    target: Path | None,
    *,
    allow_untagged: bool,
    more: Sequence[Problem] = (),
) -> None:
    """Decide each mode, publish the packet of the one (with ``target``) or leave drafts, and print the end of the run."""
    from handoff_tasks import assemble, end_screen, screen

    run.checks = assemble.results(workspace)
    decisions = [assemble.decide(workspace, material, run.checks, mode, allow_untagged=allow_untagged, more=more) for mode in modes]
    run.problems = sorted({problem for decision in decisions for problem in decision.problems})
    run.advisories = sorted({*material.notes, *(advisory for decision in decisions for advisory in decision.advisories)})
    digest = ""
    if run.problems:
        drafts = [assemble.write_draft(workspace, decision) for decision in decisions]
        run.draft = drafts[0]
    else:
        for mode in workspace.profile.modes:
            assemble.draft_path(workspace, mode.name).unlink(missing_ok=True)
        if target is not None:
            digest = assemble.publish(decisions[0], target, workspace.producer.git_dir)
            run.packet = target
    ended = end_screen.Ended(
        checks=run.checks,
        problems=run.problems,
        advisories=run.advisories,
        decisions=decisions,
        draft=run.draft,
        target=target,
        digest=digest,
    )
    for line in end_screen.end(ended, workspace, material):
        screen.say(line)


def _assemble(session: Session, place: _Place) -> None:
    with _running(session) as run:
        from handoff_tasks import assemble, checkout, end_screen, screen
        from handoff_tasks.errors import refusal

        if run.options.mode is None:
            raise refusal("HP001", "--mode", "missing; expected the mode to assemble", "say -- --mode stable, or another mode")
        run.mode = run.options.mode
        workspace = _open(session, place, run)
        mode = workspace.profile.mode(run.mode)
        material = assemble.gather(workspace, _from(session, run.options.impact) if run.options.impact else None)
        for line in end_screen.start(session.name, workspace, material):
            screen.say(line)
        with checkout.held(workspace.work / "lock", "the work folder"):
            target = _target(session, run, workspace)
            _finish(run, workspace, material, [mode], target, allow_untagged=run.options.allow_untagged)


def _verify_packet(session: Session, place: _Place) -> None:
    with _running(session, packet=True) as run:
        from handoff_tasks import assemble, screen, strict_json
        from handoff_tasks.errors import Problem, refusal

        assert run.options.packet is not None
        path = _from(session, run.options.packet)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise refusal("HP005", str(path), f"the packet cannot be read: {error.strerror}", "name a packet's file") from None
        problems = assemble.check_packet(data, str(path))
        document: Any = strict_json.read(data, str(path)) if not problems else {}
        against = "its bytes alone (give --producer-root to hold it against git)"
        if not problems:
            run.mode = document["handoff_mode"]
            if run.options.producer_root or run.options.sample or _own_root(place):
                workspace = _open(session, place, run, ref=document["git_state"]["verified_commit"])
                problems, run.advisories = assemble.check_packet_against_git(workspace, document, str(path))
                against = f"git in {workspace.producer.root}"
            if document["verdict"] != "GO":
                hint = "this is a draft; run the handoff session again once what it lists is mended"
                message = f"the packet itself says {document['verdict']}"
                problems.append(Problem(code="HP073", where=f"{path}#/verdict", message=message, hint=hint))
        run.problems = problems
        for line in [*screen.findings("Advisories:", run.advisories), *screen.findings("Problems:", problems), ""]:
            screen.say(line)
        screen.say(f"NO-GO  {path}" if problems else f"GO  {path}, checked against {against}")
        if not problems:
            run.packet = path
