"""Claims about the report's page, some of them in a real browser."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import shutil
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from builders import (
    HOSTILE,
    check,
    facts,
    go_packet,
    hostile_view,
    long_checks,
    manifest,
    problem,
    profile,
    record,
    result,
    run_end,
    view,
)

from handoff_tasks.codes import CATALOGUE
from handoff_tasks.problems import HandoffError
from handoff_tasks.producer import statement
from handoff_tasks.record import CheckResult, Outcome
from handoff_tasks.report import page as report_page
from handoff_tasks.report import view as report_view

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Route

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


def in_chromium(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test where there is a browser, with the slow ones."""
    reason = "no chromium, chromium-browser or google-chrome on PATH"
    unless_missing = pytest.mark.skipif(CHROMIUM is None, reason=reason)
    made: Callable[..., None] = pytest.mark.slow(unless_missing(test))
    return made


def no_go() -> report_view.View:
    """Return the view of a release of which two checks failed and git says no."""
    outcomes = {"fmt": Outcome.FAILED, "trilogy-smoke": Outcome.TIMED_OUT}
    checks = [
        result(
            one,
            outcomes.get(one.id, Outcome.PASSED),
            "exit code 1" if one.id in outcomes else None,
            exit_code=int(one.id == "fmt"),
        )
        for one in profile().checks
    ]
    found = [problem(), problem("HP054", "commit x", "runtime paths differ", "verify at the tag")]
    return view(problems=found, checks=checks, facts=facts(changed_to_verified=("crates/a.rs",)))


def many(count: int) -> report_view.View:
    """Return the view of many checks, a few of which failed."""
    one = check()
    checks = []
    for number in range(count):
        outcome = Outcome.FAILED if number % 40 == 7 else Outcome.PASSED
        start = f"2026-01-02T03:{number // 60 % 60:02}:{number % 60:02}Z"
        made = record(
            one,
            id=f"check-{number}",
            outcome=outcome,
            started_at_utc=start,
            finished_at_utc=start,
            duration_ms=900,
        )
        checks.append(
            CheckResult(
                id=f"check-{number}", command="true", outcome=outcome, reason=None, record=made
            )
        )
    return view(
        problems=[problem()],
        checks=checks,
        lanes=[[one.id for one in checks[lane::3]] for lane in range(3)],
    )


VIEWS: dict[str, Callable[[], report_view.View]] = {
    "go": lambda: view(checks=long_checks()),
    "no-go": no_go,
    "hostile": hostile_view,
    "many": lambda: many(200),
}


