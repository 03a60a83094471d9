"""Claims about the documents: each command in them works as written, what they show is what is printed, nothing is left out.

The commands run one after the other, as a reader types them, in a copy of this repository whose ``.venv`` and ``.nox/tests`` are
those of the running tests; those of the release flow run in a producer of its own. A command that no table here knows fails.
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

from handoff_tasks.codes import CATALOGUE, FAMILIES
from handoff_tasks.formats import schemas as formats_schemas
from handoff_tasks.model import Flavour
from handoff_tasks.producer import manifest
from handoff_tasks.sessions import table
from handoff_tasks.setup import sample as setup_sample

if TYPE_CHECKING:
    from pathlib import Path

TOP = places.TOP
README, CONTRIBUTING = "README.md", "CONTRIBUTING.md"
CARGO = shutil.which("cargo") is not None

# Where a section's commands are typed.
HERE, PRODUCER = "this repository", "a producer's repository"
PLACES = {
    (README, "Try it"): HERE,
    (README, "A producer of your own"): HERE,
    (README, "Before a run"): HERE,
    (README, "Releasing"): PRODUCER,
    (README, "What a release changes"): PRODUCER,
    (CONTRIBUTING, "The gates"): HERE,
    (CONTRIBUTING, "Adding a rule"): HERE,
    (CONTRIBUTING, "Adding a check"): HERE,
    (CONTRIBUTING, "Adding a profile"): HERE,
    (CONTRIBUTING, "A golden case"): HERE,
    (CONTRIBUTING, "A bad-input case"): HERE,
}
PROGRAMS = {".venv/bin/nox", ".nox/tests/bin/python", "nox", "git", "grep", "mkdir", "echo", "cat"}
# Tried by a test of their own, in a folder where they may install.
INSTALLING = ("python3 -m venv .venv", ".venv/bin/pip install --quiet --editable .")
# What these would do is what runs this test, or takes as long: nox is asked what it would run.
ASKED = {
    ".venv/bin/nox": ("lint", "types", "tests", "build"),
    ".venv/bin/nox -s lint types": ("lint", "types"),
}
STABLE = ".venv/bin/nox -s handoff-stable"
# What a command ends with, where it is not exit code 0 alone: with cargo, and without it.
ENDS = {
    STABLE: (0, r"^GO  "),
    f"{STABLE} -- --producer-root ../MemoryKernel": (0, r"^GO  ") if CARGO else (1, r"^  HP045 check clippy: .*cargo"),
    f"{STABLE} -- --ref main": (1, r"^  HP054 "),
    f"{STABLE} -- --ref v0.3.3": (1, r"^  HP043 check contract-parity: "),
    ".venv/bin/nox -s handoff-init -- ../service": (
        0,
        r"git add handoff\.toml noxfile\.py && git commit .* && \S*nox -s pre-release$",
    ),
    ".venv/bin/nox -s handoff-explain -- trilogy-compliance": (0, r"^  evidence "),
    f"{STABLE} -- --dry-run": (0, r"^Nothing was run\. "),
    ".venv/bin/nox -s verify-contract-parity": (0, r"contract-parity \| passed in "),
    "cat tests/bad/manifest/only-a-tag/expected.txt": (0, r"^HP021 manifest\.json"),
    "nox -s pre-release": (0, r"^GO  for stable, service-v3-candidate; nothing was published$"),
    "nox -s handoff-stable -- --allow-untagged": (0, r"^GO  "),
    "nox -s handoff-verify -- docs/implementation/PRODUCER_RELEASE_HANDOFF_LATEST.json": (
        0,
        r"(?s)HA012.*^GO  .*, checked against git in ",
    ),
    "nox -s handoff-stable -- --ref v1.1.0 --out-json ../v1.1.0.json": (0, r"^GO  "),
    "nox -s handoff-diff -- ../v1.1.0.json v1.2.3: --fail-on breaking": (0, r"^\d+ editorial$"),
    "nox -s handoff-show -- ../v1.1.0.json": (0, r"^The packet says GO: .* nothing was checked now$"),
    "git diff --stat tests/golden": (0, r"\A\Z"),
}


def blocks(document: str, language: str) -> list[tuple[str, str]]:
    """Return the fenced blocks of a language, each with the heading above it."""
    found: list[tuple[str, str]] = []
    lines: list[str] = []
    heading, inside = "", False
    for line in (TOP / document).read_text("utf-8").splitlines():
        fence = re.match(r"\s*```(\w*)$", line)
        if fence and not inside:
            inside, lines, wanted, indent = True, [], fence[1] == language, len(line) - len(line.lstrip())
        elif fence:
            inside = False
            if wanted:
                found.append((heading, "\n".join(lines)))
        elif inside:
            lines.append(line[indent:])
        elif line.startswith("## "):
            heading = line.removeprefix("## ")
    return found


def commands() -> list[tuple[str, str, str]]:
    """Return every command of the documents, with its document and heading, in the order in which a reader meets them."""
    return [
        (document, heading, part)
        for document in (README, CONTRIBUTING)
        for heading, text in blocks(document, "bash")
        for line in text.splitlines()
        for part in line.split(" && ")
    ]


@dataclass
class Reader:
    """Someone who types what the documents say; an answer is kept, so that no command of the same words runs twice."""

    places: dict[str, Path]
    environment: dict[str, str]
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)

    def type(self, command: str, place: str = HERE) -> tuple[int, str]:
        """Run a command in its place; return exit code and all that it printed."""
        if command not in self.answers:
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=self.places[place],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            self.answers[command] = (done.returncode, done.stdout)
        return self.answers[command]


def copy(folder: Path) -> None:
    """Copy what git would ship into a repository of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=TOP, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (TOP / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / name, folder / name)
    scratch.git(folder, "init", "--quiet", "--template=")
    scratch.git(folder, "add", "--all")
    scratch.git(folder, "commit", "--quiet", "--message", "all")


