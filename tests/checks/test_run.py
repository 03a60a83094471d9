"""One check from start to record: passed only when everything says so, and a record whatever happens."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import scratch

from handoff_tasks import files
from handoff_tasks.checks import process
from handoff_tasks.checks import run as checks_run
from handoff_tasks.checks.evidence import EvidenceFolder, judge_evidence
from handoff_tasks.checks.settings import Settings
from handoff_tasks.formats import redact
from handoff_tasks.formats.words import duration
from handoff_tasks.git import workspace
from handoff_tasks.output import terminal
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.producer import profile
from handoff_tasks.record import Outcome, Record

if TYPE_CHECKING:
    from pathlib import Path


# What every check has, so that no settings of a user's reach it.
NEUTRAL = (
    "GIT_ATTR_NOSYSTEM",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "HOME",
    "PYTHONNOUSERSITE",
    "XDG_CONFIG_HOME",
)


class Bench:
    """A producer with a profile, on which single checks are run. ``bin`` is the session's own folder of programs."""

    def __init__(self, folder: Path, producer: scratch.Producer) -> None:
        self.folder = folder
        self.producer = producer
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.text = scratch.PROFILE

    def script(self, text: str, name: str = "scripts/ok.sh") -> None:
        """Commit a script in place of the one that the check runs."""
        self.producer.commit("script", {name: f"#!/usr/bin/env bash\n{text}"})

    def tool(self, name: str, text: str) -> None:
        """Put a program into the session's own folder."""
        (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.bin / name).chmod(0o755)

    def open(self, ref: str = "HEAD") -> workspace.Workspace:
        path = self.folder / "profile.toml"
        path.write_text(self.text)
        return workspace.open_workspace(
            root=self.producer.root,
            ref=ref,
            profile_path=path,
            work=self.folder / "work",
            cache=self.folder / "cache",
        )

    def run(self, check: str = "ok", **given: Any) -> Record:
        """Run a check, look that its record is there, valid and bound to it, and return the record."""
        opened = self.open(given.pop("ref", "HEAD"))
        (spec,) = [one for one in opened.profile.checks if one.id == check]
        settings = {
            "bin_folder": str(self.bin),
            "timeout": None,
            "toolchain": None,
            "run": "",
            "caller": {"PATH": os.environ["PATH"], "HOME": str(self.folder)},
            "not_installed": {},
            **given,
        }
        record = checks_run.run_check(
            opened,
            spec,
            Settings(**settings),
            terminal.Lines(spec.id, redact.secrets(settings["caller"])),
        )
        assert EvidenceFolder(self.place(opened)).read_record(check) == record
        assert record.binding == opened.binding(spec)
        judged = judge_evidence(spec, record, opened.binding(spec))
        assert (judged.outcome, judged.record) == (record.outcome, record)
        return record

    def place(self, opened: workspace.Workspace | None = None) -> Path:
        commit = opened.producer.commit if opened else self.producer.head()
        return EvidenceFolder.at(self.folder / "work", commit).make().path

    def log(self, check: str = "ok") -> str:
        return EvidenceFolder(self.place()).log(check).read_text()


@pytest.fixture
def bench(tmp_path: Path, producer: scratch.Producer) -> Bench:
    """Make a producer with a profile, ready to run checks on."""
    return Bench(tmp_path, producer)


def _verdict(record: Record) -> tuple[Outcome, str | None]:
    return record.outcome, record.reason


# Passed


def test_a_check_that_passes(bench: Bench) -> None:
    """Exit 0, the success line, nothing changed, no process left: passed, and the record tells what it rests on."""
    record = bench.run()
    opened = bench.open()
    assert _verdict(record) == (Outcome.PASSED, None)
    assert (record.id, record.exit_code, record.signal, record.timeout_seconds) == (
        "ok",
        0,
        None,
        60,
    )
    assert (record.toolchain, record.checkout_state) == (None, "fresh")
    assert record.environment_names == tuple(sorted((*NEUTRAL, "LC_ALL", "PATH", "TZ")))
    assert bench.log() == f"looking at {opened.base / 'checkout'}\n{scratch.OK_LINE}\n"
    assert record.log is not None
    data = bench.log().encode()
    assert (record.log.file, record.log.size, record.log.output_size) == (
        "ok.log",
        len(data),
        len(data),
    )
    assert record.log.sha256 == record.log.output_sha256 == hashlib.sha256(data).hexdigest()
    assert record.started_at_utc <= record.finished_at_utc
    assert record.duration_ms < 30_000
    (bash,) = record.tools
    assert (bash.name, bash.path, bash.claim) == ("bash", scratch.program("bash"), True)
    assert bash.version is not None
    assert bash.version.split(".")[0].isdigit()


