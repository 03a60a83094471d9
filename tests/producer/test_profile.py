"""Claims about reading a profile."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import scratch
from builders import profile as built_in
from builders import quick, shown
from hypothesis import given
from hypothesis import strategies as st

from handoff_tasks import files
from handoff_tasks.formats import schemas
from handoff_tasks.problems import HandoffError
from handoff_tasks.producer import profile, profile_rules

if TYPE_CHECKING:
    from handoff_tasks.producer.profile import Profile

HINT = "correct the profile; every key is described in schemas/producer-profile.v1.schema.json"

SMALL = """\
profile_contract_version = "producer-profile.v1"
name = "Small"

[paths]
manifest = "manifest.json"
changelog = "CHANGELOG.md"
packet = "out/packet.json"

[git]
runtime_paths = ["src/"]

[[modes]]
name = "stable"
session = "handoff-stable"

[envelope_policies."service.v2"]
requires = ["error.code"]
forbids = []

[execution]
timeout_seconds = 60
log_limit_bytes = 4096
keep = ["target"]

[environment]
pass = ["HOME"]

[tools.sh]
executables = ["dash", "sh"]
hint = "install a shell"

[[checks]]
id = "one"
title = "the first"
argv = ["./one.sh", "--root", "{root}"]
tools = ["sh"]
"""
SECOND_CHECK = '[[checks]]\nid = "two"\ntitle = "the second"\nargv = ["true"]\ntools = []\n'
REHEARSAL = """\
[[modes]]
name = "next"
session = "handoff-next"
rehearsed_service_contract_version = "service.v3"
required_consumer_validation_commands = ["npm test"]
[modes.rehearsal_candidate]
requires_runtime_cutover = false
service_v2_runtime_stability_required = true
migration_overlap_days = 14
consumer_non_blocking_fallback_required = true
[modes.compatibility_expectations]
candidate_values_override_release_baseline_fields = ["expected_service_contract_version"]
fields_that_must_match_active_runtime_baseline = [
  "release_tag", "commit_sha", "expected_api_contract_version", "integration_baseline", "error_code_enum"
]
"""
MORE_GIT = 'test_paths = ["src/tests/"]\nannotated_tag = true\n'
STATED = "[git.service_version]\npath = \"api.yaml\"\npattern = 'PATTERN'\n"


def parse(text: str) -> Profile:
    """Return the profile in a text."""
    return profile.parse(text.encode(), "p.toml", schemas.schema(schemas.PROFILE))


def refused(text: str) -> list[tuple[str, str]]:
    """Return place, without its line, and message of every problem of a profile that is refused."""
    with pytest.raises(HandoffError) as caught:
        parse(text)
    found = shown(caught.value)
    assert {(code, hint) for code, _, _, hint in found} == {("HP030", HINT)}
    return [
        (re.sub(r"(?<=p\.toml):\d+(?=#)", "", where), message) for _, where, message, _ in found
    ]


def changed(old: str, new: str) -> str:
    """Return the small profile with one text replaced, which must be there once."""
    assert SMALL.count(old) == 1
    return SMALL.replace(old, new)


def test_a_small_profile_and_its_defaults() -> None:
    """Every value of a profile is where it belongs; what may be left out has its default."""
    small = parse(SMALL)
    assert (small.name, small.manifest_path, small.changelog_path, small.packet_path) == (
        "Small",
        "manifest.json",
        "CHANGELOG.md",
        "out/packet.json",
    )
    assert (small.runtime_paths, small.tags.prefix) == (("src/",), "")
    assert (small.test_paths, small.annotated_tag) == ((), False)
    assert (small.service_version_path, small.service_version_pattern) == (None, None)
    assert small.modes == (
        profile.Mode(name="stable", session="handoff-stable", rehearsed=None, blocks={}),
    )
    assert small.envelope_policies == {"service.v2": {"requires": ["error.code"], "forbids": []}}
    assert (small.log_limit_bytes, small.keep) == (4096, ("target",))
    assert (small.toolchain, small.toolchain_variable, small.pass_names, small.set) == (
        None,
        None,
        ("HOME",),
        {},
    )
    assert small.tools == {
        "sh": profile.ToolSpec(
            name="sh",
            executables=("dash", "sh"),
            version=None,
            install=None,
            claim=False,
            hint="install a shell",
            mentioned_in=(),
        )
    }
    [check] = small.checks
    assert (check.id, check.title, check.argv, check.tools) == (
        "one",
        "the first",
        ("./one.sh", "--root", "{root}"),
        ("sh",),
    )
    assert (check.success_line, check.timeout_seconds, check.expected_seconds, check.set) == (
        None,
        60,
        1,
        {},
    )


def test_what_may_be_given_is_read() -> None:
    """Every key that may be left out is read where it is given."""
    text = changed(
        'runtime_paths = ["src/"]\n',
        'runtime_paths = ["src/"]\ntag_prefix = "core-"\n' + MORE_GIT + STATED,
    )
    text = text.replace("PATTERN", "^version: (.+)$").replace(
        "[environment]\n", '[environment]\nset = { A = "b" }\ntoolchain_variable = "T"\n'
    )
    text = text.replace("keep =", 'toolchain = "1.95.0"\nkeep =')
    text = text.replace(
        "[tools.sh]\n",
        '[tools.sh]\nversion = ["sh", "--version"]\ninstall = "sh==1"\nclaim = true\nmentioned_in = ["scripts/"]\n',
    )
    text += (
        'success_line = "done"\ntimeout_seconds = 5\nexpected_seconds = 3\nset = { C = "{root}" }\n'
        + REHEARSAL
        + '[envelope_policies."service.v3"]\n'
    )
    full = parse(text + "requires = []\nforbids = []\n")
    assert (full.test_paths, full.annotated_tag) == (("src/tests/",), True)
    assert (full.tag_name("v1.2.3"), full.service_version_path, full.service_version_pattern) == (
        "core-v1.2.3",
        "api.yaml",
        "^version: (.+)$",
    )
    assert (full.toolchain, full.toolchain_variable, full.set) == ("1.95.0", "T", {"A": "b"})
    tool, check, mode = full.tools["sh"], full.checks[0], full.modes[1]
    assert (tool.version, tool.install, tool.claim, tool.mentioned_in) == (
        ("sh", "--version"),
        "sh==1",
        True,
        ("scripts/",),
    )
    assert (check.success_line, check.timeout_seconds, check.expected_seconds, check.set) == (
        "done",
        5,
        3,
        {"C": "{root}"},
    )
    assert (mode.name, mode.session, mode.rehearsed) == ("next", "handoff-next", "service.v3")
    assert list(mode.blocks) == [
        "rehearsal_candidate",
        "compatibility_expectations",
        "required_consumer_validation_commands",
    ]


def test_the_built_in_profile_runs_the_eight_commands() -> None:
    """The built-in profile's command lines are the eight that a packet names, in order, and each has its success line."""
    assert [(check.session, check.command, check.success_line) for check in built_in().checks] == [
        ("verify-fmt", "cargo fmt --all -- --check", None),
        (
            "verify-clippy",
            "cargo clippy --workspace --all-targets --all-features -- -D warnings",
            None,
        ),
        ("verify-test", "cargo test --workspace --all-targets --all-features", None),
        (
            "verify-service-contract-alignment",
            "./scripts/verify_service_contract_alignment.sh --memorykernel-root .",
            "Service contract alignment checks passed.",
        ),
        (
            "verify-contract-parity",
            "./scripts/verify_contract_parity.sh --canonical-root .",
            "Contract parity check passed.",
        ),
        (
            "verify-trilogy-compatibility-artifacts",
            "./scripts/verify_trilogy_compatibility_artifacts.sh --memorykernel-root .",
            "Trilogy compatibility artifacts validated successfully.",
        ),
        (
            "verify-trilogy-smoke",
            "./scripts/run_trilogy_smoke.sh --memorykernel-root .",
            "Trilogy smoke checks passed.",
        ),
        (
            "verify-trilogy-compliance",
            "./scripts/run_trilogy_compliance_suite.sh --memorykernel-root . --skip-baseline",
            "Trilogy compliance suite passed.",
        ),
    ]


