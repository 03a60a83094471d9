"""Claims about plans: what changes, what stays, and each refusal with its exact message."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from builders import quick
from consuming import (
    CODE,
    DAY,
    HEAD,
    MATRIX,
    MIRROR,
    PIN,
    RUNTIME,
    edited,
    make,
    manifest_bytes,
    pinned,
    profile_text,
    read_profile,
    release,
    sample_files,
    shown,
)
from hypothesis import given
from hypothesis import strategies as st

from handoff_tasks.consumer import pin, plan, template
from handoff_tasks.consumer import undo as undoing
from handoff_tasks.consumer.values import PinValues
from handoff_tasks.problems import HandoffError

APP = "8a4525d"
OLD_SHA = json.loads(sample_files()[PIN])["manifest_sha256"]
NEW_SHA = release().values.manifest_sha256
ROW = f"| 1.0.0 | {APP} | v0.3.2 | {RUNTIME} | service.v2 | api.v1 | integration/v1 | Approved |"


def changes(made: plan.Plan, path: str) -> list[tuple[int, str, str]]:
    """Return line, text before and text afterwards of a file's changes."""
    [file] = [file for file in made.files if file.path == path]
    return [(change.line, change.before, change.after) for change in file.changes]


def test_a_repin_changes_exactly_these_places() -> None:
    """From v0.3.2 to v0.3.3: pin, mirror, lines, a new row with the old one below it, and code."""
    made = make()
    assert made.problems == ()
    assert [file.path for file in made.files] == [PIN, MIRROR, MATRIX, CODE]
    assert changes(made, PIN) == [
        (3, '"v0.3.2"', '"v0.3.3"'),
        (8, f'"{OLD_SHA}"', f'"{NEW_SHA}"'),
    ]
    assert changes(made, MATRIX) == [
        (3, f"Updated: {DAY}", "Updated: 2025-03-10"),
        (5, "- Producer release tag: `v0.3.2`", "- Producer release tag: `v0.3.3`"),
        (8, f"- Manifest SHA-256: `{OLD_SHA}`", f"- Manifest SHA-256: `{NEW_SHA}`"),
        (
            14,
            ROW,
            ROW.replace(APP, HEAD[:7]).replace("v0.3.2", "v0.3.3")
            + "\n"
            + ROW.replace("Approved", "Superseded"),
        ),
    ]
    assert changes(made, CODE) == [(3, '"v0.3.2"', '"v0.3.3"'), (4, '"v0.3.2"', '"v0.3.3"')]
    assert [file.after for file in made.files if file.path == MIRROR] == [release().manifest]


def test_a_planned_file_shows_its_changes() -> None:
    """As a unified diff with one line around each change."""
    [file] = [file for file in make().files if file.path == CODE]
    assert file.diff() == (
        "--- a/src/release.py\n+++ b/src/release.py\n@@ -2,4 +2,4 @@\n \n"
        '-RELEASE = "v0.3.2"\n-USER_AGENT = "sample-consumer (producer " + "v0.3.2" + ")"\n'
        '+RELEASE = "v0.3.3"\n+USER_AGENT = "sample-consumer (producer " + "v0.3.3" + ")"\n \n'
    )


def test_what_is_pinned_already_changes_nothing() -> None:
    """The packet of the pinned release changes no byte, also on another day."""
    made = make(
        to=plan.Release(values=pinned(), date="2031-01-01", manifest=sample_files()[MIRROR])
    )
    assert made.nothing_to_change


def test_a_pin_of_tag_and_commit_alone_is_enough() -> None:
    """A producer without a manifest: two values are pinned, and nothing else is asked for."""
    text = profile_text()
    head = text[: text.index("[pin.fields]")].replace(f'"{MIRROR}", ', "")
    text = f"""{head}
[pin.fields]
release_tag = "release_tag"
commit_sha = "commit_sha"

[[files]]
path = "{MATRIX}"
lines = ["- Producer release tag: `{{release_tag}}`"]

[[validators]]
id = "pin"
argv = ["true"]
"""
    to = plan.Release(values=PinValues(release_tag="2025.3", commit_sha="a" * 40), date=DAY)
    made = make(text=text, to=to)
    assert made.problems == ()
    assert made.old == PinValues(release_tag="v0.3.2", commit_sha=RUNTIME)
    assert changes(made, PIN) == [
        (3, '"v0.3.2"', '"2025.3"'),
        (4, f'"{RUNTIME}"', f'"{"a" * 40}"'),
    ]
    assert changes(made, MATRIX)[0][2] == "- Producer release tag: `2025.3`"