def test_a_check_without_success_line_passes_by_its_exit_code(bench: Bench) -> None:
    """Where the profile names no line, none is asked for."""
    assert _verdict(bench.run("plain")) == (Outcome.PASSED, None)


def test_a_check_sees_the_commit_in_a_repository(bench: Bench) -> None:
    """It runs in the private checkout, whose git says the verified commit; what is uncommitted is not there."""
    commit = bench.producer.head()
    bench.producer.write({"Cargo.toml": None, "scripts/tree.sh": "#!/bin/sh\nexit 1\n"})
    assert _verdict(bench.run("tree")) == (Outcome.PASSED, None)
    assert bench.log("tree") == f"{commit}\ntree: complete\n"


def test_another_commit_than_the_one_checked_out_can_be_verified(bench: Bench) -> None:
    """``--ref`` decides; the record is kept with its own commit."""
    record = bench.run("tree", ref="v1.0.0")
    assert record.outcome is Outcome.PASSED
    assert record.binding.commit == bench.producer.git("rev-parse", "v1.0.0^{commit}")


def test_a_producer_in_a_bigger_repository_runs_in_its_own_root(tmp_path: Path) -> None:
    """Working folder and {root} are the producer's root, and the record says where that lies."""
    bench = Bench(tmp_path, scratch.producer(tmp_path / "outer", below="vendor/producer"))
    assert bench.run("tree").outcome is Outcome.PASSED
    record = bench.run()
    assert record.outcome is Outcome.PASSED
    assert record.binding.producer_path == "vendor/producer"
    assert bench.log().startswith(
        f"looking at {bench.open().base / 'checkout' / 'vendor' / 'producer'}\n"
    )


def test_what_people_see(bench: Bench, capfd: pytest.CaptureFixture[str]) -> None:
    """The command as the packet gives it, its output under its name, and the end; for a failure the reason and the evidence."""
    record = bench.run()
    root = bench.open().base / "checkout"
    assert capfd.readouterr().out.splitlines() == [
        "ok | $ ./scripts/ok.sh .",
        f"ok | looking at {root}",
        f"ok | {scratch.OK_LINE}",
        f"ok | passed in {duration(record.duration_ms, tenths=True)}",
    ]
    bench.script("printf 'no \\033[31mred'; exit 3\n")
    record = bench.run()
    assert capfd.readouterr().out.splitlines() == [
        "ok | $ ./scripts/ok.sh .",
        "ok | no \\x1b[31mred",
        f"ok | failed after {duration(record.duration_ms, tenths=True)}: exit code 3",
        f"ok | evidence: {bench.place() / 'ok.json'}",
    ]


# Failed


def test_another_exit_code_is_a_failure(bench: Bench) -> None:
    """Also when the success line stands last."""
    bench.script(f"echo '{scratch.OK_LINE}'; exit 3\n")
    record = bench.run()
    assert _verdict(record) == (Outcome.FAILED, "exit code 3")
    assert (record.exit_code, record.signal) == (3, None)


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        ("", "it printed nothing"),
        ("echo almost", "its last line was 'almost'"),
        (f"echo '{scratch.OK_LINE}'; echo 'but then'", "its last line was 'but then'"),
        (f"echo '{scratch.OK_LINE}'; echo warning >&2", "its last line was 'warning'"),
        (f"echo 'not {scratch.OK_LINE}'", f"its last line was 'not {scratch.OK_LINE}'"),
        ("printf 'x%.0s' {1..300}", f"its last line was '{'x' * 200}'"),
    ],
)
def test_exit_0_without_the_success_line_last_is_a_failure(
    bench: Bench, printed: str, found: str
) -> None:
    """What was found in its place is reported."""
    bench.script(f"{printed}\nexit 0\n")
    record = bench.run()
    assert _verdict(record) == (
        Outcome.FAILED,
        f"exit code 0, but {found}; expected '{scratch.OK_LINE}'",
    )
    assert record.exit_code == 0


def test_a_signal_is_a_failure(bench: Bench) -> None:
    """It is reported by name, and there is no exit code."""
    bench.script(f"echo '{scratch.OK_LINE}'; kill -SEGV $$\n")
    record = bench.run()
    assert _verdict(record) == (Outcome.FAILED, "ended by SIGSEGV")
    assert (record.exit_code, record.signal) == (None, "SIGSEGV")