class Reader(HTMLParser):
    """Reads a page: its elements with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", VIEWS)
def test_nothing_in_the_page_is_active_or_elsewhere(name: str) -> None:
    """There is no script, handler or address except anchors and files beside the page."""
    read = Reader(report_page.render(VIEWS[name]()))
    assert not {tag for tag, _ in read.elements} & {
        "script",
        "img",
        "iframe",
        "object",
        "embed",
        "form",
        "base",
        "audio",
        "video",
    }
    for tag, attributes in read.elements:
        assert not [
            one for one in attributes if one.startswith("on") or one in ("src", "srcset", "style")
        ], (tag, attributes)
        address = attributes.get("href") or "#"
        assert re.fullmatch(r"#[\w-]*|\./[\w.%-]+|data:,", address), address


def test_hostile_text_is_shown_and_not_obeyed() -> None:
    """It stands there as text, control and bidirectional characters written out."""
    page = report_page.render(hostile_view())
    assert "<script>alert(1)</script> ]]>" in Reader(page).text
    assert "{{ 7*7 }}" in page
    assert "\\u202eesrever\\u202c \\u200b \\x1b[31m \\x00 \\x85" in page
    assert not {"\x00", "\x1b", "\u202e", "\u200b", "\x85", "\ud800"} & set(page)


def test_a_log_is_linked_beside_the_page_whatever_its_name() -> None:
    """No name of a file makes an address of another kind."""
    assert report_page.href("fmt.log") == "./fmt.log"
    assert report_page.href("javascript:alert(1)") == "./javascript%3Aalert%281%29"
    assert report_page.href('"><x') == "./%22%3E%3Cx"


def test_a_problem_of_a_check_says_what_its_log_says() -> None:
    """The log line that explains a failure is shown with the problem and with the check."""
    checks = [
        result(one, Outcome.FAILED if one.id == "fmt" else Outcome.PASSED, "exit code 1")
        for one in profile().checks
    ]
    page = Reader(
        report_page.render(
            view(problems=[problem(), problem("HP052", "tag v1.2.3")], checks=checks)
        )
    ).text
    assert page.count("Its log says") == 2
    assert re.search(r"failed: exit code 1\s+Its log says line 29 of fmt\s+Next fix it", page)
    assert re.search(r"exit code 1\s*Its log says line 29 of fmt\s*cargo fmt", page)
    assert re.search(r"The last 20 lines of its log\s*line 10 of fmt\s", page)


def test_eight_checks_fit_into_300_kb() -> None:
    """Also with logs of the greatest length and of nothing but escaped characters."""
    worst = report_view.Source(tails={one.id: ["'" * 10_000] * 30 for one in profile().checks})
    end = run_end([result(one) for one in profile().checks])
    page = report_page.render(report_view.build_view(go_packet(), end, worst))
    assert len(page.encode()) < 300_000
    assert len(report_page.render(view()).encode()) < 60_000


def test_of_many_checks_the_failed_stand_first() -> None:
    """Of many checks the failed ones come first; few checks keep their order."""
    ids = re.findall(r'<a href="#check-(\d+)">check-\d+</a></th>', report_page.render(many(200)))
    assert ids[:6] == ["8", "48", "88", "128", "168", "1"]
    failed, _, passed = report_page.render(many(200)).partition(
        "<summary>195 checks that passed</summary>"
    )
    assert failed.count('<div class="inside" id="check-') == 5
    assert passed.count('<div class="inside" id="check-') == 195
    assert re.findall(r'<a href="#check-(\d+)">[\w-]+</a></th>', report_page.render(no_go())) == [
        str(one) for one in range(1, 9)
    ]


def test_a_change_of_the_envelope_is_marked() -> None:
    """Fields that are new, removed or changed are marked in the table."""
    document = go_packet()
    document["non_2xx_envelope_policy"] = {
        "service_v2_stable": {"requires": ["error"], "optional": ["code"]}
    }
    source = report_view.Source(
        previous=manifest(), previous_envelope={"requires": ["error", "code"], "forbids": ["stack"]}
    )
    page = report_page.render(report_view.view_packet(document, source))
    assert '<span class="added"><b>code</b> was required</span>' in page
    assert '<span class="removed"><b>stack</b> removed</span>' in page
    assert "What consumers rely on, and what has changed since v1.2.3." in page


def test_many_problems_with_one_next_step_are_one_finding() -> None:
    """Of thirty alike ten are seen at once, and the next step once."""
    found = [problem(where=f"check check-{number}") for number in range(30)]
    page = report_page.render(view(problems=[*found, problem("HP054", "x", "differs", "verify")]))
    assert page.count('<p class="next">') == 3
    assert "<summary>20 more with the same next step</summary>" in page


def test_the_block_that_is_shown_is_one_step_away() -> None:
    """A hint that names the statement to fill in links to it if the page has it."""
    with pytest.raises(HandoffError) as caught:
        statement.parse("no statement", "CHANGELOG.md")
    found = caught.value.problems[0]
    lacks = dataclasses.replace(view(problems=[found]), statement=(), block="Consumer impact")
    assert (
        'paste <a href="#impact">the block that is shown</a>, and fill it in'
        in report_page.render(lacks)
    )
    assert '<a href="#impact">the block' not in report_page.render(view(problems=[found]))


def test_a_problem_of_a_check_leads_to_it() -> None:
    """The check's command and log are one step away."""
    assert '<a href="#check-1">check fmt</a>' in report_page.render(no_go())