# --- Refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "where", "message"),
    [
        (
            "- Producer release tag: `v0.3.2`",
            "- Producer release tag: `v0.3.1`",
            f"{MATRIX}:5",
            "no line is '- Producer release tag: `v0.3.2`'; line 5 is '- Producer release tag: `v0.3.1`'",
        ),
        (
            "- Producer release tag: `v0.3.2`",
            "- producer tag: v0.3.2",
            MATRIX,
            "no line is '- Producer release tag: `v0.3.2`'",
        ),
        (
            "- Producer release tag: `v0.3.2`",
            "  - Producer release tag: `v0.3.2`",
            MATRIX,
            "no line is '- Producer release tag: `v0.3.2`'",
        ),
        (
            "# Compatibility",
            "- Producer release tag: `v0.3.2`",
            f"{MATRIX}:5",
            "2 lines are '- Producer release tag: `v0.3.2`': 1, 5; expected exactly one",
        ),
        (
            "# Compatibility",
            "- Producer release tag: `v0.3.3`",
            f"{MATRIX}:1",
            "with the new values lines 1 and 5 would both be '- Producer release tag: `v0.3.3`'; expected exactly one",
        ),
        (
            "| Approved |",
            "| Draft |",
            f"{MATRIX}:14",
            f"no line is '| {{consumer_version}} | {{consumer_commit}} | v0.3.2 | {RUNTIME} | service.v2 "
            f"| api.v1 | integration/v1 | Approved |'; line 14 is '{ROW.replace('Approved', 'Draft')}'",
        ),
    ],
)
def test_a_line_that_is_not_the_pins(before: str, after: str, where: str, message: str) -> None:
    """A line that has drifted, stands twice, or would stand twice afterwards is refused."""
    made = make(edited(MATRIX, before, after))
    assert shown(made) == [("HP121", where, message)]
    assert made.files == ()


def test_code_that_does_not_name_the_release() -> None:
    """A place in code is needed at least once, and a part of a longer version does not count."""
    made = make({**sample_files(), CODE: b'RELEASE = "v0.3.20"\n'})
    assert shown(made) == [
        ("HP121", CODE, "'\"v0.3.2\"' stands nowhere; expected it at least once")
    ]


def test_code_that_names_the_new_release_already() -> None:
    """Afterwards nothing could tell what the accept has written from what was there."""
    files = sample_files()
    made = make({**files, CODE: files[CODE] + b'NEXT = "v0.3.3"\n'})
    message = "'\"v0.3.3\"' stands there already, so it could not be found again"
    assert shown(made) == [("HP121", CODE, message)]


def test_two_templates_of_one_line() -> None:
    """A line cannot be changed in two ways."""
    text = profile_text(
        '  "Updated: {date}",', '  "Updated: {date}",\n  "Updated: {consumer_version}",'
    )
    message = "'Updated: {date}' and 'Updated: {consumer_version}' both match here"
    assert shown(make(text=text)) == [("HP121", f"{MATRIX}:3", message)]


@pytest.mark.parametrize(
    ("data", "where", "message"),
    [
        (
            b"\xef\xbb\xbf# x\n",
            f"{MATRIX}:1",
            "the file starts with a byte order mark; expected plain UTF-8",
        ),
        (b"# x\n\xff\n", f"{MATRIX}:2", "byte 4 is not UTF-8; expected a text in UTF-8"),
    ],
)
def test_bytes_that_are_not_plain_utf8(data: bytes, where: str, message: str) -> None:
    """A text in another encoding could be changed without being noticed."""
    assert shown(make({**sample_files(), MATRIX: data})) == [("HP121", where, message)]