def test_a_changed_checkout_is_a_failure(bench: Bench) -> None:
    """What differs is named, five of it at most; the next check finds the commit again."""
    bench.script(f"echo x >> Cargo.toml; rm CHANGELOG.md; echo '{scratch.OK_LINE}'\n")
    found = "deleted CHANGELOG.md, modified Cargo.toml"
    assert _verdict(bench.run()) == (
        Outcome.FAILED,
        f"the checkout was changed while it ran: {found}",
    )
    assert bench.run("tree").outcome is Outcome.PASSED
    bench.script(f"touch n1 n2 n3 n4 n5 n6 n7; echo '{scratch.OK_LINE}'\n")
    found = "new n1, new n2, new n3, new n4, new n5 and 2 more"
    assert _verdict(bench.run()) == (
        Outcome.FAILED,
        f"the checkout was changed while it ran: {found}",
    )


def test_build_outputs_are_no_change_and_stay_for_the_next(bench: Bench) -> None:
    """What the profile keeps may be written; the next run says that it was there."""
    bench.script(
        f"mkdir -p target; [ -e target/out ] && echo again; touch target/out a.tmp; echo '{scratch.OK_LINE}'\n"
    )
    first = bench.run()
    assert (_verdict(first), first.checkout_state) == ((Outcome.PASSED, None), "fresh")
    second = bench.run()
    assert (_verdict(second), second.checkout_state) == ((Outcome.PASSED, None), "kept")
    assert bench.log() == f"again\n{scratch.OK_LINE}\n"


def test_leaving_processes_behind_is_a_failure(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that still runs could still change something."""
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.2)
    bench.script(f"sleep 60 >/dev/null 2>&1 & echo '{scratch.OK_LINE}'\n")
    assert _verdict(bench.run()) == (Outcome.FAILED, "it left processes running")


def test_all_reasons_are_told_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad exit code, a process left and a changed checkout."""
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.2)
    bench.script("sleep 60 >/dev/null 2>&1 & echo x > new.txt; exit 9\n")
    reason = (
        "exit code 9; it left processes running; the checkout was changed while it ran: new new.txt"
    )
    assert _verdict(bench.run()) == (Outcome.FAILED, reason)


def test_a_script_that_is_not_in_the_commit_is_a_failure(bench: Bench) -> None:
    """A file in the producer's work tree does not stand in for it; nothing is run, and there is no log."""
    bench.producer.commit("gone", {"scripts/ok.sh": None})
    bench.producer.write({"scripts/ok.sh": scratch.OK})
    record = bench.run()
    assert _verdict(record) == (Outcome.FAILED, "scripts/ok.sh is not in the commit")
    assert (record.log, record.exit_code, record.duration_ms) == (None, None, 0)
    assert not EvidenceFolder(bench.place()).log("ok").exists()


def test_a_script_that_is_not_executable_is_a_failure(bench: Bench) -> None:
    """The commit's mode counts, and the way to fix it is reported."""
    bench.producer.commit("mode", {"scripts/ok.sh": scratch.OK.removeprefix("#!")})
    reason = (
        "scripts/ok.sh is not executable in the commit (git update-index --chmod=+x scripts/ok.sh)"
    )
    assert _verdict(bench.run()) == (Outcome.FAILED, reason)


def test_a_script_whose_interpreter_is_missing_is_a_failure(bench: Bench) -> None:
    """The system's reason is reported."""
    bench.producer.commit("interpreter", {"scripts/ok.sh": "#!/no/such/interpreter\n"})
    record = bench.run()
    assert _verdict(record) == (Outcome.FAILED, "could not be started: No such file or directory")
    assert (record.exit_code, record.signal) == (None, None)


# Tools


def test_a_program_that_is_not_on_path_is_a_missing_tool(bench: Bench) -> None:
    """No verdict on the content, but on the machine."""
    bench.text = scratch.profile([scratch.check("ok", ["no-such-program"], tools=())])
    record = bench.run()
    assert _verdict(record) == (
        Outcome.TOOL_MISSING,
        "no-such-program is not on PATH: install it, then run again",
    )
    assert record.log is None


MISSING = """
[tools.one]
executables = ["no-such-one", "no-such-other"]
version = ["no-such-one", "--version"]
install = "one-bin==1.0"
hint = "install one, or let the session install its wheel"

[tools.two]
executables = ["no-such-two"]
hint = "install two with the system's package manager"
"""