def test_the_digest_is_of_the_values() -> None:
    """Comments, white space and the order of keys do not change the digest; any value does."""
    digest = parse(SMALL).digest
    swapped = changed(
        'name = "stable"\nsession = "handoff-stable"', 'session = "handoff-stable"\nname = "stable"'
    )
    assert parse("# a comment\n" + swapped).digest == digest
    assert parse(changed("timeout_seconds = 60", "timeout_seconds = 61")).digest != digest
    assert parse(changed('"{root}"', '"."')).digest != digest


def test_an_unknown_mode_is_refused_with_the_known_ones() -> None:
    """A mode that the profile does not have is refused in one line."""
    assert built_in().mode("stable").session == "handoff-stable"
    with pytest.raises(HandoffError) as caught:
        built_in().mode("stabel")
    message = "unknown mode 'stabel'; known: stable, service-v3-candidate"
    assert shown(caught.value) == [("HP001", "--mode", message, "give one of the known modes")]


@pytest.mark.parametrize(
    "said",
    [
        "error: package `home v0.5.12` cannot be built because it requires rustc 1.88 or newer, while rustc 1.70.0 is active",
        "error: rustc 1.70.0 is not supported by the following package:",
    ],
)
def test_a_toolchain_that_is_too_old_is_no_finding(said: str) -> None:
    """A dependency that asks for a newer one says nothing about the commit."""
    parsed = profile.parse(
        files.built_in_profiles()["memorykernel"].read_bytes(),
        "memorykernel",
        schemas.schema(schemas.PROFILE),
    )
    [failure] = [one for one in parsed.failures if any(text in said for text in one.says)]
    assert failure.means == "the toolchain is too old for a dependency"
    assert (
        failure.hint
        == "take a newer toolchain: --toolchain NAME, or execution.toolchain in the profile"
    )


