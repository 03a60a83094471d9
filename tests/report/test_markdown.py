"""Claims about the report as Markdown."""

from __future__ import annotations

import re
from typing import Any

import pytest
from builders import (
    HOSTILE,
    check,
    go_packet,
    hostile_view,
    long_checks,
    problem,
    profile,
    result,
    run_end,
    view,
)

from handoff_tasks.codes import CATALOGUE
from handoff_tasks.model import RunEnd
from handoff_tasks.record import CheckResult, Outcome
from handoff_tasks.report import markdown
from handoff_tasks.report import view as report_view


def test_a_go() -> None:
    """Verdict first, a table of checks, git, contract and statement."""
    lines = markdown.render(view()).splitlines()
    assert lines[:3] == [
        "# ✅ GO: MemoryKernel v1.2.3",
        "",
        "All 8 checks passed. The packet is published.",
    ]
    assert "| `fmt` | ✅ passed | 0 | 1.2 s | cargo 1.95.0, rustc 1.95.0 |" in lines
    assert "| API contract | `api.v1` | same |" in lines
    assert "New since v1.2.2: `internal_error`." in lines
    assert [line for line in lines if line.startswith("#")][1:] == [
        "## Advisories",
        "## Checks",
        "## Commits and tag",
        "## Contract",
        "## Consumer impact",
    ]


def test_a_no_go_shows_problem_and_log() -> None:
    """Each problem with its next step and what the check wrote last, and the end of its log."""
    checks = [
        result(one, Outcome.FAILED if one.id == "fmt" else Outcome.PASSED, "exit code 1")
        for one in profile().checks
    ]
    text = markdown.render(view(problems=[problem()], checks=checks))
    assert (
        f"- **HP043** {CATALOGUE['HP043'].title}\n  - `check fmt`: failed: exit code 1. "
        f"Its log says: `line 29 of fmt`\n" in text
    )
    assert "<summary>End of the log of fmt</summary>\n\n```text\nline 10 of fmt\n" in text


def test_problems_with_one_next_step_are_told_together() -> None:
    """The next step stands once, below all that it is for."""
    found = [problem(), problem(where="check clippy"), problem("HP999", "here", "wrong", "ask")]
    assert (
        "  - `check fmt`: failed: exit code 1\n  - `check clippy`: failed: exit code 1\n "
        " - Next: fix it\n"
        "- **HP999** A rule that this version does not know\n  - `here`: wrong\n  - Next: ask\n"
    ) in markdown.render(view(problems=found))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a|b", "a\\|b"),
        ("`x` *y* _z_", "\\`x\\` \\*y\\* \\_z\\_"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("@octocat", "@&#8203;octocat"),
        ("#12 GH-12", "#&#8203;12 GH&#8203;-12"),
        ("[x](javascript:y) ![z](w)", "\\[x\\](javascript:y) \\!\\[z\\](w)"),
        ("https://a.example www.a.example", "https:&#8203;//a.example www&#8203;.a.example"),
        ("two\nlines", "two lines"),
        ("\x1b[2J\u202e", "\\\\x1b\\[2J\\\\u202e"),
        ("v1.2.3 (annotated), plain", "v1.2.3 (annotated), plain"),
    ],
)
def test_text_means_nothing_but_itself(value: str, expected: str) -> None:
    """No mark, mention, reference, link or table cell comes from outside."""
    assert markdown.text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "`a`"),
        ("a`b", "``a`b``"),
        ("`", "`` ` ``"),
        ("a|b", "`a\\|b`"),
        ("a\nb", "`a b`"),
        ("", ""),
    ],
)
def test_code_ends_where_it_should(value: str, expected: str) -> None:
    """No backtick ends the code before its end, and no pipe the table cell."""
    assert markdown.code(value) == expected


def test_hostile_text_starts_nothing() -> None:
    """Text from logs, tags and commits makes no tag, link, mention or fence."""
    text = markdown.render(hostile_view())
    assert not {"\x00", "\x1b", "\u202e"} & set(text)
    outside = re.sub(r"(?s)(`{3,})text\n.*?\n\1", "", text)
    outside = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", re.sub(r"\\.", "", outside))
    assert set(re.findall(r"<[^>]*>", outside)) == {
        "<details>",
        "<summary>",
        "</summary>",
        "</details>",
    }
    assert not re.search(r"@\w|https?://|www\.|(?<!&)#\d", outside)
    assert markdown.fence_code(["```` x"])[0] == "`````text"
    assert "|" in HOSTILE
    assert {
        len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("| `")
    } <= {4, 5, 6}


