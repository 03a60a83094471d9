"""Make the images of the documents from real runs of the sample.

The end of a run is an SVG file, the report's page a PNG file. This needs chromium on PATH and the
package playwright. Run it again after a change to the end of a run or to the report. It writes only
``docs/images``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from html import escape
from pathlib import Path

from handoff_tasks.output import terminal as output_terminal

TOP = Path(__file__).resolve().parent.parent
IMAGES = TOP / "docs/images"
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
LINE, LETTER, EDGE, BAR = 21, 8.43, 24, 40
WIDTH = 80
# The colors of words at the start of a line, or after the name of a check.
COLOURS: tuple[tuple[str, dict[str, str]], ...] = (
    (r"^(GO|NO-GO)\b.*", {"GO": "go", "NO-GO": "bad"}),
    (
        r"(?<=\S  )\s*(passed|failed|timed out)\b",
        {"passed": "good", "failed": "bad", "timed out": "bad"},
    ),
    (r"^  (HP\d+)\b", {}),
    (r"^  (HA\d+)\b", {}),
)


def run(folder: Path, ref: str) -> tuple[str, Path]:
    """Verify a release of the sample; return the end of the output and the path of the report."""
    # Run in the folder of the noxfile, as users do: the report has the command to verify the packet
    # from there.
    (folder / "noxfile.py").write_text(
        "import nox\nimport handoff_tasks\n\nhandoff_tasks.register(nox, __file__)\n"
    )
    command = [sys.executable, "-m", "nox", "--envdir", str(folder / "nox")]
    words = [
        "--sample",
        "python",
        "--ref",
        ref,
        "--cache-dir",
        str(folder / "cache"),
        "--rerun",
    ]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "NOX"))
    }
    done = subprocess.run(
        [*command, "--session", "handoff-stable", "--", *words],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        cwd=folder,
        env=environment | {"NO_COLOR": "1"},
    )
    said = done.stdout.splitlines()
    start = max(number for number, line in enumerate(said) if line.startswith("Sample service "))
    end = next(
        number
        for number, line in enumerate(said)
        if number > start and re.match(r"(NO-)?GO\b", line)
    )
    shown = said[start : end + 1]
    place, page = (
        next(line.split()[1] for line in shown if line.startswith(f"  {name} "))
        for name in ("evidence", "report")
    )
    return "\n".join(shown), folder / place / page


def terminal(text: str, title: str) -> str:
    """Return text as an SVG of a terminal, readable in light and dark schemes."""
    lines = [
        part
        for line in text.splitlines()
        for piece in output_terminal.wrap_line(line, WIDTH)
        for part in cut(piece)
    ]
    width = round(max(map(len, lines)) * LETTER + 2 * EDGE)
    height = BAR + len(lines) * LINE + EDGE
    drawn = [
        f'<text x="{EDGE}" y="{BAR + number * LINE + 16}" xml:space="preserve">'
        f"{coloured(line)}</text>"
        for number, line in enumerate(lines)
        if line
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>text {{ font: 14px {FONT}; fill: #d7dae0 }}"
            " .good { fill: #7fd6a4 } .bad { fill: #ff9aa2 }"
            " .go { fill: #7fd6a4 } .strong { font-weight: 700 } .code { fill: #f0c36d }</style>",
            f'<rect width="{width}" height="{height}" rx="10" fill="#181b20"/>',
            *(
                f'<circle cx="{EDGE + number * 18}" cy="20" r="5.5" fill="#3a3f49"/>'
                for number in range(3)
            ),
            *drawn,
            "</svg>",
            "",
        ]
    )


def cut(line: str) -> list[str]:
    """Return a line cut into pieces of at most `WIDTH` columns."""
    return [line[at : at + WIDTH] for at in range(0, len(line), WIDTH)] or [""]


def coloured(line: str) -> str:
    """Return a line as SVG text, with its verdict, outcome or code in color."""
    for pattern, kinds in COLOURS:
        if found := re.search(pattern, line):
            word = found[1]
            start, end = found.span(1)
            if pattern.startswith("^("):
                end = found.end()
            kind = kinds.get(word, "code")
            strong = " strong" if kind == "go" or word == "NO-GO" else ""
            span = f'<tspan class="{kind}{strong}">{escape(line[start:end])}</tspan>'
            return f"{escape(line[:start])}{span}{escape(line[end:])}"
    return escape(line)


def photograph(page: Path, to: Path, *, scheme: str, height: int) -> None:
    """Write a screenshot of the upper part of a page to a PNG file."""
    from playwright.sync_api import sync_playwright

    program = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if program is None:
        sys.exit("chromium, chromium-browser or google-chrome must be on PATH: install one of them")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        context = browser.new_context(
            viewport={"width": 1000, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=False,
        )
        shown = context.new_page()
        shown.goto(page.as_uri())
        shown.screenshot(path=to)
        browser.close()


def main() -> None:
    """Run the good release and a bad one, and write the three images."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        for name, ref, scheme in (("go", "v0.4.0", "light"), ("no-go", "v0.3.3", "dark")):
            # Once to make the environments, so that the times are those of a second run.
            run(folder, ref)
            text, page = run(folder, ref)
            photograph(page, IMAGES / f"report-{name}.png", scheme=scheme, height=1150)
        (IMAGES / "end-no-go.svg").write_text(terminal(text, "The end of a run that is NO-GO"))


if __name__ == "__main__":
    main()
