"""Render a view as one self-contained HTML page."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING
from urllib.parse import quote

from handoff_tasks.codes import CATALOGUE
from handoff_tasks.formats.words import chain, duration, size
from handoff_tasks.model import Outcome
from handoff_tasks.producer.statement import SHOWN_BLOCK
from handoff_tasks.report import view as report_view

if TYPE_CHECKING:
    from jinja2 import Template

    from handoff_tasks.report.view import View

_NAMED = 12
_UNFOLDED = 20
_GROUPED = 10
_LONGEST_NAME = 36
# In percent of the timeline: what a finger or an eye still finds.
_NARROWEST = 0.75


@functools.cache
def template() -> Template:
    """Return the page's template, compiled: three quarters of what a page takes, so a run asks for it while its checks run."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.PackageLoader("handoff_tasks"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("report.html.j2")


def render(view: View) -> str:
    """Return the page; below, what stands behind each code that it names, since where its documents lie is not known to it."""
    critical = [bar.id for bar in view.timeline.critical] if view.timeline else []
    ordered = list(enumerate(view.steps, 1))
    folded = []
    if len(ordered) > report_view.MANY_CHECKS:
        # Nobody looks through two hundred passed checks for the one that failed.
        folded = [one for one in ordered if one[1].passed]
        ordered = [one for one in ordered if not one[1].passed]
    codes = sorted({one.code for one in (*view.problems, *view.advisories)})
    return template().render(
        view=view,
        rules=[(code, CATALOGUE.get(code)) for code in codes],
        advisories=report_view.by_hint(view.advisories),
        anchors={f"check {step.id}": f"check-{number}" for number, step in enumerate(view.steps, 1)},
        block_named=SHOWN_BLOCK,
        critical_text=chain(critical, _NAMED),
        bars=sorted(enumerate(view.timeline.bars), key=lambda one: one[1].outcome != Outcome.PASSED) if view.timeline else [],
        duration=duration,
        folded=folded,
        grouped=_GROUPED,
        href=href,
        ordered=ordered,
        said=view.said,
        unfolded=_UNFOLDED,
        shortened=shortened,
        size=size,
        span=span,
    )


def shortened(name: str) -> str:
    """Return a name that a narrow screen has room for, its end left out where it is long."""
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def span(start: int, end: int, total: int) -> tuple[str, str]:
    """Return where a bar of the timeline starts and how wide it is, in percent: always wide enough to be seen."""
    width = max(100 * (end - start) / total, _NARROWEST)
    return f"{min(100 * start / total, 100 - width):.3f}%", f"{width:.3f}%"


def href(name: str) -> str:
    """Return the relative address of a file beside the page; whatever its name, it is never an address of another kind."""
    return "./" + quote(name)