def test_a_file_that_is_not_there() -> None:
    """Each missing file is named."""
    files = sample_files()
    del files[MATRIX], files[CODE]
    assert shown(make(files)) == [
        ("HP121", MATRIX, "the file is not there"),
        ("HP121", CODE, "the file is not there"),
    ]
    del files[PIN]
    assert shown(make(files)) == [("HP121", PIN, "the file is not there")]


def test_a_mirror_with_other_bytes() -> None:
    """The mirrored manifest must be the pin's, byte for byte."""
    files = sample_files()
    data = files[MIRROR] + b"\n"
    sha256 = hashlib.sha256(data).hexdigest()
    [(code, where, message)] = shown(make({**files, MIRROR: data}))
    assert (code, where) == ("HP121", MIRROR)
    assert message == f"the mirror is not the pin's: its sha256 is {sha256}, {PIN} says {OLD_SHA}"


def test_a_mirror_of_another_release() -> None:
    """A pin whose sha256 was changed with the mirror still shows the other values."""
    data = manifest_bytes(commit_sha="a" * 40)
    sha256 = hashlib.sha256(data).hexdigest()
    made = make({**edited(PIN, OLD_SHA, sha256), MIRROR: data})
    message = f"the mirror is not the pin's: its commit_sha is {'a' * 40}, {PIN} says {RUNTIME}"
    assert shown(made) == [("HP121", MIRROR, message)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{}", "the mirror is not a producer contract manifest"),
        (b"[1]", "the mirror is not a producer contract manifest"),
    ],
)
def test_a_mirror_that_is_not_a_manifest(data: bytes, message: str) -> None:
    """Its sha256 alone proves nothing."""
    sha256 = hashlib.sha256(data).hexdigest()
    assert shown(make({**edited(PIN, OLD_SHA, sha256), MIRROR: data})) == [
        ("HP121", MIRROR, message)
    ]


@pytest.mark.parametrize(
    ("before", "after", "where", "message"),
    [
        ('"release_tag"', '"tag"', "#/release_tag", "the pin has no release_tag there"),
        (
            RUNTIME,
            "abc",
            "#/commit_sha",
            "commit_sha: found 'abc'; expected 40 lower-case hexadecimal digits",
        ),
        (
            '"v0.3.2"',
            "2",
            "#/release_tag",
            "release_tag: found int; expected letters, digits and ._+~:/@- only",
        ),
        ("{\n", "", ":1:13", "not JSON: unexpected text after the document"),
    ],
)
def test_a_pin_that_cannot_be_read(before: str, after: str, where: str, message: str) -> None:
    """Each field must be there and have its form."""
    assert shown(make(edited(PIN, before, after))) == [("HP121", f"{PIN}{where}", message)]


def test_a_packet_of_another_release_in_place() -> None:
    """A copied packet is the pinned release's, as long as the pin is right."""
    text = profile_text(
        "[[validators]]", '[[files]]\npath = "docs/packet.json"\ncopy = "packet"\n\n[[validators]]'
    )
    files = sample_files()
    other = json.dumps({"release_tag": "v0.3.1", "commit_sha": RUNTIME}).encode()
    message = f"the packet there is of v0.3.1/{RUNTIME}; the pin says v0.3.2/{RUNTIME}"
    assert shown(make({**files, "docs/packet.json": other}, text)) == [
        ("HP121", "docs/packet.json", message)
    ]
    message = f"the packet there is not readable; the pin says v0.3.2/{RUNTIME}"
    assert shown(make({**files, "docs/packet.json": b"{"}, text)) == [
        ("HP121", "docs/packet.json", message)
    ]
    good = json.dumps({"release_tag": "v0.3.2", "commit_sha": RUNTIME}).encode()
    made = make({**files, "docs/packet.json": good}, text)
    assert [file.after for file in made.files if file.path == "docs/packet.json"] == [b"{}\n"]


