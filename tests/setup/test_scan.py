"""Claims about the first profile.

Made from what a repository has, never over what is there, and good enough for a GO.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import nox_server
import pytest
import scratch

from handoff_tasks.formats import schemas
from handoff_tasks.problems import HandoffError
from handoff_tasks.producer import profile
from handoff_tasks.sessions import table
from handoff_tasks.setup import scan, screen, scripts

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from desk import Desk

PARITY = """#!/usr/bin/env bash
set -euo pipefail
[[ "${1:-}" == "--app-root" ]] || exit 2
grep -q service "$2/openapi/openapi.yaml"
echo "Parity holds."
"""
SMOKE = "#!/usr/bin/env python3\nimport json\nprint('Smoke passed.')\n"


def written(root: Path) -> profile.Profile:
    """Return the profile that was written, read by the parser of every profile."""
    return profile.parse(
        (root / "handoff.toml").read_bytes(), "handoff.toml", schemas.schema(schemas.PROFILE)
    )


def started(tmp_path: Path, files: dict[str, str | None]) -> tuple[scan.Start, profile.Profile]:
    """Start in a repository with these files."""
    made = scratch.repository(tmp_path / "some app #1")
    made.commit("all", files)
    return scan.start(made.root), written(made.root)


def refused(root: Path) -> tuple[str, str, str, str]:
    """Return why nothing is started there."""
    with pytest.raises(HandoffError) as caught:
        scan.start(root)
    [problem] = caught.value.problems
    return problem.code, problem.where, problem.message, problem.hint


@pytest.mark.slow
def test_a_new_producer_reaches_go_with_its_statement_filled_in(desk: Desk, tmp_path: Path) -> None:
    """From a repository with manifest, changelog and scripts.

    Init, commit, fill in the statement that the run prints, tag: GO.
    """
    made = scratch.repository(tmp_path / "app")
    files = {
        **scratch.runtime("2"),
        "scripts/verify_parity.sh": PARITY,
        "scripts/run_smoke.py": SMOKE,
        "crates/lib.rs": "x\n",
    }
    del files["Cargo.toml"]
    runtime = made.commit(
        "feat: all", {**files, "pyproject.toml": "[project]\n", ".gitignore": ".nox\n"}
    )
    made.release("v1.0.0", runtime)
    changelog = (made.root / scratch.CHANGELOG_PATH).read_text()
    made.commit(
        "docs: no statement yet",
        {scratch.CHANGELOG_PATH: changelog.partition("Consumer impact:")[0]},
    )
    done = desk.bare("handoff-init", str(made.root))
    assert done.returncode == 0, done.stdout
    assert done.stdout.rstrip().splitlines()[-2:] == [
        '  git add handoff.toml noxfile.py && git commit -m "build: hand releases over"',
        f"  {screen.nox_words()} -s pre-release",
    ]
    made.commit("build: hand releases over", {})

    def stable(*words: str) -> subprocess.CompletedProcess[str]:
        given = [*words, "--cache-dir", str(tmp_path / "cache")]
        return nox_server.run(
            ["--envdir", str(desk.envdir), "-s", "handoff-stable", "--", *given], cwd=made.root
        )

    first = stable("--allow-untagged")
    assert first.returncode == 1
    assert re.findall(r"^  (HP\d+)", first.stdout, re.MULTILINE) == ["HP060"] * 2, first.stdout
    block = first.stdout[first.stdout.index("\nConsumer impact:") + 1 :].split("\n\n")[0]
    filled = block.replace("<none|describe>", "the first release").replace("<yes/no>", "yes")
    filled = re.sub(r"repin to <.*>", f"repin to v0.9.0/{runtime}", filled)
    made.tag("v0.9.0", runtime)
    old = (made.root / scratch.CHANGELOG_PATH).read_text()
    made.commit("docs: the statement", {scratch.CHANGELOG_PATH: f"{old.rstrip()}\n\n{filled}\n"})
    made.tag("v1.0.0")
    done = stable()
    assert done.returncode == 0, done.stdout
    packet = json.loads((made.root / "docs/PRODUCER_RELEASE_HANDOFF_LATEST.json").read_bytes())
    assert packet["verification_commands"] == [
        "./scripts/run_smoke.py",
        "./scripts/verify_parity.sh --app-root .",
    ]


def test_scripts_become_checks(tmp_path: Path) -> None:
    """Name, option of the root, success line and tools are read off the script.

    One that is not executable is reported, not taken.
    """
    files: dict[str, str | None] = {
        "scripts/verify_parity.sh": PARITY,
        "tools/run-smoke.py": SMOKE,
        "scripts/verify_old.sh": "x\n",
    }
    found, parsed = started(
        tmp_path, {**files, "scripts/helper.sh": PARITY, "docs/verify_this.md": "x\n"}
    )
    assert [(check.id, check.argv, check.success_line, check.tools) for check in parsed.checks] == [
        (
            "parity",
            ("./scripts/verify_parity.sh", "--app-root", "{root}"),
            "Parity holds.",
            ("bash",),
        ),
        ("smoke", ("./tools/run-smoke.py",), "Smoke passed.", ("python3",)),
    ]
    assert found.to_do[-1] == (
        "scripts/verify_old.sh is not executable, so it is not a check: git update-index --chmod=+x scripts/verify_old.sh"
    )


def test_a_rust_workspace(tmp_path: Path) -> None:
    """Cargo's three commands, its build outputs kept, its homes passed on, what lies above refused."""
    files: dict[str, str | None] = {
        "Cargo.toml": "[workspace]\n",
        "Cargo.lock": "x\n",
        "crates/a/Cargo.toml": "x\n",
        "more/Cargo.lock": "y\n",
    }
    found, parsed = started(tmp_path, files)
    assert [check.id for check in parsed.checks] == ["fmt", "clippy", "test"]
    assert parsed.keep == ("target", "more/target")
    assert parsed.runtime_paths == ("Cargo.lock", "Cargo.toml", "crates/", "more/")
    assert "CARGO_HOME" in parsed.pass_names
    assert "clippy.toml" in parsed.refuse_above
    assert not [line for line in found.to_do if line.startswith("Cargo.lock")]
    assert parsed.toolchain_variable == "RUSTUP_TOOLCHAIN"
    assert [tool for tool in parsed.tools.values() if not tool.claim] == []


