"""Choose the producer that a noxfile is about, or the embedded sample."""

from __future__ import annotations

import os
import sys
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from handoff_tasks.sessions.options import Options

DEFAULT_PROFILE = "memorykernel"
_SAMPLE_PROFILES = {"rust": "sample-rust", "python": "sample-python"}
_SAMPLE_FOLDERS = {"rust": "sample-producer", "python": "sample-producer-python"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What sessions are made of: names with what is said of each, and the manifest's path."""

    modes: dict[str, str]
    checks: dict[str, str]
    manifest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the sessions were registered: the noxfile and the profile's file; the profile's name when it is a built-in one."""

    noxfile: Path
    profile_path: Path
    built_in: str | None
    outline: Outline


def place_of(noxfile: Path, profile: str | Path) -> Place:
    """Return the place of a noxfile and its profile, by name or path. Exits nox (HP030) when it cannot be read."""
    from handoff_tasks import files

    built_in = files.built_in_profiles()
    if isinstance(profile, str) and profile in built_in:
        path = built_in[profile]
        return Place(noxfile=noxfile, profile_path=path, built_in=profile, outline=_outline(path))
    path = noxfile.parent / profile
    if not path.is_file():
        sys.exit(
            f"HP030 {path}: no such profile; expected a file, or a built-in one: {', '.join(built_in)}\n"
            f"      next: correct the name in {noxfile}"
        )
    return Place(noxfile=noxfile, profile_path=path, built_in=None, outline=_outline(path))


def checks(place: Place) -> tuple[dict[str, str], set[str]]:
    """Return the checks to register, name to title, and those among them that the tag ``verify`` is for."""
    checks = dict(place.outline.checks)
    tagged = set(checks)
    if takes_sample(place):
        here = _flavour_here()
        for flavour, path in _sample_profiles().items():
            others = place.outline.checks if path == place.profile_path else _outline(path).checks
            checks |= {check: title for check, title in others.items() if check not in checks}
            if flavour == here:
                tagged = set(others)
    return checks, tagged


def _outline(profile_path: Path) -> Outline:
    """Return the names in a profile: cheap, since listing sessions must be; a run parses the profile in full."""
    try:
        document = tomllib.loads(profile_path.read_text("utf-8"))
        return Outline(
            modes={_text(mode["name"]): _text(mode["session"]) for mode in document["modes"]},
            checks={_text(check["id"]): _text(check["title"]) for check in document["checks"]},
            manifest=_text(document["paths"]["manifest"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        from handoff_tasks.formats import schemas
        from handoff_tasks.problems import HandoffError
        from handoff_tasks.producer import profile as producer_profile

        try:
            producer_profile.parse(profile_path.read_bytes(), str(profile_path), schemas.schema(schemas.PROFILE))
        except (HandoffError, OSError) as error:
            sys.exit(str(error))
        raise


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def own_root(place: Place) -> Path | None:
    """Return the noxfile's folder when it holds a producer manifest."""
    folder = place.noxfile.parent
    return folder if (folder / place.outline.manifest).is_file() else None


def takes_sample(place: Place) -> bool:
    """Tell whether a run that names no producer takes the embedded sample."""
    return place.built_in == DEFAULT_PROFILE and own_root(place) is None


def _sample_profiles() -> dict[str, Path]:
    """Return the profile of each flavour of the sample."""
    from handoff_tasks import files

    built_in = files.built_in_profiles()
    return {flavour: built_in[name] for flavour, name in _SAMPLE_PROFILES.items()}


def _flavour_here() -> str:
    """Return the flavour of the sample that suits this machine: Rust where there is cargo."""
    from handoff_tasks.checks.environment import search_path
    from handoff_tasks.checks.tools import which

    return "rust" if which(["cargo"], search_path(None, os.environ)) else "python"


def choose(place: Place, options: Options, named: Path | None, work: Path) -> tuple[Path, Path]:
    """Return the root of the producer that is meant and its profile; the sample is built below ``work`` where it is not there yet.

    ``named`` is the root that the options name. Raises `HandoffError`: HP001 (no place for a sample), HP010 (no producer).
    """
    from handoff_tasks.problems import refusal

    if named:
        return named, place.profile_path
    if takes_sample(place):
        return _sample(options, work)
    own = own_root(place)
    if options.sample:
        whose = "the noxfile's folder is a producer itself" if own else "the noxfile registers a profile of its own"
        raise refusal(
            "HP001",
            "--sample",
            f"{whose}; expected the default profile and a noxfile outside of any producer",
            "leave --sample out; nothing was run",
        )
    folder = place.noxfile.parent
    # With a profile of one's own the folder is the producer: what it lacks is told of the commit, all at once.
    if own or (place.built_in is None and any((above / ".git").exists() for above in (folder, *folder.parents))):
        return folder, place.profile_path
    _parsed(place)
    raise refusal(
        "HP010",
        str(place.noxfile.parent),
        f"the noxfile's folder holds no producer manifest; the profile wants it at {place.outline.manifest}",
        "commit one there (schemas/producer-contract-manifest.v1.schema.json describes it), or give the producer's root with "
        "--producer-root",
    )


def words(place: Place, options: Options, profile_path: Path) -> list[str]:
    """Return the words after ``--`` that choose the producer of a run again."""
    if options.producer_root:
        return ["--producer-root", str(options.producer_root)]
    if not takes_sample(place):
        return []
    flavour = next(flavour for flavour, path in _sample_profiles().items() if path == profile_path)
    work = ["--work-dir", str(options.work_dir)] if options.work_dir else []
    return ["--sample", flavour, *work]


def _parsed(place: Place) -> None:
    """Raise `HandoffError` (HP030) with the mistakes of the profile: a wrong path in it is no missing file."""
    from handoff_tasks.formats import schemas
    from handoff_tasks.producer import profile as producer_profile

    producer_profile.parse(place.profile_path.read_bytes(), str(place.profile_path), schemas.schema(schemas.PROFILE))


def _sample(options: Options, work: Path) -> tuple[Path, Path]:
    from handoff_tasks import files
    from handoff_tasks.model import Flavour
    from handoff_tasks.output import terminal
    from handoff_tasks.problems import HandoffError
    from handoff_tasks.setup import sample

    flavour = options.sample or Flavour(_flavour_here())
    if flavour is Flavour.PYTHON and not options.sample:
        terminal.say(
            "cargo is not on PATH: the sample producer is taken in its Python flavour, checked by ruff and pytest "
            "(--sample rust|python chooses)"
        )
    root = work / _SAMPLE_FOLDERS[flavour]
    if not root.exists():
        files.make_own_folder(work)
        terminal.say(f"No producer was named: building the sample producer in {root}")
        try:
            sample.build(root, flavour)
        except HandoffError:
            # Another session may have been faster.
            if not (root / ".git").is_dir():
                raise
    return root, _sample_profiles()[flavour]