def test_a_critical_path_only_where_it_is_known() -> None:
    """Without known lanes only the time is reported, and not even that for checks run far apart."""
    checks = long_checks()
    assert "\n6.2 s in all; critical path: `fmt`.\n" in markdown.render(view(checks=long_checks()))
    text = markdown.render(
        report_view.build_view(go_packet(), run_end(checks), report_view.Source())
    )
    assert re.search(r"in all; which check waited for which is not known\.", text)
    early: dict[str, Any] = {
        "started_at_utc": "2025-01-02T03:04:05Z",
        "finished_at_utc": "2025-01-02T03:04:06Z",
    }
    checks[0] = result(check(), **early)
    apart = report_view.build_view(go_packet(), run_end(checks), report_view.Source())
    assert "\nThe checks ran apart in time.\n" in markdown.render(apart)


def test_what_decided_when_the_run_was_over() -> None:
    """A path of all checks is not shown; what bound the run is."""
    lanes = [[one.id for one in profile().checks]]
    times = [f"2026-01-02T03:04:{number:02}Z" for number in range(10)]
    checks = [
        result(
            one, started_at_utc=times[number], finished_at_utc=times[number + 1], duration_ms=1000
        )
        for number, one in enumerate(profile().checks)
    ]
    assert "\n8 s in all; bound by the processors.\n" in markdown.render(
        view(checks=checks, lanes=lanes)
    )
    alone = report_view.Source(lanes=lanes, alone=frozenset(lanes[0]))
    found = report_view.build_view(go_packet(), run_end(checks), alone)
    assert "\n8 s in all; one check after the other.\n" in markdown.render(found)


def test_the_command_to_verify_the_packet() -> None:
    """It can be copied as one block; a packet that was not published has none."""
    shown = report_view.view_packet(
        go_packet(), report_view.Source(verify="nox -s handoff-verify -- 'a b.json'")
    )
    assert (
        "the run was started:\n\n```shell\nnox -s handoff-verify -- 'a b.json'\n```\n"
        in markdown.render(shown)
    )
    assert "```shell" not in markdown.render(view(problems=[problem()]))


def test_a_change_of_the_envelope_is_marked() -> None:
    """Fields that are removed or changed are marked in the table."""
    document = go_packet()
    document["non_2xx_envelope_policy"] = {
        "service_v2_stable": {"requires": ["error"], "optional": ["code"]}
    }
    source = report_view.Source(
        previous_envelope={"requires": ["error", "code"], "forbids": ["stack"]}
    )
    text = markdown.render(report_view.view_packet(document, source))
    assert "| service\\_v2\\_stable | `error` | `code` (was required) | `stack` (removed) |" in text


def test_many_checks_are_counted() -> None:
    """Of more than a hundred checks only those that did not pass are listed."""
    checks = [
        CheckResult(
            id=f"c{number}",
            command="x",
            outcome=Outcome.FAILED if number < 3 else Outcome.PASSED,
            reason="x",
            record=None,
        )
        for number in range(500)
    ]
    text = markdown.render(view(problems=[problem()] * 200, checks=checks))
    assert "497 of 500 passed; below 3 checks that did not." in text
    assert len(re.findall(r"^\| `c\d+` \|", text, re.MULTILINE)) == 3
    assert "- and 100 more: see the report's page" in text


def test_the_verdict_on_a_packet_is_a_summary() -> None:
    """The verdict, who signed, and the findings; text from outside starts no markup."""
    end = RunEnd(
        checks=(),
        problems=(problem("HP133", "p.json", "signed by 1 of the 2", "have `x` sign"),),
        advisories=(),
    )
    facts = [("signature", "<b>laptop</b>"), ("signers", "1 of 2 needed; no network was used")]
    assert markdown.render_verdict("NO-GO", "p.json", end, facts).splitlines() == [
        "# ❌ NO-GO: p.json",
        "",
        "- **Signature**: &lt;b&gt;laptop&lt;/b&gt;",
        "- **Signers**: 1 of 2 needed; no network was used",
        "",
        "## Problems",
        "",
        "- **HP133** Too few keys have signed",
        "  - `p.json`: signed by 1 of the 2",
        r"  - Next: have \`x\` sign",
    ]
    good = markdown.render_verdict(
        "GO", "p.json", RunEnd(checks=(), problems=(), advisories=()), []
    )
    assert good.startswith("# ✅ GO: p.json\n")