def test_what_is_not_known_to_be_metadata_is_runtime(tmp_path: Path) -> None:
    """Too much is refused and too little believed.

    A package's own file at the top counts, documents do not.
    """
    files = [
        "index.js",
        "index.d.ts",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "docs/a.md",
        ".github/x.yml",
        ".eslintrc",
        "noxfile.py",
    ]
    _, parsed = started(tmp_path, {"package.json": "{}\n", **dict.fromkeys(files, "x\n")})
    assert parsed.runtime_paths == ("index.d.ts", "index.js", "package.json")


@pytest.mark.parametrize(
    ("path", "runtime"),
    [
        ("history.js", "history.js"),
        ("security.py", "security.py"),
        ("license-check/main.py", "license-check/"),
        ("changes", None),
        ("README.de.md", None),
        ("LICENSE-MIT", None),
        (".npmrc", ".npmrc"),
        (".cargo/config.toml", ".cargo/"),
        ("contracts/handler.py", "contracts/"),
        ("a\\b\n/c.py", "a*b*/"),
    ],
)
def test_what_only_looks_like_metadata_is_runtime(
    tmp_path: Path, path: str, runtime: str | None
) -> None:
    """A program with a document's name, a dot file that a build reads, a contracts folder without a manifest, an odd name."""
    _, parsed = started(tmp_path, {"index.js": "x\n", path: "x\n"})
    assert parsed.runtime_paths == tuple(sorted(["index.js", *([runtime] if runtime else [])]))


def test_a_script_with_the_name_of_a_document_is_runtime(tmp_path: Path) -> None:
    """Whatever can be run is no document."""
    _, parsed = started(tmp_path, {"changes": "#!/bin/sh\n"})
    assert parsed.runtime_paths == ("changes",)


def test_what_lies_beside_the_manifest_is_runtime(tmp_path: Path) -> None:
    """A folder that holds the manifest is no metadata for that, unless it is the place of contracts or documents."""
    manifest = scratch.manifest("v1.0.0", "0" * 40)
    files: dict[str, str | None] = {
        "src/app/manifest.json": manifest,
        "src/app/main.py": "x\n",
        "src/lib/a.py": "x\n",
        "src/b.py": "x\n",
    }
    _, parsed = started(tmp_path, files)
    assert parsed.manifest_path == "src/app/manifest.json"
    assert parsed.runtime_paths == ("src/app/main.py", "src/b.py", "src/lib/")
    _, parsed = started(
        tmp_path / "more",
        {"contracts/v1/manifest.json": manifest, "contracts/v1/a.json": "{}\n", "main.py": "x\n"},
    )
    assert parsed.runtime_paths == ("main.py",)


