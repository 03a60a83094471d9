"""Claims about consumer profiles and templates: what is read, and each mistake with its line."""

from __future__ import annotations

import json
import re
import time
import tomllib
from pathlib import Path

import pytest
from builders import quick
from consuming import profile_text, read_profile
from hypothesis import given
from hypothesis import strategies as st

from handoff_tasks.consumer import json_edit, profile, template
from handoff_tasks.formats import canonical, schemas
from handoff_tasks.problems import HandoffError

HERE = Path(__file__).resolve().parent


def refusal(text: str | bytes) -> list[tuple[str, str]]:
    """Return place and message of each problem of a consumer profile."""
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(HandoffError) as error:
        profile.parse(data, "handoff.toml", schemas.schema(schemas.CONSUMER_PROFILE))
    assert {problem.code for problem in error.value.problems} == {"HP120"}
    return [(problem.where, problem.message) for problem in error.value.problems]


def test_the_samples_profile_is_read_with_all_its_parts() -> None:
    """Producer, pin, files, validators, policy and what is left out."""
    found = read_profile()
    assert (found.name, found.producer.profile, found.producer.path) == (
        "Sample consumer",
        "sample-python",
        None,
    )
    assert found.targets == (
        "config/producer-pin.json",
        "config/producer-manifest.json",
        "docs/COMPATIBILITY.md",
        "src/release.py",
    )
    assert found.reads == tuple(sorted([*found.targets, "pyproject.toml"]))
    assert found.mirror == found.files[0]
    assert (found.files[1].keep, found.files[1].status, found.files[1].kept_status) == (
        True,
        "Approved",
        "Superseded",
    )
    assert [one.command for one in found.validators] == [
        "python3 scripts/validate_pin.py",
        "bash scripts/validate_error_codes.sh",
        "python3 scripts/validate_contract.py",
    ]
    assert found.policy == profile.Policy(refuse_breaking=True, notice=True, modes=("stable",))
    assert found.digest == canonical.digest(tomllib.loads(profile_text()))


def test_what_is_left_out_has_the_careful_value() -> None:
    """Without a policy breaking changes are refused, notice counts, and only stable packets are accepted."""
    text = profile_text().split("[policy]")[0].replace("timeout_seconds = 60", "", 1)
    found = read_profile(text)
    assert found.policy == profile.Policy(refuse_breaking=True, notice=True, modes=("stable",))
    assert found.validators[0].timeout_seconds == 300


def test_a_command_is_shown_as_a_shell_needs_it() -> None:
    """Words with spaces are quoted, and the root is a dot."""
    text = profile_text('["python3", "scripts/validate_pin.py"]', '["node", "a b.mjs", "{root}/x"]')
    assert read_profile(text).validators[0].command == "node 'a b.mjs' ./x"


def test_the_profile_of_the_real_consumer_is_read() -> None:
    """The profile that the tests with the real repositories use is a good one."""
    data = (HERE / "assistsupport.toml").read_bytes()
    found = profile.parse(data, "assistsupport.toml", schemas.schema(schemas.CONSUMER_PROFILE))
    assert len(found.targets) == 9


