"""Claims about the words after ``--``."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import shown

from handoff_tasks.model import Flavour
from handoff_tasks.problems import HandoffError
from handoff_tasks.sessions import options

HINT = "correct the words after --; nothing was run. All options: nox -s handoff-stable -- --help"


def refused(words: list[str], *, plain: tuple[str, ...] = ()) -> tuple[str, str, str, str]:
    """Return the one problem of words that are refused."""
    with pytest.raises(HandoffError) as caught:
        options.parse(words, session="handoff-stable", plain=plain)
    [found] = shown(caught.value)
    return found


def test_without_words_everything_has_its_default() -> None:
    """No option has to be given."""
    assert options.parse([], session="handoff-stable") == options.Options(
        producer_root=None,
        sample=None,
        out_json=None,
        ref="HEAD",
        impact=None,
        work_dir=None,
        cache_dir=None,
        jobs=None,
        timeout=None,
        toolchain=None,
        result_json=None,
        junit=None,
        mode=None,
        allow_untagged=False,
        fresh=False,
        rerun=False,
        show_output=False,
        dry_run=False,
        run_file=None,
        formatted="text",
        fail_on=None,
        evidence=(),
        plain=(),
    )


def test_every_option_is_read() -> None:
    """Each option goes where it belongs, as the next word or after an equals sign."""
    words = "--producer-root p --out-json o --ref v1 --impact=i --work-dir w --cache-dir c --jobs=2 --timeout 999999 --toolchain t"
    words += " --result-json r --mode m --allow-untagged --fresh --run-file x a.json --evidence e --evidence=f"
    words += " --rerun --show-output --format json --fail-on additive"
    assert options.parse(
        words.split(), session="handoff-verify", plain=("PACKET",)
    ) == options.Options(
        producer_root=Path("p"),
        sample=None,
        out_json=Path("o"),
        ref="v1",
        impact=Path("i"),
        work_dir=Path("w"),
        cache_dir=Path("c"),
        jobs=2,
        timeout=999999,
        toolchain="t",
        result_json=Path("r"),
        mode="m",
        allow_untagged=True,
        fresh=True,
        rerun=True,
        show_output=True,
        dry_run=False,
        run_file=Path("x"),
        formatted="json",
        fail_on="additive",
        evidence=(Path("e"), Path("f")),
        plain=("a.json",),
    )


def test_the_flavours_of_the_sample() -> None:
    """Each flavour is known by its name."""
    assert [
        options.parse(["--sample", name], session="a").sample for name in ("rust", "python")
    ] == list(Flavour)


def test_the_old_name_of_the_root_is_known() -> None:
    """The option's name in the producer's own scripts does the same."""
    assert options.parse(["--memorykernel-root", "p"], session="a").producer_root == Path("p")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nonsense"], "unknown option --nonsense"),
        (["--allow-untaged"], "unknown option --allow-untaged (did you mean --allow-untagged?)"),
        (["--impacts", "x"], "unknown option --impacts (did you mean --impact?)"),
        (["--j", "2"], "unknown option --j (did you mean --jobs?)"),
        (["stable"], "unknown option stable"),
        (["--jobs"], "argument --jobs: expected one argument"),
        (["--ref", "--fresh"], "argument --ref: expected one argument"),
        (["--jobs", "0"], "argument --jobs: '0' is no whole number from 1 to 999999"),
        (["--jobs", "-1"], "argument --jobs: '-1' is no whole number from 1 to 999999"),
        (["--jobs", "two"], "argument --jobs: 'two' is no whole number from 1 to 999999"),
        (["--jobs", "1.0"], "argument --jobs: '1.0' is no whole number from 1 to 999999"),
        (["--jobs", "1_0"], "argument --jobs: '1_0' is no whole number from 1 to 999999"),
        (["--jobs", "\u0663"], "argument --jobs: '\u0663' is no whole number from 1 to 999999"),
        (
            ["--jobs", "1" * 5000],
            f"argument --jobs: '{'1' * 5000}' is no whole number from 1 to 999999",
        ),
        (
            ["--timeout", "1000000"],
            "argument --timeout: '1000000' is no whole number from 1 to 999999",
        ),
        (["--timeout", ""], "argument --timeout: '' is no whole number from 1 to 999999"),
        (["--ref", ""], "--ref is empty"),
        (["--toolchain="], "--toolchain is empty"),
        (["--mode="], "--mode is empty"),
        (
            ["--sample", "go"],
            "argument --sample: 'go' is no flavour of the sample; expected rust or python",
        ),
        (
            ["--sample="],
            "argument --sample: '' is no flavour of the sample; expected rust or python",
        ),
        (
            ["--sample", "rust", "--memorykernel-root", "p"],
            "--producer-root names a producer and --sample chooses the embedded one; expected one of the two",
        ),
        (["--format", "pdf"], "argument --format: 'pdf' is none of text, md, html, json"),
        (
            ["--fail-on", "editorial"],
            "argument --fail-on: 'editorial' is none of breaking, additive",
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
        (["a.json", "b.json"], "unknown option b.json"),
        ([""], "PACKET is empty"),
    ],
)
def test_one_packet_is_expected_where_one_is_read(words: list[str], message: str) -> None:
    """No packet, or two, are refused."""
    assert refused(words, plain=("PACKET",)) == ("HP001", "handoff-stable", message, HINT)


@pytest.mark.parametrize(
    "flag",
    [
        "--producer-root",
        "--out-json",
        "--impact",
        "--work-dir",
        "--cache-dir",
        "--result-json",
        "--evidence",
    ],
)
def test_an_empty_path_is_refused(flag: str) -> None:
    """An empty path, as an unset variable of a shell gives it, is refused and does not stand for the current folder."""
    assert refused([flag, ""]) == ("HP001", "handoff-stable", f"{flag} is empty", HINT)


def test_help_names_every_option() -> None:
    """Usage, what the session does, and a line or two for each option that is not the library's own; it fits 80 columns."""
    lines = options.help_lines("handoff-stable", "All checks on one commit.")
    assert lines[:3] == [
        "usage: nox -s handoff-stable -- [options]",
        "",
        "All checks on one commit.",
    ]
    said = "\n".join(lines)
    for flag in (
        "--producer-root PATH",
        "--memorykernel-root PATH",
        "--sample rust|python",
        "--fail-on breaking|additive",
        "--help",
    ):
        assert flag in said
    assert "--run-file" not in said
    assert max(map(len, lines)) <= 80
    assert options.asks_for_help(["--ref", "x", "--help"])
    assert options.asks_for_help(["-h"])
    assert not options.asks_for_help(["--ref", "x"])


@pytest.mark.parametrize("session", ["handoff-stable", "pre-release", "verify-ok", "handoff-init"])
def test_a_run_takes_its_profile_from_the_noxfile(session: str) -> None:
    """--profile is for those who read packets; elsewhere it would be left aside in silence."""
    with pytest.raises(HandoffError) as caught:
        options.parse(["--profile", "x"], session=session)
    message = "--profile is an option of handoff-verify, handoff-show, handoff-diff; the noxfile names the profile of this session"
    assert caught.value.problems[0].message == message
    assert (
        options.parse(["--profile", "x", "p"], session="handoff-verify", plain=("PACKET",)).profile
        == "x"
    )
