"""A small consumer of the scratch producer, and packets of the producer's releases, for tests through real nox."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import nox_server
import scratch

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PIN, MIRROR, MATRIX = "config/pin.json", "config/manifest.json", "docs/MATRIX.md"
RECEIPT = "config/receipt.json"
PROFILE = "consumer.toml"
NOXFILE = "import nox\nimport handoff_tasks\nhandoff_tasks.register_consumer(nox, __file__, profile='consumer.toml')\n"
VALIDATOR = """#!/usr/bin/env bash
set -euo pipefail
tag=$(sed -n 's/^  "release_tag": "\\(.*\\)",$/\\1/p' config/pin.json)
grep -q "^- Release: \\`$tag\\`$" docs/MATRIX.md
grep -q "\\"release_tag\\": \\"$tag\\"" config/manifest.json
echo "pin: consistent"
"""
TOML = f"""profile_contract_version = "consumer-profile.v1"
name = "Scratch consumer"
receipt = "{RECEIPT}"
together = ["{PIN}", "{MIRROR}", "{MATRIX}"]

[producer]
name = "Scratch"
profile = "handoff.toml"

[pin]
path = "{PIN}"

[pin.fields]
release_tag = "release_tag"
commit_sha = "commit_sha"
service = "service"
manifest_sha256 = "manifest_sha256"

[[files]]
path = "{MIRROR}"
copy = "manifest"

[[files]]
path = "{MATRIX}"
lines = ["Updated: {{date}}", "- Release: `{{release_tag}}`", "- Commit: `{{commit_sha}}`"]
rows = "| {{consumer_commit}} | {{release_tag}} | {{service}} | {{status}} |"
keep = true

[tools.bash]
executables = ["bash"]
version = ["bash", "--version"]
hint = "install bash"

[[validators]]
id = "pin"
argv = ["./scripts/validate.sh"]
success_line = "pin: consistent"
tools = ["bash"]
"""


@dataclass
class Releases:
    """A producer with the releases v1.0.0 to v1.4.0, its profile in its commits, and a packet of each of the later ones."""

    producer: scratch.Producer
    packets: Path

    def packet(self, tag: str) -> Path:
        """Return the path of a release's packet."""
        return self.packets / f"{tag}.json"

    def copy(self, folder: Path) -> Releases:
        """Return a copy whose tags and history may be changed."""
        return Releases(producer=self.producer.copy(folder / "producer copy"), packets=self.packets)


def make_releases(base: Path, envdir: Path, *tags: str) -> Releases:
    """Make the producer and the packets of these releases, by default of all but the first.

    v1.2.0 changes nothing that a consumer sees, v1.3.0 has a new error code, v1.4.0 lacks one.
    """
    made = scratch.repository(base / "producer")
    first = made.commit(
        "feat: speak service.v1",
        {**scratch.SCRIPTS, **scratch.runtime("1"), "handoff.toml": scratch.PROFILE},
    )
    made.release("v1.0.0", first, service="service.v1")
    made.tag("v1.0.0")
    previous, old = "v1.0.0", first
    codes = list(scratch.ERROR_CODES)
    for tag, error_codes in (
        ("v1.1.0", codes),
        ("v1.2.0", codes),
        ("v1.3.0", [*codes, "write_conflict"]),
        ("v1.4.0", codes[:1]),
    ):
        runtime = scratch.runtime("2") | {"crates/core/lib.rs": f"// {tag}\n"}
        commit = made.commit(f"feat: {tag}", runtime)
        made.release(tag, commit, rollback=f"{previous}/{old}", error_code_enum=error_codes)
        made.tag(tag)
        previous, old = tag, commit
    releases = Releases(producer=made, packets=base / "packets")
    for tag in tags or ("v1.1.0", "v1.2.0", "v1.3.0", "v1.4.0"):
        make_packet(made, tag, releases.packet(tag), base, envdir)
    return releases


def make_packet(
    producer: scratch.Producer,
    ref: str,
    to: Path,
    base: Path,
    envdir: Path,
    *,
    session: str = "handoff-stable",
    words: Sequence[str] = (),
    **extra: str,
) -> subprocess.CompletedProcess[str]:
    """Run the handoff of a release."""
    desk = base / "producer desk"
    desk.mkdir(exist_ok=True)
    profile = str(producer.root / "handoff.toml")
    (desk / "noxfile.py").write_text(
        f"import nox\nimport handoff_tasks\nhandoff_tasks.register(nox, __file__, profile={profile!r})\n"
    )
    place = ["--producer-root", str(producer.root), "--cache-dir", str(base / "producer cache")]
    more = ["--ref", ref, "--out-json", str(to), *words]
    to.parent.mkdir(exist_ok=True)
    return run_nox(desk, envdir, session, *place, *more, **extra)


