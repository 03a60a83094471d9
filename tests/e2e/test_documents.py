"""Claims about the documents: every command works, what they show is printed, nothing is missing.

The commands run one after the other, as a reader types them, in a copy of this repository whose
``.venv`` and ``.nox/tests`` are those of the running tests; those of a release run in a producer of
its own. A document, a command or a shown output that no table here knows is a failure.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import places
import pytest
import scratch
from adoptions import ADOPTIONS

from handoff_tasks.codes import CATALOGUE, FAMILIES
from handoff_tasks.formats import schemas as formats_schemas
from handoff_tasks.model import Flavour
from handoff_tasks.producer import manifest
from handoff_tasks.sessions import table
from handoff_tasks.setup import sample as setup_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

TOP = places.TOP
README, CONTRIBUTING = "README.md", "CONTRIBUTING.md"
TUTORIAL, SET_UP = "docs/tutorial.md", "docs/how-to/your-own-repository.md"
RELEASE, COMPARE = "docs/how-to/release.md", "docs/how-to/compare-packets.md"
SIGN = "docs/how-to/sign.md"
PLAIN_RELEASE = "docs/how-to/release-without-manifest.md"
ACCEPT = "docs/how-to/accept.md"
READ_A_NO_GO = "docs/how-to/read-a-no-go.md"
SESSIONS = "docs/reference/sessions.md"
PAGES = sorted(path.relative_to(TOP).as_posix() for path in (TOP / "docs").rglob("*.md"))
DOCUMENTS = [README, CONTRIBUTING, *PAGES]
CARGO = shutil.which("cargo") is not None

# Who types the commands of which documents, in which order. Each reader has files of their own, so
# that the tests of two readers can run at the same time.
VISITOR = (README, TUTORIAL, SET_UP)
CONTRIBUTOR = (CONTRIBUTING,)
RELEASER = (RELEASE, COMPARE)
SIGNER = (SIGN,)
ACCEPTER = (ACCEPT,)
PLAIN_RELEASER = (PLAIN_RELEASE,)
PROGRAMS = {
    ".venv/bin/nox",
    ".venv/bin/handoff-tasks",
    ".nox/tests/bin/python",
    "nox",
    "git",
    "grep",
    "mkdir",
    "echo",
    "cat",
}
# Tried by a test of their own, in a folder where they may install.
INSTALLING = ("python3 -m venv .venv", ".venv/bin/pip install --quiet --editable .")
# These would run this test, take as long, or install from the network: nox is asked what would run.
ASKED = {
    ".venv/bin/nox": ("lint", "types", "tests", "build"),
    ".venv/bin/nox -s lint types": ("lint", "types"),
    ".venv/bin/nox -s docs": ("docs",),
}
STABLE = ".venv/bin/nox -s handoff-stable"
ACCEPT_COMMAND = ".venv/bin/nox -s handoff-accept -- --sample python .handoff/v0.4.0.json"
# The producer here is the sample under another name, and test_golden runs its checks for real.
PREVIEWED = {f"{STABLE} -- --producer-root ../MemoryKernel"}
NO_STATEMENT = f"{STABLE} -- --ref no-statement --stop-early"
# Exit code and pattern of the output, if a command has to do more than to end with exit code 0.
ENDS = {
    STABLE: (0, r"^GO  "),
    f"{STABLE} -- --ref main": (1, r"^  HP054 "),
    f"{STABLE} -- --ref v0.3.3": (1, r"^  HP043 check contract-parity: "),
    f"{STABLE} -- --dry-run": (0, r"^Nothing was run\. "),
    f"{STABLE} -- --producer-root ../MemoryKernel": (
        (0, r"(?s)trilogy-compliance.*^Nothing was run\. ")
        if CARGO
        else (1, r"(?s)^  HP095 check clippy: cargo .*^Nothing was run\. ")
    ),
    ".venv/bin/handoff-tasks init ../service": (
        0,
        r"git add handoff\.toml noxfile\.py && git commit .*\n  \S*nox -s pre-release$",
    ),
    ".venv/bin/nox -f ../service/noxfile.py -s pre-release": (0, r"^GO  for "),
    ".venv/bin/nox -s handoff-explain -- trilogy-compliance": (0, r"^  evidence "),
    ".venv/bin/nox -s verify-contract-parity": (0, r"contract-parity \| passed in "),
    ".venv/bin/nox -s handoff-show -- --help": (0, r"--format"),
    "cat tests/bad/manifest/only-a-tag/expected.txt": (0, r"^HP021 manifest\.json"),
    "nox -s pre-release": (0, r"^GO  for stable(, service-v3-candidate)?; nothing was published$"),
    "nox -s handoff-stable -- --allow-untagged": (0, r"^GO  "),
    "nox -s handoff-verify -- docs/implementation/PRODUCER_RELEASE_HANDOFF_LATEST.json": (
        0,
        r"(?s)HA012.*^GO  .*, checked against git in ",
    ),
    "nox -s handoff-verify -- v1.1.0:": (0, r"(?s)HA012.*^GO  .*, checked against git in "),
    "nox -s handoff-stable -- --ref v1.1.0 --out-json ../v1.1.0.json": (0, r"^GO  "),
    "nox -s handoff-diff -- ../v1.1.0.json v1.2.3: --fail-on breaking": (0, r"^\d+ editorial$"),
    "nox -s handoff-show -- ../v1.1.0.json": (
        0,
        r"^The packet says GO: .* nothing was checked now$",
    ),
    "git diff --stat tests/golden": (0, r"\A\Z"),
    f"{STABLE} -- --sample python --ref v0.4.0 --out-json .handoff/v0.4.0.json": (0, r"^GO  "),
    ACCEPT_COMMAND: (1, r"^  HP125 "),
    f"{ACCEPT_COMMAND} --accept-change 7a8cfbddbedb346e --accept-change d642cfbcda87007b": (
        0,
        r"^GO  v0\.4\.0 is pinned: 5 files written; review and commit them$",
    ),
    ".venv/bin/nox -s handoff-pinned -- --sample python": (0, r"^GO  v0\.4\.0 of Sample service "),
    ".venv/bin/nox -s handoff-rollback -- --sample python": (0, r"^GO  v0\.3\.2 is pinned again"),
    "git -C .handoff/sample-consumer-python diff --stat HEAD~1 -- config/producer-pin.json": (
        0,
        r"\A\Z",
    ),
}
# The commands whose outputs a document shows, in its order. None: the block is not an output.
PYTHON_GO = f"{STABLE} -- --sample python"
EXPLAIN = ".venv/bin/nox -s handoff-explain -- trilogy-compliance"
SHOWN: dict[str, tuple[str | None, ...]] = {
    README: (PYTHON_GO, f"{STABLE} -- --ref main"),
    TUTORIAL: (PYTHON_GO, EXPLAIN),
    READ_A_NO_GO: (f"{STABLE} -- --ref v0.3.3", f"{STABLE} -- --ref main", NO_STATEMENT),
    RELEASE: (None,),
    PLAIN_RELEASE: (None,),
    # The fingerprints are of other keys in each run.
    SIGN: (None,),
    ACCEPT: (ACCEPT_COMMAND,),
    # Shown by tests/faults, which interrupts runs.
    "docs/explanation/how-a-run-works.md": (None,),
    "docs/explanation/architecture.md": (None,),
    # tests/checks/test_ignores.py compares these lines.
    "docs/how-to/ignore-files.md": (None,),
    "docs/reference/rules.md": (None,) * len(CATALOGUE),
    # tests/setup/test_adopt.py does what these pages say.
    **{f"docs/how-to/adopt-{kind}.md": (None,) for kind in ADOPTIONS},
}


def blocks(document: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    found: list[str] = []
    lines: list[str] = []
    inside, matching, indent = False, False, 0
    for line in (TOP / document).read_text("utf-8").splitlines():
        fence = re.match(r"\s*```(\S*)$", line)
        if fence and not inside:
            inside, lines, matching = True, [], fence[1] == language
            indent = len(line) - len(line.lstrip())
        elif fence:
            inside = False
            if matching:
                found.append("\n".join(lines))
        elif inside:
            lines.append(line[indent:])
    return found


def commands(documents: Iterable[str]) -> list[str]:
    """Return every command of some documents, in the order in which a reader meets them."""
    return [
        part
        for document in documents
        for text in blocks(document, "bash")
        for line in text.splitlines()
        for part in line.split(" && ")
    ]


@dataclass
class Reader:
    """A person who types commands in a folder, each of them once."""

    folder: Path
    environment: dict[str, str]
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)

    def type(self, command: str) -> tuple[int, str]:
        """Run a command; return its exit code and everything that it printed."""
        if command not in self.answers:
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            self.answers[command] = (done.returncode, done.stdout)
        return self.answers[command]

    def mistakes(self, typed: Sequence[str]) -> dict[str, str]:
        """Type commands; return those that do not end as the tables say, each with its output."""
        found = {command: self._mistake(command) for command in typed}
        return {command: said for command, said in found.items() if said}

    def _mistake(self, command: str) -> str:
        if command in INSTALLING:
            return ""
        words = [word for word in shlex.split(command) if not re.match(r"\w+=", word)]
        if words[0] not in PROGRAMS:
            return "no test knows how to run it"
        if command in ASKED:
            status, said = self.type(f"{command} --list")
            listed = tuple(re.findall(r"^\* (\S+)", said, re.MULTILINE))
            return "" if status == 0 and listed == ASKED[command] else said
        status, said = self.type(f"{command} --dry-run" if command in PREVIEWED else command)
        expected, pattern = ENDS.get(command, (0, ""))
        if status == expected and re.search(pattern, said, re.MULTILINE):
            return ""
        return f"exit code {status}; expected {expected} and {pattern!r}: {said}"


def copy(folder: Path) -> None:
    """Copy what git would ship into a repository of its own, and what Python has compiled of it."""
    scratch.copy_shipped(TOP, folder)
    for compiled in TOP.glob("handoff_tasks/**/__pycache__"):
        shutil.copytree(compiled, folder / compiled.relative_to(TOP), dirs_exist_ok=True)
    scratch.git(folder, "init", "--quiet", "--template=")
    scratch.git(folder, "add", "--all")
    scratch.git(folder, "commit", "--quiet", "--message", "all")


def program(path: Path, *words: str) -> None:
    """Put a program at a path that runs this Python with these words."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, *words])} "$@"\n')
    path.chmod(0o755)


