"""Scan a repository, and write its first profile and noxfile."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks import files
from handoff_tasks.formats import schemas
from handoff_tasks.git import command
from handoff_tasks.problems import refusal
from handoff_tasks.producer import profile
from handoff_tasks.setup import templates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

PROFILE = "handoff.toml"
# The sessions that every profile gets, beside those of its modes and checks.
_SESSIONS = frozenset(
    {
        *("handoff-init", "handoff-explain", "handoff-assemble", "handoff-verify", "handoff-diff", "handoff-show"),
        *("pre-release", "impact-draft"),
    }
)
_MANIFEST = "contracts/producer-contract-manifest.json"
_BASE = ("TMPDIR",)
_NETWORK = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"),
)
_NODE = """[tools.node]
executables = ["node"]
version = ["node", "--version"]
claim = true
hint = "install Node.js"
"""
_NODE_MANAGER = """[tools.{name}]
executables = ["{name}"]
version = ["{name}", "--version"]
claim = true
hint = "install {name}"
"""
# Entries that make no runtime. What is not known to be such counts as one: too much is refused, too little would be believed. So a
# document has a document's name (history.js and license-check/ have not), and dot files that a build reads are runtime.
_METADATA = re.compile(
    r"(?:docs?/|noxfile\.py|handoff\.toml|\.(?!(?:cargo/|npmrc|pnpmfile\.cjs|yarn/|yarnrc|babelrc|swcrc|browserslistrc)).*"
    r"|(?:readme|licen[cs]e|copying|notice|authors|changelog|changes|history|news|contributing|code_of_conduct|security)(?:-[a-z0-9]+)*"
    r"(?:(?:\.[a-z]{2}(?:[-_][a-z]{2})?)?\.(?:md|markdown|rst|txt|adoc))?)\Z",
    re.IGNORECASE,
)
# Of a folder that holds what a release commits, these hold nothing else; of any other one, what lies beside that is runtime.
_RELEASE_FOLDERS = frozenset({"contract/", "contracts/", "doc/", "docs/"})
_CHANGELOG = re.compile(r"(?:changelog|changes|history|news)(?:\.(?:rst|txt|adoc))?\Z", re.IGNORECASE)
_OTHER_POLICY = """[envelope_policies."{version}"]
requires = ["service_contract_version", "error.code", "error.message"]
forbids = []
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What was written, or would be (``dry_run``), path to text, what was found, what is still missing, what to do to a noxfile.

    ``to_commit`` are the files that git does not know yet.
    """

    dry_run: bool
    written: Mapping[Path, str]
    to_commit: Sequence[str]
    found: Sequence[str]
    missing: Sequence[str]
    to_add: str | None


def start(root: Path, *, dry_run: bool = False) -> Started:
    """Write ``handoff.toml`` and, where there is none, ``noxfile.py`` into a repository; with ``dry_run`` write nothing.

    Raises `HandoffError`: HP090 (no folder, or no repository), HP091 (a profile is there already), HP080.
    """
    place, noxfile = root / PROFILE, root / "noxfile.py"
    known = _files(root)
    if os.path.lexists(place):
        hint = "edit it, or move it away and call handoff-init again"
        raise refusal("HP091", str(place), "there is a profile already; nothing was written", hint)
    seen = _Seen(root, known)
    found = _found(seen)
    text = templates.text(found)
    # What we write we can read; anything else is a mistake of ours.
    profile.parse(text.encode(), str(place), schemas.schema(schemas.PROFILE))
    written = _noxfile(noxfile)
    there = written is not None
    to_write = {place: text} | ({} if there else {noxfile: templates.NOXFILE})
    to_add = None if written is None else _to_add(written)
    for path, content in () if dry_run else to_write.items():
        files.create(path, content.encode())
    unknown = [path for path in (found.manifest, found.changelog, ".gitignore") if path not in known and (root / path).is_file()]
    return Started(
        dry_run=dry_run,
        written=to_write,
        to_commit=[PROFILE, noxfile.name, *unknown],
        found=[
            f"files     {len(known)}: those that git knows, and no others",
            f"checks    {', '.join([*(check[0] for check in found.checks), *(script.id for script in found.scripts)])}",
            f"runtime   {', '.join(found.runtime_paths)}",
            f"manifest  {found.manifest if seen.manifest else 'none'}",
            f"changelog {found.changelog if seen.changelog else 'none'}",
        ],
        missing=[*_missing(seen, found), *_clashes(written, profile_text=text)],
        to_add=to_add,
    )


def _noxfile(path: Path) -> str | None:
    """Return the text of the noxfile; None if there is none. Raises `HandoffError` (HP083) if it is not a readable file."""
    if not os.path.lexists(path):
        return None
    try:
        return files.read_plain(path).decode("utf-8", "replace")
    except FileNotFoundError:
        what = "is a symbolic link to nothing"
    except IsADirectoryError:
        what = "is a folder"
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
    hint = "move it away, then call handoff-init again"
    raise files.foreign(path, f"{what}; expected a noxfile, or nothing. Nothing was written", hint)


def _to_add(noxfile: str) -> str:
    """Return what a noxfile that is there lacks: the lines, or the word for the call that it has already."""
    if "handoff_tasks.register" in noxfile:
        return templates.REGISTER
    return templates.NOXFILE


def _clashes(noxfile: str | None, profile_text: str) -> list[str]:
    """Return the sessions of a noxfile that is there whose names the handoff needs."""
    if noxfile is None:
        return []
    parsed = profile.parse(profile_text.encode(), PROFILE, None)
    ours = {*_SESSIONS, *(mode.session for mode in parsed.modes), *(check.session for check in parsed.checks)}
    named = re.findall(r"""\bname\s*=\s*["']([^"']+)["']""", noxfile)
    return [
        f"the session {name} of noxfile.py has a name that the handoff needs: give it another one"
        for name in dict.fromkeys(named)
        if name in ours
    ]


def _files(root: Path) -> dict[str, str]:
    """Return the files that git knows below a folder, path to mode."""
    if not root.is_dir():
        raise refusal("HP090", str(root), "no such folder", "give the folder of a repository")
    try:
        listed = command.run("ls-files", "-z", "--stage", cwd=root).decode("utf-8", "surrogateescape")
    except command.GitError:
        hint = "run 'git init' there and commit what a release is made of, then call handoff-init again"
        raise refusal("HP090", str(root), "not in a git repository; a handoff is of one commit", hint) from None
    entries = [line.split("\t", 1) for line in listed.split("\0") if line]
    return {path: facts.split(" ", 1)[0] for facts, path in entries}


class _Seen:
    """A repository's files, read when they are asked for."""

    def __init__(self, root: Path, files: dict[str, str]) -> None:
        self.root = root
        self.files = files
        named = [path for path in files if path.endswith(".json") and "manifest" in path.rpartition("/")[2]]
        stating = (path for path in named if self.json(path).get("manifest_contract_version"))
        self.manifest = min(stating, key=lambda path: (path.count("/"), path), default=None)
        self.changelog = next(
            (path for path in ("CHANGELOG.md", "CHANGES.md", "HISTORY.md", "docs/CHANGELOG.md") if path in files), None
        )

    def below(self) -> str:
        """Where the folder lies in its repository; empty at the repository's top."""
        return os.fsdecode(command.run("rev-parse", "--show-prefix", cwd=self.root).removesuffix(b"\n")).rstrip("/")

    def unignored(self, name: str) -> bool:
        """Tell whether git would show a folder of that name."""
        try:
            command.run("check-ignore", "--quiet", name, cwd=self.root)
        except command.GitError:
            return True
        return False

    def text(self, path: str) -> str:
        """Return a file's text as it is in the work tree; empty when it cannot be read."""
        try:
            return files.read_plain(self.root / path).decode("utf-8", "replace")
        except OSError:
            return ""

    def json(self, path: str) -> dict[str, Any]:
        """Return the object in a file; empty when there is none."""
        try:
            found = json.loads(self.text(path))
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def has(self, path: str) -> bool:
        """Tell whether git knows the file, or files below the folder (``folder/``)."""
        return path in self.files or (path.endswith("/") and any(name.startswith(path) for name in self.files))


