"""Measure the product against the same work done by hand, and print ratios.

Each row alternates the two sides, so that other load of the machine affects both. Figures are
medians with the spread from the first to the third quartile, in seconds; a JSON file keeps them
all. No row passes or fails.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import re
import resource
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from handoff_tasks import files
from handoff_tasks.checks.environment import select_variables
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.checks.programs import search_path
from handoff_tasks.formats import schemas
from handoff_tasks.git import checkout, workspace
from handoff_tasks.git import command as git_command
from handoff_tasks.model import Flavour
from handoff_tasks.producer import profile
from handoff_tasks.record import Log, Outcome, Record
from handoff_tasks.release import decide, gather
from handoff_tasks.setup import sample as setup_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HERE = Path(__file__).resolve().parent
NOXFILE = HERE.parent / "noxfile.py"
BUILT_IN = files.built_in_profiles()["memorykernel"]
SHORT = (
    "fmt",
    "service-contract-alignment",
    "contract-parity",
    "trilogy-compatibility-artifacts",
    "trilogy-compliance",
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison.

    What was measured, the seconds of both sides, the figure to reach, and what else was seen.
    """

    name: str
    ours: Sequence[float]
    other: Sequence[float]
    goal: str
    note: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return the row's JSON form."""
        ours, other = statistics.median(self.ours), statistics.median(self.other)
        return {
            "name": self.name,
            "goal": self.goal,
            "note": self.note,
            "ours_seconds": list(self.ours),
            "other_seconds": list(self.other),
            "ours_median": ours,
            "other_median": other,
            "ratio": ours / other,
            "difference": ours - other,
        }

    def text(self) -> str:
        """Return the row as a line of text."""
        found = self.to_dict()
        return (
            f"{self.name:<50} {found['ours_median']:>8.3f} {_spread(self.ours):>15} "
            f"{found['other_median']:>8.3f} {_spread(self.other):>15} "
            f"{found['ratio']:>6.2f} {found['difference']:>+7.2f}  {self.goal}"
            f"{f' ({self.note})' if self.note else ''}"
        )


def _spread(values: Sequence[float]) -> str:
    if len(values) < 2:
        return "(once)"
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return f"({first:.3f}-{third:.3f})"


def alternate(
    name: str,
    goal: str,
    ours: Callable[[], float],
    other: Callable[[], float],
    times: int,
) -> Row:
    """Measure both sides in turn, ``times`` times each, and return the row."""
    pairs = [(ours(), other()) for _ in range(times)]
    return Row(
        name=name,
        goal=goal,
        ours=[pair[0] for pair in pairs],
        other=[pair[1] for pair in pairs],
    )


def seconds(
    command: Sequence[str], *, cwd: Path, environment: dict[str, str] | None = None
) -> float:
    """Run a command to its end and return how long it took.

    Raises `RuntimeError` with its output when it fails.
    """
    start = time.perf_counter()
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} ended with {done.returncode}\n"
            f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
        )
    return took


