"""A small producer of our own for tests: a git repository with a release history, and a profile of bash checks.

Git is run by plain subprocess with fixed names and dates in an environment built from nothing, so commit ids are the same
everywhere. Nothing of the library is used here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MANIFEST_PATH = "contracts/manifest.json"
CHANGELOG_PATH = "CHANGELOG.md"
PACKET_PATH = "handoff/packet.json"
OK_LINE = "ok: all is well"
FIRST_DAY = 1_750_000_000
ERROR_CODES = ("invalid_json", "internal_error")

OK = f"""#!/usr/bin/env bash
set -euo pipefail
echo "looking at $1"
echo "{OK_LINE}"
"""
PLAIN = """#!/usr/bin/env bash
echo "no success line is asked of me"
"""
TREE = """#!/usr/bin/env bash
set -euo pipefail
git rev-parse HEAD
test -f Cargo.toml
echo "tree: complete"
"""
SCRIPTS = {"scripts/ok.sh": OK, "scripts/plain.sh": PLAIN, "scripts/tree.sh": TREE}


def environment(**extra: str) -> dict[str, str]:
    """Return an environment for git with fixed names, no configuration and nothing of the caller's but PATH."""
    return {
        "GIT_AUTHOR_EMAIL": "author@example.invalid",
        "GIT_AUTHOR_NAME": "Author",
        "GIT_COMMITTER_EMAIL": "author@example.invalid",
        "GIT_COMMITTER_NAME": "Author",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "HOME": os.devnull,
        "LC_ALL": "C",
        "PATH": os.environ.get("PATH", os.defpath),
        "TZ": "UTC",
        **extra,
    }


def git(cwd: Path, *words: str, stdin: str | None = None, **extra: str) -> str:
    """Run git in ``cwd`` and return what it prints, stripped."""
    done = subprocess.run(
        ["git", *words],
        cwd=cwd,
        env=environment(**extra),
        input=stdin,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
    return done.stdout.strip()


@dataclass
class Producer:
    """A repository whose producer's root is ``root``: the repository itself, or a folder in it. ``commits`` counts the dates."""

    path: Path
    root: Path
    commits: int = 0

    def git(self, *words: str, stdin: str | None = None) -> str:
        """Run git at the repository's top."""
        date = f"{FIRST_DAY + self.commits * 60} +0000"
        return git(self.path, *words, stdin=stdin, GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)

    def write(self, files: Mapping[str, str | None]) -> None:
        """Write files below the root; None removes one, and a text that starts with ``#!`` becomes executable."""
        for name, text in files.items():
            path = self.root / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, newline="\n")
            path.chmod(0o755 if text.startswith("#!") else 0o644)

    def commit(self, message: str, files: Mapping[str, str | None]) -> str:
        """Write files below the root, commit all that is there, and return the commit's id."""
        self.write(files)
        self.commits += 1
        self.git("add", "--all", "--force", ".")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.head()

    def tag(self, name: str, target: str = "HEAD", *, annotated: bool = True) -> None:
        """Tag a commit; a tag of that name moves."""
        words = ["--annotate", "--message", name] if annotated else []
        self.git("tag", "--force", *words, name, target)

    def copy(self, path: Path) -> Producer:
        """Copy the repository to ``path``, with an index that knows the copied files."""
        shutil.copytree(self.path, path, symlinks=True)
        copied = Producer(
            path=path, root=path / self.root.relative_to(self.path), commits=self.commits
        )
        copied.git("update-index", "--refresh")
        return copied

    def head(self) -> str:
        """Return the id of the commit that is checked out."""
        return self.git("rev-parse", "HEAD")

    def release(
        self, version: str, runtime: str, *, rollback: str | None = None, **fields: Any
    ) -> str:
        """Commit the metadata of a release whose runtime commit is ``runtime``; return that commit's id."""
        changelog = self.root / CHANGELOG_PATH
        old = changelog.read_text().removeprefix("# Changelog\n") if changelog.is_file() else ""
        files = {
            MANIFEST_PATH: manifest(version, runtime, **fields),
            CHANGELOG_PATH: f"# Changelog\n\n{section(version, runtime, rollback=rollback)}{old}",
        }
        return self.commit(f"chore(release): {version}", files)


