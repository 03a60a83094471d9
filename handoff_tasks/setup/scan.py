"""Write the first profile and noxfile of a repository, from what git knows of it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handoff_tasks import files
from handoff_tasks.formats import schemas
from handoff_tasks.problems import refusal
from handoff_tasks.producer import profile
from handoff_tasks.setup import ecosystems, runtime, scripts, templates
from handoff_tasks.setup.known_files import PLAIN, KnownFiles
from handoff_tasks.setup.templates import Check, Draft

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from handoff_tasks.setup.ecosystems import Ecosystem

PROFILE = "handoff.toml"
_MANIFEST = "contracts/producer-contract-manifest.json"
_CHANGELOG = "CHANGELOG.md"
_OTHER_CHANGELOG = re.compile(
    r"(?:changelog|changes|history|news)(?:\.(?:rst|txt|adoc))?\Z", re.IGNORECASE
)
_SESSION_NAME = re.compile(r"""\bname\s*=\s*["']([^"']+)["']""")
_STATED_VERSION = re.compile(r"(?m)^( *)version: (service\.v)\d+$")
# Tools of the checks of an ecosystem; scripts are searched for the others.
_ECOSYSTEM_TOOLS = frozenset({"cargo", "rustc", "rustfmt", "clippy", "ruff", "pytest"})
_PLACEHOLDER = Check(
    id="example",
    title="replace this by what verifies a release",
    argv=["bash", "-c", "exit 1"],
    tools=["bash"],
)
_OTHER_POLICY = {
    "requires": ["service_contract_version", "error.code", "error.message"],
    "forbids": [],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What was written, or would be written with ``dry_run``, and what is left to do.

    ``texts`` maps each path to its text, ``to_commit`` are the files that git does not know yet,
    ``summary`` is what the repository has, ``missing`` what has to be added, ``to_add`` the lines
    that an existing noxfile needs.
    """

    dry_run: bool
    texts: Mapping[Path, str]
    to_commit: Sequence[str]
    summary: Sequence[str]
    missing: Sequence[str]
    to_add: str | None


def start(root: Path, *, sessions: Collection[str] = (), dry_run: bool = False) -> Start:
    """Write ``handoff.toml``, and ``noxfile.py`` if there is none; with ``dry_run`` write nothing.

    ``sessions`` are the names of the sessions that every profile gets. Raises `HandoffError`: HP090
    (not a folder of a repository), HP091 (there is a profile already), HP083 (the noxfile cannot be
    read), HP080 (a file cannot be written).
    """
    known = KnownFiles(root)
    place, noxfile = root / PROFILE, root / "noxfile.py"
    if os.path.lexists(place):
        hint = "edit it, or move it away and call handoff-init again"
        raise refusal("HP091", str(place), "there is a profile already; nothing was written", hint)
    draft = _draft(known)
    text = templates.render(draft)
    # A mistake in what we write is found here.
    parsed = profile.parse(text.encode(), str(place), schemas.schema(schemas.PROFILE))
    old_noxfile = _read_noxfile(noxfile)
    texts, to_add, clashes = {place: text}, None, []
    if old_noxfile is None:
        texts[noxfile] = templates.NOXFILE
    else:
        to_add = templates.NOXFILE
        if "handoff_tasks.register" in old_noxfile:
            to_add = templates.REGISTER
        clashes = _clashes(old_noxfile, parsed, sessions)
    if not dry_run:
        for path, content in texts.items():
            files.create(path, content.encode())
    others = [draft.manifest, draft.changelog, ".gitignore"]
    unknown = [path for path in others if path not in known.modes and (root / path).is_file()]
    return Start(
        dry_run=dry_run,
        texts=texts,
        to_commit=[PROFILE, noxfile.name, *unknown],
        summary=[
            f"files     {len(known.modes)}: those that git knows, and no others",
            f"checks    {', '.join(check.id for check in draft.checks)}",
            f"runtime   {', '.join(draft.runtime_paths)}",
            f"manifest  {known.manifest or 'none'}",
            f"changelog {known.changelog or 'none'}",
        ],
        missing=[*_missing(known, draft), *clashes],
        to_add=to_add,
    )