def test_missing_tools_are_told_all_at_once_with_the_way_to_get_them(bench: Bench) -> None:
    """Before the command is run, and with the reason why the session could not install one."""
    check = scratch.check(
        "ok", ["./scripts/ok.sh"], success_line=scratch.OK_LINE, tools=("bash", "one", "two")
    )
    bench.text = scratch.profile([check], tools=scratch.TOOLS + MISSING)
    two = "two (not on PATH): install two with the system's package manager"
    record = bench.run()
    one = "one (not on PATH): install one, or let the session install its wheel"
    assert _verdict(record) == (Outcome.TOOL_MISSING, f"{one}; {two}")
    assert [(tool.name, tool.path is None, tool.version is None) for tool in record.tools] == [
        ("bash", False, False),
        ("one", True, True),
        ("two", True, True),
    ]
    assert record.log is None
    record = bench.run(not_installed={"one-bin==1.0": "no network"})
    one = "one (no network): install one, or let the session install its wheel"
    assert _verdict(record) == (Outcome.TOOL_MISSING, f"{one}; {two}")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("echo 'error: toolchain is not installed'; exit 1", "error: toolchain is not installed"),
        ("exit 4", "exit code 4"),
        ("echo no number here", "no number here"),
        ("echo info: syncing; echo error: no such toolchain; exit 1", "error: no such toolchain"),
        ("echo; echo 1.2", "1.2"),
    ],
)
def test_a_tool_that_does_not_tell_its_version_is_missing(
    bench: Bench, answer: str, said: str
) -> None:
    """A wrapper without its tool behind it is no tool; what it said is shown."""
    bench.tool("no-such-one", answer)
    bench.tool("no-such-two", "exit 1")
    check = scratch.check(
        "ok", ["./scripts/ok.sh"], success_line=scratch.OK_LINE, tools=("one", "two")
    )
    bench.text = scratch.profile([check], tools=scratch.TOOLS + MISSING)
    record = bench.run()
    why = f"does not print its version: {said}"
    assert _verdict(record) == (
        Outcome.TOOL_MISSING,
        f"one ({why}): install one, or let the session install its wheel",
    )
    assert [(tool.name, tool.path, tool.version) for tool in record.tools] == [
        ("one", None, None),
        ("two", str(bench.bin / "no-such-two"), None),
    ]


def test_a_toolchain_that_is_missing_has_its_own_remedy(bench: Bench) -> None:
    """What the profile knows of the reason comes before what it knows of the tool; tools with the same reason are reported together."""
    for name in ("no-such-one", "no-such-two"):
        bench.tool(name, "echo \"error: toolchain 'x' is not installed\"; exit 1")
    check = scratch.check(
        "ok", ["./scripts/ok.sh"], success_line=scratch.OK_LINE, tools=("one", "two")
    )
    asked = MISSING.replace(
        'executables = ["no-such-two"]',
        'executables = ["no-such-two"]\nversion = ["no-such-two", "--version"]',
    )
    known = '\n[[environment.failures]]\nsays = ["error: toolchain \'"]\nmeans = "incomplete"\nhint = "toolchain install NAME"\n'
    bench.text = scratch.profile([check], tools=scratch.TOOLS + asked) + known
    why = "one, two (does not print its version: error: toolchain 'x' is not installed): toolchain install NAME"
    assert _verdict(bench.run()) == (Outcome.TOOL_MISSING, why)


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("rustc 1.95.0 (59807616e 2026-04-14)", "1.95.0"),
        ("ripgrep 15.2.0 (rev abc)", "15.2.0"),
        ("jq-1.6", "1.6"),
        ("GNU bash, version 5.2.15(1)-release (x86_64)", "5.2.15"),
        ("clippy 0.1.97-nightly (1234 2026-05-01)", "0.1.97-nightly"),
        ("tool 7", "7"),
    ],
)
def test_the_version_is_the_first_number_that_a_tool_says(
    bench: Bench, answer: str, version: str
) -> None:
    """Found in the session's folder first, asked on the check's own PATH."""
    bench.tool("no-such-one", f"echo '{answer}'; echo 9.9.9")
    check = scratch.check(
        "ok", ["./scripts/ok.sh", "."], success_line=scratch.OK_LINE, tools=("one",)
    )
    bench.text = scratch.profile(
        [check], tools=scratch.TOOLS + MISSING.replace("one-bin==1.0", "one-bin")
    )
    record = bench.run()
    assert _verdict(record) == (Outcome.PASSED, None)
    assert [(tool.version, tool.path) for tool in record.tools] == [
        (version, str(bench.bin / "no-such-one"))
    ]