def test_a_machine_that_is_too_busy_for_the_smoke_test_is_no_finding() -> None:
    """Its benchmark has limits in milliseconds; the test suite says the same words of something else."""
    parsed = profile.parse(
        files.built_in_profiles()["memorykernel"].read_bytes(),
        "memorykernel",
        schemas.schema(schemas.PROFILE),
    )
    said = "Error: benchmark thresholds violated: volume=100 append_p95_ms=8.05 exceeds max=8"
    [failure] = [one for one in parsed.failures if any(text in said for text in one.says)]
    assert (
        failure.means
        == "the machine was too busy for the limits of the benchmark, which are a few milliseconds"
    )
    assert failure.hint.startswith(
        "run again when the machine is idle, all that passed is kept; a TMPDIR in memory, "
    )
    assert [name for name in ("test", "trilogy-smoke", None) if failure.concerns(name)] == [
        "trilogy-smoke"
    ]


def test_a_failure_of_the_machine_names_checks_of_the_profile() -> None:
    """A name that is not a check's is refused with the nearest one."""
    failure = '\n[[environment.failures]]\nchecks = ["onne"]\nsays = ["no network"]\nmeans = "a"\nhint = "b"\n'
    with pytest.raises(HandoffError) as caught:
        parse(SMALL + failure)
    [problem] = caught.value.problems
    assert problem.code == "HP030"
    assert problem.where.endswith("#/environment/failures/0/checks/0")
    assert problem.message.startswith(
        "onne is not a check of this profile (did you mean one?); known: one"
    )


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("name = ", "p.toml:1:8", "not TOML: Invalid value at the end"),
        (
            'name = "a"\n[paths',
            "p.toml:2:7",
            "not TOML: Expected ']' at the end of a table declaration at the end",
        ),
        ('name = "a"\nname = "b"\n', "p.toml:2:11", "not TOML: Cannot overwrite a value"),
        (changed('name = "Small"\n', ""), "p.toml#", "the key name is missing"),
        (
            changed('name = "Small"', "name = 2026-01-01"),
            "p.toml#/name",
            'found "2026-01-01"; expected string',
        ),
        (
            changed('"producer-profile.v1"', '"producer-profile.v2"'),
            "p.toml#/profile_contract_version",
            'found "producer-profile.v2"; expected "producer-profile.v1"',
        ),
        (
            changed("keep = [", "kept = []\nkeep = ["),
            "p.toml#/execution",
            "unknown key kept (did you mean keep?); known: timeout_seconds, log_limit_bytes, keep, ignores, toolchain",
        ),
        (
            changed('"manifest.json"', '"../manifest.json"'),
            "p.toml#/paths/manifest",
            'found "../manifest.json"; expected a relative path with / between its parts and without ..',
        ),
        (
            changed('"out/packet.json"', '"/packet.json"'),
            "p.toml#/paths/packet",
            'found "/packet.json"; expected a relative path with / between its parts and without ..',
        ),
        (
            changed('"CHANGELOG.md"', '"docs\\\\CHANGELOG.md"'),
            "p.toml#/paths/changelog",
            'found "docs\\\\CHANGELOG.md"; expected a relative path with / between its parts and without ..',
        ),
        (
            changed('"the first"', '"the\\nfirst"'),
            "p.toml#/checks/0/title",
            'found "the\\nfirst"; expected one line without control characters',
        ),
        (
            changed('id = "one"', 'id = "One"'),
            "p.toml#/checks/0/id",
            'found "One"; expected the form [a-z][a-z0-9-]{0,63}',
        ),
        (
            changed("timeout_seconds = 60", "timeout_seconds = 0"),
            "p.toml#/execution/timeout_seconds",
            "0 is less than the minimum of 1",
        ),
        (
            changed('["./one.sh", "--root", "{root}"]', "[]"),
            "p.toml#/checks/0/argv",
            "found []; expected at least 1",
        ),
        (
            changed('["src/"]', '["src/", "src/"]'),
            "p.toml#/git/runtime_paths",
            'duplicate item "src/"',
        ),
        (
            changed('."service.v2"', '."service-v2"'),
            "p.toml#/envelope_policies",
            'found "service-v2"; expected the form service\\.v[1-9][0-9]{0,3}',
        ),
        (
            changed('["HOME"]', '["A B"]'),
            "p.toml#/environment/pass/0",
            'found "A B"; expected the form [A-Za-z_][A-Za-z0-9_]*\\*?',
        ),
        (
            SMALL + REHEARSAL.replace('required_consumer_validation_commands = ["npm test"]\n', ""),
            "p.toml#/modes/1",
            "the key required_consumer_validation_commands is missing; rehearsed_service_contract_version needs it",
        ),
        (
            SMALL.replace('"service.v2"', '"service.v3"')
            + REHEARSAL.replace('["expected_service_contract_version"]', "[]"),
            "p.toml#/modes/1/compatibility_expectations/candidate_values_override_release_baseline_fields",
            "found none; expected expected_service_contract_version alone",
        ),
        (
            SMALL.replace('"service.v2"', '"service.v3"')
            + REHEARSAL.replace(', "error_code_enum"', ""),
            "p.toml#/modes/1/compatibility_expectations/fields_that_must_match_active_runtime_baseline",
            "found release_tag, commit_sha, expected_api_contract_version, integration_baseline; expected release_tag, commit_sha, "
            "expected_api_contract_version, integration_baseline, error_code_enum",
        ),
        (
            changed(
                'runtime_paths = ["src/"]',
                'runtime_paths = ["src/", "Cargo.toml"]\ntest_paths = ["src/tests/", "src/"]',
            ),
            "p.toml#/git/test_paths/1",
            "src/ is not below a folder of runtime_paths; known: src/",
        ),
        (
            changed(
                'runtime_paths = ["src/"]',
                'runtime_paths = ["Cargo.toml"]\ntest_paths = ["Cargo.toml"]',
            ),
            "p.toml#/git/test_paths/0",
            "Cargo.toml is not below a folder of runtime_paths; known: none",
        ),
        (
            SMALL + SECOND_CHECK.replace('"two"', '"one"'),
            "p.toml#/checks/1/id",
            "duplicate id 'one'",
        ),
        (
            SMALL + '[[modes]]\nname = "stable"\nsession = "other"\n',
            "p.toml#/modes/1/name",
            "duplicate name 'stable'",
        ),
        (
            SMALL
            + REHEARSAL.replace("handoff-next", "handoff-stable").replace(
                "service.v3", "service.v2"
            ),
            "p.toml#/modes/1/session",
            "duplicate session 'handoff-stable'",
        ),
        (
            changed('tools = ["sh"]', 'tools = ["sh", "hs"]'),
            "p.toml#/checks/0/tools/1",
            "hs is not a tool of this profile; known: sh",
        ),
        (
            changed("[tools.sh]", "[tools.bash]").replace('"sh"]\n', '"bsh"]\n'),
            "p.toml#/checks/0/tools/0",
            "bsh is not a tool of this profile (did you mean bash?); known: bash",
        ),
        (
            SMALL + REHEARSAL,
            "p.toml#/modes/1/rehearsed_service_contract_version",
            "service.v3 has no envelope policy; known: service.v2",
        ),
        (
            SMALL + '[[modes]]\nname = "next"\nsession = "handoff-next"\n',
            "p.toml#/modes/1/name",
            "the mode next must rehearse a version; only stable does not",
        ),
        (
            changed('[[modes]]\nname = "stable"\nsession = "handoff-stable"\n', "")
            .replace("[execution]", REHEARSAL + "[execution]")
            .replace('"next"', '"stable"')
            .replace('"service.v3"', '"service.v2"'),
            "p.toml#/modes/0/name",
            "the mode stable must not rehearse a version",
        ),
        *(
            (
                changed('["HOME"]', f'["HOME", "{name}"]'),
                "p.toml#/environment/pass/1",
                f"{name} passes on {deciding}, with which a caller decides an outcome; expected its value in environment.set",
            )
            for name, deciding in (
                ("BASH_ENV", "BASH_*"),
                ("RUSTFLAGS", "RUSTFLAGS"),
                ("XDG_CONFIG_HOME", "XDG_CONFIG_*"),
                ("PIP_*", "PIP_CONFIG_FILE"),
                ("UV_FIND_LINKS", "UV_FIND_LINKS"),
                ("PYTHON*", "PYTHON*"),
                ("PYTHONPATH", "PYTHON*"),
                ("CARGO_*", "CARGO_ALIAS_*"),
                ("LD_PRELOAD*", "LD_*"),
                ("E*", "ENV"),
            )
        ),
        (
            SMALL + STATED.replace("PATTERN", "^version: (.*)+"),
            "p.toml#/git/service_version/pattern",
            "found )+ at character 14; expected characters or classes like [0-9], each with one of * + ? {n,m} at most,"
            " and one group that is not repeated",
        ),
    ],
)
def test_refusals(text: str, where: str, message: str) -> None:
    """Each mistake in a profile is refused with its place, what was found and what was expected."""
    assert refused(text) == [(where, message)]


