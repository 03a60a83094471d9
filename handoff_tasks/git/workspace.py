"""Open what a run is about: producer, commit, profile and folders."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from handoff_tasks.formats import schemas
from handoff_tasks.git import checkout, committed_profile, locks, surroundings, views, work_folder
from handoff_tasks.git import producer as git_producer
from handoff_tasks.git import repository as git_repository
from handoff_tasks.problems import HandoffError, Problem, refusal, unwritable
from handoff_tasks.producer import profile as producer_profile
from handoff_tasks.producer.tags import service_tags
from handoff_tasks.record import Binding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from handoff_tasks.git.views import View
    from handoff_tasks.model import ProfileSource
    from handoff_tasks.producer.profile import Check, Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A producer at one commit, opened.

    Attributes:
        producer: The producer.
        repository: Our copy of its history.
        profile: Its profile.
        profile_path: The file that the profile was read from.
        source: What a packet says about where the profile is.
        tree: The id of the commit's tree.
        work: The work folder.
        base: The producer's folder in the cache.
        notes: Advisories about this run, not about the release.
        views: What the checks see, by their ``ignores``.
    """

    producer: git_producer.Producer
    repository: git_repository.Repository
    profile: Profile
    profile_path: Path
    source: ProfileSource
    tree: str
    work: Path
    base: Path
    notes: tuple[Problem, ...]
    views: Mapping[tuple[str, ...], View]

    def binding(self, check: Check) -> Binding:
        """Return what a record of ``check`` must be evidence for."""
        return Binding(
            commit=self.producer.commit,
            tree=self.tree,
            producer_path=self.producer.path,
            profile_digest=self.profile.digest,
            argv=check.argv,
            ignores=check.ignores,
            seen_tree=self.views[check.ignores].tree if check.ignores else None,
        )

    def ask_again(self) -> git_producer.Producer:
        """Return what the producer's repository says now about the same commit.

        Raises `HandoffError` (HP011, HP012).
        """
        return git_producer.find_producer(
            self.producer.root, self.producer.commit, self.profile.tags
        )

    def checkout_spec(self, run: str, ignores: tuple[str, ...] = ()) -> checkout.CheckoutSpec:
        """Return what the checkout of checks with these ``ignores`` must hold in the run ``run``.

        Tags would show the history that such a check does not see, so only a checkout of the whole
        commit has them.
        """
        prefix, commit, view = self.producer.prefix, self.producer.commit, ""
        tags = {name: tag.object_id for name, tag in self.producer.tags.items()}
        if ignores:
            commit, view, tags = self.views[ignores].commit, self.views[ignores].name, {}
        return checkout.CheckoutSpec(
            base=self.base,
            commit=commit,
            tags=tuple(sorted(tags.items())),
            keep=tuple(prefix + path for path in self.profile.keep),
            run=run,
            view=view,
        )

    def checkout_specs(self, run: str) -> list[checkout.CheckoutSpec]:
        """Return what each of the checkouts of the profile's checks must hold."""
        return [self.checkout_spec(run, ignores) for ignores in self.views]