def _read_noxfile(path: Path) -> str | None:
    """Return the text of the noxfile; None if there is none. Raises `HandoffError` (HP083)."""
    if not os.path.lexists(path):
        return None
    try:
        return files.read_plain(path).decode("utf-8", "replace")
    except FileNotFoundError:
        reason = "is a symbolic link to nothing"
    except IsADirectoryError:
        reason = "is a folder"
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
    hint = "move it away, then call handoff-init again"
    message = f"{reason}; expected a noxfile, or nothing. Nothing was written"
    raise files.foreign(path, message, hint)


def _clashes(noxfile: str, parsed: profile.Profile, sessions: Collection[str]) -> list[str]:
    """Return a line for each session of an existing noxfile whose name the handoff needs."""
    ours = {*sessions}
    ours.update(mode.session for mode in parsed.modes)
    ours.update(check.session for check in parsed.checks)
    return [
        f"the handoff defines a session '{name}' too: rename the one in noxfile.py"
        for name in dict.fromkeys(_SESSION_NAME.findall(noxfile))
        if name in ours
    ]


def _draft(known: KnownFiles) -> Draft:
    """Return the values of the profile, from what the repository has."""
    parts = ecosystems.find_ecosystems(known)
    tools: dict[str, Mapping[str, Any]] = {**ecosystems.built_in_tools()}
    environment: dict[str, Any] = {}
    variables = {"LC_ALL": "C", "TZ": "UTC"}
    for part in parts:
        tools.update(part.tools)
        environment.update(part.environment)
        variables.update(part.set)
    checks = _checks(known, parts, [name for name in tools if name not in _ECOSYSTEM_TOOLS])
    names = {name for check in checks for name in check.tools}
    manifest, changelog = known.manifest or _MANIFEST, known.changelog or _CHANGELOG
    docs = "docs/implementation" if known.has_folder("docs/implementation/") else "docs"
    packet = f"{docs}/PRODUCER_RELEASE_HANDOFF_LATEST.json"
    stated = _stated_version(known)
    return Draft(
        name=known.root.resolve().name or "producer",
        manifest=manifest,
        changelog=changelog,
        packet=packet,
        runtime_paths=runtime.find_runtime_paths(known, [manifest, changelog, packet]),
        service_version=stated,
        policies=_policies(known, stated),
        keep=[path for part in parts for path in part.keep],
        pass_names=_pass_names(parts),
        set=variables,
        environment=environment,
        tools={name: table for name, table in tools.items() if name in names},
        checks=checks,
    )


def _pass_names(parts: Sequence[Ecosystem]) -> list[str]:
    """Return the variables that reach a check, each once."""
    names = [name for part in parts for name in part.pass_names]
    if "TMPDIR" not in names:
        names.insert(0, "TMPDIR")
    return list(dict.fromkeys(names))


def _checks(known: KnownFiles, parts: Sequence[Ecosystem], tools: Collection[str]) -> list[Check]:
    """Return the checks of the ecosystems and of the scripts; a placeholder if there are none."""
    checks = [check for part in parts for check in part.checks]
    for script in scripts.find_scripts(known, tools, {check.id for check in checks}):
        argv = [f"./{script.path}"]
        if script.root_option:
            argv += [script.root_option, "{root}"]
        checks.append(
            Check(
                id=script.id,
                title=f"what {script.path} verifies",
                argv=argv,
                tools=script.tools,
                success_line=script.success_line,
            )
        )
    return checks or [_PLACEHOLDER]


def _stated_version(known: KnownFiles) -> tuple[str, str] | None:
    """Return where an OpenAPI document states the service contract version: path and pattern."""
    for path in sorted(known.modes):
        if re.search(r"openapi[^/]*\.ya?ml\Z", path):
            line = _STATED_VERSION.search(known.read_text(path))
            if line:
                return path, rf"^{line[1]}version: (service\.v[0-9]+)$"
    return None