def test_what_a_rule_is_about() -> None:
    """Each code links to its explanation; an unknown code is said to be unknown."""
    page = report_page.render(no_go())
    assert '<a class="code" href="#rule-hp043">HP043</a>' in page
    rule = CATALOGUE["HP043"]
    assert f"HP043{rule.title}. {rule.cause}".replace("`", "") in Reader(page).text
    assert "Runtime paths differ between <code>commit_sha</code> and the commit" in page
    assert (
        "HP999A rule that this version does not know."
        in Reader(report_page.render(view(problems=[problem("HP999")]))).text
    )


def test_a_bar_can_be_seen_however_short_its_check() -> None:
    """A bar has a minimum width and stays on the page; failed checks are drawn last."""
    assert report_page.span(0, 1, 100_000) == ("0.000%", "0.750%")
    assert report_page.span(99_999, 100_000, 100_000) == ("99.250%", "0.750%")
    assert report_page.span(10, 60, 100) == ("10.000%", "50.000%")
    drawn = re.findall(r'<rect class="([^"]+)"', report_page.render(many(200)))
    assert [one.endswith("failed") for one in drawn] == [False] * 195 + [True] * 5


def test_an_unknown_path_is_not_drawn() -> None:
    """If the lanes are not known, the page says so and marks no critical path."""
    known = report_page.render(view(checks=long_checks()))
    assert "The critical path decides when the run ends: fmt." in known
    assert '<span class="swatch critical"></span>critical path' in known
    source = report_view.Source()
    guessed = report_page.render(
        report_view.build_view(go_packet(), run_end(long_checks()), source)
    )
    assert (
        "Which check waited for which is not known here, so no critical path is marked." in guessed
    )
    assert '<span class="swatch critical">' not in guessed


def test_a_path_of_all_checks_is_not_drawn() -> None:
    """If one check ran after the other, the page says what bound the run."""
    times = [f"2026-01-02T03:04:{number:02}Z" for number in range(10)]
    checks = [
        result(
            one, started_at_utc=times[number], finished_at_utc=times[number + 1], duration_ms=1000
        )
        for number, one in enumerate(profile().checks)
    ]
    page = report_page.render(view(checks=checks, lanes=[[one.id for one in checks]]))
    assert (
        "The run is bound by the processors: one check ran after the other, so no chain "
        "of checks decides alone when it ends."
    ) in page
    assert "ritical path" not in page
    names = [one.id for one in checks]
    alone = report_view.Source(lanes=[names], alone=frozenset(names))
    page = report_page.render(report_view.build_view(go_packet(), run_end(checks), alone))
    assert (
        "One check ran after the other, so no chain of checks decides alone when the run ends."
        in page
    )
    assert "ritical path" not in page


def test_a_short_run_has_no_timeline() -> None:
    """Neither a picture nor a way to it."""
    assert '<section id="timeline"' not in report_page.render(view())
    assert 'href="#timeline"' not in report_page.render(view())


def test_the_command_to_verify_the_packet_is_one_block() -> None:
    """It can be copied as it is, quotes included."""
    page = report_page.render(
        report_view.view_packet(
            go_packet(), report_view.Source(verify="nox -s handoff-verify -- 'a b.json'")
        )
    )
    assert "To verify the packet yourself, in the folder where the run was started:" in page
    assert "nox -s handoff-verify -- 'a b.json'" in Reader(page).text
    assert "verify the packet yourself" not in report_page.render(no_go())


def test_a_run_that_kept_everything_draws_the_earlier_one() -> None:
    """Times that are not this run's are reported to be another's."""
    source = report_view.Source()
    names = {one.id for one in profile().checks}
    every, some = (
        report_view.build_view(go_packet(), run_end(long_checks(), kept=kept), source)
        for kept in (names, {"fmt"})
    )
    reported = "All checks are kept from an earlier run, which is drawn here"
    assert reported in report_page.render(every)
    assert "Passes that are kept from an earlier run are not drawn." in report_page.render(some)