@pytest.mark.parametrize(
    ("before", "after", "where", "message"),
    [
        (
            "{release_tag}`",
            "{release_tagg}`",
            "33#/files/1/lines/1",
            "{release_tagg} is not a placeholder (did you mean release_tag?); known: release_tag, "
            "commit_sha, service, api, baseline, manifest_sha256, consumer_commit, date, consumer_version",
        ),
        (
            "{release_tag}`",
            "{release_tag`",
            "33#/files/1/lines/1",
            "found a single { at character 26; write {{ for a brace",
        ),
        (
            "{release_tag}`",
            "release_tag}`",
            "33#/files/1/lines/1",
            "found a single } at character 37; write }} for a brace",
        ),
        (
            "`{release_tag}`",
            "`v0.3.2`",
            "33#/files/1/lines/1",
            "there is no placeholder, so nothing would change",
        ),
        (
            "Updated: {date}",
            "{consumer_version}.",
            "32#/files/1/lines/0",
            "{consumer_version} has no clear end, because more of a value can follow it; put a space, quote or bar behind it",
        ),
        (
            "Updated: {date}",
            "{consumer_version}{date}",
            "32#/files/1/lines/0",
            "{consumer_version} has no clear end, because more of a value can follow it; put a space, quote or bar behind it",
        ),
        (
            "'\"{release_tag}\"'",
            "'{date}'",
            "43#/files/2/anywhere/0",
            "{date} is not a placeholder; known: release_tag, commit_sha, service, api, baseline, manifest_sha256",
        ),
        (
            "{status} |",
            "Approved |",
            "39#/files/1/keep",
            "the rows have no {status}, so a kept row would look like a current one",
        ),
        (
            "keep = true",
            'keep = true\nkept_status = "Approved"',
            "40#/files/1/kept_status",
            "Approved is the status of a current row too",
        ),
        (
            'copy = "manifest"',
            'copy = "manifest"\nlines = ["{date}"]',
            "27#/files/0/copy",
            "a copy has no lines; expected copy alone",
        ),
        (
            'copy = "manifest"',
            'copy = "manifest"\nkeep = true',
            "28#/files/0/keep",
            "there are no rows; only rows have keep",
        ),
        (
            'copy = "manifest"',
            "",
            "25#/files/0",
            "one of copy, lines, anywhere and rows is missing",
        ),
        (
            "anywhere = ['\"{release_tag}\"']",
            'copy = "manifest"',
            "43#/files/2/copy",
            "the manifest is copied to /files/0 already",
        ),
        (
            'path = "src/release.py"',
            'path = "Docs/compatibility.md"',
            "42#/files/2/path",
            "Docs/compatibility.md is written twice; it is /files/1/path already",
        ),
        (
            'path = "src/release.py"',
            'path = "config/producer-receipt.json"',
            "42#/files/2/path",
            "config/producer-receipt.json is written twice; it is /receipt already",
        ),
        (
            'path = "src/release.py"',
            'path = "src/.git/config"',
            "42#/files/2/path",
            "src/.git/config is below .git; expected a file of the consumer",
        ),
        (
            'path = "src/release.py"',
            'path = "src/./release.py"',
            "42#/files/2/path",
            "found 'src/./release.py'; expected a path without empty parts and dots",
        ),
        (
            'path = "src/release.py"',
            'path = "../release.py"',
            "42#/files/2/path",
            'found "../release.py"; expected a relative path with / between its parts and without ..',
        ),
        (
            '"docs/COMPATIBILITY.md"]',
            '"docs/COMPATIBILITYY.md"]',
            "5#/together/2",
            "docs/COMPATIBILITYY.md is neither the pin nor one of the files (did you mean docs/COMPATIBILITY.md?)",
        ),
        (
            'toml = "/project/version"',
            'toml = "/project/version", json = "version"',
            "23#/values/consumer_version",
            "expected one of json and toml, the key in the file",
        ),
        (
            "consumer_version = {",
            "date = {",
            "23#/values/date",
            "{date} has a meaning already; expected another name",
        ),
        (
            'id = "contract"',
            'id = "pin"',
            "73#/validators/2/id",
            "pin stands twice; expected each id once",
        ),
        (
            'tools = ["bash"]',
            'tools = ["bash5"]',
            "69#/validators/1/tools/0",
            "bash5 is not a tool of this profile (did you mean bash?); known: python3, bash",
        ),
        (
            "timeout_seconds = 60",
            "timeout_seconds = 60.0",
            "63#/validators/0/timeout_seconds",
            "found 60.0; expected a whole number without a point",
        ),
        (
            'breaking = "refuse"',
            'breaking = "ask"',
            "80#/policy/breaking",
            'found "ask"; expected one of "refuse", "accept"',
        ),
        (
            "notice = true",
            "notices = true",
            "81#/policy",
            "unknown key notices (did you mean notice?); known: breaking, notice, modes",
        ),
        ('commit_sha = "commit_sha"', "", "14#/pin/fields", "the key commit_sha is missing"),
        (
            "[environment]",
            '[environment]\npass = ["NODE_OPTIONS"]',
            "46#/environment/pass/0",
            "NODE_OPTIONS passes on NODE_OPTIONS, with which a caller decides an outcome; expected its value in environment.set",
        ),
        ("[pin]", "[pin", "11:5", "not TOML: Expected ']' at the end of a table declaration"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    before: str, after: str, where: str, message: str
) -> None:
    """Each mistake has its line, its JSON pointer and what was expected."""
    found = refusal(profile_text(before, after))
    assert (f"handoff.toml:{where}", message) in found


def test_all_mistakes_come_at_once() -> None:
    """Two mistakes are two problems."""
    text = profile_text("{release_tag}`", "{tag}`").replace('id = "contract"', 'id = "pin"')
    assert [where for where, _ in refusal(text)] == [
        "handoff.toml:33#/files/1/lines/1",
        "handoff.toml:73#/validators/2/id",
    ]


def test_bytes_that_are_not_text() -> None:
    """Other encodings and bombs are one refusal."""
    assert refusal(b"name = '\xff'") == [("handoff.toml", "byte 8 is not UTF-8")]
    assert refusal("a = " + "[" * 5000)[0][0].startswith("handoff.toml")


# --- Templates ------------------------------------------------------------------------------------

KNOWN = ("release_tag", "commit_sha", "value", "date", "consumer_commit", "status")


def test_braces_are_written_twice() -> None:
    """Doubled braces are braces, in filling and in matching."""
    made = template.parse("{{{release_tag}}} {{}} {date}", KNOWN)
    assert made.names == ("release_tag", "date")
    assert made.fill({"release_tag": "v1", "date": "2025-01-02"}) == "{v1} {} 2025-01-02"
    assert made.fill({}) == "{{release_tag}} {} {date}"
    assert made.pattern({"release_tag": "v1"}).fullmatch("{v1} {} 2026-03-04")
    assert not made.pattern({"release_tag": "v1"}).fullmatch("{v1x} {} 2026-03-04")


def test_a_value_is_never_an_expression() -> None:
    """A dot in a version stands for itself."""
    made = template.parse("tag {release_tag}", KNOWN)
    assert not made.pattern({"release_tag": "v0.3.2"}).fullmatch("tag v0x3y2")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v0.3.2", [0]),
        ("(v0.3.2)", [1]),
        ("v0.3.2.", [0]),
        ("v0.3.2, v0.3.2", [0, 8]),
        ("v0.3.20", []),
        ("v0.3.2.1", []),
        ("v0.3.2-rc1", []),
        ("v0.3.2+b", []),
        ("xv0.3.2", []),
        ("x-v0.3.2", []),
        ("1.v0.3.2", []),
        ("/v0.3.2/", [1]),
        ("-v0.3.2", [1]),
    ],
)
def test_an_occurrence_is_a_whole_word(text: str, expected: list[int]) -> None:
    """A part of a longer word or version is another word."""
    assert template.occurrences(text, "v0.3.2") == expected