def repository(path: Path, below: str = ".") -> Producer:
    """Make an empty repository at ``path``, the producer's root at ``below`` in it."""
    (path / below).mkdir(parents=True)
    git(path, "init", "--quiet", "--initial-branch=main", "--template=")
    return Producer(path=path, root=path / below)


def producer(path: Path, below: str = ".", tag_prefix: str = "") -> Producer:
    """Make a producer with two releases, v1.0.0 and v1.1.0, each tagged one commit after its runtime commit.

    v1.1.0's tag is checked out; its impact statement is filled in, and its rollback target is v1.0.0.
    """
    made = repository(path, below)
    first = made.commit(
        "feat: speak service.v1", {**SCRIPTS, **runtime("1"), ".gitignore": "/target\n*.tmp\n"}
    )
    made.release("v1.0.0", first, service="service.v1")
    made.tag(f"{tag_prefix}v1.0.0")
    second = made.commit("feat: speak service.v2", runtime("2"))
    made.release("v1.1.0", second, rollback=f"v1.0.0/{first}")
    made.tag(f"{tag_prefix}v1.1.0")
    return made


def runtime(version: str) -> dict[str, str]:
    """Return the files below the runtime paths, for service version ``version``."""
    return {
        "Cargo.toml": "[workspace]\nmembers = []\n",
        "crates/core/lib.rs": f"pub const SERVICE: u32 = {version};\n",
        "openapi/openapi.yaml": f"openapi: 3.1.0\ninfo:\n  version: service.v{version}\n",
    }


def manifest(version: str, commit: str, *, service: str = "service.v2", **fields: Any) -> str:
    """Return the text of a producer contract manifest."""
    document = {
        "manifest_contract_version": "producer-contract-manifest.v1",
        "release_tag": version,
        "commit_sha": commit,
        "expected_service_contract_version": service,
        "expected_api_contract_version": "api.v1",
        "integration_baseline": "integration/v1",
        "error_code_enum": list(ERROR_CODES),
        **fields,
    }
    return json.dumps(document, indent=2) + "\n"


def section(version: str, commit: str, *, rollback: str | None = None) -> str:
    """Return the changelog's section of a release, the impact statement filled in."""
    behaviour = "responses follow service.v2" if rollback else "none"
    mapping = "read what service.v2 requires" if rollback else "none"
    return f"""## {version}

Consumer impact:
- Runtime behavior changes: {behaviour}
- Required consumer mapping changes: {mapping}
- Required test updates: none
- Repin required: yes ({version}/{commit})
- Rollback instruction: {f"repin to {rollback}" if rollback else "none, this is the first release"}
"""


def check(
    name: str,
    argv: Sequence[str],
    *,
    success_line: str | None = None,
    tools: Sequence[str] = ("bash",),
    timeout: int | None = None,
    settings: Mapping[str, str] | None = None,
    ignores: Sequence[str] | None = None,
) -> str:
    """Return the TOML of one check."""
    lines = [
        "[[checks]]",
        f'id = "{name}"',
        f'title = "{name}"',
        f"argv = {json.dumps(list(argv))}",
    ]
    lines += [f"success_line = {json.dumps(success_line)}"] if success_line else []
    lines += [f"tools = {json.dumps(list(tools))}"]
    lines += [f"timeout_seconds = {timeout}"] if timeout else []
    lines += [f"ignores = {json.dumps(list(ignores))}"] if ignores is not None else []
    lines += (
        [
            f"set = {{ {', '.join(f'{key} = {json.dumps(value)}' for key, value in settings.items())} }}"
        ]
        if settings
        else []
    )
    return "\n".join(lines) + "\n"