@pytest.mark.parametrize(
    ("text", "needed"),
    [
        ("no-such-two -r .", True),
        ("a | no-such-two", True),
        ("$(no-such-two)", True),
        ("my-no-such-two", False),
        ("no-such-two-x", False),
    ],
)
def test_a_tool_is_needed_only_where_it_is_mentioned(bench: Bench, text: str, needed: bool) -> None:
    """A tool with ``mentioned_in`` counts when a file there speaks of it as a word of its own."""
    check = scratch.check(
        "ok", ["./scripts/ok.sh", "."], success_line=scratch.OK_LINE, tools=("two",)
    )
    bench.text = scratch.profile(
        [check], tools=scratch.TOOLS + MISSING + 'mentioned_in = ["scripts/", "Makefile"]\n'
    )
    assert bench.run().outcome is Outcome.PASSED
    bench.producer.commit("mention", {"scripts/lib/helper": f"{text}\n"})
    record = bench.run()
    assert record.outcome is (Outcome.TOOL_MISSING if needed else Outcome.PASSED)
    bench.producer.commit(
        "mention elsewhere", {"scripts/lib/helper": None, "Makefile": f"all:\n\t{text}\n"}
    )
    assert bench.run().outcome is record.outcome


# Time and interrupts


def test_a_check_that_takes_too_long(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Timed out, by the caller's limit over the check's own; what it said is in the log."""
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.2)
    bench.script("echo started; sleep 60\n")
    record = bench.run(timeout=1)
    assert _verdict(record) == (
        Outcome.TIMED_OUT,
        "not done within 1 second; ended with all that it had started",
    )
    assert (record.timeout_seconds, record.exit_code, record.signal) == (1, None, "SIGTERM")
    assert bench.log().startswith("started\n")


def test_a_check_may_have_a_limit_of_its_own(bench: Bench) -> None:
    """The check's limit over the profile's."""
    bench.text = scratch.profile(
        [scratch.check("ok", ["./scripts/ok.sh", "."], timeout=7), scratch.check("plain", ["true"])]
    )
    assert bench.run().timeout_seconds == 7
    assert bench.run("plain").timeout_seconds == 60


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP"])
def test_an_interrupt_while_it_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Interrupted, with the signal's name, also when the command would have passed; our own handlers are back."""
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.2)
    before = signal.getsignal(signal.SIGTERM)
    bench.script(f"trap '' INT HUP; echo '{scratch.OK_LINE}'; kill -{name} $PPID; sleep 60\n")
    record = bench.run()
    assert _verdict(record) == (
        Outcome.INTERRUPTED,
        f"SIG{name} came while it ran; ended with all that it had started",
    )
    assert bench.log().startswith(f"{scratch.OK_LINE}\n")
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_interrupt_before_the_command_is_started(bench: Bench) -> None:
    """While the tools are asked, for instance: interrupted, with a record and no log."""
    bench.tool("no-such-one", "kill -TERM $PPID; sleep 60; echo 1.0")
    check = scratch.check("ok", ["./scripts/ok.sh"], success_line=scratch.OK_LINE, tools=("one",))
    bench.text = scratch.profile([check], tools=scratch.TOOLS + MISSING)
    record = bench.run()
    assert record.outcome is Outcome.INTERRUPTED
    assert record.reason is not None
    assert record.reason.startswith("SIGTERM came before ")
    assert record.log is None


# The environment