def timed(function: Callable[[], object]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


@dataclass(frozen=True)
class Bench:
    """What the rows share: a folder to work in, how often to measure, the producer."""

    folder: Path
    times: int
    root: Path
    ref: str
    cold: bool

    def nox(
        self, noxfile: Path, session: str, *words: str, root: Path | None = None, rerun: bool = True
    ) -> list[str]:
        """Return the command of a session on a producer, in folders of its own."""
        place = ["--cache-dir", str(self.folder / "cache"), "--work-dir", str(self.folder / "work")]
        start = [sys.executable, "-m", "nox", "--noxfile", str(noxfile), "--session", session, "--"]
        # An earlier run must not be reused.
        if rerun and not session.startswith("verify-") and session != "handoff-verify":
            words = ("--rerun", *words)
        return [*start, "--producer-root", str(root or self.root), *place, *words]

    def desk(self, name: str, text: str) -> Path:
        """Return the noxfile of a user with a profile of their own."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / "handoff.toml").write_text(text)
        noxfile = folder / "noxfile.py"
        noxfile.write_text(
            "import nox\nimport handoff_tasks\n"
            "handoff_tasks.register(nox, __file__, profile='handoff.toml')\n"
        )
        return noxfile

    def sample(self) -> Path:
        """Return a sample producer."""
        root = self.folder / "sample"
        if not root.exists():
            setup_sample.build(root)
        return root

    def by_hand(
        self, name: str, parsed: profile.Profile, place: Path
    ) -> tuple[list[str], dict[str, str]]:
        """Return how a person runs the profile's commands in a checkout, one after the other.

        Command and environment.
        """
        path = search_path(str(Path(sys.executable).parent), os.environ)
        environment = select_variables(os.environ, parsed.pass_names, parsed.set, path)
        script = self.folder / f"{name}.sh"
        script.write_text(
            "\n".join(["set -e", *(_line(check, place) for check in parsed.checks)]) + "\n"
        )
        return ["bash", str(script)], environment


def _line(check: profile.Check, place: Path) -> str:
    words = " ".join(shlex.quote(word.replace("{root}", str(place))) for word in check.argv)
    values = " ".join(
        f"{name}={shlex.quote(value.replace('{root}', str(place)))}"
        for name, value in check.set.items()
    )
    return f"{values} {words}".strip()


def parse(text: str) -> profile.Profile:
    """Return a profile."""
    return profile.parse(text.encode(), "profile", schemas.schema(schemas.PROFILE))


def with_checks(checks: str) -> str:
    """Return MemoryKernel's profile with other checks, without what it says of single checks."""
    head = BUILT_IN.read_text().split("[[checks]]", 1)[0]
    named = r"(?ms)^\[\[environment\.failures\]\]\nchecks = .*?\n\n"
    return re.sub(named, "", head) + checks


def listing(bench: Bench) -> Iterator[Row]:
    """List our sessions, against listing as many plain ones."""
    plain = bench.folder / "plain"
    plain.mkdir(exist_ok=True)
    noxfile = plain / "noxfile.py"
    noxfile.write_text(
        textwrap.dedent(
            """
            import nox

            for number in range(20):

                @nox.session(name=f"session-{number}")
                def session(session):
                    "A session."
            """
        )
    )
    nox = [sys.executable, "-m", "nox", "--list", "--noxfile"]
    yield alternate(
        "list sessions, against plain nox",
        "ratio <= 1.3",
        lambda: seconds([*nox, str(NOXFILE)], cwd=NOXFILE.parent),
        lambda: seconds([*nox, str(noxfile)], cwd=plain),
        3 * bench.times,
    )


def all_checks(bench: Bench) -> Iterator[Row]:
    """Run all checks, against bash running the same commands in the same checkout."""
    session = bench.nox(NOXFILE, "pre-release", "--ref", bench.ref)
    parsed = parse(BUILT_IN.read_text())
    opened = workspace.open_workspace(
        root=bench.root,
        ref=bench.ref,
        profile_path=BUILT_IN,
        work=bench.folder / "work",
        cache=bench.folder / "cache",
    )
    place = opened.checkout_spec("").tree / opened.producer.prefix
    by_hand, environment = bench.by_hand("all", parsed, place)
    seconds(session, cwd=NOXFILE.parent)

    def swept(command: Sequence[str], env: dict[str, str] | None) -> float:
        for pattern in parsed.keep:
            for output in place.glob(pattern):
                shutil.rmtree(output)
        return seconds(command, cwd=place if env else NOXFILE.parent, environment=env)

    if bench.cold:
        yield alternate(
            "all checks, nothing built, against bash",
            "ratio <= 1.03",
            lambda: swept(session, None),
            lambda: swept(by_hand, environment),
            1,
        )
    yield alternate(
        "all checks, built before, against bash",
        "difference <= +0.7 s",
        lambda: seconds(session, cwd=NOXFILE.parent),
        lambda: seconds(by_hand, cwd=place, environment=environment),
        bench.times,
    )


def _short_profile(names: Sequence[str] = SHORT) -> str:
    """Return MemoryKernel's profile with fmt and four scripts only, or those in ``names``."""
    document = tomllib.loads(BUILT_IN.read_text())
    kept = [f"[[checks]]{part}" for part in BUILT_IN.read_text().split("[[checks]]")[1:]]
    return with_checks(
        "\n".join(
            part
            for part, check in zip(kept, document["checks"], strict=True)
            if check["id"] in names
        )
    )


def short_checks(bench: Bench) -> Iterator[Row]:
    """Run fmt and four scripts of the sample through handoff-stable, against bash in sequence."""
    text = _short_profile()
    noxfile = bench.desk("short", text)
    root = bench.sample()
    session = bench.nox(noxfile, "handoff-stable", root=root)
    by_hand, environment = bench.by_hand("short", parse(text), root)
    seconds(session, cwd=noxfile.parent)
    yield alternate(
        "fmt and four scripts, against bash in sequence",
        "difference <= +0.6 s",
        lambda: seconds(session, cwd=noxfile.parent),
        lambda: seconds(by_hand, cwd=root, environment=environment),
        2 * bench.times,
    )


def kept_run(bench: Bench) -> Iterator[Row]:
    """Run fmt and four scripts with every outcome kept, against listing the same sessions."""
    noxfile = bench.desk("kept", _short_profile())
    session = bench.nox(noxfile, "handoff-stable", root=bench.sample(), rerun=False)
    seconds(session, cwd=noxfile.parent)
    listing = [sys.executable, "-m", "nox", "--noxfile", str(noxfile), "--list"]
    yield alternate(
        "run with everything kept, against listing sessions",
        "<= 0.45 s",
        lambda: seconds(session, cwd=noxfile.parent),
        lambda: seconds(listing, cwd=noxfile.parent),
        2 * bench.times,
    )


def changelog_word(bench: Bench) -> Iterator[Row]:
    """Run after a corrected changelog line that no check sees, against a run with all kept.

    The compliance suite is left out: it reads the changelog, so it must run again.
    """
    names = [name for name in SHORT if name != "trilogy-compliance"]
    text = _short_profile(names)
    ignoring = text.replace("[execution]\n", '[execution]\nignores = ["CHANGELOG.md"]\n', 1)
    noxfile = bench.desk("changelog", ignoring)
    root = bench.folder / "changelog-producer"
    setup_sample.build(root)
    session = bench.nox(noxfile, "handoff-stable", root=root, rerun=False)
    seconds(session, cwd=noxfile.parent)

    def corrected() -> float:
        with (root / "CHANGELOG.md").open("a") as file:
            file.write("Corrected.\n")
        git_command.run("add", "CHANGELOG.md", cwd=root)
        git_command.run(
            *("-c", "user.name=a", "-c", "user.email=a@example.invalid"),
            *("commit", "--quiet", "--message", "docs: correct a line"),
            cwd=root,
        )
        return seconds(session, cwd=noxfile.parent)

    yield alternate(
        "run after a changed changelog line, against all kept",
        "ratio < 1.5",
        corrected,
        lambda: seconds(session, cwd=noxfile.parent),
        2 * bench.times,
    )


def two_jobs(bench: Bench) -> Iterator[Row]:
    """Run two slow checks with two jobs, against one after the other."""
    checks = "\n".join(
        f'[[checks]]\nid = "slow-{name}"\ntitle = "slow"\nargv = ["sleep", "5"]\ntools = []\n'
        for name in ("a", "b")
    )
    noxfile = bench.desk("jobs", with_checks(checks))
    command = bench.nox(noxfile, "handoff-stable", "--jobs", root=bench.sample())
    seconds([*command, "2"], cwd=noxfile.parent)
    yield alternate(
        "two slow checks with --jobs 2, against --jobs 1",
        "ratio <= 0.6",
        lambda: seconds([*command, "2"], cwd=noxfile.parent),
        lambda: seconds([*command, "1"], cwd=noxfile.parent),
        2,
    )


PRINTING = """
import os, resource, sys, time
from pathlib import Path
from handoff_tasks.checks import process
from handoff_tasks.output import terminal
lines = terminal.Lines("loud")
start = time.perf_counter()
done = process.run(
    ["bash", "-c", sys.argv[1]], cwd=Path("/"), environment={"PATH": os.environ["PATH"]},
    log=Path(sys.argv[2]), log_limit=int(sys.argv[3]), timeout=600, show=lines.show,
)
assert done.exit_code == 0 and done.output_size == 300_000_000, done.output_size
took = time.perf_counter() - start
sys.stderr.write(f"{took} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}")
"""


def loud_check(bench: Bench) -> Iterator[Row]:
    """Run a command that prints 300 MB, shown and logged, against tee.

    With the profile's limit of the log, and without any.

    Ours is the time of the check; the process that it is part of, nox, runs anyway, but its memory
    is all counted.
    """
    text = bench.folder / "300MB"
    if not text.exists():
        with text.open("wb") as file:
            for _ in range(6_000):
                file.write(b"a line as a compiler would print it, more or less\n" * 1_000)
    print_it, log, nowhere = (
        f"cat {shlex.quote(str(text))}",
        bench.folder / "loud.log",
        os.open(os.devnull, os.O_WRONLY),
    )
    peak = [0]

    def ready() -> None:
        # Neither side must write what the other has left in the disk cache.
        log.unlink(missing_ok=True)
        os.sync()

    def ours(limit: int) -> float:
        ready()
        command = [sys.executable, "-c", PRINTING, print_it, str(log), str(limit)]
        done = subprocess.run(
            command, stdout=nowhere, stderr=subprocess.PIPE, text=True, check=True
        )
        took, memory = done.stderr.split()
        # Kilobytes on Linux, bytes on macOS.
        peak[0] = max(
            peak[0], int(memory) // (1024 if sys.platform.startswith("linux") else 1024 * 1024)
        )
        return float(took)

    def tee() -> float:
        ready()
        command = f"{print_it} | tee {shlex.quote(str(log))}"
        bash = shutil.which("bash") or "bash"
        return timed(lambda: subprocess.run([bash, "-c", command], stdout=nowhere, check=True))

    for name, goal, limit in (
        (
            "a check that prints 300 MB, against tee",
            "ratio <= 1.0, < 50 MB",
            parse(BUILT_IN.read_text()).log_limit_bytes,
        ),
        ("the same with all of it in the log", "no figure", 10**9),
    ):
        row = alternate(name, goal, functools.partial(ours, limit), tee, bench.times)
        yield Row(
            name=row.name,
            goal=row.goal,
            ours=row.ours,
            other=row.other,
            note=f"{peak[0]} MB of memory",
        )
    os.close(nowhere)


def many_records(bench: Bench) -> Iterator[Row]:
    """Assemble 10,000 records, against 1,000."""
    sides: dict[int, Callable[[], float]] = {}
    root = bench.sample()
    for count in (10_000, 1_000):
        text = with_checks(
            "\n".join(
                f'[[checks]]\nid = "check-{number}"\ntitle = "x"\nargv = ["true"]\ntools = []\n'
                for number in range(count)
            )
        )
        path = bench.desk(f"many-{count}", text).parent / "handoff.toml"
        opened = workspace.open_workspace(
            root=root,
            ref="HEAD",
            profile_path=path,
            work=bench.folder / f"many-{count}",
            cache=bench.folder / "cache",
        )
        _leave_records(opened)
        material = gather.gather_material(opened, None)

        def side(
            opened: workspace.Workspace = opened, material: gather.Material = material
        ) -> float:
            return timed(
                lambda: decide.decide(
                    opened,
                    material,
                    gather.read_results(opened),
                    opened.profile.mode("stable"),
                    allow_untagged=False,
                )
            )

        sides[count] = side
    row = alternate(
        "10,000 records assembled, against 1,000",
        "ratio ~ 10, <= 2 s",
        sides[10_000],
        sides[1_000],
        bench.times,
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (
        1024 if sys.platform.startswith("linux") else 1024 * 1024
    )
    yield Row(
        name=row.name,
        goal=row.goal,
        ours=row.ours,
        other=row.other,
        note=f"{peak} MB of memory, the benchmark's own included",
    )


def _leave_records(opened: workspace.Workspace, log: bytes = b"", failing: int = 0) -> None:
    """Leave evidence of every check; with ``failing`` every n-th of them failed."""
    folder = EvidenceFolder.of(opened).make()
    digest = hashlib.sha256(log).hexdigest()
    for number, check in enumerate(opened.profile.checks):
        path = folder.log(check.id)
        path.write_bytes(log)
        failed = failing and number % failing == 0
        record = Record(
            id=check.id,
            binding=opened.binding(check),
            outcome=Outcome.FAILED if failed else Outcome.PASSED,
            exit_code=1 if failed else 0,
            signal=None,
            reason="exit code 1" if failed else None,
            started_at_utc="2026-01-02T03:04:05Z",
            finished_at_utc="2026-01-02T03:04:06Z",
            duration_ms=1,
            timeout_seconds=60,
            log=Log(
                file=path.name,
                size=len(log),
                sha256=digest,
                output_size=len(log),
                output_sha256=digest,
            ),
            tools=(),
            toolchain=None,
            checkout_state="fresh",
            platform={"system": "x", "release": "x", "machine": "x", "python": "x"},
            environment_names=(),
            environment_digest="sha256:" + "e" * 64,
        )
        # Written without the sync that each record of a run gets: ten thousand of those measure the
        # disk.
        folder.record(check.id).write_text(json.dumps(record.to_dict()))


REPORTING = """
import json, resource, sys, time
from pathlib import Path
from handoff_tasks.git import workspace
from handoff_tasks.model import RunEnd
from handoff_tasks.release import decide, gather
root, profile, work, cache = map(Path, sys.argv[1:])
opened = workspace.open_workspace(
    root=root, ref="HEAD", profile_path=profile, work=work, cache=cache
)
material, checks = gather.gather_material(opened, None), gather.read_results(opened)
mode = opened.profile.mode("stable")
decision = decide.decide(opened, material, checks, mode, allow_untagged=False)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
from handoff_tasks.output import report_files
end = RunEnd(checks=checks, problems=decision.problems, advisories=decision.advisories)
view = report_files.build_view(opened, material, end, [decision])
page, unwritten = report_files.write_report(view, opened, "stable")
assert page is not None and not unwritten
took = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([took, before, peak, page.stat().st_size]))
"""


def small_report(bench: Bench) -> Iterator[Row]:
    """Write the report of 8 checks, with the import of jinja2, against reading their logs."""
    yield _report(bench, 8, "report of 8 checks, against reading their logs", "<= 0.3 s, < 300 kB")


def large_report(bench: Bench) -> Iterator[Row]:
    """Write the report of 2,000 checks with 1 MB of log each, against reading their logs."""
    yield _report(
        bench, 2000, "report of 2,000 checks, against reading their logs", "<= 5 s, < 150 MB"
    )


def _report(bench: Bench, count: int, name: str, goal: str) -> Row:
    checks = "\n".join(
        f'[[checks]]\nid = "check-{number}"\ntitle = "x"\nargv = ["true"]\ntools = []\n'
        for number in range(count)
    )
    path = bench.desk(f"report-{count}", with_checks(checks)).parent / "handoff.toml"
    work, cache = bench.folder / f"report-{count}-work", bench.folder / "cache"
    opened = workspace.open_workspace(
        root=bench.sample(), ref="HEAD", profile_path=path, work=work, cache=cache
    )
    _leave_records(
        opened, log=b"a line as a compiler would print it, more or less\n" * 20_000, failing=4
    )
    folder = EvidenceFolder.of(opened)
    seen: list[list[float]] = []

    def ours() -> float:
        command = [
            sys.executable,
            "-c",
            REPORTING,
            str(bench.sample()),
            str(path),
            str(work),
            str(cache),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seen.append(json.loads(done.stdout))
        return seen[-1][0]

    def read() -> float:
        return timed(
            lambda: sum(len(folder.log(check.id).read_bytes()) for check in opened.profile.checks)
        )

    row = alternate(name, goal, ours, read, bench.times)
    unit = 1024 if sys.platform.startswith("linux") else 1024 * 1024
    _, before, peak, size = seen[-1]
    note = (
        f"{peak / unit:.0f} MB of memory, {before / unit:.0f} before the report; "
        f"page {size / 1000:.0f} kB"
    )
    return Row(name=row.name, goal=row.goal, ours=row.ours, other=row.other, note=note)


def one_packet(bench: Bench) -> Iterator[Row]:
    """Verify one packet in a process of its own, against starting nox for nothing."""
    packet = bench.folder / "packet.json"
    seconds(
        bench.nox(NOXFILE, "handoff-stable", "--out-json", str(packet), root=bench.sample()),
        cwd=NOXFILE.parent,
    )
    nox = [sys.executable, "-m", "nox", "--noxfile", str(NOXFILE)]
    yield alternate(
        "verify one packet, against listing sessions",
        "<= 0.3 s",
        lambda: seconds(
            [*nox, "--session", "handoff-verify", "--", str(packet)], cwd=NOXFILE.parent
        ),
        lambda: seconds([*nox, "--list"], cwd=NOXFILE.parent),
        2 * bench.times,
    )


def one_signature(bench: Bench) -> Iterator[Row]:
    """Sign a packet, and verify its signature, each against verifying it without."""
    place = bench.folder / "signatures"
    place.mkdir(exist_ok=True)
    packet, key = place / "packet.json", place / "key"
    seconds(
        bench.nox(NOXFILE, "handoff-stable", "--out-json", str(packet), root=bench.sample()),
        cwd=NOXFILE.parent,
    )
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    form = serialization.PrivateFormat.OpenSSH
    plain = serialization.NoEncryption()
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, form, plain))
    key.chmod(0o600)
    public = private.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    signers = place / "allowed_signers"
    signers.write_bytes(b'memorykernel namespaces="handoff" %b bench\n' % public)
    envelope = packet.with_name(f"{packet.name}.intoto.json")

    def call(session: str, *words: str) -> float:
        command = bench.nox(NOXFILE, session, str(packet), *words, root=bench.sample(), rerun=False)
        return seconds(command, cwd=NOXFILE.parent)

    def sign() -> float:
        envelope.unlink(missing_ok=True)
        return call("handoff-sign", "--key", str(key))

    def unsigned() -> float:
        envelope.unlink(missing_ok=True)
        return call("handoff-verify")

    goal = "difference <= 0.15 s"
    times = 2 * bench.times
    yield alternate("sign a packet, against verifying it unsigned", goal, sign, unsigned, times)
    sign()

    def verify() -> float:
        return call("handoff-verify", "--signers", str(signers))

    yield alternate(
        "verify a signature, against verifying without",
        goal,
        verify,
        lambda: call("handoff-verify"),
        times,
    )


def large_repository(bench: Bench) -> Iterator[Row]:
    """Read git and hold the checkout of a producer with 80,000 commits and 5,000 files."""
    root = bench.folder / "large"
    if not root.exists():
        _large(bench, root)
    caches = bench.folder / "large-caches"

    def fetched() -> float:
        shutil.rmtree(caches, ignore_errors=True)
        return timed(lambda: _opened(bench, root, caches))

    def cloned() -> float:
        clone = bench.folder / "clone.git"
        shutil.rmtree(clone, ignore_errors=True)
        return timed(
            lambda: git_command.run(
                "clone", "--quiet", "--bare", f"file://{root}", str(clone), cwd=bench.folder
            )
        )

    yield alternate(
        "large repository, first fetch, against clone --bare", "ratio <= 1.5", fetched, cloned, 2
    )
    _ready(bench, root, caches)
    yield alternate(
        "large repository, warm, against git status",
        "<= 0.3 s",
        lambda: timed(lambda: _ready(bench, root, caches)),
        lambda: timed(lambda: git_command.run("status", "--porcelain", cwd=root)),
        bench.times,
    )


def _opened(bench: Bench, root: Path, caches: Path) -> workspace.Workspace:
    return workspace.open_workspace(
        root=root, ref="HEAD", profile_path=BUILT_IN, work=bench.folder / "work", cache=caches
    )


def _ready(bench: Bench, root: Path, caches: Path) -> None:
    opened = _opened(bench, root, caches)
    gather.gather_material(opened, None)
    checkout.prepare(opened.checkout_spec("bench"), lambda _: None)


def _large(bench: Bench, root: Path) -> None:
    """Build the large producer: a runtime commit after 80,000 others, and its release."""
    source = bench.sample()
    names = git_command.run("ls-tree", "-r", "--name-only", "v0.4.0", cwd=source).decode().split()
    lines: list[bytes] = []

    def data(content: bytes) -> bytes:
        return b"data %d\n%s\n" % (len(content), content)

    def commit(number: int, message: str, files: dict[str, bytes]) -> None:
        lines.append(
            b"commit refs/heads/main\nmark :%d\ncommitter a <a@example.invalid> %d +0000\n"
            % (number, 1_600_000_000 + number)
        )
        lines.append(data(message.encode()))
        lines.extend(
            b"M 100644 inline %s\n%s" % (name.encode(), data(content))
            for name, content in files.items()
        )

    base = {name: (source / name).read_bytes() for name in names}
    base |= {
        f"docs/more/{number // 100}/{number}.md": b"text %d\n" % number
        for number in range(5000 - len(names))
    }
    commit(1, "base", base)
    for number in range(2, 80_001):
        commit(number, "more", {f"docs/more/0/{number % 100}.md": b"text %d\n" % number})
    git_command.run("init", "--quiet", "--initial-branch=main", str(root), cwd=bench.folder)
    git_command.run("fast-import", "--quiet", cwd=root, stdin=b"".join(lines))
    runtime = git_command.run("rev-parse", "main", cwd=root).decode().strip()
    manifest = "contracts/integration/v1/producer-contract-manifest.json"
    text = re.sub(
        rb'"commit_sha": "[0-9a-f]{40}"', b'"commit_sha": "%s"' % runtime.encode(), base[manifest]
    )
    lines = [b"reset refs/heads/main\nfrom %s\n\n" % runtime.encode()]
    commit(80_001, "release", {manifest: text})
    lines.append(
        b"tag v0.4.0\nfrom :80001\ntagger a <a@example.invalid> 1700000000 +0000\n"
        + data(b"v0.4.0")
    )
    git_command.run("fast-import", "--quiet", cwd=root, stdin=b"".join(lines))
    git_command.run("reset", "--quiet", "--hard", "main", cwd=root)


def next_commit(bench: Bench) -> Iterator[Row]:
    """Verify the next commit of the sample with its build outputs kept, against a fresh start."""
    root = bench.sample()
    refs = [setup_sample.COMMITS[Flavour.RUST]["runtime-v3"], "v0.4.0"]

    def run(ref: str, *words: str) -> float:
        return seconds(
            bench.nox(NOXFILE, "verify-test", "--ref", ref, *words, root=root), cwd=NOXFILE.parent
        )

    def kept() -> float:
        run(refs[0])
        return run(refs[1])

    def fresh() -> float:
        for folder in (bench.folder / "cache").glob("sample-*"):
            shutil.rmtree(folder)
        return run(refs[1])

    yield alternate(
        "next commit of the sample (test), against fresh", "ratio <= 0.3", kept, fresh, 2
    )


ROWS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "list": listing,
    "short": short_checks,
    "kept": kept_run,
    "changelog": changelog_word,
    "jobs": two_jobs,
    "loud": loud_check,
    "records": many_records,
    "report": small_report,
    "report-2000": large_report,
    "packet": one_packet,
    "signature": one_signature,
    "large": large_repository,
    "next": next_commit,
    "all": all_checks,
}


