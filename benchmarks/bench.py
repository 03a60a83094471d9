"""Measures the product against doing the same by hand, in the same run, and prints ratios.

Each row alternates the two sides, so that what else the machine does meets both. Figures are medians with the spread from the first
to the third quartile, in seconds; a JSON file keeps them all. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from handoff_tasks import execute, profile, resources, sample, workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__).resolve().parent
NOXFILE = HERE.parent / "noxfile.py"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison: what was measured, the seconds of both sides, and the goal as the issue states it."""

    name: str
    ours: Sequence[float]
    other: Sequence[float]
    goal: str

    def to_dict(self) -> dict[str, object]:
        """Return the row's JSON form."""
        ours, other = statistics.median(self.ours), statistics.median(self.other)
        return {
            "name": self.name,
            "goal": self.goal,
            "ours_seconds": list(self.ours),
            "other_seconds": list(self.other),
            "ours_median": ours,
            "other_median": other,
            "ratio": ours / other,
            "difference": ours - other,
        }

    def text(self) -> str:
        """Return the row as people read it."""
        found = self.to_dict()
        return (
            f"{self.name:<44} {found['ours_median']:>8.3f} s {_spread(self.ours):>15} {found['other_median']:>8.3f} s "
            f"{_spread(self.other):>15} {found['ratio']:>7.2f} {found['difference']:>+8.2f} s   {self.goal}"
        )


def _spread(values: Sequence[float]) -> str:
    if len(values) < 2:
        return "(once)"
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return f"({first:.3f}-{third:.3f})"


def alternate(name: str, goal: str, ours: Callable[[], float], other: Callable[[], float], times: int) -> Row:
    """Measure both sides in turn, ``times`` times each, and return the row."""
    pairs = [(ours(), other()) for _ in range(times)]
    return Row(name=name, goal=goal, ours=[pair[0] for pair in pairs], other=[pair[1] for pair in pairs])


def seconds(command: Sequence[str], *, cwd: Path, environment: dict[str, str] | None = None) -> float:
    """Run a command to its end and return how long it took. Raises `RuntimeError` with its output when it fails."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    took = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}")
    return took


def listing(folder: Path, times: int) -> Row:
    """List our sessions, against listing as many plain ones."""
    plain = folder / "noxfile.py"
    names = [f"session-{number}" for number in range(20)]
    plain.write_text(
        textwrap.dedent(
            f"""
            import nox

            for name in {names!r}:

                @nox.session(name=name)
                def session(session):
                    "A session."
            """
        )
    )
    nox = [sys.executable, "-m", "nox", "--list", "--noxfile"]
    return alternate(
        "list sessions, against plain nox",
        "ratio <= 1.3",
        lambda: seconds([*nox, str(NOXFILE)], cwd=NOXFILE.parent),
        lambda: seconds([*nox, str(plain)], cwd=folder),
        times,
    )


def all_checks(folder: Path, root: Path, ref: str, times: int, *, cold: bool) -> list[Row]:
    """Run the whole set through the session, against bash running the same commands one after the other in the same checkout."""
    cache, work = folder / "cache", folder / "work"
    common = ["--producer-root", str(root), "--ref", ref, "--cache-dir", str(cache), "--work-dir", str(work)]
    session = [sys.executable, "-m", "nox", "--noxfile", str(NOXFILE), "--session", "pre-release", "--", *common]
    found = profile.parse(resources.profiles()["memorykernel"].read_bytes(), "memorykernel", resources.schema(resources.PROFILE))
    opened = workspace.open_(root=root, ref=ref, profile_path=resources.profiles()["memorykernel"], work=work, cache=cache)
    place = opened.wanted("").tree / opened.producer.prefix
    path = execute.path_of(str(Path(sys.executable).parent), os.environ)
    environment = execute.environment_of(os.environ, found.pass_names, found.set, path)
    lines = ["set -e", *(_line(check, place) for check in found.checks)]
    script = folder / "by-hand.sh"
    script.write_text("\n".join(lines) + "\n")
    by_hand = ["bash", str(script)]
    rows = []

    def swept(command: Sequence[str], env: dict[str, str] | None) -> float:
        for pattern in found.keep:
            for output in place.glob(pattern):
                shutil.rmtree(output)
        return seconds(command, cwd=place if env else NOXFILE.parent, environment=env)

    seconds([*session, "--allow-untagged"], cwd=NOXFILE.parent)
    if cold:
        rows.append(
            alternate(
                "all checks, nothing built, against bash",
                "ratio <= 1.03",
                lambda: swept(session, None),
                lambda: swept(by_hand, environment),
                1,
            )
        )
    rows.append(
        alternate(
            "all checks, built before, against bash",
            "difference <= +0.7 s",
            lambda: seconds(session, cwd=NOXFILE.parent),
            lambda: seconds(by_hand, cwd=place, environment=environment),
            times,
        )
    )
    return rows


def _line(check: profile.Check, place: Path) -> str:
    import shlex

    words = " ".join(shlex.quote(word.replace("{root}", str(place))) for word in check.argv)
    values = " ".join(f"{name}={shlex.quote(value.replace('{root}', str(place)))}" for name, value in check.set.items())
    return f"{values} {words}".strip()


def main() -> None:
    """Measure, print the table, keep the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--producer-root", type=Path, help="a producer instead of the sample")
    parser.add_argument("--ref", default="HEAD")
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--cold", action="store_true", help="also measure with nothing built")
    parser.add_argument("--folder", type=Path, help="keep cache and work folder here, for the next time")
    parser.add_argument("--json", type=Path, default=Path("bench.json"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.folder or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        root = given.producer_root
        if root is None:
            root = folder / "sample"
            if not root.exists():
                sample.build(root)
        rows = [
            listing(folder, 3 * given.times),
            *all_checks(folder, root.resolve(), given.ref, given.times, cold=given.cold),
        ]
    heads = ("", "ours", "spread", "other", "spread", "ratio", "difference", "  goal")
    print("{:<44} {:>10} {:>15} {:>10} {:>15} {:>7} {:>10} {}".format(*heads))
    for row in rows:
        print(row.text())
    given.json.write_text(json.dumps([row.to_dict() for row in rows], indent=2) + "\n")
    print(f"all figures: {given.json}")


if __name__ == "__main__":
    main()