@quick
@given(
    st.text(alphabet="{}ab {release_tag}{value}|`-", max_size=40),
    st.sampled_from(["v1.2.3", "a-b", "x"]),
)
def test_what_a_template_fills_it_matches(text: str, value: str) -> None:
    """A filled template matches its own expression, with known and with unknown values."""
    try:
        made = template.parse(text, KNOWN)
    except ValueError:
        return
    values = dict.fromkeys(KNOWN, value)
    line = made.fill(values)
    assert made.pattern(values).fullmatch(line)
    assert made.pattern({}).fullmatch(line)


def test_no_line_makes_matching_slow() -> None:
    """Values of any form in one template take no more time in a long line."""
    made = template.parse(" ".join(["{value}"] * 9) + " |", KNOWN)
    began = time.perf_counter()
    made.pattern({}).fullmatch("a " * 40_000)
    made.pattern({}).fullmatch("a" * 80_000)
    assert time.perf_counter() - began < 5


# --- JSON ------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@quick
@given(JSON, st.booleans(), st.sampled_from([None, 0, 3]))
def test_every_text_of_a_json_document_is_found(
    value: object, ascii_only: bool, indent: int | None
) -> None:
    """Each text is at the place that its pointer names, whatever the document's form is."""
    written = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    found = {
        pointer: json.loads(written[start:end])
        for pointer, (start, end) in json_edit.text_places(written).items()
    }

    def texts(inner: object, pointer: str) -> dict[str, str]:
        if isinstance(inner, str):
            return {pointer: inner}
        if isinstance(inner, dict | list):
            pairs = inner.items() if isinstance(inner, dict) else enumerate(inner)
            return {
                place: text
                for key, item in pairs
                for place, text in texts(
                    item, f"{pointer}/" + re.sub("/", "~1", re.sub("~", "~0", str(key)))
                ).items()
            }
        return {}

    assert found == texts(value, "")