def _found(seen: _Seen) -> templates.Found:
    blocks = _blocks()
    cargo, python, node = "Cargo.toml" in seen.files, "pyproject.toml" in seen.files, "package.json" in seen.files
    checks: list[tuple[str, str, Sequence[str], Sequence[str]]] = []
    keep, passed = [], [*_BASE]
    tables = {name: table for name, table in blocks.items() if name != "environment"}
    check_settings: dict[str, str] = {}
    always = {"LC_ALL": "C", "TZ": "UTC"}
    settings = ""
    if cargo:
        flags = ["--workspace", "--all-targets", "--all-features"]
        checks += [
            ("fmt", "formatting", ["cargo", "fmt", "--all", "--", "--check"], ["cargo", "rustc", "rustfmt"]),
            ("clippy", "lints, warnings denied", ["cargo", "clippy", *flags, "--", "-D", "warnings"], ["cargo", "rustc", "clippy"]),
            ("test", "the whole test suite", ["cargo", "test", *flags], ["cargo", "rustc"]),
        ]
        keep += _targets(seen)
        built_in = profile.parse(_memorykernel().encode(), "memorykernel", None)
        passed = [*built_in.pass_names]
        settings = blocks["environment"]
    if node:
        manager = next((name for lock, name in (("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn")) if lock in seen.files), "npm")
        tables |= {"node": _NODE, manager: _NODE_MANAGER.format(name=manager)}
        scripts = seen.json("package.json").get("scripts", {})
        wanted = [name for name in ("lint", "typecheck", "test") if isinstance(scripts, dict) and name in scripts]
        install = f"{manager} install --frozen-lockfile"
        if manager == "npm":
            install = "npm ci" if "package-lock.json" in seen.files else "npm install --no-package-lock"
        if wanted:
            # One check: they share node_modules, and checks run side by side.
            line = " && ".join([install, *(f"{manager} run {name}" for name in wanted)])
            checks.append(("node", f"{', '.join(wanted)} of package.json", ["bash", "-c", line], ["bash", "node", manager]))
        keep.append("node_modules")
        passed += [name for name in (*_NETWORK, "npm_config_registry") if name not in passed]
    if python:
        text = seen.text("pyproject.toml")
        if "[tool.ruff" in text or "ruff" in text:
            checks.append(("lint", "lints, by ruff", ["ruff", "check", "--no-fix", "."], ["ruff"]))
        # No check may write into the checkout, or see packages outside of its session's environment.
        always |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1", "RUFF_NO_CACHE": "true"}
        if "pytest" in text and not (cargo or node):
            below = "/src" if any(re.match(r"src/.*\.py\Z", path) for path in seen.files) else ""
            check_settings["test"] = (
                f'# The package is not installed there: this is where tests find it.\nset = {{ PYTHONPATH = "{{root}}{below}" }}'
            )
            checks.append(("test", "the whole test suite", ["pytest", "-q", "-p", "no:cacheprovider"], ["python3", "pytest"]))
    known = [name for name in tables if name not in {"cargo", "rustc", "rustfmt", "clippy", "ruff", "pytest"}]
    scripts_found = [
        templates.script(path, seen.text(path), known)
        for path in sorted(seen.files)
        if templates.is_script(path) and seen.files[path] == "100755"
    ]
    unique = {script.id: script for script in reversed(scripts_found) if script.id not in {check[0] for check in checks}}
    scripts_kept = [script for script in scripts_found if unique.get(script.id) is script]
    if not checks and not scripts_kept:
        checks.append(("example", "replace this by what verifies a release", ["bash", "-c", "exit 1"], ["bash"]))
    used = {name for check in checks for name in check[3]} | {name for script in scripts_kept for name in script.tools}
    stated = _stated(seen)
    packet = f"{'docs/implementation' if seen.has('docs/implementation/') else 'docs'}/PRODUCER_RELEASE_HANDOFF_LATEST.json"
    return templates.Found(
        name=seen.root.resolve().name or "producer",
        manifest=seen.manifest or _MANIFEST,
        changelog=seen.changelog or "CHANGELOG.md",
        packet=packet,
        runtime_paths=_runtime(seen, [seen.manifest or _MANIFEST, seen.changelog or "CHANGELOG.md", packet]),
        service_version=stated,
        keep=keep,
        passed=passed,
        set=always,
        settings=settings,
        policies=_policies(seen, stated),
        checks=checks,
        check_settings=check_settings,
        scripts=scripts_kept,
        tools={name: table for name, table in tables.items() if name in used},
    )