def test_a_mistake_has_its_line() -> None:
    """A value has its own line, an unknown key its own, a missing one that of what should hold it; nothing has the first."""
    text = SMALL.replace("[execution]\n", "[execution]\nkept = []\n").replace(
        "log_limit_bytes", "log_limit"
    )
    line = text[: text.index("[execution]")].count("\n") + 1
    with pytest.raises(HandoffError) as caught:
        parse(text)
    places = {message.split(";")[0]: where for _, where, message, _ in shown(caught.value)}
    assert places["unknown key kept (did you mean keep?)"] == f"p.toml:{line + 1}#/execution"
    assert places["the key log_limit_bytes is missing"] == f"p.toml:{line}#/execution"


def test_bytes_that_are_not_utf_8_are_refused() -> None:
    """A profile is UTF-8; the first byte that is not is named."""
    with pytest.raises(HandoffError) as caught:
        profile.parse(b'name = "\xff"', "p.toml", {})
    assert shown(caught.value) == [("HP030", "p.toml", "byte 8 is not UTF-8", HINT)]


def test_a_profile_that_was_held_to_its_schema_before_needs_none() -> None:
    """Without a schema the same profile comes out, and contradictions are still looked for."""
    assert profile.parse(SMALL.encode(), "p.toml", None) == parse(SMALL)
    with pytest.raises(HandoffError) as caught:
        profile.parse(changed('tools = ["sh"]', 'tools = ["no"]').encode(), "p.toml", None)
    assert shown(caught.value) == [
        (
            "HP030",
            "p.toml:36#/checks/0/tools/0",
            "no is not a tool of this profile; known: sh",
            HINT,
        )
    ]


