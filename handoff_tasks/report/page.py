"""Render a view as one self-contained HTML page."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING
from urllib.parse import quote

from handoff_tasks.codes import CATALOGUE
from handoff_tasks.formats.words import and_more, chain, duration, size
from handoff_tasks.producer.statement import SHOWN_BLOCK
from handoff_tasks.record import Outcome
from handoff_tasks.report.steps import MANY_CHECKS
from handoff_tasks.report.view import group_by_hint

if TYPE_CHECKING:
    from jinja2 import Template

    from handoff_tasks.report.view import View

_CRITICAL_NAMES = 12
_OPEN_CHECKS = 20
_SHOWN_OF_A_GROUP = 10
_LONGEST_NAME = 36
# In percent of the timeline: the narrowest bar that can still be seen and touched.
_NARROWEST = 0.75


@functools.cache
def load_template() -> Template:
    """Return the compiled template.

    Compiling takes three quarters of the time of a page, so a run does it while it waits.
    """
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
    """Return the page; it explains each code that it names, since it may be read anywhere."""
    ordered = list(enumerate(view.steps, 1))
    folded = []
    if len(ordered) > MANY_CHECKS:
        # The checks that did not pass come first; those that passed are folded away.
        folded = [(number, step) for number, step in ordered if step.passed]
        ordered = [(number, step) for number, step in ordered if not step.passed]
    codes = sorted({one.code for one in (*view.end.problems, *view.end.advisories)})
    critical = []
    bars = []
    if view.timeline:
        critical = [bar.id for bar in view.timeline.critical]
        bars = sorted(
            enumerate(view.timeline.bars), key=lambda row: row[1].outcome != Outcome.PASSED
        )
    return load_template().render(
        view=view,
        rules=[(code, CATALOGUE.get(code)) for code in codes],
        problems=group_by_hint(view.end.problems),
        advisories=group_by_hint(view.end.advisories),
        anchors={
            f"check {step.id}": f"check-{number}" for number, step in enumerate(view.steps, 1)
        },
        and_more=and_more,
        block_named=SHOWN_BLOCK,
        causes=view.causes,
        critical_text=chain(critical, _CRITICAL_NAMES),
        bars=bars,
        duration=duration,
        folded=folded,
        grouped=_SHOWN_OF_A_GROUP,
        href=href,
        ordered=ordered,
        unfolded=_OPEN_CHECKS,
        shorten=shorten,
        size=size,
        span=span,
    )


def shorten(name: str) -> str:
    """Return a name cut to the width of a narrow screen."""
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def span(start: int, end: int, total: int) -> tuple[str, str]:
    """Return start and width of a bar in percent of the timeline, wide enough to be seen."""
    width = max(100 * (end - start) / total, _NARROWEST)
    return f"{min(100 * start / total, 100 - width):.3f}%", f"{width:.3f}%"


def href(name: str) -> str:
    """Return the relative address of a file beside the page, whatever its name."""
    return "./" + quote(name)