def _policies(known: KnownFiles, stated: tuple[str, str] | None) -> dict[str, Mapping[str, Any]]:
    """Return the envelope policies: MemoryKernel's, v1's, the manifest's and the tree's."""
    policies: dict[str, Mapping[str, Any]] = {}
    policies.update(ecosystems.read_built_in("memorykernel")["envelope_policies"])
    versions = ["service.v1"]
    if known.manifest:
        versions.append(
            str(known.read_json(known.manifest).get("expected_service_contract_version"))
        )
    if stated:
        path, pattern = stated
        match = re.search(pattern, known.read_text(path), re.MULTILINE)
        versions += [match[1]] if match else []
    for version in versions:
        if re.fullmatch(r"service\.v[1-9][0-9]{0,3}", version):
            policies.setdefault(version, _OTHER_POLICY)
    return policies


def _missing(known: KnownFiles, draft: Draft) -> list[str]:
    """Return what has to be added to the repository before a release can be verified."""
    missing = []
    if not known.manifest:
        missing.append(
            f"a producer manifest at {draft.manifest}: docs/how-to/your-own-repository.md of "
            "handoff-tasks has an example, docs/reference/manifest.md describes each field"
        )
    if not known.changelog:
        others = (path for path in sorted(known.modes) if _OTHER_CHANGELOG.match(path))
        other = next(others, None)
        note = f" ({other} exists, but a statement is read from Markdown)" if other else ""
        missing.append(
            f"a changelog at {draft.changelog} with a section '## vX.Y.Z' and the impact statement "
            f"in it{note}"
        )
    if draft.checks == [_PLACEHOLDER]:
        missing.append(
            "checks: git knows no script named verify_* or run_*, and no Cargo.toml, package.json "
            "or pyproject.toml"
        )
    for path, mode in known.modes.items():
        if scripts.is_script(path) and path.endswith(".sh") and mode == PLAIN:
            missing.append(
                f"{path} is not executable, so it is not a check: "
                f"git update-index --chmod=+x {path}"
            )
    prefix = known.prefix()
    if "Cargo.toml" in known.modes and "Cargo.lock" not in known.modes and not prefix:
        missing.append(
            "Cargo.lock: cargo would write one into the checkout, and a check that changes the "
            "checkout fails"
        )
    if prefix:
        missing.append(
            f"git.tag_prefix in {PROFILE}: this is a part of a larger repository ({prefix}), whose "
            "tags count only with a prefix"
        )
    unignored = [name for name in (".nox/", "__pycache__/") if not known.is_ignored(name)]
    return missing + [f"{name} is not ignored by git: add it to .gitignore" for name in unignored]


def lines(start: Start, root: Path) -> list[str]:
    """Return what to print: the files, what was found, what is missing, and the next command."""
    said = []
    for path, content in start.texts.items():
        if start.dry_run:
            said += [f"would write {path}", "", *_indent(content.splitlines())]
        else:
            said.append(f"wrote {path}")
    said += ["", "found", *_indent(start.summary)]
    if start.missing:
        said += ["", "missing, to be added and committed", *_indent(start.missing)]
    if start.to_add:
        step = "have its call name the profile"
        if start.to_add == templates.NOXFILE:
            step = "add these lines to it"
        said += ["", f"{root / 'noxfile.py'} exists; {step}", *_indent(start.to_add.splitlines())]
    if start.dry_run:
        return [*said, "", "Nothing was written."]
    nox = _nox()
    which = "" if nox == "nox" else ", with the nox that has handoff-tasks installed beside it"
    commit = f'git add {shlex.join(start.to_commit)} && git commit -m "build: hand releases over"'
    return [
        *said,
        "",
        f"Read {PROFILE}, correct it, and commit. Then, in {root}{which},",
        "this prints what is still missing for a GO:",
        "",
        f"  {commit} && {nox} -s pre-release",
    ]


def _indent(texts: Sequence[str]) -> list[str]:
    return [f"  {text}".rstrip() for text in texts]


def _nox() -> str:
    """Return how to call the running nox: by name if PATH finds it, else by path."""
    ours = Path(sys.executable).parent / "nox"
    if not ours.is_file():
        return shlex.join([sys.executable, "-m", "nox"])
    first = shutil.which("nox")
    return "nox" if first and Path(first) == ours else shlex.quote(str(ours))