def test_every_mistake_is_told_at_once() -> None:
    """A profile with several mistakes is refused once, with all of them; contradictions are looked for in a valid one only."""
    text = changed('name = "Small"\n', "").replace(
        "timeout_seconds = 60", 'timeout_seconds = "60"'
    ) + SECOND_CHECK.replace("two", "one")
    assert refused(text) == [
        ("p.toml#", "the key name is missing"),
        ("p.toml#/execution/timeout_seconds", 'found "60"; expected integer'),
    ]
    text = changed('tools = ["sh"]', 'tools = ["no"]') + SECOND_CHECK.replace("two", "one").replace(
        "[]", '["nope"]'
    )
    assert refused(text) == [
        ("p.toml#/checks/0/tools/0", "no is not a tool of this profile; known: sh"),
        ("p.toml#/checks/1/id", "duplicate id 'one'"),
        ("p.toml#/checks/1/tools/0", "nope is not a tool of this profile; known: sh"),
    ]


@quick
@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        min_size=1,
        max_size=5,
    )
)
def test_a_command_line_is_what_a_shell_would_read(words: list[str]) -> None:
    """A shell splits the command line of a packet into just the words that were run, the root being the current folder."""
    check = replace(built_in().checks[0], argv=(*words, "{root}/x"))
    assert shlex.split(check.command) == [word.replace("{root}", ".") for word in words] + ["./x"]


