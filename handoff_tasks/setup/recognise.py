"""Recognise what a repository is: a pure function of its listing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handoff_tasks.formats import safe_regex
from handoff_tasks.formats.words import and_more, quantity, some_of
from handoff_tasks.setup import (
    built_in,
    ecosystems,
    first_statement,
    naming,
    runtime,
    scripts,
    service,
)
from handoff_tasks.setup.draft import Check, Draft, Place, ReleaseContract, ServiceContract
from handoff_tasks.setup.listing import PLAIN

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from handoff_tasks.setup.draft import Ecosystem
    from handoff_tasks.setup.listing import Listing
    from handoff_tasks.setup.runtime import Outside

PACKET = "handoff.json"
# Tools of the checks of an ecosystem; scripts are searched for the others.
_ECOSYSTEM_TOOLS = frozenset({"cargo", "rustc", "rustfmt", "clippy", "ruff", "pytest"})
_PLACEHOLDER = Check(
    id="example",
    title="replace this by what verifies a release",
    argv=["bash", "-c", "exit 1"],
    tools=["bash"],
)
_MOST_PATHS = 20
_RELEASE_PLEASE = ".release-please-manifest.json"
_VERSION_FILES = ("VERSION", "VERSION.txt", "version.txt")
_VERSION_LINE = r"^([0-9][0-9A-Za-z.+-]*)$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What a repository is, for its profile and for the screen.

    ``title`` names its ecosystems. ``found`` are pairs of a word and what it is; ``assumed``,
    ``warnings`` and ``gaps`` (what has to be done) are lines.
    """

    draft: Draft
    title: str
    found: Sequence[tuple[str, str]]
    assumed: Sequence[str]
    warnings: Sequence[str]
    gaps: Sequence[str]


def recognise(listing: Listing, release: str | None) -> Recognition:
    """Return what a repository is; ``release`` is the release that is prepared, if it is known."""
    parts = ecosystems.find_ecosystems(listing)
    outside = runtime.find_outside(listing)
    assumed = [line for part in parts for line in part.assumptions]
    gaps = [line for part in parts for line in part.gaps]
    contract: ServiceContract | ReleaseContract
    if manifest := service.find_manifest(listing):
        contract = service.find_contract(listing, manifest)
        gaps += service.gaps(listing, contract)
        found = [("manifest", contract.manifest), ("changelog", contract.changelog)]
    else:
        contract = _release_contract(listing, parts, release)
        found = [("release", _release_line(contract))]
        assumed = [*_release_assumptions(contract, release), *assumed]
        gaps += _version_gaps(listing, contract)
    draft = _draft(listing, parts, contract, outside)
    return Recognition(
        draft=draft,
        title=" and ".join(part.title for part in parts) or "no known ecosystem",
        found=[
            ("checks", "; ".join(f"{check.id}: {_words(check)}" for check in draft.checks)),
            *found,
            ("runtime", _runtime_line(draft.runtime_paths)),
        ],
        assumed=assumed,
        warnings=[*_warnings(outside), *_no_tests(draft), *naming.release_tools(listing)],
        gaps=[*gaps, *_check_gaps(listing, draft)],
    )


def _runtime_line(paths: Sequence[str]) -> str:
    shown = ", ".join(paths[:_MOST_PATHS])
    more = len(paths) - _MOST_PATHS
    return f"{shown} {and_more(more)}" if more > 0 else shown


def _release_contract(
    listing: Listing, parts: Sequence[Ecosystem], release: str | None
) -> ReleaseContract:
    """Return how an ordinary release is named, and where the tree says its version."""
    place = next((part.version for part in parts if part.version), None) or _version_file(listing)
    names = naming.find_naming(listing, parts, place, release)
    return ReleaseContract(naming=names, version=place, statement=first_statement.FILE)


def _version_file(listing: Listing) -> Place | None:
    """Return the place of the version in a file of its own, or in that of release-please."""
    for path in _VERSION_FILES:
        version = safe_regex.search_lines(_VERSION_LINE, listing.text(path))
        if version:
            return Place(path=path, form="pattern", key=_VERSION_LINE, version=version)
    version = listing.json(_RELEASE_PLEASE).get(".")
    if isinstance(version, str):
        return Place(path=_RELEASE_PLEASE, form="json", key='"."', version=version)
    return None


def _release_line(contract: ReleaseContract) -> str:
    """Return in words how releases are named."""
    names = contract.naming
    count = quantity(names.count, "tag") if names.count else "no tag yet"
    line = f"{names.tag} ({names.scheme}; {count}"
    if names.latest:
        line += f", the latest here {names.latest}"
    line += ")"
    if contract.version:
        line += f"; {contract.version.path} says {contract.version.version}"
    return line


def _release_assumptions(contract: ReleaseContract, release: str | None) -> list[str]:
    """Return what was assumed of the release."""
    if release:
        return []
    if contract.version and contract.is_stated:
        return [f"the next release is {contract.naming.release}, as {contract.version.path} says"]
    name, place = contract.naming.release, contract.statement
    return [f"the next release is {name}; for another one, change the heading in {place}"]


def _version_gaps(listing: Listing, contract: ReleaseContract) -> list[str]:
    """Return a line if the tree does not say the version of the release that is prepared."""
    place, names = contract.version, contract.naming
    if place is None or contract.is_stated:
        return []
    before, _, after = names.tag.partition("{version}")
    version = names.release.removeprefix(before).removesuffix(after)
    is_tagged = f"{before}{place.version}{after}" in (*listing.tags, *listing.other_tags)
    reason = "which is tagged already" if is_tagged else "and the release is another one"
    number = _line_number(listing.text(place.path), place.version)
    line = f"{place.path}{number}  the version is {place.version}, {reason}: set {version}"
    if place.lock:
        line += f", then run '{place.lock[1]}', which writes it to {place.lock[0]}"
    return [line]