def program(path: Path, *words: str) -> None:
    """Put a program at a path that runs this Python with these words."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, *words])} "$@"\n')
    path.chmod(0o755)


def release_to_be(path: Path) -> None:
    """Make a producer as it is after the first two steps of the release flow: v1.2.3 is committed, filled in and not tagged."""
    made = scratch.producer(path)
    packet = "docs/implementation/PRODUCER_RELEASE_HANDOFF_LATEST.json"
    noxfile = "import nox\nimport handoff_tasks\nhandoff_tasks.register(nox, __file__, profile='handoff.toml')\n"
    ignored = "/.nox/\n__pycache__/\n" + (path / ".gitignore").read_text()
    profile = scratch.PROFILE.replace(scratch.PACKET_PATH, packet)
    made.commit("build: handoff", {"noxfile.py": noxfile, "handoff.toml": profile, ".gitignore": ignored})
    previous = json.loads(made.git("show", f"v1.1.0:{scratch.MANIFEST_PATH}"))["commit_sha"]
    runtime = made.commit("feat: more", {"crates/core/lib.rs": "pub const SERVICE: u32 = 2;\npub const MORE: u32 = 1;\n"})
    made.release("v1.2.3", runtime, rollback=f"v1.1.0/{previous}")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """A reader with a fresh copy of this repository, a MemoryKernel beside it, and a producer that is about to be released."""
    base = tmp_path_factory.mktemp("documents")
    here, producer = base / "handoff-tasks", base / "producer"
    copy(here)
    program(here / ".venv/bin/nox", "-m", "nox")
    program(here / ".nox/tests/bin/python")
    program(base / "bin/nox", "-m", "nox")
    # The sample stands for it; both names are one folder, so that its build outputs serve both.
    if not CARGO:
        # With cargo the first command of the README builds it.
        setup_sample.build(here / ".handoff/sample-producer", Flavour.RUST)
    (base / "MemoryKernel").symlink_to(here / ".handoff/sample-producer")
    release_to_be(producer)
    scratch.repository(base / "service").commit("all", {"scripts/verify_all.sh": "#!/usr/bin/env bash\necho 'All is well.'\n"})
    # Whoever measures these tests does not measure the copy; and git knows who commits.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "COV_CORE_", "GIT_", "NOX"))}
    who = {name: value for name, value in scratch.environment().items() if name.startswith("GIT_")}
    kept.pop("SOURCE_DATE_EPOCH", None)
    path = os.pathsep.join([str(base / "bin"), os.environ["PATH"]])
    environment = kept | who | {"PATH": path, "XDG_CACHE_HOME": str(base / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    return Reader(places={HERE: here, PRODUCER: producer}, environment=environment)


def mistake(reader: Reader, document: str, heading: str, command: str) -> str | None:
    """Type one command of a document; return how it does not end as the tables say."""
    place = PLACES.get((document, heading))
    if place is None:
        return f"no test knows where the commands of '{heading}' in {document} are typed"
    if command in INSTALLING:
        return None
    words = [word for word in shlex.split(command) if not re.match(r"\w+=", word)]
    if words[0] not in PROGRAMS:
        return f"no test knows how to run it, in {document}"
    if command in ASKED:
        status, said = reader.type(f"{command} --list", place)
        return None if status == 0 and tuple(re.findall(r"^\* (\S+)", said, re.MULTILINE)) == ASKED[command] else said
    status, said = reader.type(command, place)
    wanted, pattern = ENDS.get(command, (0, ""))
    return None if status == wanted and re.search(pattern, said, re.MULTILINE) else f"{status}, not {wanted}: {said}"


def test_every_command_works_as_written(reader: Reader) -> None:
    """Each command of the documents ends as they say, one after the other; one that no table knows is an error of these tests."""
    typed = {command: mistake(reader, document, heading, command) for document, heading, command in commands()}
    assert len(typed) > 30
    assert {command: said for command, said in typed.items() if said} == {}


def test_the_installing_commands_work(tmp_path: Path) -> None:
    """The two commands make an environment with the library in it; nox comes with it, as a dependency."""
    copy(tmp_path)
    make, install = INSTALLING
    assert {command for _, _, command in commands() if " venv " in command or "/pip " in command} == set(INSTALLING)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    make = make.replace("python3", shlex.quote(sys.executable))
    # All that would be downloaded is left out: which versions there are today is not for a test to say.
    command = f"{make} && {install} --no-deps && .venv/bin/python -P -c 'import handoff_tasks; print(handoff_tasks.__file__)'"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(tmp_path / "handoff_tasks/__init__.py"), done.stderr
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    assert any(re.match(r"nox\b", requirement) for requirement in project["dependencies"])


def found_in_order(shown: str, said: str) -> list[str]:
    """Return the lines of a document that an output does not have, in this order. Durations, versions and ``...`` are anything."""
    rest, missing = said.splitlines(), []
    for line in shown.splitlines():
        pattern = re.sub(r"(?<![\w.])\d+(\\\.\d+)+(?=\\ s\b|,|\\\))", r"[\\d.]+", re.escape(line))
        pattern = re.sub(r"(\\ )+", r"\\ +", pattern.replace(r"\.\.\.", ".*"))
        place = next((number for number, one in enumerate(rest) if re.fullmatch(pattern, one.rstrip())), None)
        if place is None:
            missing.append(line)
        else:
            rest = rest[place if line == "..." else place + 1 :]
    return missing


@pytest.mark.cargo
@pytest.mark.skipif(not CARGO, reason="cargo is not on PATH")
def test_what_the_readme_shows_is_what_is_printed(reader: Reader) -> None:
    """The end of a GO and the three NO-GO: each line of them stands in the output of a real run, in this order."""
    status, said = reader.type(f"{STABLE} -- --sample python")
    assert status == 0
    [go] = [text for heading, text in blocks(README, "text") if heading == "Try it"]
    assert found_in_order(go, said) == []
    assert reader.type(STABLE)[0] == 0
    [explained] = [text for heading, text in blocks(README, "text") if heading == "Before a run"]
    assert found_in_order(explained, reader.type(".venv/bin/nox -s handoff-explain -- trilogy-compliance")[1]) == []
    sample = reader.places[HERE] / ".handoff/sample-producer"
    changelog = (sample / "CHANGELOG.md").read_text()
    start = changelog.index("Consumer impact:")
    (sample / "CHANGELOG.md").write_text(changelog[:start] + changelog[changelog.index("## ", start) :])
    scratch.git(sample, "commit", "--quiet", "--all", "--message", "docs: no statement")
    scratch.git(sample, "tag", "no-statement")
    scratch.git(sample, "reset", "--quiet", "--hard", "HEAD^")
    three = [text for heading, text in blocks(README, "text") if heading == "Reading a NO-GO"]
    for shown, ref in zip(three, ("v0.3.3", "main", "no-statement"), strict=True):
        status, said = reader.type(f"{STABLE} -- --ref {ref}")
        assert status == 1
        assert found_in_order(shown, said) == []


def test_a_shown_line_that_is_not_printed_is_found() -> None:
    """The comparison with an output sees a line that is missing, changed, or out of order."""
    said = "one\n  took  0.3 s (with rg 15.2.0)\ntwo"
    assert found_in_order("one\n...\n  took 7.5 s (with rg 1.0.0)\ntwo", said) == []
    assert found_in_order("two\none", said) == ["one"]
    assert found_in_order("  took 0.3 m (with rg 15.2.0)", said) == ["  took 0.3 m (with rg 15.2.0)"]


def test_every_option_and_session_is_in_the_readme(reader: Reader) -> None:
    """The README names each option of the parser and each session of the noxfile."""
    known = [flag for flag, option in table.OPTIONS.items() if not option.hidden]
    assert len(known) > 20
    readme = (TOP / README).read_text("utf-8")
    assert [option for option in [*known, "--memorykernel-root"] if f"`{option}" not in readme] == []
    status, said = reader.type(".venv/bin/nox -l")
    assert status == 0
    sessions = {re.sub(r"^verify-.*", "verify-<check>", name) for name in re.findall(r"^[*-] (\S+)", said, re.MULTILINE)}
    assert {"handoff-stable", "verify-<check>", "docs"} <= sessions
    assert [name for name in sorted(sessions) if f"`{name}" not in readme] == []


def test_the_manifest_that_the_readme_shows_is_one() -> None:
    """Whoever copies it and fills in a tag and a commit has a manifest."""
    [text] = [text for _, text in blocks(README, "json")]
    assert manifest.read_manifest(text.encode(), "manifest").release_tag == "v1.0.0"


def test_every_part_is_in_the_table() -> None:
    """CONTRIBUTING names the parts that import-linter knows, in the same rows, and each is a package or a module."""
    text = (TOP / CONTRIBUTING).read_text("utf-8").partition("## The parts")[2].partition("\n## ")[0]
    rows = [re.findall(r"`(\w+)`", row.split(" | ")[0]) for row in re.findall(r"^\| (`.*)$", text, re.MULTILINE)]
    contracts = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert rows == [layer.split(" | ") for layer in contracts[0]["layers"]]
    package = TOP / "handoff_tasks"
    found = {path.parent.name for path in package.glob("*/__init__.py")} | {path.stem for path in package.glob("*.py")}
    assert sorted(part for row in rows for part in row) == sorted(found - {"__init__"})


def test_what_a_check_sees_is_tested() -> None:
    """Each line of the table names tests that are there, or says that there is none."""
    rows = [line.split(" | ") for line in (TOP / "docs/what-a-check-sees.md").read_text("utf-8").splitlines() if line[:2] == "| "]
    tests = [row[3].removesuffix(" |") for row in rows if row[0] != "| part"]
    assert tests
    for named in tests:
        found = re.findall(r"`(test_\w+)::(test_\w+)`", named)
        assert found or named == "none"
        for module, name in found:
            assert f"\ndef {name}(" in (TOP / "tests" / f"{module}.py").read_text("utf-8"), f"{module}::{name}"


@pytest.mark.parametrize("document", [README, CONTRIBUTING, *(f"docs/{path.name}" for path in sorted((TOP / "docs").glob("*.md")))])
def test_links_lead_somewhere(document: str) -> None:
    """A link to a file or a heading of the repository finds it."""
    text = (TOP / document).read_text("utf-8")
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-") for line in text.splitlines() if line[:1] == "#"
    }
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if link.startswith("#"):
            assert link[1:] in headings
        elif not link.startswith("https://"):
            assert ((TOP / document).parent / link).is_file(), link


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
    """The committed pages are those that the script writes; after a change of a schema: ``nox -s docs``."""
    subprocess.run([sys.executable, str(TOP / "docs/generate.py"), str(tmp_path)], check=True)
    written = {path.name: path.read_text("utf-8") for path in tmp_path.iterdir()}
    pages = {path.name: path.read_text("utf-8") for path in (TOP / "docs").glob("*.md")}
    assert {name: text for name, text in pages.items() if text.startswith("<!-- Written by ")} == written


def test_a_field_without_an_origin_is_refused(generator: dict[str, Any], schemas: dict[str, Any]) -> None:
    """A new field of the packet or of its git_state, and an origin of a field that is gone, are told by name."""
    fields = schemas[formats_schemas.PACKET]["properties"]
    fields["git_state"]["properties"]["new"] = {"type": "string", "description": "New."}
    del fields["advisories"]
    with pytest.raises(ValueError, match=r"missing \['git_state/new'\], not in the schema \['advisories'\]"):
        generator["pages"](schemas)


def test_a_keyword_that_the_script_does_not_know_is_refused(generator: dict[str, Any], schemas: dict[str, Any]) -> None:
    """A constraint that the tables would leave out stops the script."""
    schemas[formats_schemas.RECORD]["properties"]["log"]["anyOf"][0]["properties"]["size"]["multipleOf"] = 2
    with pytest.raises(ValueError, match=r"log/size/: keywords that docs/generate.py does not know: multipleOf"):
        generator["pages"](schemas)


def test_a_code_of_a_family_without_a_name_is_refused(generator: dict[str, Any]) -> None:
    """A family that the page would leave out stops the script."""
    with pytest.raises(ValueError, match="lacks those of HP999"):
        generator["rules_page"]({**CATALOGUE, "HP999": CATALOGUE["HP001"]}, FAMILIES)


def test_every_code_that_a_page_names_is_in_use() -> None:
    """No document speaks of a code that the library does not have."""
    code = re.compile(r"H[PA]0\d\d")
    used = {found for path in (TOP / "handoff_tasks").rglob("*.py") for found in code.findall(path.read_text("utf-8"))}
    for document in (README, CONTRIBUTING, "docs/packet.md"):
        assert set(code.findall((TOP / document).read_text("utf-8"))) <= used