def _runtime(seen: _Seen, metadata: Sequence[str]) -> list[str]:
    """Return all top-level entries but those that are known to make no runtime, or hold what a release commits after it."""
    found = {entry for path in seen.files if (entry := _entry(path, seen, metadata))}
    # What no pattern can hold stands for any name; so does what is no UTF-8.
    return sorted({re.sub(r"[\x00-\x1f\\\ud800-\udfff]+", "*", entry) for entry in found}) or ["src/"]


def _entry(path: str, seen: _Seen, metadata: Sequence[str]) -> str | None:
    """Return the entry with which a file counts as runtime: its top-level one, or one below it; None where it counts as none."""
    end = path.find("/") + 1 or len(path)
    if path[:end] in _RELEASE_FOLDERS and any(held.startswith(path[:end]) for held in metadata if held in seen.files):
        return None
    # A script is no document, whatever its name.
    if seen.files[path] != "100755" and _METADATA.match(path[:end]):
        return None
    while end < len(path) and any(held.startswith(path[:end]) for held in metadata):
        end = path.find("/", end) + 1 or len(path)
    return None if path[:end] in metadata else path[:end]


def _memorykernel() -> str:
    return files.built_in_profiles()["memorykernel"].read_text("utf-8")


def _blocks() -> dict[str, str]:
    """Return the tables of tools in the built-in profiles, name to TOML, and what the Rust one says of the environment."""
    blocks: dict[str, str] = {}
    for path in files.built_in_profiles().values():
        for block in re.split(r"\n(?=\[)", path.read_text("utf-8")):
            if named := re.match(r"\[tools\.([a-z0-9]+)\]", block):
                blocks.setdefault(named[1], re.sub(r"\nmentioned_in = .*", "", block.split("\n\n")[0]) + "\n")
    text = _memorykernel()
    start, end = text.index("# What cargo, rustup, clippy"), text.index("# The tools: looked up")
    return {**blocks, "environment": text[start:end]}


