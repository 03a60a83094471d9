"""Build the embedded sample producer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from handoff_tasks.git import command
from handoff_tasks.model import Flavour
from handoff_tasks.problems import refusal
from handoff_tasks.setup import embedded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


COMMITS: Mapping[Flavour, Mapping[str, str]] = MappingProxyType(
    {
        Flavour.RUST: MappingProxyType(
            {
                "runtime-v2": "c1e04298db9b4281edb1b76568328b4b2ada1d89",
                "manifest": "d833aa443a6bc69275a92b55353b829c3cf1d50c",
                "docs": "1be79e89f46d3503b3046005054445d6134cee6f",
                "v0.3.2": "a40c7b9a059ad4a777ad625910b526460bb85f78",
                "v0.3.3": "ae3b7c9fec9a287cc00a6875c2b572b9d096b607",
                "runtime-v3": "9df480a21ecb97473264101213b51e6272a5835e",
                "v0.4.0": "83d8f43cfc08f3acc919165c2f543ef6c0936237",
                "main-docs": "837b3177bbef735db3ffcb6db9028ad7d8be657b",
                "drift": "2d148fbbf64b1305839041033b776723a3d6e680",
            }
        ),
        Flavour.PYTHON: MappingProxyType(
            {
                "runtime-v2": "ee312c80f425d99e33e05d78d8f6a3e6e2318cd2",
                "manifest": "9c5af9d514edd43f7feb1b73ba873e200058d822",
                "docs": "bde851446721ba115d3a83f868826fbaee86bc6d",
                "v0.3.2": "ca05a2dea1719eb108b6a5a9f02f1708d1656778",
                "v0.3.3": "b18f03b56adc50d3b79beb6901b195f4183a2fa3",
                "runtime-v3": "8cf36f832b1e8d4e56b33740ddd6fe316d5dcc04",
                "v0.4.0": "1d925f596cadef98d27ee296fe7ca115ca96b28b",
                "main-docs": "3b940fe306a539e981dc7d205c8f9309d3eec17b",
                "drift": "6478c1abe1c62272308d0d9f1126bff3fbbdefa9",
            }
        ),
    }
)
"""Each flavour's commits by name, oldest first."""
_TAGS = {"v0.3.1": "runtime-v2", "v0.3.2": "v0.3.2", "v0.3.3": "v0.3.3", "v0.4.0": "v0.4.0"}
RELEASES: Mapping[Flavour, Mapping[str, str]] = MappingProxyType(
    {
        flavour: MappingProxyType({tag: commits[name] for tag, name in _TAGS.items()})
        for flavour, commits in COMMITS.items()
    }
)
"""Each flavour's annotated tags and the commits that they point to."""
RELEASE_BRANCH = "release"
"""The branch that is checked out: it ends at the newest release, and ``main`` is ahead of it."""
_DATA = Path(__file__).resolve().parents[1] / "sample_producer"
_IDENT = "Sample Producer <sample@example.invalid>"
_FIRST_DAY = 1_740_992_400  # 2025-03-03T09:00:00Z
_DAY = 86_400
# Placeholders in the data for the ids of earlier commits.
_PLACEHOLDERS = {b"@RUNTIME_V2@": "runtime-v2", b"@RUNTIME_V3@": "runtime-v3"}


@dataclass(frozen=True, slots=True)
class _Step:
    """One commit; ``number`` and ``name`` make the name of its folders."""

    number: int
    name: str
    message: str
    tag: str = ""

    @property
    def folder(self) -> str:
        return f"{self.number:02}-{self.name}"

    @property
    def date(self) -> int:
        return _FIRST_DAY + self.number * _DAY


_HISTORY = (
    _Step(1, "runtime-v2", "feat(service): speak service.v2", "v0.3.1"),
    _Step(2, "manifest", "feat(contracts): add the producer contract manifest"),
    _Step(3, "docs", "docs(spec): name the manifest in the versioning rules"),
    _Step(4, "v0.3.2", "chore(release): v0.3.2", "v0.3.2"),
    _Step(5, "v0.3.3", "chore(release): v0.3.3", "v0.3.3"),
    _Step(6, "runtime-v3", "feat(service): speak service.v3"),
    _Step(7, "v0.4.0", "chore(release): v0.4.0", "v0.4.0"),
    _Step(8, "main-docs", "docs(implementation): say where packets are made"),
    _Step(9, "drift", "fix(core): recall nothing for an empty question"),
)


def build(destination: Path, flavour: Flavour = Flavour.RUST) -> None:
    """Build the repository of one flavour of the sample at ``destination``.

    The folder must not exist or be empty. It is complete, or not made at all. Raises
    `HandoffError` (HP009) if it cannot be built there, or if the installed data does not give the
    commits in `COMMITS`.
    """
    embedded.build_whole(
        destination,
        "sample producer",
        lambda repository, marks: _fill(repository, marks, flavour),
    )


def _fill(repository: Path, marks: Path, flavour: Flavour) -> None:
    commits = embedded.import_history(repository, marks, RELEASE_BRANCH, _stream(flavour))
    for step in _HISTORY:
        expected = COMMITS[flavour][step.name]
        if commits[f":{step.number}"] != expected:
            raise refusal(
                "HP009",
                str(_DATA / flavour / step.folder),
                f"the sample's data makes commit {commits[f':{step.number}']}, not {expected}",
                "install this package again",
            )
    command.run("read-tree", "--reset", "-u", "HEAD", cwd=repository)


def _stream(flavour: Flavour) -> Iterator[bytes]:
    """Yield what ``git fast-import`` reads.

    Commits on main, their tags, then the release branch.
    """
    for step in _HISTORY:
        committer = f"{_IDENT} {step.date} +0000"
        commit = f"commit refs/heads/main\nmark :{step.number}\ncommitter {committer}\n"
        yield commit.encode()
        yield embedded.data(f"{step.message}\n".encode())
        for path, content in _files(step, flavour):
            mode = "100755" if path.startswith("scripts/") and path.endswith(".sh") else "100644"
            yield f"M {mode} inline {path}\n".encode()
            yield embedded.data(content)
        if step.tag:
            tagger = f"{_IDENT} {step.date + 3600} +0000"
            yield f"tag {step.tag}\nfrom :{step.number}\ntagger {tagger}\n".encode()
            yield embedded.data(f"Release {step.tag}\n".encode())
    newest = max(step.number for step in _HISTORY if step.tag)
    yield f"reset refs/heads/{RELEASE_BRANCH}\nfrom :{newest}\n".encode()


def _files(step: _Step, flavour: Flavour) -> Iterator[tuple[str, bytes]]:
    """Yield the path and content of each file that a commit adds or changes.

    What the flavours share, then the flavour's own.

    A leading dot is stored as ``dot-``, because tools would act on such a file; what really has one
    was left by a tool, and so was ``__pycache__``, by the installer.
    """
    for folder in (_DATA / "common" / step.folder, _DATA / flavour / step.folder):
        for file in sorted(folder.rglob("*")):
            parts = file.relative_to(folder).parts
            if not file.is_file() or any(
                part.startswith(".") or part == "__pycache__" for part in parts
            ):
                continue
            content = file.read_bytes()
            for placeholder, name in _PLACEHOLDERS.items():
                content = content.replace(placeholder, COMMITS[flavour][name].encode())
            yield (
                "/".join(
                    "." + part.removeprefix("dot-") if part.startswith("dot-") else part
                    for part in parts
                ),
                content,
            )
