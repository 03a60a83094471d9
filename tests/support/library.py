"""A producer whose contract is of the kind release: a small library without a manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import scratch
from packets import record

from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.git import workspace
from handoff_tasks.record import Outcome
from handoff_tasks.release import decide, gather
from handoff_tasks.rules import git as git_rules

if TYPE_CHECKING:
    from pathlib import Path

    from handoff_tasks.packet.document import PacketDocument
    from handoff_tasks.problems import Problem

PACKET_PATH = "RELEASE_HANDOFF.json"
VERSION = 'version = { path = "pyproject.toml", toml = "project.version" }\n'
CONTRACTS = """
[contract.contracts]
output-format = { path = "src/greet.py", pattern = '^# output format ([0-9]+)$' }
"""
CHANGELOG = 'changelog = "CHANGELOG.md"\n'


def profile(
    *,
    version: str = VERSION,
    contracts: str = CONTRACTS,
    paths: str = CHANGELOG,
    git: str = "",
    more: str = "",
) -> str:
    """Return the text of the library's profile; each keyword is the TOML of one part."""
    return f"""profile_contract_version = "producer-profile.v1"
name = "Library"

[contract]
kind = "release"
{version}{contracts}
[paths]
{paths}packet = "{PACKET_PATH}"

[git]
{git}runtime_paths = ["src/"]

[tools.python3]
executables = ["python3"]
version = ["python3", "--version"]
claim = true
hint = "install Python 3.11 or later"
{more}
[[checks]]
id = "greets"
title = "the greeting"
argv = ["python3", "src/greet.py"]
success_line = "hello"
tools = ["python3"]
"""


def source(number: int = 1, text: str = "hello") -> str:
    """Return the library itself; ``number`` is the version of its output format."""
    return f'# output format {number}\nprint("{text}")\n'


def block(
    tag: str, *, behavior: str = "none", repin: str = "yes", rollback: str | None = None
) -> str:
    """Return a filled-in statement; ``rollback`` is what to repin to, None for a first release."""
    last = f"repin to {rollback}" if rollback else "none, this is the first release"
    return f"""Consumer impact:
- Runtime behavior changes: {behavior}
- Required consumer mapping changes: none
- Required test updates: none
- Repin required: {repin}{f" ({tag})" if repin == "yes" else ""}
- Rollback instruction: {last}
"""


def release(version: str, statement: str, old: str = "") -> dict[str, str]:
    """Return the files that a release changes beside the runtime; ``old`` is the old changelog."""
    heading = f"## [{version}] - 2026-01-01"
    return {
        "pyproject.toml": f'[project]\nname = "library"\nversion = "{version}"\n',
        "CHANGELOG.md": f"{heading}\n\n- changes\n\n{statement}\n{old}",
    }


def made(path: Path, text: str | None = None) -> scratch.Producer:
    """Make the library with the release v1.0.0, tagged, and v1.1.0, which has no tag yet.

    v1.0.0 is one commit. v1.1.0 changes the runtime in a commit of its own.
    """
    producer = scratch.repository(path)
    first = release("1.0.0", block("v1.0.0"))
    files = {"src/greet.py": source(), "handoff.toml": text or profile(), **first}
    producer.commit("feat: greet", {**files, ".gitignore": ".nox/\n.handoff/\n"})
    producer.tag("v1.0.0")
    producer.commit("refactor: greet as before", {"src/greet.py": source() + "# done\n"})
    statement = block("v1.1.0", behavior="internal refactoring only", rollback="v1.0.0")
    producer.commit("chore(release): 1.1.0", release("1.1.0", statement, first["CHANGELOG.md"]))
    return producer


@dataclass
class Library:
    """The library, and folders to judge it in."""

    producer: scratch.Producer
    folder: Path

    def opened(self, ref: str = "HEAD") -> workspace.Workspace:
        """Open the library at a ref, with the profile in its work tree."""
        return workspace.open_workspace(
            root=self.producer.root,
            ref=ref,
            profile_path=self.producer.root / "handoff.toml",
            work=self.folder / "work",
            cache=self.folder / "cache",
        )

    def decision(
        self, ref: str = "HEAD", *, release: str | None = None, impact: Path | None = None
    ) -> decide.Decision:
        """Decide the library's release with all checks passed."""
        opened = self.opened(ref)
        folder = EvidenceFolder.of(opened).make()
        for check in opened.profile.checks:
            record(opened, check, folder, Outcome.PASSED)
        material = gather.gather_material(opened, impact, release=release)
        results = gather.read_results(opened)
        mode = opened.profile.modes[0]
        return decide.decide(opened, material, results, mode, allow_untagged=True)

    def hint_without_tag(self, release: str) -> str:
        """Return the next step for a release without its tag (HP052)."""
        opened = self.opened()
        material = gather.gather_material(opened, None, release=release)
        found = git_rules.git_problems(
            material.facts, material.manifest, opened.profile, allow_untagged=False
        )
        [problem] = [one for one in found if one.code == "HP052"]
        return problem.hint

    def packet(self, ref: str = "HEAD", **choices: str) -> PacketDocument:
        """Return the GO packet of a release."""
        decided = self.decision(ref, **choices)  # type: ignore[arg-type] # release, impact
        assert [one.text() for one in decided.problems] == []
        return decided.document

    def problems(self, ref: str = "HEAD", **choices: str) -> list[Problem]:
        """Return what is wrong with a release."""
        return list(self.decision(ref, **choices).problems)  # type: ignore[arg-type] # as above