@pytest.mark.parametrize("word", ["a~b", "$HOME", "a b", "it's", "", "*", "a;b", "#a", "a\nb", "ü"])
def test_words_with_a_meaning_for_a_shell_are_quoted(word: str) -> None:
    """What a shell would change is quoted; plain words stay plain."""
    check = replace(built_in().checks[0], argv=("cargo", "--a=b/c.d", word))
    assert check.command == "cargo --a=b/c.d " + shlex.quote(word)


def test_a_float_is_refused() -> None:
    """A whole number that is written as a float is refused as any other mistake."""
    [(where, _)] = refused(changed("timeout_seconds = 60", "timeout_seconds = 60.0"))
    assert where.startswith("p.toml")


def test_a_plain_release_has_no_blocks_of_a_rehearsal() -> None:
    """A stable mode with a rehearsal's blocks would make a packet that its schema refuses, so the profile is refused."""
    text = changed(
        'session = "handoff-stable"\n',
        'session = "handoff-stable"\nrequired_consumer_validation_commands = ["npm test"]\n',
    )
    assert [where for where, _ in refused(text)] == [
        "p.toml#/modes/0/required_consumer_validation_commands"
    ]


LINES = files.built_in_profiles()["memorykernel"].read_text("utf-8").split("\n")
PLAIN = [
    number for number, line in enumerate(LINES) if not line.strip() or line.strip().startswith("#")
]


@quick
@given(st.data())
def test_no_line_of_a_profile_can_go_unseen(data: st.DataObject) -> None:
    """With any line gone, the profile is refused or has another digest; a comment alone may go."""
    number = data.draw(st.integers(0, len(LINES) - 1))
    schema = schemas.schema(schemas.PROFILE)
    less = "\n".join(LINES[:number] + LINES[number + 1 :]).encode()
    try:
        found = profile.parse(less, "p.toml", schema)
    except HandoffError:
        return
    assert (found.digest == built_in().digest) == (number in PLAIN)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("MemoryKernel", "memorykernel"),
        ("  My Service (v2)! ", "my-service-v2"),
        ("--a__b--", "a-b"),
        ("\u00c4rger & S\u00f6hne", "rger-s-hne"),
        ("x" * 63 + " y", "x" * 63),
        ("\u4e2d\u6587", ""),
    ],
)
def test_the_id_that_a_name_gives(name: str, made: str) -> None:
    """Lower case, one hyphen for each run of other characters, none at the ends, at most 64 characters."""
    assert profile_rules.default_id(name) == made
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}|", made)


def test_a_producer_has_an_id() -> None:
    """The profile's, else the one that its name gives; a name that gives none is refused with what to write."""
    schema = schemas.schema(schemas.PROFILE)
    text = scratch.PROFILE
    assert profile.parse(text.encode(), "handoff.toml", schema).id == "scratch"
    stated = text.replace('name = "Scratch"', 'name = "Scratch"\nid = "kernel-2"')
    assert profile.parse(stated.encode(), "handoff.toml", schema).id == "kernel-2"
    with pytest.raises(HandoffError) as caught:
        profile.parse(
            text.replace('name = "Scratch"', 'name = "\u4e2d\u6587"').encode(),
            "handoff.toml",
            schema,
        )
    assert [(one.where, one.message) for one in caught.value.problems] == [
        (
            "handoff.toml:2#/name",
            "no id can be made of '\u4e2d\u6587'; expected the key id beside it",
        )
    ]
    for wrong in ("-a", "A", "a_b", "x" * 65, ""):
        with pytest.raises(HandoffError) as caught:
            profile.parse(stated.replace("kernel-2", wrong).encode(), "handoff.toml", schema)
        assert [one.where for one in caught.value.problems] == ["handoff.toml:3#/id"]