def test_a_value_that_cannot_be_read() -> None:
    """A placeholder's file or key is missing, or the value has another form."""
    for data in (b"", b"[project]\n", b"[project]\nversion = 1\n", b"\xff", None):
        files = sample_files(**{"pyproject.toml": data})
        [(code, where, message)] = shown(make(files))
        assert (code, where) == ("HP121", "pyproject.toml#/project/version")
        expected = "found int; expected letters, digits and ._+~:/@- only"
        assert (
            message
            == f"{{consumer_version}}: {expected if data and b'= 1' in data else 'nothing is there'}"
        )


def test_a_template_of_a_value_that_is_not_stated() -> None:
    """A release without a manifest has no service contract to write."""
    to = replace(release(), values=replace(release().values, service=None))
    problems = shown(make(to=to))
    assert ("HP121", PIN, "the pin has service, which v0.3.3 does not state") in problems
    message = "'- Contracts: `{service}` / `{api}` / `{baseline}`' needs service, which v0.3.3 does not state"
    assert ("HP121", MATRIX, message) in problems


def test_files_that_belong_together() -> None:
    """A file of a group that stays as it is although the others change is named."""
    text = profile_text(f'"{MATRIX}"]', f'"{MATRIX}", "docs/API.md"]').replace(
        "[[validators]]",
        '[[files]]\npath = "docs/API.md"\nlines = ["API: {api}"]\n\n[[validators]]',
        1,
    )
    made = make({**sample_files(), "docs/API.md": b"API: api.v1\n"}, text)
    message = "does not change with the files that it belongs together with"
    assert shown(made) == [("HP121", "docs/API.md", message)]


def test_all_problems_come_at_once() -> None:
    """Every file that has drifted is named in one refusal."""
    files = {**edited(MATRIX, "Updated: ", "Changed: "), CODE: b""}
    assert [problem[1] for problem in shown(make(files))] == [MATRIX, CODE]


def test_a_check_names_what_has_drifted() -> None:
    """Nothing is named in good files; a drifted line, mirror or pin is, as an accept would name it."""
    assert plan.check(read_profile(), sample_files()) == []
    drifted = edited(MATRIX, "`v0.3.2`", "`v0.3.1`")
    assert plan.check(read_profile(), drifted) == list(make(drifted).problems)
    assert shown(plan.check(read_profile(), {})) == [("HP121", PIN, "the file is not there")]


# --- Bytes that stay ------------------------------------------------------------------------------


def test_carriage_returns_and_a_missing_final_newline_stay() -> None:
    """Each line keeps its end, and a kept row gets the end that the file has."""
    files = sample_files()
    data = files[MATRIX].removesuffix(b"\n").replace(b"\n", b"\r\n")
    [file] = [one for one in make({**files, MATRIX: data}).files if one.path == MATRIX]
    assert file.after.count(b"\n") == file.after.count(b"\r\n") == data.count(b"\r\n") + 1
    assert file.after.endswith(b"| Superseded |")


def test_a_json_pin_keeps_its_form() -> None:
    """Indents, escapes, nesting and other keys stay; only the texts of the fields change."""
    data = (
        b'{"a":\t{"b": [ 1e0, {"tag" : "v0.3.2"}]}, "\\u0063ommit": "'
        + RUNTIME.encode()
        + b'",\r\n "x": "v0.3.2"}'
    ).replace(b"1e0", b"10")
    text = profile_text('release_tag = "release_tag"', 'release_tag = "/a/b/1/tag"').replace(
        'commit_sha = "commit_sha"', 'commit_sha = "commit"'
    )
    for name in ("service", "api", "baseline", "manifest_sha256"):
        lines = [line for line in text.split("\n") if not line.startswith(f"{name} = ")]
        text = "\n".join(lines)
    [file] = [one for one in make({**sample_files(), PIN: data}, text).files if one.path == PIN]
    assert file.after == data.replace(b'"tag" : "v0.3.2"', b'"tag" : "v0.3.3"')