def _targets(seen: _Seen) -> list[str]:
    """Return where cargo leaves its build outputs: beside the lock file of each workspace."""
    folders = {path.rpartition("/")[0] for path in seen.files if path.rpartition("/")[2] == "Cargo.lock"} | {""}
    return [f"{folder}/target" if folder else "target" for folder in sorted(folders)]


def _stated(seen: _Seen) -> tuple[str, str] | None:
    """Return where an OpenAPI document states the service contract version."""
    for path in sorted(seen.files):
        if re.search(r"openapi[^/]*\.ya?ml\Z", path) and (
            line := re.search(r"(?m)^( *)version: (service\.v)\d+$", seen.text(path))
        ):
            return path, rf"^{line[1]}version: (service\.v[0-9]+)$"
    return None


def _policies(seen: _Seen, stated: tuple[str, str] | None) -> str:
    """Return the tables of the envelope policies: of the versions that are known, the first one, the manifest's, the tree's."""
    text = _memorykernel()
    known = text[text.index("[envelope_policies.") : text.index("[execution]")].rstrip() + "\n"
    known = "# Those of v2 and v3 are MemoryKernel's: put what your own responses carry.\n" + known
    found = re.search(stated[1], seen.text(stated[0]), re.MULTILINE) if stated else None
    manifest = seen.json(seen.manifest).get("expected_service_contract_version") if seen.manifest else None
    versions = ["service.v1", str(manifest), found[1] if found else ""]
    wanted = [name for name in dict.fromkeys(versions) if re.fullmatch(r"service\.v[1-9][0-9]{0,3}", name)]
    return "\n".join([known, *(_OTHER_POLICY.format(version=name) for name in wanted if f'"{name}"' not in known)])