def test_the_caller_cannot_fake_an_outcome(bench: Bench, tmp_path: Path) -> None:
    """BASH_ENV, exported functions, options and paths of the caller do not reach a check that must fail."""
    (tmp_path / "evil").write_text(f"echo '{scratch.OK_LINE}'; exit 0\n")
    (tmp_path / "grep").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "grep").chmod(0o755)
    bench.script(f"grep -q wanted Cargo.toml || exit 5\necho '{scratch.OK_LINE}'\n")
    caller = {
        "PATH": f".:{os.environ['PATH']}",
        "BASH_ENV": str(tmp_path / "evil"),
        "ENV": str(tmp_path / "evil"),
        "BASH_FUNC_grep%%": "() { return 0; }",
        "BASH_FUNC_exit%%": "() { return 0; }",
        "SHELLOPTS": "noexec",
        "GREP_OPTIONS": "--invert-match",
        "LD_LIBRARY_PATH": str(tmp_path),
    }
    record = bench.run(caller=caller)
    assert _verdict(record) == (Outcome.FAILED, "exit code 5")
    assert record.environment_names == tuple(sorted((*NEUTRAL, "LC_ALL", "PATH", "TZ")))


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        (
            "git -c user.name=a -c user.email=b commit --quiet --allow-empty --message x",
            "modified .git/HEAD, *",
        ),
        ("git tag v9.9.9", "new .git/refs/tags/v9.9.9"),
        ("git config core.abbrev 5", "modified .git/config"),
        (
            "mkdir crates/more; echo '*' > crates/more/.gitignore; echo x > crates/more/x.rs",
            "new crates/more/.gitignore",
        ),
        ("git status > /dev/null", None),
        ("mkdir -p target; echo '*' > target/.gitignore", None),
    ],
)
def test_what_later_checks_would_see_is_a_change(
    bench: Bench, text: str, changed: str | None
) -> None:
    """The checkout's own .git and ignore files that are not the commit's; what a build leaves where it may is none."""
    bench.script(f"{text}\necho '{scratch.OK_LINE}'\n")
    outcome, reason = _verdict(bench.run())
    assert outcome is (Outcome.FAILED if changed else Outcome.PASSED)
    assert fnmatch.fnmatchcase(
        reason or "", f"the checkout was changed while it ran: {changed}" if changed else ""
    )
    bench.script(
        f"git tag | grep -c v9 ; git rev-parse --abbrev-ref HEAD; echo '{scratch.OK_LINE}'\n"
    )
    assert bench.run().outcome is Outcome.PASSED
    assert bench.log().splitlines()[:2] == ["0", "HEAD"]


def test_settings_of_the_users_home_reach_no_check(bench: Bench) -> None:
    """What git and Python would read there decides nothing: an external diff that sees no difference, code that runs first."""
    (bench.folder / ".gitconfig").write_text("[diff]\n\texternal = true\n")
    version = f"python3.{sys.version_info[1]}"
    site = bench.folder / ".local" / "lib" / version / "site-packages"
    site.mkdir(parents=True)
    (site / "usercustomize.py").write_text("import os\nos._exit(0)\n")
    bench.script(
        f"git diff HEAD~1 HEAD | grep -q . && '{sys.executable}' -c 'raise SystemExit(7)'\n"
    )
    assert _verdict(bench.run()) == (Outcome.FAILED, "exit code 7")


@pytest.mark.parametrize(
    "last",
    ["failed: LINE\\f", r"failed\r", "failed: ", "failed\\342\\200\\250"],
    ids=["form feed", "return", "words", "separator"],
)
def test_the_success_line_is_a_line_of_its_own(bench: Bench, last: str) -> None:
    """What stands before it on its line is part of the line, however a terminal would show it."""
    bench.script(f"printf '{last}{scratch.OK_LINE}\\n'")
    assert bench.run().outcome is Outcome.FAILED


def test_the_end_of_a_long_last_line_is_no_success_line(bench: Bench) -> None:
    """Of a line that is followed by so many blanks that its beginning is not held any more, the end does not count."""
    line = f"not {scratch.OK_LINE}"
    bench.script(f"printf '%s%{4096 - len(scratch.OK_LINE)}s' '{line}' ''")
    assert bench.run().outcome is Outcome.FAILED


def test_a_server_of_a_tools_version_question_does_not_live_on(bench: Bench) -> None:
    """A tool that leaves one behind, in a session of its own, has left it to us: it is ended before the command starts."""
    said = bench.folder / "server"
    bench.tool(
        "no-such-one",
        f"setsid sh -c 'echo $$ > {said}; exec sleep 60' & while [ ! -s {said} ]; do sleep 0.01; done; echo one 1.0",
    )
    check = scratch.check(
        "ok", ["./scripts/ok.sh", "{root}"], success_line=scratch.OK_LINE, tools=("one",)
    )
    bench.text = scratch.profile([check], tools=scratch.TOOLS + MISSING)
    assert bench.run().outcome is Outcome.PASSED
    assert (
        subprocess.run(
            ["kill", "-0", said.read_text().strip()], capture_output=True, check=False
        ).returncode
        != 0
    )


# Prints what a check sees of the machine, and what git and ripgrep make of two files that a user may have excluded.
LOOK = """
env | sort
umask
tty || true
git config --list --show-origin
git clone --quiet . "$HOME/clone"
for place in . "$HOME/clone"; do
  touch "$place/left.o" "$place/seen.txt"
  git -C "$place" status --porcelain
  git -C "$place" check-ignore -v left.o || true
  git -C "$place" check-attr -a Cargo.toml left.o
  (cd "$place" && 'RG' --files --sort path)
done
rm -f left.o seen.txt
echo 'ok: all is well'
"""