CHECKS = (
    check("ok", ["./scripts/ok.sh", "{root}"], success_line=OK_LINE),
    check("plain", ["./scripts/plain.sh"]),
    check("tree", ["./scripts/tree.sh"], success_line="tree: complete", tools=("bash", "git")),
)
TOOLS = """
[tools.bash]
executables = ["bash"]
version = ["bash", "--version"]
claim = true
hint = "install bash"

[tools.git]
executables = ["git"]
version = ["git", "--version"]
hint = "install git"
"""


def profile(
    checks: Sequence[str] = CHECKS,
    *,
    tools: str = TOOLS,
    tag_prefix: str = "",
    git: str = "",
    keep: Sequence[str] = ("target", "components/*/target"),
    log_limit: int = 1_048_576,
    toolchain: str | None = None,
    passed: Sequence[str] = ("HOME", "TMPDIR"),
) -> str:
    """Return the text of a profile with these checks; ``git`` are more lines of its table ``[git]``."""
    pinned = f"toolchain = {json.dumps(toolchain)}\n" if toolchain else ""
    prefix = f"tag_prefix = {json.dumps(tag_prefix)}\n" if tag_prefix else ""
    return f"""profile_contract_version = "producer-profile.v1"
name = "Scratch"

[paths]
manifest = "{MANIFEST_PATH}"
changelog = "{CHANGELOG_PATH}"
packet = "{PACKET_PATH}"

[git]
{git}{prefix}runtime_paths = ["crates/", "components/*/crates/", "Cargo.toml", "openapi/"]
service_version = {{ path = "openapi/openapi.yaml", pattern = '^  version: (service\\.v[0-9]+)$' }}

[[modes]]
name = "stable"
session = "handoff-stable"

[[modes]]
name = "service-v3-candidate"
session = "handoff-v3-candidate"
rehearsed_service_contract_version = "service.v3"
required_consumer_validation_commands = ["make check"]

[modes.rehearsal_candidate]
requires_runtime_cutover = false
service_v2_runtime_stability_required = true
migration_overlap_days = 14
consumer_non_blocking_fallback_required = true

[modes.compatibility_expectations]
candidate_values_override_release_baseline_fields = ["expected_service_contract_version"]
fields_that_must_match_active_runtime_baseline = [
  "release_tag",
  "commit_sha",
  "expected_api_contract_version",
  "integration_baseline",
  "error_code_enum",
]

[envelope_policies."service.v1"]
requires = ["error.code"]
forbids = []

[envelope_policies."service.v2"]
requires = ["service_contract_version", "error.code", "error.message", "legacy_error"]
forbids = ["api_contract_version"]

[envelope_policies."service.v3"]
requires = ["service_contract_version", "error.code", "error.message"]
optional = ["error.details"]
forbids = ["legacy_error", "api_contract_version"]

[execution]
timeout_seconds = 60
log_limit_bytes = {log_limit}
keep = {json.dumps(list(keep))}
{pinned}
[environment]
pass = {json.dumps(list(passed))}
set = {{ LC_ALL = "C", TZ = "UTC" }}
toolchain_variable = "SCRATCH_TOOLCHAIN"
{tools}
{chr(10).join(checks)}"""


PROFILE = profile()


def listing(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return mode, time of change and content of everything below a folder, to compare it with what it becomes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[path.relative_to(folder).as_posix()] = (status.st_mode, status.st_mtime_ns, content)
    return found


def program(name: str) -> str:
    """Return the absolute path of a program."""
    found = shutil.which(name)
    assert found is not None, f"{name} is not on PATH"
    return found


def copy_shipped(top: Path, folder: Path) -> None:
    """Copy the files of a checkout that git would ship: tracked, or new and not ignored."""
    # With the user's own settings, which say whether the checkout is safe to read.
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=top,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (top / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(top / name, folder / name)