def release_to_be(path: Path) -> None:
    """Make a producer after the first two steps of a release: v1.2.3 is committed, not tagged."""
    made = scratch.producer(path)
    packet = "docs/implementation/PRODUCER_RELEASE_HANDOFF_LATEST.json"
    register = "handoff_tasks.register(nox, __file__, profile='handoff.toml')"
    noxfile = f"import nox\nimport handoff_tasks\n{register}\n"
    ignored = "/.nox/\n__pycache__/\n" + (path / ".gitignore").read_text()
    profile = scratch.PROFILE.replace(scratch.PACKET_PATH, packet)
    made.commit(
        "build: handoff", {"noxfile.py": noxfile, "handoff.toml": profile, ".gitignore": ignored}
    )
    previous = json.loads(made.git("show", f"v1.1.0:{scratch.MANIFEST_PATH}"))["commit_sha"]
    runtime = made.commit(
        "feat: more",
        {"crates/core/lib.rs": "pub const SERVICE: u32 = 2;\npub const MORE: u32 = 1;\n"},
    )
    made.release("v1.2.3", runtime, rollback=f"v1.1.0/{previous}")


def reader_in(base: Path, folder: Path) -> Reader:
    """Return a reader in ``folder``, with a ``nox`` on PATH and a cache of their own."""
    program(base / "bin/nox", "-m", "nox")
    # The coverage of these tests does not measure the copy; git knows who commits.
    dropped = ("COVERAGE_", "COV_CORE_", "GIT_", "NOX", "SOURCE_DATE_EPOCH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    who = {name: value for name, value in scratch.environment().items() if name.startswith("GIT_")}
    own = {
        "PATH": os.pathsep.join([str(base / "bin"), os.environ["PATH"]]),
        "XDG_CACHE_HOME": str(base / "cache"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return Reader(folder=folder, environment=kept | who | own)


@pytest.fixture
def here(tmp_path: Path) -> Reader:
    """Return a reader in a fresh copy of this repository."""
    folder = tmp_path / "handoff-tasks"
    copy(folder)
    program(folder / ".venv/bin/nox", "-m", "nox")
    program(folder / ".venv/bin/handoff-tasks", "-m", "handoff_tasks")
    program(folder / ".nox/tests/bin/python")
    return reader_in(tmp_path, folder)


@pytest.fixture
def visitor(here: Reader) -> Reader:
    """Return a reader with a MemoryKernel and a repository to set up beside the copy."""
    base = here.folder.parent
    sample = here.folder / ".handoff/sample-producer"
    if not CARGO:
        # With cargo, the first command of the README builds it.
        setup_sample.build(sample, Flavour.RUST)
    (base / "MemoryKernel").symlink_to(sample)
    made = scratch.producer(base / "service")
    script = "#!/usr/bin/env bash\necho 'All is well.'\n"
    ignored = "/.nox/\n/.handoff/\n__pycache__/\n"
    head = made.commit(
        "feat: checks", {"scripts/verify_all.sh": script, ".gitignore": ignored, "Cargo.toml": None}
    )
    previous = json.loads(made.git("show", f"v1.1.0:{scratch.MANIFEST_PATH}"))["commit_sha"]
    made.release("v1.2.0", head, rollback=f"v1.1.0/{previous}")
    return here


@pytest.fixture
def releaser(tmp_path: Path) -> Reader:
    """Return a reader in a producer that is about to be released."""
    release_to_be(tmp_path / "producer")
    return reader_in(tmp_path, tmp_path / "producer")


def test_every_document_with_commands_has_a_reader() -> None:
    """No document has commands that no test runs, and none shows an output that no test knows."""
    assert {name for name in DOCUMENTS if blocks(name, "bash")} == {
        *VISITOR,
        *CONTRIBUTOR,
        *RELEASER,
        *SIGNER,
        *PLAIN_RELEASER,
        *ACCEPTER,
    }
    shown = {name: len(blocks(name, "text")) for name in DOCUMENTS if blocks(name, "text")}
    assert shown == {name: len(outputs) for name, outputs in SHOWN.items()}


@pytest.mark.cargo
def test_a_visitor_gets_what_the_documents_show(visitor: Reader) -> None:
    """Each command ends as documented, and its output has each shown line, in this order."""
    typed = commands(VISITOR)
    assert len(typed) > 12
    assert visitor.mistakes(typed) == {}
    if not CARGO:
        pytest.skip("cargo is not on PATH: the commands work, the outputs were not compared")
    delete_the_statement(visitor.folder / ".handoff/sample-producer")
    others = {PYTHON_GO, ACCEPT_COMMAND}
    assert not_printed(visitor, lambda command: command not in others) == {}


@pytest.mark.slow
def test_the_python_flavour_prints_what_the_documents_show(here: Reader) -> None:
    """Each line of the GO that README and tutorial show is printed, also without cargo."""
    assert here.type(PYTHON_GO)[0] == 0
    assert not_printed(here, lambda command: command == PYTHON_GO) == {}


@pytest.mark.slow
def test_the_commands_of_a_consumer_work(here: Reader) -> None:
    """The sample consumer is taken from v0.3.2 to v0.4.0 and back, as the document shows."""
    typed = commands(ACCEPTER)
    assert len(typed) > 6
    assert here.mistakes(typed) == {}
    assert not_printed(here, lambda command: command == ACCEPT_COMMAND) == {}


def not_printed(reader: Reader, selects: Callable[[str], bool]) -> dict[tuple[str, str], list[str]]:
    """Return the shown lines that the selected commands do not print, by document and command."""
    missing = {}
    for document, outputs in SHOWN.items():
        for command, text in zip(outputs, blocks(document, "text"), strict=True):
            if command and selects(command):
                missing[document, command] = found_in_order(text, reader.type(command)[1])
    return {place: lines for place, lines in missing.items() if lines}


def delete_the_statement(sample: Path) -> None:
    """Commit the sample without its last statement, below the tag no-statement."""
    changelog = (sample / "CHANGELOG.md").read_text()
    start = changelog.index("Consumer impact:")
    (sample / "CHANGELOG.md").write_text(
        changelog[:start] + changelog[changelog.index("## ", start) :]
    )
    scratch.git(sample, "commit", "--quiet", "--all", "--message", "docs: no statement")
    scratch.git(sample, "tag", "no-statement")
    scratch.git(sample, "reset", "--quiet", "--hard", "HEAD^")


@pytest.mark.slow
def test_the_commands_for_contributors_work(here: Reader) -> None:
    """Each command of CONTRIBUTING ends as it says."""
    typed = commands(CONTRIBUTOR)
    assert len(typed) > 10
    assert here.mistakes(typed) == {}


@pytest.mark.slow
def test_the_commands_of_a_release_work(releaser: Reader) -> None:
    """Each command of a release, and of the comparison of packets, ends as the documents say."""
    typed = commands(RELEASER)
    assert len(typed) > 7
    assert releaser.mistakes(typed) == {}


@pytest.mark.slow
def test_the_commands_of_a_release_without_manifest_work(tmp_path: Path) -> None:
    """Each command ends as documented, with the profile, the noxfile and the statement that are shown."""
    made = scratch.repository(tmp_path / "greetings")
    [profile, _], [noxfile] = blocks(PLAIN_RELEASE, "toml"), blocks(PLAIN_RELEASE, "python")
    [section] = blocks(PLAIN_RELEASE, "text")
    test = "import unittest\n\n\nclass Test(unittest.TestCase):\n    def test_it(self):\n        pass\n"
    files = {"tests/test_it.py": test, ".gitignore": "/.nox/\n/.handoff/\n__pycache__/\n"}
    for version, changelog in (("1.0.0", "## v1.0.0\n"), ("1.1.0", f"{section}\n\n## v1.0.0\n")):
        files["src/greet.py"] = f"print('hello {version}')\n"
        files["CHANGELOG.md"] = changelog
        files["pyproject.toml"] = f"[project]\nname = 'greetings'\nversion = '{version}'\n"
        made.commit(f"feat: {version}", files)
        if version == "1.0.0":
            made.tag("v1.0.0")
    made.write({"handoff.toml": profile + "\n", "noxfile.py": noxfile + "\n"})
    reader = reader_in(tmp_path, made.root)
    typed = commands(PLAIN_RELEASER)
    assert len(typed) == 9
    assert reader.mistakes(typed) == {}
    packet = json.loads((tmp_path / "v1.1.0.json").read_bytes())
    assert (packet["release_tag"], packet["git_state"]["tag"]["state"]) == ("v1.1.0", "tagged")


@pytest.mark.slow
@pytest.mark.skipif(
    not all(map(shutil.which, ("ssh-keygen", "openssl", "jq"))), reason="a program is missing"
)
def test_the_commands_for_signatures_work(tmp_path: Path) -> None:
    """Each block of commands ends with exit code 0, but for those of programs that may be missing."""
    folder, home = tmp_path / "consumer", tmp_path / "home"
    for path in (folder / "handoff", home / ".ssh"):
        path.mkdir(parents=True)
    for name in ("PACKET", "OTHER"):
        shutil.copy(TOP / "tests/golden/stable-v0.4.0.json", folder / name)
    (folder / "noxfile.py").write_text(
        "import nox\nimport handoff_tasks\nhandoff_tasks.register(nox, __file__)\n"
    )
    scratch.git(folder, "init", "--quiet", "--template=")
    scratch.git(folder, "add", "noxfile.py")
    scratch.git(folder, "commit", "--quiet", "--message", "noxfile")
    reader = reader_in(tmp_path, folder)
    reader.environment["HOME"] = str(home)
    elsewhere = ("ssh-add ", "cosign ", "slsa-verifier ")
    for number, text in enumerate(blocks(SIGN, "bash")):
        if any(word in text for word in elsewhere):
            continue
        if number == 2:
            other = "nox -s handoff-sign -- OTHER --key ci-linux"
            assert reader.type(other)[0] == 0, reader.answers[other]
            ssh = home / ".ssh/handoff.pub"
            for name in ("laptop.pub", "handoff-stolen.pub"):
                shutil.copy(ssh if name == "laptop.pub" else folder / "ci-linux.pub", folder / name)
        if "verify-tag" in text or "tag -s" in text:
            trusted = folder / "handoff/allowed_signers"
            trusted.write_text(trusted.read_text().replace('"handoff"', '"handoff,git"'))
        typed = text.replace("-C laptop-2026", "-N '' -C laptop-2026")
        if "--receipt" in text:
            shutil.copy(home / ".ssh/handoff.pub", folder / "consumer.pub")
            receipts = (folder / "handoff/receipts").iterdir()
            oldest = min(receipts, key=lambda path: path.stat().st_mtime_ns)
            typed = typed.replace("RECEIPT.intoto.json", str(oldest.relative_to(folder)))
        if "KEYID" in typed:
            shown = reader.type("ssh-keygen -l -f laptop.pub")[1]
            typed = typed.replace("KEYID", shown.split()[1])
        status, said = reader.type(f"set -e\n{typed}")
        assert status == 0, f"{text}\n{said}"


@pytest.mark.slow
def test_the_installing_commands_work(tmp_path: Path) -> None:
    """The two commands create an environment with the library and nox, its dependency."""
    copy(tmp_path)
    make, install = INSTALLING
    typed = commands([*VISITOR, *CONTRIBUTOR, *RELEASER])
    assert {one for one in typed if " venv " in one or "/pip " in one} == set(INSTALLING)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    make = make.replace("python3", shlex.quote(sys.executable))
    # Dependencies are left out: the test must not depend on the versions that exist today.
    show = ".venv/bin/python -P -c 'import handoff_tasks; print(handoff_tasks.__file__)'"
    command = f"{make} && {install} --no-deps && {show}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == str(tmp_path / "handoff_tasks/__init__.py"), done.stderr
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    assert any(re.match(r"nox\b", requirement) for requirement in project["dependencies"])


def found_in_order(shown: str, said: str) -> list[str]:
    """Return the lines of a document that an output lacks, in this order.

    Durations, versions and ``...`` match anything.
    """
    rest, missing = said.splitlines(), []
    for line in shown.splitlines():
        pattern = re.sub(r"(?<![\w.])\d+(\\\.\d+)+(?=\\ s\b|,|\\\))", r"[\\d.]+", re.escape(line))
        pattern = re.sub(r"(\\ )+", r"\\ +", pattern.replace(r"\.\.\.", ".*"))
        place = next(
            (number for number, one in enumerate(rest) if re.fullmatch(pattern, one.rstrip())), None
        )
        if place is None:
            missing.append(line)
        else:
            rest = rest[place if line == "..." else place + 1 :]
    return missing


def test_a_shown_line_that_is_not_printed_is_found() -> None:
    """The comparison with an output sees a line that is missing, changed, or out of order."""
    said = "one\n  took  0.3 s (with rg 15.2.0)\ntwo"
    assert found_in_order("one\n...\n  took 7.5 s (with rg 1.0.0)\ntwo", said) == []
    assert found_in_order("two\none", said) == ["one"]
    assert found_in_order("  took 0.3 m (with rg 15.2.0)", said) == [
        "  took 0.3 m (with rg 15.2.0)"
    ]


def test_every_option_and_session_is_in_the_documents(here: Reader) -> None:
    """The reference has each option of the parser; README and reference have each session."""
    known = [flag for flag, option in table.OPTIONS.items() if not option.hidden]
    reference = (TOP / SESSIONS).read_text("utf-8")
    known.append("--memorykernel-root")
    assert [option for option in known if f"`{option}" not in reference] == []
    status, said = here.type(".venv/bin/nox -l")
    assert status == 0
    names = re.findall(r"^[*-] (\S+)", said, re.MULTILINE)
    sessions = {re.sub(r"^verify-.*", "verify-<check>", name) for name in names}
    assert {"handoff-stable", "verify-<check>", "docs"} <= sessions
    own = {"lint", "types", "tests", "build", "bench", "fuzz", "docs"}
    # The reference is the same for every profile, which gives the modes their names.
    modes = {"handoff-stable", "handoff-v3-candidate"}
    generic = (sessions - own - modes) | {"handoff-<mode>"}
    assert [name for name in sorted(generic) if f"`{name}" not in reference] == []
    readme = (TOP / README).read_text("utf-8")
    assert [name for name in sorted(sessions - own) if f"`{name}" not in readme] == []


def test_the_readme_is_short() -> None:
    """The README has at most 7 KB."""
    assert (TOP / README).stat().st_size <= 7 * 1024


def test_the_manifest_that_is_shown_is_valid() -> None:
    """A copy of it with a tag and a commit filled in is a manifest."""
    [text] = blocks(SET_UP, "json")
    assert manifest.read_manifest(text.encode(), "manifest").release_tag == "v1.0.0"
    [text] = blocks(PLAIN_RELEASE, "json")
    read = manifest.read_manifest(text.encode(), "manifest", "release")
    assert read.contracts == {"http-api": "v3"}


def test_every_part_is_in_the_table() -> None:
    """CONTRIBUTING has the parts of the import-linter contract, in the same rows."""
    text = (
        (TOP / CONTRIBUTING).read_text("utf-8").partition("## The parts")[2].partition("\n## ")[0]
    )
    rows = [
        re.findall(r"`(\w+)`", row.split(" | ")[0])
        for row in re.findall(r"^\| (`.*)$", text, re.MULTILINE)
    ]
    contracts = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
    assert rows == [layer.split(" | ") for layer in contracts[0]["layers"]]
    package = TOP / "handoff_tasks"
    found = {path.parent.name for path in package.glob("*/__init__.py")} | {
        path.stem for path in package.glob("*.py")
    }
    assert sorted(part for row in rows for part in row) == sorted(found - {"__init__"})


def test_what_a_check_sees_is_tested() -> None:
    """Each line of the table names existing tests, or says that there is none."""
    text = (TOP / "docs/explanation/what-a-check-sees.md").read_text("utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line[:2] == "| "]
    tests = [row[3].removesuffix(" |") for row in rows if row[0] != "| part"]
    assert tests
    files = {path.stem: path for path in (TOP / "tests").rglob("test_*.py")}
    for named in tests:
        found = re.findall(r"`(test_\w+)::(test_\w+)`", named)
        assert found or named == "none"
        for module, name in found:
            assert f"\ndef {name}(" in files[module].read_text("utf-8"), f"{module}::{name}"


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub and the site make them."""
    text = document.read_text("utf-8")
    if include := re.search(r"```\{include\} (\S+)", text):
        return anchors(document.parent / include[1])
    lines = text.splitlines()
    headings = [line.lstrip("# ").lower() for line in lines if line[:1] == "#"]
    return {re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    """A link to a file or a heading of the repository finds it."""
    path = TOP / document
    for link in re.findall(r"\]\(([^)]+)\)", path.read_text("utf-8")):
        if not link.startswith("https://"):
            name, _, anchor = link.partition("#")
            target = path.parent / name if name else path
            assert target.is_file(), link
            if anchor:
                assert anchor in anchors(target), link


def test_pages_that_the_library_names_exist() -> None:
    """A message of the library that points to a page of these documents has its path."""
    for path in (TOP / "handoff_tasks").rglob("*.py"):
        text = path.read_text("utf-8")
        pages = re.findall(r"docs/(?:reference|how-to|explanation)/[\w-]+\.md", text)
        pages += re.findall(r"docs/(?:manifest|profile|rules)\.md", text)
        assert [page for page in pages if not (TOP / page).is_file()] == [], path


@pytest.fixture(scope="module")
def generator() -> dict[str, Any]:
    """What docs/generate.py defines."""
    return runpy.run_path(str(TOP / "docs/generate.py"))


@pytest.fixture
def schemas() -> dict[str, Any]:
    """The schemas, a copy of each, so that a test may change them."""
    names = (
        formats_schemas.MANIFEST,
        formats_schemas.PACKET,
        formats_schemas.PROFILE,
        formats_schemas.RECORD,
        formats_schemas.RESULT,
    )
    return {name: json.loads(json.dumps(formats_schemas.schema(name))) for name in names}


def test_the_pages_are_what_the_schemas_say(tmp_path: Path) -> None:
    """The committed pages are those that ``nox -s docs`` generates."""
    subprocess.run([sys.executable, str(TOP / "docs/generate.py"), str(tmp_path)], check=True)
    written = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    pages = {path.name: path.read_text("utf-8") for path in (TOP / "docs/reference").glob("*.md")}
    assert {
        name: text for name, text in pages.items() if text.startswith("<!-- Generated by ")
    } == written


def test_a_field_without_an_origin_is_refused(
    generator: dict[str, Any], schemas: dict[str, Any]
) -> None:
    """A new field without an origin, and an origin without a field, are errors."""
    fields = schemas[formats_schemas.PACKET]["properties"]
    fields["git_state"]["properties"]["new"] = {"type": "string", "description": "New."}
    del fields["advisories"]
    with pytest.raises(
        ValueError, match=r"missing \['git_state/new'\], not in the schema \['advisories'\]"
    ):
        generator["pages"](schemas)


def test_a_keyword_that_the_script_does_not_know_is_refused(
    generator: dict[str, Any], schemas: dict[str, Any]
) -> None:
    """A constraint that the tables would leave out stops the script."""
    schemas[formats_schemas.RECORD]["properties"]["log"]["anyOf"][0]["properties"]["size"][
        "multipleOf"
    ] = 2
    with pytest.raises(
        ValueError, match=r"log/size/: keywords that docs/generate.py does not know: multipleOf"
    ):
        generator["pages"](schemas)


def test_a_code_of_a_family_without_a_name_is_refused(generator: dict[str, Any]) -> None:
    """A family that the page would leave out stops the script."""
    with pytest.raises(ValueError, match="lacks those of HP999"):
        generator["rules_page"]({**CATALOGUE, "HP999": CATALOGUE["HP001"]}, FAMILIES)


def test_every_code_that_a_page_names_is_in_use() -> None:
    """No document speaks of a code that the library does not have."""
    code = re.compile(r"H[PA][01]\d\d")
    used = {
        found
        for path in (TOP / "handoff_tasks").rglob("*.py")
        for found in code.findall(path.read_text("utf-8"))
    }
    for document in DOCUMENTS:
        assert set(code.findall((TOP / document).read_text("utf-8"))) <= used