def _missing(seen: _Seen, found: templates.Found) -> list[str]:
    missing = []
    if not seen.manifest:
        missing.append(
            f"a producer manifest at {found.manifest}: docs/how-to/your-own-repository.md of handoff-tasks has an "
            "example, docs/reference/manifest.md describes each of its fields"
        )
    if not seen.changelog:
        other = next((path for path in sorted(seen.files) if _CHANGELOG.match(path)), None)
        seen_too = f" ({other} is there, but a statement is read from Markdown)" if other else ""
        missing.append(f"a changelog at {found.changelog} with a section '## vX.Y.Z' and the impact statement in it{seen_too}")
    if [check[0] for check in found.checks] == ["example"]:
        missing.append(
            "checks: no script named verify_* or run_*, no Cargo.toml, package.json or pyproject.toml was found among the files "
            "that git knows"
        )
    not_executable = [
        path for path in seen.files if templates.is_script(path) and seen.files[path] == "100644" and path.endswith(".sh")
    ]
    missing += [f"{path} is not executable, so it is no check: git update-index --chmod=+x {path}" for path in not_executable]
    below = seen.below()
    if "Cargo.toml" in seen.files and "Cargo.lock" not in seen.files and not below:
        missing.append("Cargo.lock: cargo would write one into the checkout, and a check that changes the checkout has not passed")
    if below:
        missing.append(
            f"tags: this is a part of a larger repository ({below}), whose tags count only with a prefix: git.tag_prefix in "
            f"{PROFILE}"
        )
    missing += [f"{name} is not ignored by git: add it to .gitignore" for name in (".nox/", "__pycache__/") if seen.unignored(name)]
    return missing


def lines(started: Started, root: Path) -> list[str]:
    """Return what to say of a start: written, found, missing, and last the command to type next."""
    said = []
    for path, content in started.written.items():
        said.append(f"{'would write' if started.dry_run else 'wrote'} {path}")
        said += ["", *(f"  {line}".rstrip() for line in content.splitlines())] if started.dry_run else []
    said += ["", "found", *(f"  {line}" for line in started.found)]
    if started.missing:
        said += ["", "missing, to be added and committed", *(f"  {line}" for line in started.missing)]
    if started.to_add:
        what = "add these lines to it" if started.to_add == templates.NOXFILE else "have its call name the profile"
        said += ["", f"{root / 'noxfile.py'} is there already; {what}", *(f"  {line}" for line in started.to_add.splitlines())]
    if started.dry_run:
        return [*said, "", "Nothing was written."]
    nox = _nox()
    with_it = "" if nox == "nox" else ", with the nox that has handoff-tasks beside it"
    return [
        *said,
        "",
        f"Read {PROFILE}, correct what you know better, and commit. Then, in {root}{with_it},",
        "this says what is still missing for a GO:",
        "",
        f'  git add {shlex.join(started.to_commit)} && git commit -m "build: hand releases over" && {nox} -s pre-release',
    ]


def _nox() -> str:
    """Return how to call the nox that runs: by its name where PATH finds it, else by its path."""
    ours = Path(sys.executable).parent / "nox"
    found = shutil.which("nox")
    if not ours.is_file():
        return shlex.join([sys.executable, "-m", "nox"])
    return "nox" if found and Path(found) == ours else shlex.quote(str(ours))