def _settle(home: Path, pattern: str) -> dict[str, str]:
    """Write a user's settings for git, ripgrep and Python into a home folder; return the user's variables."""
    config = home / "elsewhere"
    files = {
        ".gitconfig": f"[core]\n\texcludesFile = {home}/excludes\n\tattributesFile = {home}/attributes\n[alias]\n\tst = status\n",
        "excludes": f"{pattern}\n",
        "attributes": "* -diff\n",
        ".config/git/config": "[user]\n\tname = someone\n",
        ".config/git/ignore": f"{pattern}\n",
        ".config/git/attributes": "*.toml binary\n",
        ".config/ripgrep/config": "--glob=!*.txt\n",
        "elsewhere/git/ignore": f"{pattern}\n",
        "elsewhere/git/attributes": "*.toml text\n",
    }
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(config),
        "RIPGREP_CONFIG_PATH": str(home / ".config" / "ripgrep" / "config"),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_CONFIG_PARAMETERS": f"'core.excludesFile={home}/excludes'",
        "PATH": os.environ["PATH"],
        "LANG": f"{pattern}.UTF-8",
        "TERM": pattern,
        "TZ": "Asia/Tokyo",
    }


def test_two_users_see_the_same(bench: Bench, tmp_path: Path) -> None:
    """Environment, umask, git's configuration, and what git and ripgrep ignore and list: of the checkout and of a clone of it."""
    bench.script(LOOK.replace("RG", scratch.program("rg")))
    # The users' own umask, and no umask that hides what a check makes.
    seen = []
    for name, pattern, umask in (
        ("ann", "*.o", 0o077),
        ("bob", "*.txt", 0o002),
        ("plain", "", 0o022),
    ):
        caller = (
            _settle(tmp_path / name, pattern)
            if pattern
            else {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
        )
        before = os.umask(umask)
        try:
            record = bench.run(caller=caller)
        finally:
            os.umask(before)
        assert _verdict(record) == (Outcome.PASSED, None), bench.log()
        seen.append(bench.log())
    assert seen[0] == seen[1] == seen[2]
    lines = seen[0].splitlines()
    assert lines.count("?? left.o") == lines.count("?? seen.txt") == 2
    assert lines.count("left.o") == lines.count("seen.txt") == 2
    assert "0022" in lines
    assert str(tmp_path / "ann") not in seen[0]


@pytest.mark.parametrize("passed", [("HOME", "TMPDIR"), ("TMPDIR",), ()])
@pytest.mark.parametrize("built_in", [None, *files.built_in_profiles()])
def test_what_the_user_has_git_ignore_reaches_no_check(
    bench: Bench, tmp_path: Path, passed: tuple[str, ...], built_in: str | None
) -> None:
    """Whatever a profile passes on, and with the environment of each built-in profile: neither git nor ripgrep is blind."""
    bench.producer.commit("bad", {"crates/core/bad.o": "forbidden\n"})
    rg = scratch.program("rg")
    script = (
        f"touch left.o; git status --porcelain; '{rg}' --files-with-matches forbidden; rm left.o"
    )
    bench.text = scratch.profile([scratch.check("ok", ["bash", "-c", script])], passed=passed)
    opened = bench.open()
    if built_in:
        owner = profile.parse(files.built_in_profiles()[built_in].read_bytes(), built_in, None)
        opened = replace(
            opened, profile=replace(opened.profile, pass_names=owner.pass_names, set=owner.set)
        )
    caller = {**_settle(tmp_path / "ann", "*.o"), "TMPDIR": str(tmp_path)}
    settings = Settings(
        bin_folder=str(bench.bin),
        timeout=None,
        toolchain=None,
        run="",
        caller=caller,
        not_installed={},
    )
    assert (
        checks_run.run_check(
            opened, opened.profile.check("ok"), settings, terminal.Lines("ok")
        ).outcome
        is Outcome.PASSED
    )
    assert bench.log().splitlines() == ["?? left.o", "crates/core/bad.o"]


def test_what_a_check_writes_into_its_home_is_gone(bench: Bench) -> None:
    """Also its configuration of git, which it may write: the next run of it starts with an empty home."""
    bench.script(
        f"ls -A ~; git config --global user.name someone; echo x >~/left; echo '{scratch.OK_LINE}'\n"
    )
    for _ in range(2):
        assert _verdict(bench.run()) == (Outcome.PASSED, None), bench.log()
        assert bench.log().splitlines() == [".gitconfig", scratch.OK_LINE]
    bench.script(f"cd /; rm -r ~; ln -s '{bench.folder}' ~; echo '{scratch.OK_LINE}'\n")
    assert bench.run().outcome is Outcome.PASSED
    bench.script(f"ls -A ~; echo '{scratch.OK_LINE}'\n")
    assert bench.run().outcome is Outcome.PASSED
    assert bench.log().splitlines() == [".gitconfig", scratch.OK_LINE]
    assert not (bench.folder / ".gitconfig").exists()


def test_a_toolchain_of_the_users_home_is_found(bench: Bench) -> None:
    """A program that a version manager has put on PATH looks for its tools below the home folder: it is given their place."""
    manager = bench.folder / ".pyenv"
    (manager / "shims").mkdir(parents=True)
    shim = manager / "shims" / "one"
    shim.write_text('#!/bin/sh\necho "one 1.2 of $PYENV_ROOT"\n')
    shim.chmod(0o755)
    (bench.folder / ".cargo").mkdir()
    bench.script(f"one; echo \"${{CARGO_HOME-none}}\"; echo '{scratch.OK_LINE}'\n")
    caller = {"HOME": str(bench.folder), "PATH": f"{manager}/shims:/usr/bin:/bin"}
    assert bench.run(caller=caller).outcome is Outcome.PASSED
    assert bench.log().splitlines()[:2] == [f"one 1.2 of {manager}", "none"]
    bench.text = scratch.profile(passed=("CARGO_HOME",))
    assert bench.run(caller=caller).outcome is Outcome.PASSED
    assert bench.log().splitlines()[:2] == [f"one 1.2 of {manager}", str(bench.folder / ".cargo")]


def test_settings_and_toolchain_reach_the_command(bench: Bench) -> None:
    """``{root}`` is resolved in them; the toolchain is the caller's before the profile's, and the record names it."""
    bench.script(f"echo $OUT $SCRATCH_TOOLCHAIN $LC_ALL; echo '{scratch.OK_LINE}'\n")
    check = scratch.check(
        "ok",
        ["./scripts/ok.sh"],
        success_line=scratch.OK_LINE,
        settings={"OUT": "{root}/target", "LC_ALL": "POSIX"},
    )
    bench.text = scratch.profile([check], toolchain="1.95.0")
    root = bench.open().base / "checkout"
    record = bench.run()
    assert bench.log().splitlines()[0] == f"{root}/target 1.95.0 POSIX"
    assert (record.toolchain, record.binding.argv) == ("1.95.0", ("./scripts/ok.sh",))
    record = bench.run(toolchain="1.96.0")
    assert bench.log().splitlines()[0] == f"{root}/target 1.96.0 POSIX"
    assert record.toolchain == "1.96.0"
    assert "SCRATCH_TOOLCHAIN" in record.environment_names


def test_limits_are_the_callers(bench: Bench) -> None:
    """A check cannot have more than its caller has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    bench.script(f"ulimit -n; echo '{scratch.OK_LINE}'\n")
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        assert bench.run().outcome is Outcome.PASSED
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert bench.log().splitlines()[0] == "200"


# Evidence


def test_a_log_is_cut_at_the_profiles_limit(bench: Bench) -> None:
    """The record tells both sizes, and the log still is what the record says; the success line counts where it was cut off."""
    bench.script(f"seq 1000; echo '{scratch.OK_LINE}'\n")
    bench.text = scratch.profile(log_limit=1024)
    record = bench.run()
    assert record.outcome is Outcome.PASSED
    assert record.log is not None
    assert (record.log.size, record.log.output_size) == (1024, 3893 + len(scratch.OK_LINE) + 1)
    assert len(bench.log()) == 1024


def test_old_evidence_does_not_stand_in_for_new(bench: Bench) -> None:
    """A check that does not come to its command leaves no log of an earlier run."""
    assert bench.run().outcome is Outcome.PASSED
    check = scratch.check("ok", ["./scripts/ok.sh"], tools=("two",))
    bench.text = scratch.profile([check], tools=scratch.TOOLS + MISSING)
    assert bench.run().outcome is Outcome.TOOL_MISSING
    assert [path.name for path in bench.place().iterdir()] == ["ok.json"]


def test_an_evidence_folder_that_cannot_be_written_is_refused(bench: Bench) -> None:
    """HP080 before anything is run."""
    (bench.folder / "work").write_text("")
    with pytest.raises(HandoffError) as caught:
        bench.run()
    assert caught.value.problems == (
        Problem(
            code="HP080",
            where=str(bench.folder / "work"),
            message="cannot be written: Not a directory",
            hint="make the folder writable, or choose another one",
        ),
    )