TEMPLATES = (
    "tag: `{release_tag}`",
    "{commit_sha} of {release_tag}",
    "{{x}} {service}|{api}",
    "on {date}.",
)
NOISE = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=12).filter(
    lambda text: not text.startswith("on ") and "\ufeff" not in text
)


def small_profile(*, keep: bool) -> str:
    """Return a profile of one text file."""
    lines = json.dumps(TEMPLATES[:3])
    return f"""
profile_contract_version = "consumer-profile.v1"
name = "C"
receipt = "receipt.json"
[producer]
name = "P"
profile = "p"
[pin]
path = "pin.json"
[pin.fields]
release_tag = "tag"
commit_sha = "sha"
service = "service"
api = "api"
[[files]]
path = "text"
lines = {lines[:-1]}, "{TEMPLATES[3]}"]
rows = "| {{consumer_commit}} | {{release_tag}} | {{status}} |"
keep = {str(keep).lower()}
[[files]]
path = "code"
anywhere = ["'{{release_tag}}'"]
[[validators]]
id = "v"
argv = ["true"]
"""


VERSIONS = st.integers(0, 99).map(lambda number: f"v{number}.1")
VALUES = st.builds(
    PinValues,
    release_tag=VERSIONS,
    commit_sha=st.integers(0, 9).map(lambda digit: str(digit) * 40),
    service=st.sampled_from(["service.v2", "service.v3"]),
    api=st.just("api.v1"),
)


@st.composite
def documents(draw: st.DrawFn, values: PinValues) -> bytes:
    """Return a text with one line of each template among others, with any line ends."""
    known = {
        **values.known(),
        "date": "2025-01-02",
        "consumer_commit": "abcdef0",
        "status": "Approved",
    }
    lines = [template.parse(text, known).fill(known) for text in TEMPLATES]
    lines.append("| abcdef0 | {release_tag} | Approved |".format(**known))
    everything = draw(st.permutations([*lines, *draw(st.lists(NOISE, max_size=6))]))
    ends = draw(
        st.lists(
            st.sampled_from(["\n", "\r\n"]), min_size=len(everything), max_size=len(everything)
        )
    )
    ends[-1] = draw(st.sampled_from(["", "\n", "\r\n"]))
    return "".join(line + end for line, end in zip(everything, ends, strict=True)).encode()


@quick
@given(st.data(), st.booleans())
def test_a_plan_and_its_undo_are_the_identity(data: st.DataObject, keep: bool) -> None:
    """Undone, every byte is as it was; meanwhile only the matched lines are different."""
    old, new = data.draw(VALUES), data.draw(VALUES)
    consumer = read_profile(small_profile(keep=keep))
    pin = {
        "tag": old.release_tag,
        "sha": old.commit_sha,
        "service": old.service,
        "api": old.api,
        "x": "é",
    }
    before = {
        "pin.json": json.dumps(
            pin, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.none() | st.just(3))
        ).encode(),
        "text": data.draw(documents(old)),
        "code": b"x'%b'y '%b'" % ((old.release_tag.encode(),) * 2),
    }
    made = plan.make(
        consumer, before, plan.Release(values=new, date="2026-03-04"), "1234567" + "0" * 33
    )
    assert made.problems == ()
    if old == new:
        assert made.files == ()
        return
    after = {**before, **{file.path: file.after for file in made.files}}
    for file in made.files:
        text, at = file.before.decode(), 0
        rebuilt = file.after.decode()
        for change in file.changes:
            start = text.index(change.before, at)
            assert rebuilt[:start] == text[:start]
            rebuilt = rebuilt[:start] + change.before + rebuilt[start + len(change.after) :]
            at = start + len(change.before)
        assert rebuilt == text
    undone = undoing.undo(consumer, before, after, old, new)
    assert undone.problems == ()
    assert {**after, **{file.path: file.after for file in undone.files}} == before


