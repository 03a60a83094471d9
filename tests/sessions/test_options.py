"""Claims about the words after ``--``."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from builders import shown

from handoff_tasks.model import Flavour
from handoff_tasks.problems import HandoffError
from handoff_tasks.sessions import options, table

HINT = "correct the words after --; nothing was run. All options: nox -s handoff-stable -- --help"


ALL_SESSIONS = {**table.SESSIONS, **table.CONSUMER_SESSIONS}
MODE = table.SESSIONS["handoff-<mode>"]
DIFF = table.SESSIONS["handoff-diff"]


def parse(words: list[str], session: str) -> options.Options:
    """Parse the words of a session with a fixed name."""
    return options.parse(words, ALL_SESSIONS[session], session)


def refused(words: list[str], session: str = "handoff-stable") -> tuple[str, str, str, str]:
    """Return the one problem of words that are refused."""
    definition = ALL_SESSIONS.get(session, MODE)
    with pytest.raises(HandoffError) as caught:
        options.parse(words, definition, session)
    [found] = shown(caught.value)
    return found


@pytest.mark.parametrize("session", [name for name in table.SESSIONS if name.startswith("pre")])
def test_without_words_everything_has_its_default(session: str) -> None:
    """No option has to be given."""
    assert parse([], session) == options.Options()


VALUES = {"path": ("p", Path("p")), "text": ("v1", "v1"), "count": ("2", 2)}


@pytest.mark.parametrize("session", ALL_SESSIONS)
def test_every_option_is_read(session: str) -> None:
    """Each option of a session sets its own field, as the next word or after an equals sign."""
    definition = ALL_SESSIONS[session]
    for option in definition.own_options():
        for flag in option.flags:
            given: str = ""
            value: object = True
            if option.type == "choice":
                given, value = option.choices[-1], option.choices[-1]
            elif option.type != "flag":
                given, value = VALUES[option.type]
            arguments = tuple("x" for _ in definition.arguments)
            fields = {option.name: (value,) if option.repeatable else value}
            expected = options.Options(arguments=arguments, **fields)  # type: ignore[arg-type]
            for words in ([flag, given], [f"{flag}={given}"]) if given else ([flag],):
                found = options.parse([*words, *expected.arguments], definition, session)
                assert found == expected


def test_a_repeatable_option_keeps_each_value() -> None:
    """Evidence of several machines is one option each."""
    found = parse(["--evidence", "e", "--evidence=f", "--mode", "m"], "handoff-assemble")
    assert (found.evidence, found.mode) == ((Path("e"), Path("f")), "m")


@pytest.mark.parametrize("session", ALL_SESSIONS)
def test_an_option_of_another_session_is_refused(session: str) -> None:
    """An option that a session does not use is named, and not ignored."""
    definition = ALL_SESSIONS[session]
    others = table.OPTIONS.keys() - set(definition.options)
    assert others
    for flag in others:
        code, where, message, _ = refused([flag, "x"], session)
        assert (code, where) == ("HP001", flag)
        assert message == f"not an option of {session}"


@pytest.mark.parametrize("session", ALL_SESSIONS)
def test_the_table_names_what_exists(session: str) -> None:
    """Each option of a session is defined, sets a field of `Options`, and the body can be loaded."""
    definition = ALL_SESSIONS[session]
    assert set(definition.options) <= table.OPTIONS.keys()
    assert len(set(definition.options)) == len(definition.options)
    fields = {field.name for field in dataclasses.fields(options.Options)}
    assert {option.name for option in definition.own_options()} <= fields
    assert callable(definition.load_body())


def test_every_option_belongs_to_a_session() -> None:
    """No option is defined that no session has."""
    used = {flag for definition in ALL_SESSIONS.values() for flag in definition.options}
    assert used == table.OPTIONS.keys()


def test_the_flavours_of_the_sample() -> None:
    """Each flavour is known by its name."""
    assert [
        parse(["--sample", name], "impact-draft").sample for name in ("rust", "python")
    ] == list(Flavour)


def test_the_old_name_of_the_root_is_known() -> None:
    """The option's name in the producer's own scripts does the same."""
    assert parse(["--memorykernel-root", "p"], "impact-draft").producer_root == Path("p")


@pytest.mark.parametrize(
    ("flag", "nearest"),
    [
        ("--nonsense", ""),
        ("--allow-untaged", " (did you mean --allow-untagged?)"),
        ("--impacts=x", " (did you mean --impact?)"),
        ("--j", " (did you mean --jobs?)"),
        ("--format", ""),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest(flag: str, nearest: str) -> None:
    """The nearest option of the same session is proposed."""
    message = f"not an option of handoff-stable{nearest}"
    assert refused([flag]) == ("HP001", flag.partition("=")[0], message, HINT)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["stable"], "unexpected word stable"),
        (["-x"], "unexpected word -x"),
        (["--jobs"], "argument --jobs: expected one argument"),
        (["--ref", "--fresh"], "argument --ref: expected one argument"),
        (["--jobs", "0"], "argument --jobs: found '0'; expected a whole number from 1 to 999999"),
        (["--jobs", "-1"], "argument --jobs: found '-1'; expected a whole number from 1 to 999999"),
        (
            ["--jobs", "two"],
            "argument --jobs: found 'two'; expected a whole number from 1 to 999999",
        ),
        (
            ["--jobs", "1.0"],
            "argument --jobs: found '1.0'; expected a whole number from 1 to 999999",
        ),
        (
            ["--jobs", "1_0"],
            "argument --jobs: found '1_0'; expected a whole number from 1 to 999999",
        ),
        (
            ["--jobs", "\u0663"],
            "argument --jobs: found '\u0663'; expected a whole number from 1 to 999999",
        ),
        (
            ["--jobs", "1" * 5000],
            f"argument --jobs: found '{'1' * 5000}'; expected a whole number from 1 to 999999",
        ),
        (
            ["--timeout", "1000000"],
            "argument --timeout: found '1000000'; expected a whole number from 1 to 999999",
        ),
        (
            ["--timeout", ""],
            "argument --timeout: found ''; expected a whole number from 1 to 999999",
        ),
        (["--ref", ""], "--ref is empty"),
        (["--toolchain="], "--toolchain is empty"),
        (["--mode="], "--mode is empty"),
        (
            ["--sample", "go"],
            "argument --sample: found 'go'; expected one of rust, python",
        ),
        (
            ["--sample="],
            "argument --sample: found ''; expected one of rust, python",
        ),
        (
            ["--sample", "rust", "--memorykernel-root", "p"],
            "--producer-root names a producer and --sample chooses the embedded one; expected one of the two",
        ),
        (["--fresh=1"], "argument --fresh: ignored explicit argument '1'"),
    ],
)
def test_refusals(words: list[str], message: str) -> None:
    """Every mistake is refused in one line that names it, with the nearest option, and points to the help; nothing was run."""
    assert refused(words) == ("HP001", "handoff-stable", message, HINT)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: PACKET"),
        (["a.json", "b.json"], "unexpected word b.json"),
        ([""], "PACKET is empty"),
    ],
)
def test_one_packet_is_expected_where_one_is_read(words: list[str], message: str) -> None:
    """No packet, or two, are refused."""
    hint = HINT.replace("handoff-stable", "handoff-verify")
    assert refused(words, "handoff-verify") == ("HP001", "handoff-verify", message, hint)


def test_a_choice_names_its_values() -> None:
    """A value that is none of the known ones is refused with all of them."""
    message = "argument --format: found 'pdf'; expected one of text, md, html, json"
    assert refused(["--format", "pdf", "a", "b"], "handoff-diff")[2] == message
    message = "argument --fail-on: found 'editorial'; expected one of breaking, additive"
    assert refused(["--fail-on", "editorial", "a", "b"], "handoff-diff")[2] == message


PATHS = [flag for flag, option in table.OPTIONS.items() if option.type == "path"]


@pytest.mark.parametrize("flag", PATHS)
def test_an_empty_path_is_refused(flag: str) -> None:
    """An empty path, as an unset variable of a shell gives it, is not the current folder."""
    session, arguments = next(
        (name, one.arguments) for name, one in ALL_SESSIONS.items() if flag in one.options
    )
    words = ["a.json" for _ in arguments]
    assert refused([*words, flag, ""], session)[2] == f"{flag} is empty"


@pytest.mark.parametrize("session", ALL_SESSIONS)
def test_help_names_the_sessions_own_options(session: str) -> None:
    """Usage, what the session does, and its own options only, within 80 columns."""
    definition = ALL_SESSIONS[session]
    lines = options.help_lines(definition, "a-session", "Do something.")
    assert lines[0].startswith("usage: nox -s a-session -- [options]")
    assert lines[0].endswith((*definition.arguments, "[options]", "[--evidence DIR]"))
    assert lines[1:3] == ["", "Do something."]
    flags = re.findall(r"--[a-z][a-z-]*", "\n".join(line for line in lines if line[2:3] == "-"))
    own = {flag for one in definition.own_options() if not one.hidden for flag in one.flags}
    assert set(flags) == own | {"--help"}
    assert max(map(len, lines)) <= 80


def test_help_shows_the_form_of_each_value() -> None:
    """A path, a choice, and the old name of an option."""
    text = "\n".join(options.help_lines(DIFF, "handoff-diff", "x"))
    for words in (
        "--producer-root PATH",
        "--memorykernel-root PATH",
        "--fail-on breaking|additive",
    ):
        assert words in text


def test_help_is_asked_for_by_one_word() -> None:
    """Among any other words."""
    assert options.asks_for_help(["--ref", "x", "--help"])
    assert options.asks_for_help(["-h"])
    assert not options.asks_for_help(["--ref", "x"])
