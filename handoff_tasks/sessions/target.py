"""Choose the producer that a noxfile is about, or the embedded sample, and open it."""

from __future__ import annotations

import os
import shlex
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks.sessions import folders

if TYPE_CHECKING:
    from nox import Session

    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.model import Flavour
    from handoff_tasks.release.choose_profile import VerifyRequest
    from handoff_tasks.sessions.options import Options
    from handoff_tasks.sessions.run import Run

DEFAULT_PROFILE = "memorykernel"
_SAMPLE_PROFILES = {"rust": "sample-rust", "python": "sample-python"}
_SAMPLE_FOLDERS = {"rust": "sample-producer", "python": "sample-producer-python"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The parts of a profile that sessions are registered from.

    ``modes`` maps each mode's name to its session, ``checks`` each check's id to its title.
    """

    modes: dict[str, str]
    checks: dict[str, str]
    manifest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The noxfile that registers the sessions, and its profile.

    ``built_in`` is the profile's name if it is a built-in one. With ``signers``, the path of a
    trust file, every packet must be signed by ``threshold`` of its keys.
    """

    noxfile: Path
    profile_path: Path
    built_in: str | None
    outline: Outline
    signers: Path | None = None
    threshold: int = 1


def place_of(noxfile: Path, profile: str | Path) -> Place:
    """Return the place of a noxfile and its profile, given by name or path.

    Exits nox (HP030) if the profile cannot be read.
    """
    from handoff_tasks import files

    built_in = files.built_in_profiles()
    if isinstance(profile, str) and profile in built_in:
        path = built_in[profile]
        return Place(noxfile=noxfile, profile_path=path, built_in=profile, outline=_outline(path))
    path = noxfile.parent / profile
    if not path.is_file():
        sys.exit(
            f"HP030 {path}: no such profile; expected a file, or a built-in profile: "
            f"{', '.join(built_in)}\n"
            f"      next: correct the name in {noxfile}"
        )
    return Place(noxfile=noxfile, profile_path=path, built_in=None, outline=_outline(path))


def checks(place: Place) -> tuple[dict[str, str], set[str]]:
    """Return the checks to register, id to title, and the ids that the tag ``verify`` selects."""
    checks = dict(place.outline.checks)
    selected = set(checks)
    if takes_sample(place):
        here = local_flavour()
        for flavour, path in _sample_profiles().items():
            own = path == place.profile_path
            others = place.outline.checks if own else _outline(path).checks
            checks |= {check: title for check, title in others.items() if check not in checks}
            if flavour == here:
                selected = set(others)
    return checks, selected


def _outline(profile_path: Path) -> Outline:
    """Return the names in a profile, without the full parsing, which would slow listing down."""
    try:
        document = tomllib.loads(profile_path.read_text("utf-8"))
        manifest = document["paths"].get("manifest")
        if "modes" not in document and document["contract"]["kind"] == "release":
            document["modes"] = [{"name": "stable", "session": "handoff-stable"}]
        return Outline(
            modes={_text(mode["name"]): _text(mode["session"]) for mode in document["modes"]},
            checks={_text(check["id"]): _text(check["title"]) for check in document["checks"]},
            manifest=None if manifest is None else _text(manifest),
        )
    except (OSError, ValueError, KeyError, TypeError):
        from handoff_tasks.problems import HandoffError

        try:
            _parse_profile(profile_path)
        except (HandoffError, OSError) as error:
            sys.exit(str(error))
        raise


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _parse_profile(path: Path) -> None:
    """Raise `HandoffError` (HP030) with the mistakes of a profile."""
    from handoff_tasks.formats import schemas
    from handoff_tasks.producer import profile

    profile.parse(path.read_bytes(), str(path), schemas.schema(schemas.PROFILE))


def own_root(place: Place) -> Path | None:
    """Return the noxfile's folder if it holds a producer manifest.

    A producer without a manifest is known by its profile, which is in its repository.
    """
    folder = place.noxfile.parent
    if place.outline.manifest is None:
        return folder if _is_in_git(folder) else None
    return folder if (folder / place.outline.manifest).is_file() else None


def _is_in_git(folder: Path) -> bool:
    return any((above / ".git").exists() for above in (folder, *folder.parents))


def is_available(place: Place, options: Options) -> bool:
    """Return whether a producer is named, or the noxfile's folder is one."""
    return bool(options.producer_root or options.sample or own_root(place))


def takes_sample(place: Place) -> bool:
    """Return whether a run that names no producer takes the embedded sample."""
    return place.built_in == DEFAULT_PROFILE and own_root(place) is None


def _sample_profiles() -> dict[str, Path]:
    """Return the profile of each flavour of the sample."""
    from handoff_tasks import files

    built_in = files.built_in_profiles()
    return {flavour: built_in[name] for flavour, name in _SAMPLE_PROFILES.items()}


def local_flavour() -> str:
    """Return the flavour of the sample that suits this machine: Rust if cargo is on PATH."""
    from handoff_tasks.checks.programs import search_path, which

    return "rust" if which(["cargo"], search_path(None, os.environ)) else "python"


def choose(place: Place, options: Options, root: Path | None, work: Path) -> tuple[Path, Path]:
    """Return the root of the producer and the path of its profile.

    ``root`` is the one that the options name. The sample is built below ``work`` if it does not
    exist yet. Raises `HandoffError`: HP001 (``--sample`` with another producer), HP010 (no
    producer).
    """
    from handoff_tasks.problems import refusal

    if root:
        return root, place.profile_path
    if takes_sample(place):
        return _sample(options, work)
    own = own_root(place)
    if options.sample:
        why = "the noxfile registers a profile of its own"
        if own:
            why = "the noxfile's folder is a producer itself"
        raise refusal(
            "HP001",
            "--sample",
            f"{why}; expected the default profile and a noxfile outside of any producer",
            "leave --sample out; nothing was run",
        )
    folder = place.noxfile.parent
    # With its own profile the noxfile's folder is the producer; what the commit lacks is reported
    # later, all at once.
    if own or (place.built_in is None and _is_in_git(folder)):
        return folder, place.profile_path
    # A wrong path in the profile is reported as such, not as a missing file.
    _parse_profile(place.profile_path)
    if place.outline.manifest is None:
        message = "the noxfile's folder is not in a git repository"
        hint = "put it into the producer's repository, or name the producer: --producer-root"
        raise refusal("HP010", str(folder), message, hint)
    raise refusal(
        "HP010",
        str(folder),
        "the noxfile's folder holds no producer manifest; expected one at "
        f"{place.outline.manifest}, as the profile says",
        "commit one there (schemas/producer-contract-manifest.v1.schema.json describes it), or "
        "give the producer's root with --producer-root",
    )


def _sample(options: Options, work: Path) -> tuple[Path, Path]:
    from handoff_tasks.model import Flavour
    from handoff_tasks.output import terminal

    flavour = options.sample or Flavour(local_flavour())
    if flavour is Flavour.PYTHON and not options.sample:
        terminal.say(
            "cargo is not on PATH: using the Python flavour of the sample producer, checked by "
            "ruff and pytest (--sample rust|python chooses)"
        )
    return sample_producer(flavour, work), _sample_profiles()[flavour]


def sample_producer(flavour: Flavour, work: Path) -> Path:
    """Return the root of the embedded sample; build it below ``work`` if it does not exist yet.

    Raises `HandoffError` (HP009).
    """
    from handoff_tasks import files
    from handoff_tasks.output import terminal
    from handoff_tasks.problems import HandoffError
    from handoff_tasks.setup import sample

    root = work / _SAMPLE_FOLDERS[flavour]
    if not root.exists():
        files.make_own_folder(work)
        terminal.say(f"No producer was named: building the sample producer in {root}")
        try:
            sample.build(root, flavour)
        except HandoffError:
            # Another session may have built it first.
            if not (root / ".git").is_dir():
                raise
    return root


def _locate(session: Session, place: Place, run: Run) -> tuple[Path, Path, Path, Path]:
    """Return root, profile, work and cache folder; choose the producer if that was not done."""
    options = run.options
    work = folders.work_folder(session, place.noxfile, options)
    if run.producer is None:
        named = options.producer_root
        root = folders.resolve_path(session, named) if named else None
        run.producer = choose(place, options, root, work)
    return (*run.producer, work, folders.cache_folder(session, options))


def request(session: Session, place: Place, run: Run) -> VerifyRequest:
    """Return what `verify_packet` needs to open the producer for reading."""
    from handoff_tasks.release.choose_profile import VerifyRequest

    root, profile_path, work, cache = _locate(session, place, run)
    option = run.options.profile
    return VerifyRequest(
        root=root, profile_path=profile_path, option=option, work=work, cache=cache
    )


def open_workspace(
    session: Session, place: Place, run: Run, *, ref: str | None = None, to_run: bool = False
) -> Workspace:
    """Open the producer's workspace at ``ref``, else at the commit that the options name.

    With ``to_run`` checks run there.
    """
    from handoff_tasks.git import workspace

    root, profile_path, work, cache = _locate(session, place, run)
    run.workspace = workspace.open_workspace(
        root=root,
        ref=ref or run.options.ref,
        profile_path=profile_path,
        work=work,
        cache=cache,
        to_run=to_run,
    )
    return run.workspace


def words(place: Place, options: Options, profile_path: Path) -> list[str]:
    """Return the words after ``--`` that choose the producer of a run again."""
    if options.producer_root:
        return ["--producer-root", str(options.producer_root)]
    if not takes_sample(place):
        return []
    profiles = _sample_profiles()
    flavour = next(flavour for flavour, path in profiles.items() if path == profile_path)
    work = ["--work-dir", str(options.work_dir)] if options.work_dir else []
    return ["--sample", flavour, *work]


def verify_command(session: Session, place: Place, run: Run, packet: Path) -> str:
    """Return the command that verifies a packet, for the folder where nox was called."""
    assert run.producer is not None
    here = Path(session.invoked_from)
    command = ["nox"]
    if place.noxfile != here / "noxfile.py":
        command += ["--noxfile", _relative(place.noxfile, here)]
    command += ["-s", "handoff-verify", "--", *words(place, run.options, run.producer[1])]
    return shlex.join([*command, _relative(packet, here)])


def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