@quick
@given(st.data())
def test_a_plan_back_is_the_identity_without_open_values(data: st.DataObject) -> None:
    """If templates have pinned values only, planning the old values again gives the old bytes."""
    old, new = data.draw(VALUES), data.draw(VALUES)
    text = small_profile(keep=False).replace(f', "{TEMPLATES[3]}"', "")
    text = "\n".join(line for line in text.split("\n") if not line.startswith(("rows", "keep")))
    consumer = read_profile(text)
    pin = {"tag": old.release_tag, "sha": old.commit_sha, "service": old.service, "api": old.api}
    before = {
        "pin.json": json.dumps(pin).encode(),
        "text": data.draw(documents(old)),
        "code": f"('{old.release_tag}')".encode(),
    }
    made = plan.make(consumer, before, plan.Release(values=new, date=DAY), HEAD)
    assert made.problems == ()
    after = {**before, **{file.path: file.after for file in made.files}}
    back = plan.make(consumer, after, plan.Release(values=old, date=DAY), HEAD)
    assert {**after, **{file.path: file.after for file in back.files}} == before


# --- Undo -----------------------------------------------------------------------------------------


def undo(path: str, before: str, after: str) -> plan.Plan:
    """Return the undo of an accept in which one file was edited since."""
    made = make()
    current = {file.path: file.after for file in made.files}
    text = current[path].decode()
    assert before in text
    current[path] = text.replace(before, after, 1).encode()
    [was] = [file.before for file in made.files if file.path == path]
    return undoing.undo(read_profile(), {path: was}, current, made.old, made.new)


def test_an_edit_elsewhere_stays() -> None:
    """What was written since in other lines stays when the accept is undone."""
    made = undo(MATRIX, "# Compatibility", "# Compatibility of versions")
    assert made.problems == ()
    [file] = made.files
    expected = sample_files()[MATRIX].replace(b"# Compatibility", b"# Compatibility of versions")
    assert file.after == expected
    made = undo(PIN, "2500", "3000")
    assert [file.after for file in made.files] == [sample_files()[PIN].replace(b"2500", b"3000")]
    made = undo(CODE, "RELEASE", "PRODUCER")
    assert [file.after for file in made.files] == [
        sample_files()[CODE].replace(b"RELEASE", b"PRODUCER")
    ]


@pytest.mark.parametrize(
    ("path", "before", "after", "where", "message"),
    [
        (
            MATRIX,
            "- Producer release tag: `v0.3.3`",
            "- Producer release tag: `v0.4.0`",
            f"{MATRIX}:5",
            "no line is '- Producer release tag: `v0.3.3`'; line 5 is '- Producer release tag: `v0.4.0`'",
        ),
        (
            MATRIX,
            "Superseded",
            "Retired",
            f"{MATRIX}:14",
            f"the row below is not '{ROW.replace('Approved', 'Superseded')}', which the accept kept",
        ),
        (PIN, '"v0.3.3"', '"v0.3.4"', PIN, "release_tag is v0.3.4; the accept wrote v0.3.3"),
        (PIN, '"release_tag"', '"tag"', PIN, "the pin has no release_tag there"),
        (MIRROR, "{", "{ ", MIRROR, "the copy of the manifest was edited since the accept"),
        (
            CODE,
            '"v0.3.3"',
            '"v0.3.4"',
            CODE,
            "'\"v0.3.3\"' stands there 1 times; the accept wrote it 2 times",
        ),
    ],
)
def test_an_edit_of_what_the_accept_wrote(
    path: str, before: str, after: str, where: str, message: str
) -> None:
    """A rollback over a later edit of the same place is refused, all or nothing."""
    made = undo(path, before, after)
    assert shown(made) == [("HP128", where, message)]
    assert made.files == ()


def test_a_file_that_was_deleted_since() -> None:
    """It is not written again."""
    made = make()
    was = {file.path: file.before for file in made.files}
    assert shown(undoing.undo(read_profile(), {CODE: was[CODE]}, {}, made.old, made.new)) == [
        ("HP128", CODE, "the file is not there")
    ]


def test_reading_a_pin_raises_its_problems() -> None:
    """The problems of a pin are an error for those who need its values."""
    with pytest.raises(HandoffError) as error:
        pin.read_pin(read_profile(), {})
    assert shown(error.value) == [("HP121", PIN, "the file is not there")]