def _line_number(text: str, version: str) -> str:
    """Return ``:`` and the number of the first line with a version; empty if there is none."""
    for number, line in enumerate(text.splitlines(), 1):
        if version in line and ("version" in line.lower() or line.strip() == version):
            return f":{number}"
    return ""


def _draft(
    listing: Listing,
    parts: Sequence[Ecosystem],
    contract: ServiceContract | ReleaseContract,
    outside: Outside,
) -> Draft:
    """Return the values of the profile."""
    tools: dict[str, Mapping[str, Any]] = {**built_in.read_tools()}
    environment: dict[str, Any] = {}
    variables = {"LC_ALL": "C", "TZ": "UTC"}
    for part in parts:
        tools.update(part.tools)
        environment.update(part.environment)
        variables.update(part.set)
    checks = _checks(listing, parts, [name for name in tools if name not in _ECOSYSTEM_TOOLS])
    names = {name for check in checks for name in check.tools}
    if isinstance(contract, ServiceContract):
        packet, metadata = service.packet_path(listing), [contract.manifest, contract.changelog]
    else:
        packet, metadata = PACKET, [contract.statement]
    apart = [*outside.submodules, *outside.pointers]
    return Draft(
        name=_name(listing, parts),
        packet=packet,
        runtime_paths=runtime.find_runtime_paths(listing, [*metadata, packet], apart),
        contract=contract,
        keep=list(dict.fromkeys(path for part in parts for path in part.keep)),
        ignores=_ignores(parts, contract),
        pass_names=[name for part in parts for name in part.pass_names],
        set=variables,
        environment=environment,
        tools={name: table for name, table in tools.items() if name in names},
        checks=checks,
    )


def _ignores(parts: Sequence[Ecosystem], contract: ServiceContract | ReleaseContract) -> list[str]:
    """Return the files that no check has to see: the statement, whose words are corrected often.

    A checkout without them has no tags, of which some builds make the version.
    """
    if isinstance(contract, ServiceContract) or any(part.needs_tags for part in parts):
        return []
    return [contract.statement]


def _name(listing: Listing, parts: Sequence[Ecosystem]) -> str:
    """Return the producer's name: that of its package, else that of its folder."""
    return next((part.package for part in parts if part.package), listing.name)


def _checks(listing: Listing, parts: Sequence[Ecosystem], tools: Collection[str]) -> list[Check]:
    """Return the checks of the ecosystems and of the scripts; a placeholder if there are none."""
    checks: dict[str, Check] = {}
    for part in parts:
        for check in part.checks:
            checks.setdefault(check.id, check)
    for script in scripts.find_scripts(listing, tools, checks):
        argv = [f"./{script.path}"]
        if script.root_option:
            argv += [script.root_option, "{root}"]
        checks[script.id] = Check(
            id=script.id,
            title=f"what {script.path} verifies",
            argv=argv,
            tools=script.tools,
            success_line=script.success_line,
        )
    return list(checks.values()) or [_PLACEHOLDER]


def _words(check: Check) -> str:
    """Return a check's command, and the packages that it needs, in words."""
    words = list(check.argv)
    if words[:2] == ["bash", "-c"]:
        words = words[2:]
    packages = check.packages
    extra = [
        *(f"group {name}" for name in packages.groups),
        *(f"extra {name}" for name in packages.extras),
        *packages.requirements,
    ]
    if packages.install_project:
        extra.append("the project")
    return " ".join(words) + (f" (with {', '.join(extra)})" if extra else "")


def _warnings(outside: Outside) -> list[str]:
    """Return what is below the root and cannot be runtime, or is changed by a build."""
    lines = []
    if outside.submodules:
        lines.append(
            f"{some_of(outside.submodules)}: a submodule's content is not in the checkout, so it "
            "is not part of the runtime paths, and checks do not see it"
        )
    if outside.pointers:
        lines.append(
            f"{some_of(outside.pointers)}: the content of a file of Git LFS is not in the "
            "checkout, so it is not part of the runtime paths, and checks see the pointer"
        )
    if outside.generated:
        lines.append(
            f"{some_of(outside.generated)}: committed, although a build makes it; a check that "
            "writes another content fails"
        )
    return lines


def _no_tests(draft: Draft) -> list[str]:
    """Return a line if no command seems to run tests."""
    if list(draft.checks) == [_PLACEHOLDER] or any(
        re.search(r"test|verif|check[_-]|run[_-]|^(?:make|just) ", _words(check))
        for check in draft.checks
    ):
        return []
    return ["no tests were found: add a check that runs them to handoff.toml"]


def _check_gaps(listing: Listing, draft: Draft) -> list[str]:
    """Return what is missing for a check."""
    lines = []
    if list(draft.checks) == [_PLACEHOLDER]:
        lines.append(
            "handoff.toml, [[checks]]: found no Cargo.toml, go.mod, package.json, pyproject.toml, "
            "Makefile, justfile or script verify_*, check_*, run_* with checks; replace the example"
        )
    for path, mode in listing.modes.items():
        if scripts.is_script(path) and path.endswith(".sh") and mode == PLAIN:
            lines.append(
                f"{path} is not executable, so it is not a check: "
                f"git update-index --chmod=+x {path}"
            )
    return lines