def test_a_change_of_the_runtime_after_its_commit_is_no_go(desk: Desk, tmp_path: Path) -> None:
    """A Node package whose program lies at the top: what changes there later is another runtime."""
    made = scratch.repository(tmp_path / "app")
    files = {
        "package.json": "{}\n",
        "index.js": "1\n",
        ".gitignore": ".nox/\n",
        "scripts/verify_parity.sh": PARITY,
    }
    runtime = made.commit("feat: all", {**files, **scratch.runtime("2")})
    made.release("v1.0.0", runtime)
    scan.start(made.root)
    made.commit("feat: after the manifest's commit", {"index.js": "2\n"})
    (desk.folder / "handoff.toml").write_bytes((made.root / "handoff.toml").read_bytes())
    done = desk.bare(
        "pre-release",
        "--producer-root",
        str(made.root),
        "--cache-dir",
        str(tmp_path / "cache"),
        "--dry-run",
    )
    assert "runtime paths differ between the runtime commit" in done.stdout, done.stdout
    assert "index.js" in done.stdout


def test_a_dry_run_writes_nothing(desk: Desk, tmp_path: Path) -> None:
    """It prints what it would write, and names no command for what is not there."""
    made = scratch.repository(tmp_path / "app")
    made.commit("all", {"a.py": "x\n"})
    done = desk.bare("handoff-init", str(made.root), "--dry-run")
    assert done.returncode == 0
    said = done.stdout.splitlines()
    assert [line for line in said if line.startswith("would")] == [
        f"would write {name}" for name in ("handoff.toml", "handoff.md", "noxfile.py")
    ]
    assert said[-1] == "Nothing was written."
    assert made.git("status", "--porcelain") == ""
    scan.start(made.root)
    for name in ("handoff.toml", "handoff.md", "noxfile.py"):
        text = "".join(
            f"  {line}".rstrip() + "\n" for line in (made.root / name).read_text().splitlines()
        )
        assert text in done.stdout