@pytest.mark.parametrize("name", VIEWS)
def test_the_page_has_an_order(name: str) -> None:
    """Headings are nested, table headers have a scope, ids are unique, anchors resolve."""
    read = Reader(report_page.render(VIEWS[name]()))
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(attributes.get("scope") for tag, attributes in read.elements if tag == "th")
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    anchors = {
        str(attributes["href"])[1:]
        for _, attributes in read.elements
        if str(attributes.get("href")).startswith("#")
    }
    assert anchors <= set(ids)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None
    with sync_playwright() as playwright:
        # Its sandbox refuses to run as root, which continuous integration often is.
        found = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        yield found
        found.close()


def opened(
    browser: Browser, folder: Path, shown: report_view.View, asked: list[str], **settings: object
) -> Page:
    """Return a page that shows a view; its requests are added to ``asked`` and not answered."""
    path = folder / "report.html"
    path.write_bytes(report_page.render(shown).encode("utf-8", "backslashreplace"))
    page = browser.new_context(**settings).new_page()  # type: ignore[arg-type]

    def answer(route: Route) -> None:
        if route.request.url == path.as_uri():
            route.continue_()
        else:
            asked.append(route.request.url)
            route.abort()

    page.route("**/*", answer)
    page.goto(path.as_uri())
    return page