def open_workspace(
    *, root: Path, ref: str, profile_path: Path, work: Path, cache: Path, to_run: bool = False
) -> Workspace:
    """Open the producer at ``root`` at ``ref``, and fetch the commit and its tags.

    Args:
        root: The producer's root.
        ref: The commit to verify.
        profile_path: A built-in profile or the user's.
        work: The work folder.
        cache: The folder of private checkouts.
        to_run: Whether checks will run, so that files around the checkout matter.

    Raises:
        HandoffError: HP010 to HP014, HP016 to HP019, HP030, HP034, HP067, HP080.
    """
    where = str(profile_path)
    data = committed_profile.read_profile(profile_path)
    parsed = producer_profile.parse(data, where, schemas.schema(schemas.PROFILE))
    producer = git_producer.find_producer(root, ref, parsed.tags)
    base = _base(producer, cache)
    unwanted, notes = (
        surroundings.inspect(base.resolve() / "checkout", parsed, os.environ)
        if to_run
        else ([], [])
    )
    if unwanted:
        raise HandoffError(unwanted)
    if to_run and (unhidden := work_folder.hiding_note(work)):
        notes.append(unhidden)
    with _repository(base) as repository:
        repository.update(producer, parsed.tags)
    tree = repository.tree(producer)
    seen = views.make_views(repository, producer, parsed, tree)
    notes += views.unmatched_notes(repository, producer, parsed, tree)
    return Workspace(
        producer=producer,
        repository=repository,
        profile=parsed,
        profile_path=profile_path.resolve(),
        source=committed_profile.profile_source(producer, repository, profile_path, data),
        tree=tree,
        work=work,
        base=base,
        notes=(*notes, *committed_profile.notes(producer, repository, tree, profile_path, data)),
        views=seen,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A producer's commit in our repository, before a profile is known."""

    producer: git_producer.Producer
    repository: git_repository.Repository
    base: Path


def open_commit(*, root: Path, commit: str, path: str, cache: Path) -> Commit:
    """Return a producer's commit to read, before a profile is chosen.

    A bare repository is enough; ``path`` is the producer's root in it.
    Raises `HandoffError`: HP010 to HP013, HP016, HP019, HP080.
    """
    prefix = "" if path == "." else f"{path}/"
    producer = git_producer.find_bare(root, commit, prefix) or replace(
        git_producer.find_producer(root, commit, service_tags()), tags={}
    )
    base = _base(producer, cache)
    with _repository(base) as repository:
        repository.fetch_commit(producer)
    return Commit(producer=producer, repository=repository, base=base)


def open_with(
    commit: Commit,
    *,
    data: bytes,
    where: str,
    source: ProfileSource,
    profile_path: Path,
    work: Path,
) -> Workspace:
    """Open a commit with the profile in ``data``, and fetch its tags.

    ``where`` names the profile in messages. Raises `HandoffError`: HP013, HP019, HP030, HP080.
    """
    parsed = producer_profile.parse(data, where, schemas.schema(schemas.PROFILE))
    producer = git_producer.with_tags(commit.producer, parsed.tags)
    with _repository(commit.base) as repository:
        repository.update(producer, parsed.tags)
    tree = repository.tree(producer)
    return Workspace(
        producer=producer,
        repository=repository,
        profile=parsed,
        profile_path=profile_path,
        source=source,
        tree=tree,
        work=work,
        base=commit.base,
        notes=(),
        views=views.make_views(repository, producer, parsed, tree),
    )


@contextlib.contextmanager
def _repository(base: Path) -> Iterator[git_repository.Repository]:
    """Hold our copy of a producer's history for a fetch. Raises `HandoffError` (HP080)."""
    try:
        base.mkdir(parents=True, exist_ok=True)
        with locks.hold_briefly(base / "fetch.lock"):
            yield git_repository.Repository(base / "objects.git")
    except OSError as error:
        raise unwritable(base, error) from None


def _base(producer: git_producer.Producer, cache: Path) -> Path:
    """Return a producer's folder in the cache.

    Raises `HandoffError` (HP016) if the cache is in the producer's repository.
    """
    base = cache / _slug(producer.root)
    if base.resolve().is_relative_to(producer.top):
        raise refusal(
            "HP016",
            str(cache),
            f"the cache folder is inside the producer's repository {producer.top}, "
            "whose files would reach the checks",
            "choose a folder outside of it with --cache-dir",
        )
    return base


def _slug(root: Path) -> str:
    """Return the name of a producer root's cache folder, safe for every script."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", root.name).strip("-").lower()[:40]
    digest = hashlib.sha256(str(root).encode("utf-8", "surrogateescape")).hexdigest()
    return f"{name or 'producer'}-{digest[:12]}"