def run_nox(
    folder: Path, envdir: Path, session: str, *words: str, **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run a session of the noxfile in a folder."""
    given = nox_server.session_words(folder, envdir, session, *words)
    return nox_server.run(given, env={**os.environ, **extra}, cwd=folder)


def nox_command(folder: Path, envdir: Path, session: str, *words: str) -> list[str]:
    """Return the command line of a session."""
    return nox_server.command(nox_server.session_words(folder, envdir, session, *words))


@dataclass
class Consumer:
    """A consumer that pins v1.1.0, and the result of its last session."""

    repository: scratch.Producer
    releases: Releases
    base: Path
    envdir: Path
    output: str = field(default="", init=False)

    @property
    def root(self) -> Path:
        return self.repository.root

    def run(self, session: str, *words: str, **extra: str) -> int:
        """Run a session against the producer; return the exit status."""
        place = ["--producer-root", str(self.releases.producer.root), *self.place()]
        done = run_nox(self.root, self.envdir, session, *place, *words, **extra)
        self.output = done.stdout + done.stderr
        return done.returncode

    def place(self) -> list[str]:
        """Return the options that keep a run below the test's folder."""
        result = ["--result-json", str(self.result_path)]
        folders = ["--cache-dir", str(self.base / "cache"), "--work-dir", str(self.base / "work")]
        return [*folders, *result]

    def accept(self, tag: str = "v1.2.0", *words: str, **extra: str) -> int:
        """Run ``handoff-accept`` with the packet of a release."""
        return self.run("handoff-accept", str(self.releases.packet(tag)), *words, **extra)

    def accept_word(self, packet: str, *words: str) -> int:
        """Run ``handoff-accept`` with a packet as it is named."""
        return self.run("handoff-accept", packet, *words)

    @property
    def result_path(self) -> Path:
        return self.base / "result.json"

    @property
    def result(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.result_path.read_bytes())
        return document

    def problems(self) -> list[tuple[str, str, str]]:
        """Return code, place and message of each problem of the last session."""
        return [(one["code"], one["where"], one["message"]) for one in self.result["problems"]]

    def advisories(self) -> list[tuple[str, str, str]]:
        """Return code, place and message of each advisory of the last session."""
        return [(one["code"], one["where"], one["message"]) for one in self.result["advisories"]]

    def contents(self) -> dict[str, bytes]:
        """Return the bytes of every file of the work tree but what Python compiles, and the references."""
        found = {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file()
            and not path.is_symlink()
            and not {".git", "__pycache__"} & {*path.parts}
        }
        return found | {"refs": self.repository.git("show-ref").encode()}

    def commit(self, message: str, files: Mapping[str, str | None] | None = None) -> str:
        """Commit all that is in the work tree."""
        return self.repository.commit(message, dict(files or {}))

    def text(self, path: str) -> str:
        """Return a file of the work tree."""
        return (self.root / path).read_text()


def make_consumer(releases: Releases, base: Path, envdir: Path, tag: str = "v1.1.0") -> Consumer:
    """Make a consumer that pins a release."""
    made = scratch.repository(base / "a consumer #1")
    data = releases.producer.git("show", f"{tag}:{scratch.MANIFEST_PATH}") + "\n"
    stated = json.loads(data)
    pin = {
        "release_tag": tag,
        "commit_sha": stated["commit_sha"],
        "service": stated["expected_service_contract_version"],
        "manifest_sha256": hashlib.sha256(data.encode()).hexdigest(),
        "timeout_ms": 2500,
    }
    app = made.commit(
        "feat: a client",
        {"scripts/validate.sh": VALIDATOR, "noxfile.py": NOXFILE, ".gitignore": "__pycache__/\n"},
    )
    matrix = f"""# Matrix

Updated: 2025-06-15

- Release: `{tag}`
- Commit: `{pin["commit_sha"]}`

| commit | release | service | status |
|---|---|---|---|
| {app[:7]} | {tag} | {pin["service"]} | Approved |
"""
    files = {PIN: json.dumps(pin, indent=2) + "\n", MIRROR: data, MATRIX: matrix, PROFILE: TOML}
    made.commit(f"chore: pin {tag}", files)
    return Consumer(repository=made, releases=releases, base=base, envdir=envdir)


def copy_consumer(consumer: Consumer, base: Path) -> Consumer:
    """Return a copy of a consumer, with folders of its own below ``base``."""
    repository = consumer.repository.copy(base / "a consumer #1")
    return Consumer(
        repository=repository, releases=consumer.releases, base=base, envdir=consumer.envdir
    )


def changed_packet(consumer: Consumer, tag: str, **changes: Any) -> Path:
    """Return a packet with other values of top keys, written as the library writes it."""
    from handoff_tasks.packet.form import published_bytes

    document = json.loads(consumer.releases.packet(tag).read_bytes()) | changes
    path = consumer.base / "changed packet.json"
    path.write_bytes(published_bytes(document))
    return path