@in_chromium
@pytest.mark.parametrize("name", VIEWS)
def test_it_renders_without_requests(browser: Browser, tmp_path: Path, name: str) -> None:
    """On a phone the verdict is visible, nothing is too wide and no request is made."""
    asked: list[str] = []
    shown = VIEWS[name]()
    page = opened(
        browser,
        tmp_path,
        shown,
        asked,
        viewport={"width": 360, "height": 740},
        java_script_enabled=False,
    )
    assert page.locator("h1 .verdict").inner_text() == shown.verdict
    assert page.locator("h1").is_visible()
    box = page.locator("body").bounding_box()
    assert box is not None
    assert box["width"] == 360
    assert asked == []
    page.context.close()
    page = opened(browser, tmp_path, shown, asked, viewport={"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert page.evaluate("document.scripts.length") == 0
    assert asked == []
    page.context.close()


@in_chromium
@pytest.mark.parametrize(("name", "most"), [("go", 160), ("no-go", 180)])
def test_a_phone_shows_more_than_the_head(
    browser: Browser, tmp_path: Path, name: str, most: int
) -> None:
    """The head says verdict, release and consequence in less than a fifth of the screen."""
    page = opened(browser, tmp_path, VIEWS[name](), [], viewport={"width": 390, "height": 844})
    box = page.locator("header").bounding_box()
    assert box is not None
    assert box["height"] <= most
    page.context.close()


@in_chromium
def test_the_end_of_a_log_unfolds(browser: Browser, tmp_path: Path) -> None:
    """Of a check that failed the line that explains it is seen, and the whole end on demand."""
    page = opened(browser, tmp_path, no_go(), [])
    inside = page.locator("#check-1")
    assert inside.get_by_text("line 29 of fmt", exact=True).first.is_visible()
    assert not inside.locator("pre.log").is_visible()
    inside.get_by_text("The last 20 lines of its log").click()
    assert inside.locator("pre.log").is_visible()
    page.context.close()


@in_chromium
@pytest.mark.parametrize("width", [320, 360])
@pytest.mark.parametrize("name", VIEWS)
def test_nothing_is_cut_and_nothing_scrolls_within_the_page(
    browser: Browser, tmp_path: Path, name: str, width: int
) -> None:
    """No part of the page scrolls on its own, so none needs a tab stop."""
    page = opened(browser, tmp_path, VIEWS[name](), [], viewport={"width": width, "height": 740})
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    assert page.locator("[tabindex]").count() == 0
    cut = "one => one.scrollHeight > one.clientHeight + 1 || one.scrollWidth > one.clientWidth + 1"
    assert (
        page.evaluate(
            "[...document.querySelectorAll('pre, main, section, section > div')]"
            f".filter({cut}).length"
        )
        == 0
    )
    rights = page.evaluate(
        "[...document.querySelectorAll('th, td, td *')].map(one => "
        "one.getBoundingClientRect().right)"
    )
    assert max(rights) <= width
    page.context.close()


@in_chromium
@pytest.mark.parametrize("width", [320, 360])
def test_names_in_the_timeline_stay_on_the_page(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    """However narrow the screen and long the name, no text of the picture is cut."""
    one = check()
    start = "2026-01-02T03:04:05Z"
    checks = []
    for number in range(5):
        name = f"{'a-very-long-name-of-a-check-' * 2}{number}"
        made = record(
            one,
            id=name,
            started_at_utc=start,
            finished_at_utc=start,
            duration_ms=900 + number * 60_000,
        )
        checks.append(
            CheckResult(id=name, command="true", outcome=Outcome.FAILED, reason=None, record=made)
        )
    page = opened(
        browser,
        tmp_path,
        view(problems=[problem()], checks=checks),
        [],
        viewport={"width": width, "height": 740},
    )
    ends = page.evaluate(
        "[...document.querySelectorAll('.timeline text')].map(one => "
        "one.getBoundingClientRect().right)"
    )
    assert len(ends) > 5
    assert max(ends) <= width
    page.context.close()


@in_chromium
@pytest.mark.parametrize("seconds", [80, 94, 359])
def test_the_scale_of_a_narrow_timeline_can_be_read(
    browser: Browser, tmp_path: Path, seconds: int
) -> None:
    """No mark of the scale lies on another one."""
    end = f"2026-01-02T03:{4 + (5 + seconds) // 60:02}:{(5 + seconds) % 60:02}Z"
    checks = [
        result(one, finished_at_utc=end, duration_ms=1000 * seconds) for one in profile().checks
    ]
    page = opened(
        browser, tmp_path, view(checks=checks), [], viewport={"width": 320, "height": 740}
    )
    marks = page.evaluate(
        "[...document.querySelectorAll('.tick')].map(one => "
        "one.getBoundingClientRect()).filter(one => one.width)"
        ".map(one => [one.left, one.right])"
    )
    assert len(marks) >= 2
    assert all(before[1] < after[0] for before, after in itertools.pairwise(marks))
    page.context.close()


@in_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", VIEWS)
def test_axe_finds_nothing(browser: Browser, tmp_path: Path, name: str, scheme: str) -> None:
    """Axe finds no violation, in light and dark, with everything unfolded."""
    from axe_playwright_python.sync_playwright import Axe

    page = opened(browser, tmp_path, VIEWS[name](), [], color_scheme=scheme, bypass_csp=True)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.context.close()


@in_chromium
def test_a_link_to_a_check_opens_it(browser: Browser, tmp_path: Path) -> None:
    """Following the link shows the command and the log of the check."""
    page = opened(browser, tmp_path, view(), [])
    log = page.locator("#check-3 pre.log")
    assert not log.is_visible()
    page.locator("table a", has_text="test").first.click()
    assert log.is_visible()
    assert (
        page.locator("details.check")
        .nth(2)
        .locator("summary")
        .evaluate("one => one.getBoundingClientRect().top")
        >= 0
    )
    page.context.close()


@in_chromium
def test_paper_has_everything(browser: Browser, tmp_path: Path) -> None:
    """Folded parts are printed, dark on light in any colour scheme."""
    page = opened(browser, tmp_path, view(), [], color_scheme="dark")
    folded = page.locator("details.check pre.log").first
    assert not folded.is_visible()
    page.emulate_media(media="print", color_scheme="dark")
    assert folded.evaluate(
        "one => one.checkVisibility() && one.getBoundingClientRect().height > 100"
    )
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(29, 31, 35)"
    page.context.close()


@in_chromium
def test_the_keyboard_reaches_everything(browser: Browser, tmp_path: Path) -> None:
    """Tab goes to the skip link first, shows where it is, and opens a check without a mouse."""
    page = opened(browser, tmp_path, view(), [])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    first = page.locator("details.check").first
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    assert first.get_attribute("open") is not None
    assert first.locator("pre.log").is_visible()
    page.context.close()


def test_the_hostile_text_is_hostile() -> None:
    """What these tests rely on: it holds a mark of each language."""
    assert all(
        mark in HOSTILE
        for mark in (
            "<script>",
            "]]>",
            "javascript:",
            "\u202e",
            "\x1b",
            "\x00",
            "`",
            "|",
            "@",
            "{{",
        )
    )