def main() -> None:
    """Measure, print the table, keep the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "rows",
        nargs="*",
        metavar="ROW",
        help=f"of {', '.join(ROWS)}; all of them when none is named",
    )
    parser.add_argument(
        "--producer-root", type=Path, help="a producer instead of the sample, for the row 'all'"
    )
    parser.add_argument("--ref", default="HEAD")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument(
        "--cold", action="store_true", help="in the row 'all' also measure with nothing built"
    )
    parser.add_argument("--folder", type=Path, help="work here and keep it for the next time")
    parser.add_argument("--json", type=Path, default=Path("bench.json"))
    given = parser.parse_args()
    # An installed package is compiled.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if unknown := set(given.rows) - set(ROWS):
        parser.error(f"unknown rows: {', '.join(sorted(unknown))}; known: {', '.join(ROWS)}")
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        root = given.producer_root.resolve() if given.producer_root else folder / "sample"
        bench = Bench(folder=folder, times=given.times, root=root, ref=given.ref, cold=given.cold)
        bench.sample()
        heads = ("", "ours", "spread", "other", "spread", "ratio", "differ.", "to reach")
        print("{:<50} {:>8} {:>15} {:>8} {:>15} {:>6} {:>7}  {}".format(*heads))
        for name in given.rows or ROWS:
            for row in ROWS[name](bench):
                print(row.text(), flush=True)
                rows.append(row)
    given.json.write_text(json.dumps([row.to_dict() for row in rows], indent=2) + "\n")
    print(f"all figures: {given.json}")


if __name__ == "__main__":
    main()