def test_the_nox_to_call_is_one_that_has_us(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name where PATH finds it, else its path; that of another Python is none."""
    ours = tmp_path / "our bin"
    ours.mkdir()
    monkeypatch.setattr(sys, "executable", str(ours / "python"))
    monkeypatch.setenv("PATH", str(ours))
    assert screen.nox_words() == f"'{ours / 'python'}' -m nox"
    (ours / "nox").write_text("#!/bin/sh\n")
    (ours / "nox").chmod(0o755)
    assert screen.nox_words() == "nox"
    monkeypatch.setenv("PATH", "/usr/bin")
    assert screen.nox_words() == f"'{ours / 'nox'}'"


def test_what_a_noxfile_has_already_is_reported(tmp_path: Path) -> None:
    """A session whose name the handoff needs has to be renamed."""
    made = scratch.repository(tmp_path / "app")
    sessions = [
        f'@nox.session(name="{name}")\ndef {name[0]}(session): ...\n'
        for name in ("pre-release", "verify-parity")
    ]
    made.commit(
        "all", {"noxfile.py": "".join(["import nox\n", *sessions]), "verify_parity.sh": PARITY}
    )
    found = scan.start(made.root, sessions=table.fixed_names())
    assert found.to_do[-2:] == [
        f"noxfile.py: the handoff defines a session '{name}' too: rename yours"
        for name in ("pre-release", "verify-parity")
    ]


def test_a_noxfile_whose_session_is_a_check_stays_as_it_is(tmp_path: Path) -> None:
    """The nox of such a check has no handoff-tasks, so the sessions are in a noxfile beside it."""
    made = scratch.repository(tmp_path / "app")
    theirs = "import nox\n\n\n@nox.session\ndef tests(session):\n    session.install('pytest')\n"
    project = "[project]\nname = 'app'\n[tool.pytest]\n"
    made.commit("all", {"noxfile.py": theirs, "pyproject.toml": project, "test_a.py": "\n"})
    found = scan.start(made.root)
    assert (made.root / "noxfile.py").read_text() == theirs
    assert "handoff_tasks.register" in (made.root / "handoff_noxfile.py").read_text()
    assert [line for line in found.to_do if "noxfile" in line] == []
    assert [check.argv for check in written(made.root).checks] == [("nox", "-s", "tests")]
    assert screen.lines(found)[-1].endswith(
        "nox -f handoff_noxfile.py -s pre-release -- --release v0.1.0"
    )


def test_files_that_git_does_not_know_yet_are_to_be_added(tmp_path: Path) -> None:
    """Only what git knows is looked at; the command names what has to be added."""
    made = scratch.repository(tmp_path / "app")
    made.commit("all", {"a.py": "x\n"})
    made.write({"package.json": "{}\n", ".gitignore": "x\n"})
    found = scan.start(made.root)
    assert found.title == "no known ecosystem"
    assert screen.lines(found)[-2] == (
        '  git add handoff.toml handoff.md noxfile.py .gitignore && git commit -m "build: hand releases over"'
    )


def test_a_noxfile_outside_of_any_repository_is_told_where_the_manifest_belongs(desk: Desk) -> None:
    """HP010 with the path that the profile wants."""
    done = desk.bare("pre-release")
    assert done.returncode == 1
    assert done.stdout.strip().splitlines() == [
        "Refused:",
        f"  HP010 {desk.folder}: the noxfile's folder holds no producer manifest; expected one at "
        f"{scratch.MANIFEST_PATH}, as the profile says",
        "        next: commit one there (schemas/producer-contract-manifest.v1.schema.json describes it), or give the producer's "
        "root with --producer-root",
    ]


def test_a_service_in_a_larger_repository_needs_a_prefix(tmp_path: Path) -> None:
    """And a changelog that is not Markdown is seen, but cannot be used."""
    made = scratch.repository(tmp_path / "outer", below="svc")
    manifest = scratch.manifest("v1.0.0", "0" * 40)
    made.commit("all", {"a.py": "x\n", "CHANGES.rst": "x\n", "contracts/manifest.json": manifest})
    to_do = scan.start(made.root, sessions=table.fixed_names()).to_do
    assert to_do[:2] == [
        "CHANGELOG.md: add a section '## vX.Y.Z' with the impact statement (CHANGES.rst exists, "
        "but a statement is read from Markdown)",
        "handoff.toml, git.tag_prefix: this is a part of a larger repository (svc), whose tags "
        "count only with a prefix",
    ]


@pytest.mark.parametrize(
    ("manifest", "openapi", "versions"),
    [
        ("service.v1", None, ["v2", "v3", "v1"]),
        ("service.v7", "service.v8", ["v2", "v3", "v1", "v7", "v8"]),
        ("service.v0", None, ["v2", "v3", "v1"]),
    ],
)
def test_every_version_in_sight_has_a_policy(
    tmp_path: Path, manifest: str, openapi: str | None, versions: list[str]
) -> None:
    """The manifest's, the tree's, and the first one.

    Without a policy there is not even a draft (HP057).
    """
    text = scratch.manifest("v1.0.0", "0" * 40, service=manifest)
    files: dict[str, str | None] = {"a.py": "x\n", "contracts/manifest.json": text}
    if openapi:
        files["openapi.yaml"] = f"info:\n  version: {openapi}\n"
    _, parsed = started(tmp_path, files)
    assert [*parsed.envelope_policies] == [f"service.{version}" for version in versions]


def test_a_repository_with_nothing(tmp_path: Path) -> None:
    """A profile that can be read all the same, and everything that is missing is reported."""
    found, parsed = started(tmp_path, {"README.md": "x\n"})
    assert [check.id for check in parsed.checks] == ["example"]
    assert found.to_do == [
        "handoff.md:10  Runtime behavior changes",
        "handoff.md:11  Required consumer mapping changes",
        "handoff.md:12  Required test updates",
        "handoff.toml, [[checks]]: found no Cargo.toml, go.mod, package.json, pyproject.toml, Makefile, "
        "justfile or script verify_*, check_*, run_* with checks; replace the example",
    ]
    assert found.release == "v0.1.0"


def test_a_version_that_is_tagged_has_to_be_another_one(tmp_path: Path) -> None:
    """The screen says where, and what to run for the lock file; the command adds both files."""
    made = scratch.repository(tmp_path / "app")
    manifest = "[package]\nname = 'app'\nversion = '1.0.0'\n"
    made.commit("all", {"Cargo.toml": manifest, "Cargo.lock": "x\n", "src/lib.rs": "\n"})
    made.tag("v1.0.0")
    found = scan.start(made.root)
    assert found.to_do[-1] == (
        "Cargo.toml:3  the version is 1.0.0, which is tagged already: set 1.0.1, then run "
        "'cargo update --workspace', which writes it to Cargo.lock"
    )
    assert found.to_commit == [
        *("handoff.toml", "handoff.md", "noxfile.py", "Cargo.toml", "Cargo.lock")
    ]
    text = (made.root / "handoff.md").read_text()
    assert "- Runtime behavior changes: only the version number has changed\n" in text


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"VERSION": "1.4.0\n"}, ("VERSION", "^([0-9][0-9A-Za-z.+-]*)$")),
        (
            {".release-please-manifest.json": '{".": "1.4.0"}'},
            (".release-please-manifest.json", '"."'),
        ),
    ],
)
def test_a_file_of_its_own_says_the_version(
    tmp_path: Path, files: dict[str, str | None], version: tuple[str, str]
) -> None:
    """For languages whose build files do not have it; then no option has to name the release."""
    found, parsed = started(tmp_path, {"go.mod": "module example.com/a\n", **files})
    assert parsed.version is not None
    assert (parsed.version.path, parsed.version.key) == version
    assert found.release == ""
    assert found.assumed[0] == f"the next release is v1.4.0, as {version[0]} says"


def test_the_names_that_clash_are_those_that_are_registered(desk: Desk) -> None:
    """What `init` keeps free beside modes and checks is what a noxfile with a profile gets."""
    words = ["--noxfile", str(desk.folder / "noxfile.py"), "--list"]
    listed = nox_server.run(words, cwd=desk.folder)
    assert listed.returncode == 0, listed.stderr
    names = set(re.findall(r"^[*-] (\S+)", listed.stdout, re.MULTILINE))
    parsed = profile.parse(scratch.PROFILE.encode(), "scratch", None)
    assert (
        names - {mode.session for mode in parsed.modes} - {check.session for check in parsed.checks}
        == table.fixed_names()
    )


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A noxfile that is there stays, and the lines to add are reported.

    A profile that is there stops it.
    """
    made = scratch.repository(tmp_path / "app")
    made.commit("all", {"noxfile.py": "import nox\n"})
    found = scan.start(made.root)
    assert (made.root / "noxfile.py").read_text() == "import nox\n"
    assert found.to_do[-2:] == [
        "noxfile.py, before line 1 (import nox):\nimport handoff_tasks",
        'noxfile.py, below its last line (1):\nhandoff_tasks.register(nox, __file__, profile="handoff.toml")',
    ]
    before = (made.root / "handoff.toml").read_bytes()
    assert refused(made.root) == (
        "HP091",
        str(made.root / "handoff.toml"),
        "there is a profile already; nothing was written",
        "edit it, or move it away and call init again",
    )
    assert (made.root / "handoff.toml").read_bytes() == before


def test_no_folder_and_no_repository_are_refused(tmp_path: Path) -> None:
    """Nothing is written where there is no repository to verify a commit of."""
    assert refused(tmp_path / "none") == (
        "HP090",
        str(tmp_path / "none"),
        "no such folder",
        "give the folder of a repository",
    )
    assert refused(tmp_path) == (
        "HP090",
        str(tmp_path),
        "not in a git repository; a handoff is of one commit",
        "run 'git init' there and commit what a release is made of, then call init again",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/verify_b_c.sh", "b-c"),
        ("run-All.py", "all"),
        ("verify_9.sh", "check-9"),
        ("x/run_" + "y" * 99, "y" * 64),
    ],
)
def test_names_of_checks(path: str, name: str) -> None:
    """The script's name without what says that it verifies, in the form that an id has."""
    assert scripts.Script(path=path, root_option=None, success_line=None, tools=()).id == name


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ('echo "All is well."', "All is well."),
        ("printf 'All is well.\\n'", "All is well."),
        ('    print("All is well.")', "All is well."),
        ('echo "All $count are well."', None),
        ("exit 0", None),
        ('echo "All is well."\n}\n\nmain "$@"', "All is well."),
    ],
)
def test_what_a_script_says_last(last: str, said: str | None) -> None:
    """Only a line that is the same each time can be a success line."""
    assert scripts.read_script("verify_x.sh", f"#!/bin/bash\n{last}\n", []).success_line == said
