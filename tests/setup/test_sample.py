"""The sample producer.

The same repository on every machine, and a history whose faults are the intended ones.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from handoff_tasks import files
from handoff_tasks.git import command as git_command
from handoff_tasks.model import Flavour
from handoff_tasks.problems import HandoffError
from handoff_tasks.producer import profile
from handoff_tasks.setup import sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PACK = "contracts/integration/v1"
MANIFEST = f"{PACK}/producer-contract-manifest.json"
RUNTIME_PATHS = {
    Flavour.RUST: ("crates", "components/*/crates", "Cargo.toml", "Cargo.lock", "openapi"),
    Flavour.PYTHON: ("src", "components/*/src", "pyproject.toml", "openapi"),
}
SERVICE = {
    Flavour.RUST: "crates/sample-service/src/lib.rs",
    Flavour.PYTHON: "src/sample_service.py",
}
CORE = {Flavour.RUST: "crates/sample-core/src/lib.rs", Flavour.PYTHON: "src/sample_core.py"}
PARITY = ("verify_contract_parity.sh", "--canonical-root", "Contract parity check passed.")
SMOKE = ("run_trilogy_smoke.sh", "--memorykernel-root", "Trilogy smoke checks passed.")
SCRIPTS = {
    "alignment": (
        "verify_service_contract_alignment.sh",
        "--memorykernel-root",
        "Service contract alignment checks passed.",
    ),
    "parity": PARITY,
    "artifacts": (
        "verify_trilogy_compatibility_artifacts.sh",
        "--memorykernel-root",
        "Trilogy compatibility artifacts validated successfully.",
    ),
    "compliance": (
        "run_trilogy_compliance_suite.sh",
        "--memorykernel-root",
        "Trilogy compliance suite passed.",
    ),
}
MISSING = [tool for tool in ("cargo", "cargo-fmt", "cargo-clippy") if shutil.which(tool) is None]


@pytest.fixture(scope="module", params=list(Flavour))
def flavour(request: pytest.FixtureRequest) -> Flavour:
    """Each flavour of the sample in turn."""
    return Flavour(request.param)


@pytest.fixture(scope="module")
def built(flavour: Flavour, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample producer, built once; tests only read it."""
    folder = tmp_path_factory.mktemp("sample") / "producer"
    sample.build(folder, flavour)
    return folder


@pytest.fixture
def checked_out(built: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A function that makes a copy at a revision, at a path with a space and a number sign in it."""

    def check_out(revision: str) -> Path:
        copy = tmp_path / "a path #1" / "producer"
        shutil.copytree(built, copy)
        git(copy, "checkout", "--quiet", "--detach", revision)
        return copy

    return check_out


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One checkout of the Rust flavour for all revisions, so that cargo builds once and then only what has changed."""
    copy = tmp_path_factory.mktemp("cargo") / "a path #1" / "producer"
    sample.build(copy)
    yield copy
    shutil.rmtree(copy)


def git(repository: Path, *words: str) -> str:
    """Return what git says, free of the machine's configuration."""
    return git_command.run(*words, cwd=repository).decode()


def run(root: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a small environment, with the tools of this virtual environment on its PATH."""
    environment = {
        name: os.environ[name]
        for name in ("HOME", "CARGO_HOME", "RUSTUP_HOME", "TMPDIR")
        if name in os.environ
    }
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def run_script(root: Path, script: tuple[str, str, str]) -> subprocess.CompletedProcess[str]:
    """Run one of the sample's scripts on the root."""
    name, option, _ = script
    skip = ["--skip-baseline"] if name == "run_trilogy_compliance_suite.sh" else []
    return run(root, "bash", f"scripts/{name}", option, root, *skip)


def last_line(text: str) -> str:
    """Return the line that a script ended with."""
    return text.splitlines()[-1]


def manifest(repository: Path, revision: str) -> dict[str, Any]:
    """Return the manifest as a revision holds it."""
    found: dict[str, Any] = json.loads(
        git(repository, "cat-file", "blob", f"{revision}:{MANIFEST}")
    )
    return found


def runtime_changes(flavour: Flavour, repository: Path, old: str, new: str) -> list[str]:
    """Return the runtime paths that differ between two revisions."""
    paths = [f":(glob){path}{end}" for path in RUNTIME_PATHS[flavour] for end in ("", "/**")]
    return git(repository, "diff", "--name-only", old, new, "--", *paths).splitlines()


def data_files(pattern: str = "*") -> list[Path]:
    """Return the data files of all commits."""
    return [path for path in sample._DATA.rglob(pattern) if path.is_file()]


class TestRepository:
    """The repository as a whole."""

    def test_commit_ids(self, flavour: Flavour, built: Path) -> None:
        """The commits of main are the constants, oldest first."""
        found = git(built, "rev-list", "--reverse", "refs/heads/main").split()
        assert found == list(sample.COMMITS[flavour].values())

    def test_tags(self, flavour: Flavour, built: Path) -> None:
        """There are four tags, each annotated, each at the constant commit."""
        lines = git(
            built,
            "for-each-ref",
            "--format=%(refname:lstrip=2) %(objecttype) %(*objectname)",
            "refs/tags",
        ).splitlines()
        assert lines == [f"{tag} tag {commit}" for tag, commit in sample.RELEASES[flavour].items()]

    def test_checked_out(self, flavour: Flavour, built: Path) -> None:
        """The release branch is checked out at v0.4.0, clean, and there are no other branches than it and main."""
        assert git(built, "symbolic-ref", "HEAD").strip() == f"refs/heads/{sample.RELEASE_BRANCH}"
        assert git(built, "rev-parse", "HEAD").strip() == sample.RELEASES[flavour]["v0.4.0"]
        assert git(built, "status", "--porcelain", "--ignored") == ""
        branches = git(built, "for-each-ref", "--format=%(refname)", "refs/heads").split()
        assert branches == ["refs/heads/main", "refs/heads/release"]

    def test_sound(self, built: Path) -> None:
        """Git finds nothing wrong with any object, and every author is the sample's."""
        git(built, "fsck", "--strict", "--full")
        assert set(git(built, "log", "--all", "--format=%an <%ae> %cn <%ce>").splitlines()) == {
            f"{sample._IDENT} {sample._IDENT}"
        }

    def test_dates(self, built: Path) -> None:
        """Commit dates grow from commit to commit."""
        dates = git(built, "log", "--reverse", "--format=%ct", "refs/heads/main").split()
        assert dates == sorted(set(dates))

    def test_modes(self, flavour: Flavour, built: Path) -> None:
        """In every commit the scripts are executable and nothing else is, whatever the modes of the installed files."""
        for commit in sample.COMMITS[flavour].values():
            for line in git(built, "ls-tree", "-r", commit).splitlines():
                entry, path = line.split("\t")
                executable = path.startswith("scripts/") and path.endswith(".sh")
                assert entry.startswith("100755 blob" if executable else "100644 blob"), line

    def test_no_placeholder(self, flavour: Flavour, built: Path) -> None:
        """In no commit is a placeholder left, and no name keeps its stand-in for a dot."""
        for commit in sample.COMMITS[flavour].values():
            assert "dot-" not in git(built, "ls-tree", "-r", "--name-only", commit)
            git_command.run("grep", "-q", "-e", "@RUNTIME", commit, cwd=built, accept=(1,))

    def test_same_everywhere(
        self, flavour: Flavour, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another umask, home, time zone, locale and git environment give the same ids, tags included."""
        home = tmp_path / "home"
        home.mkdir()
        (home / ".gitconfig").write_text(
            "[core]\n autocrlf = true\n filemode = false\n[init]\n defaultObjectFormat = sha256\n defaultBranch = x\n"
            "[user]\n name = Someone\n[commit]\n gpgSign = true\n[tag]\n gpgSign = true\n"
        )
        changed = {
            "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z",
            "GIT_AUTHOR_NAME": "Someone",
            "GIT_COMMITTER_DATE": "2001-01-01T00:00:00Z",
            "GIT_COMMITTER_NAME": "Someone",
            "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
            "GIT_DEFAULT_HASH": "sha256",
            "GIT_DIR": str(tmp_path / "elsewhere"),
            "GIT_INDEX_FILE": str(tmp_path / "index"),
            "GIT_WORK_TREE": str(tmp_path),
            "HOME": str(home),
            "LC_ALL": "tr_TR.UTF-8",
            "TZ": "Pacific/Kiritimati",
        }
        for name, value in changed.items():
            monkeypatch.setenv(name, value)
        time.tzset()
        before = os.umask(0o077)
        try:
            sample.build(tmp_path / "again", flavour)
        finally:
            os.umask(before)
            monkeypatch.undo()
            time.tzset()
        assert git(tmp_path / "again", "for-each-ref") == git(built, "for-each-ref")
        assert git(tmp_path / "again", "status", "--porcelain", "--ignored") == ""
        assert (
            stat.S_IMODE((tmp_path / "again" / "scripts" / "run_trilogy_smoke.sh").stat().st_mode)
            == 0o700
        )

    def test_in_another_repository(self, flavour: Flavour, built: Path, tmp_path: Path) -> None:
        """Built inside another repository it is one of its own."""
        git(tmp_path, "init", "--quiet")
        sample.build(tmp_path / "sub" / "producer", flavour)
        assert git(tmp_path / "sub" / "producer", "for-each-ref") == git(built, "for-each-ref")
        assert git(tmp_path, "for-each-ref") == ""


class TestDestination:
    """Where it is built, and what happens when that fails."""

    def test_an_empty_folder_is_filled(self, tmp_path: Path) -> None:
        """An empty folder is as good as none, and nothing is left beside it."""
        (tmp_path / "producer").mkdir()
        sample.build(tmp_path / "producer")
        assert (tmp_path / "producer" / ".git").is_dir()
        assert [path.name for path in tmp_path.iterdir()] == ["producer"]

    def test_a_relative_path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A relative path is taken from the current folder; missing parents are made."""
        monkeypatch.chdir(tmp_path)
        sample.build(Path("new", "producer"))
        assert (tmp_path / "new" / "producer" / "Cargo.toml").is_file()

    @pytest.mark.parametrize("kind", ["file", "folder", "current", "below a file"])
    def test_refused(self, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file, a folder with something in it, the current folder and an impossible path are refused, untouched."""
        place = tmp_path / "place"
        if kind == "folder":
            place.mkdir()
            (place / "kept").touch()
        elif kind == "current":
            place.mkdir()
            monkeypatch.chdir(place)
        else:
            place.touch()
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(HandoffError) as caught:
            sample.build(place / "producer" if kind == "below a file" else place)
        assert [problem.code for problem in caught.value.problems] == ["HP009"]
        assert sorted(tmp_path.rglob("*")) == before

    def test_interrupted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A build that is interrupted before its end leaves nothing."""
        real = git_command.run

        def interrupted(*words: str, **options: Any) -> bytes:
            if "read-tree" in words:
                raise KeyboardInterrupt
            return real(*words, **options)

        monkeypatch.setattr(git_command, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sample.build(tmp_path / "producer")
        assert list(tmp_path.iterdir()) == []

    def test_damaged_data(
        self, flavour: Flavour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Data that makes other commits than the constants name is refused, and the first such commit is named."""
        damaged = tmp_path / "data"
        shutil.copytree(sample._DATA, damaged)
        with (damaged / "common" / "04-v0.3.2" / "CHANGELOG.md").open("a") as file:
            file.write("\n")
        monkeypatch.setattr(sample, "_DATA", damaged)
        with pytest.raises(HandoffError, match=f"04-v0.3.2: .*{sample.COMMITS[flavour]['v0.3.2']}"):
            sample.build(tmp_path / "producer", flavour)
        assert [path.name for path in tmp_path.iterdir()] == ["data"]

    def test_stray_files(
        self, flavour: Flavour, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What a file manager or an installer leaves among the data (``.*``, ``__pycache__``) does not get into the history."""
        strewn = tmp_path / "data"
        shutil.copytree(sample._DATA, strewn)
        (strewn / "common" / "03-docs" / ".DS_Store").touch()
        (strewn / "python" / "01-runtime-v2" / "src" / "__pycache__").mkdir(exist_ok=True)
        (
            strewn
            / "python"
            / "01-runtime-v2"
            / "src"
            / "__pycache__"
            / "sample_core.cpython-311.pyc"
        ).touch()
        monkeypatch.setattr(sample, "_DATA", strewn)
        sample.build(tmp_path / "producer", flavour)
        assert git(tmp_path / "producer", "for-each-ref") == git(built, "for-each-ref")


class TestHistory:
    """What the releases say, and where the history contradicts itself on purpose."""

    @pytest.mark.parametrize(
        ("revision", "tag", "commit", "version"),
        [
            ("manifest", "v0.3.1", "runtime-v2", "service.v2"),
            ("v0.3.2", "v0.3.2", "runtime-v2", "service.v2"),
            ("v0.3.3", "v0.3.3", "runtime-v2", "service.v2"),
            ("runtime-v3", "v0.4.0", "runtime-v2", "service.v3"),
            ("v0.4.0", "v0.4.0", "runtime-v3", "service.v3"),
            ("drift", "v0.4.0", "runtime-v3", "service.v3"),
        ],
    )
    def test_manifests(
        self, flavour: Flavour, built: Path, revision: str, tag: str, commit: str, version: str
    ) -> None:
        """Each manifest states the release, the runtime commit and the service version that the history tells."""
        found = manifest(built, sample.COMMITS[flavour][revision])
        stated = (
            found["release_tag"],
            found["commit_sha"],
            found["expected_service_contract_version"],
        )
        assert stated == (tag, sample.COMMITS[flavour][commit], version)
        assert len(set(found["error_code_enum"])) == 10

    def test_no_manifest_at_first(self, built: Path) -> None:
        """At v0.3.1 there is no manifest: the one that names it came a commit later."""
        assert git(built, "ls-tree", "v0.3.1", "--", MANIFEST) == ""

    @pytest.mark.parametrize("tag", ["v0.3.2", "v0.3.3", "v0.4.0"])
    def test_only_metadata_since_the_runtime_commit(
        self, flavour: Flavour, built: Path, tag: str
    ) -> None:
        """No runtime path differs between a release and the commit that its manifest names."""
        assert runtime_changes(flavour, built, manifest(built, tag)["commit_sha"], tag) == []

    def test_main_has_drifted(self, flavour: Flavour, built: Path) -> None:
        """Main still carries the manifest of v0.4.0, while a runtime path has changed.

        The commit before it has not.
        """
        assert manifest(built, "main") == manifest(built, "v0.4.0")
        assert runtime_changes(flavour, built, "v0.4.0", sample.COMMITS[flavour]["main-docs"]) == []
        assert runtime_changes(flavour, built, "v0.4.0", "main") == [CORE[flavour]]

    def test_the_contradicting_commit(self, flavour: Flavour, built: Path) -> None:
        """The service.v3 runtime commit carries a manifest that names a service.v2 commit as its runtime."""
        revision = sample.COMMITS[flavour]["runtime-v3"]
        named = manifest(built, revision)["commit_sha"]
        versions = [
            git(built, "show", f"{commit}:openapi/openapi.yaml").splitlines()[3]
            for commit in (revision, named)
        ]
        assert versions == ["  version: service.v3", "  version: service.v2"]

    @pytest.mark.parametrize(
        ("tag", "previous"), [("v0.3.2", "v0.3.1"), ("v0.3.3", "v0.3.2"), ("v0.4.0", "v0.3.2")]
    )
    def test_impact_statements(
        self, flavour: Flavour, built: Path, tag: str, previous: str
    ) -> None:
        """Each release's changelog section holds five filled lines with its own pair and an earlier one."""
        text = git(built, "show", f"{tag}:CHANGELOG.md")
        section = text.split(f"\n## {tag}\n")[1].split("\n## ")[0]
        lines = section.split("\nConsumer impact:\n")[1].strip().splitlines()
        own, earlier = manifest(built, tag)["commit_sha"], sample.COMMITS[flavour]["runtime-v2"]
        assert [line.split(": ")[0] for line in lines] == [
            "- Runtime behavior changes",
            "- Required consumer mapping changes",
            "- Required test updates",
            "- Repin required",
            "- Rollback instruction",
        ]
        assert lines[3] == f"- Repin required: yes ({tag}/{own})"
        assert lines[4] == f"- Rollback instruction: repin to {previous}/{earlier}"
        assert not re.search("[<>]", section)


class TestData:
    """The files that ship with the package."""

    def test_text(self) -> None:
        """Every data file is ASCII with Unix line ends and one final newline, at a path that any tool takes."""
        for path in data_files():
            content = path.read_bytes()
            assert b"\r" not in content, path
            assert content.isascii(), path
            assert content.endswith(b"\n"), path
            assert not content.endswith(b"\n\n"), path
            assert re.fullmatch(r"[A-Za-z0-9._/-]+", path.relative_to(sample._DATA).as_posix()), (
                path
            )

    def test_folders(self) -> None:
        """There is a folder for what is shared and one for each flavour, with a folder for each commit in one of them or more."""
        assert sorted(path.name for path in sample._DATA.iterdir()) == sorted(["common", *Flavour])
        assert sorted(
            {path.parent.name if path.is_file() else path.name for path in sample._DATA.glob("*/*")}
        ) == [step.folder for step in sample._HISTORY]

    def test_nothing_stored_twice(self, flavour: Flavour, built: Path) -> None:
        """Each folder holds only what its commit changes, and a flavour's own none of the shared files."""
        for step in sample._HISTORY:
            commit = sample.COMMITS[flavour][step.name]
            held = sorted(path for path, _ in sample._files(step, flavour))
            if step is sample._HISTORY[0]:
                assert held == sorted(
                    git(built, "ls-tree", "-r", "--name-only", commit).splitlines()
                )
            else:
                assert held == git(built, "diff", "--name-only", f"{commit}^", commit).splitlines()

    def test_what_is_the_same_is_shared(self) -> None:
        """No file has the same bytes in both flavours."""
        own = {
            flavour: {
                path.relative_to(sample._DATA / flavour): path.read_bytes()
                for path in (sample._DATA / flavour).rglob("*")
                if path.is_file()
            }
            for flavour in Flavour
        }
        both = own[Flavour.RUST].keys() & own[Flavour.PYTHON].keys()
        assert both
        assert not [path for path in both if own[Flavour.RUST][path] == own[Flavour.PYTHON][path]]

    def test_scripts_keep_to_old_bash(self) -> None:
        """No script uses what bash 3.2 lacks, or a tool or an option that a bare macOS lacks."""
        newer = r"mapfile|readarray|declare -[An]|local -[An]|\$\{\w+(,|\^|@)|\|&|&>>|;;&|coproc|\[\[ -v|globstar|printf -v|wait -n"
        foreign = r"\b(jq|diff|sha256sum|shasum|realpath|readlink|timeout|awk|sed|grep|find|xargs|stat|date|tac|seq)\b"
        scripts = data_files("*.sh")
        assert len(scripts) > 8
        for path in scripts:
            code = "\n".join(
                line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")
            )
            assert not re.search(newer, code), path
            assert not re.search(foreign, code), path
            assert "\nset -euo pipefail\n" in path.read_text() or path.name == "common.sh"

    def test_nothing_of_a_developer(self) -> None:
        """No data file mentions a home directory."""
        assert not [
            path for path in data_files() if re.search(rb"/home/|/Users/|/root/", path.read_bytes())
        ]


class TestScripts:
    """The sample's own checks, all but those that need cargo."""

    @pytest.mark.parametrize("name", list(SCRIPTS))
    @pytest.mark.parametrize("revision", [*sample.COMMITS[Flavour.RUST]])
    def test_verdicts(
        self, flavour: Flavour, checked_out: Callable[[str], Path], revision: str, name: str
    ) -> None:
        """At every commit each script passes with its success line last, but parity at v0.3.3 and nothing is written."""
        root = checked_out(sample.COMMITS[flavour][revision])
        done = run_script(root, SCRIPTS[name])
        if (revision, name) == ("v0.3.3", "parity"):
            assert done.returncode == 1
            assert SCRIPTS[name][2] not in done.stdout
            assert f"multi-agent-center/{MANIFEST} differs" in done.stderr
        else:
            assert (done.returncode, last_line(done.stdout), done.stderr) == (
                0,
                SCRIPTS[name][2],
                "",
            )
        assert git(root, "status", "--porcelain", "--ignored") == ""

    def test_smoke_starts_with_parity(self, checked_out: Callable[[str], Path]) -> None:
        """At v0.3.3 the smoke test fails by parity, before it needs cargo."""
        done = run_script(checked_out("v0.3.3"), SMOKE)
        assert done.returncode == 1
        assert "differs" in done.stderr
        assert SMOKE[2] not in done.stdout

    @pytest.mark.parametrize("script", [*SCRIPTS.values(), SMOKE], ids=[*SCRIPTS, "smoke"])
    def test_usage(self, built: Path, script: tuple[str, str, str]) -> None:
        """An unknown argument and a missing value exit 2, a missing folder exits 1.

        Each says so.
        """
        path = built / "scripts" / script[0]
        for arguments, status, said in [
            (["--nonsense"], 2, "unknown argument: --nonsense"),
            ([script[1]], 2, f"no value after {script[1]}"),
            ([script[1], "/nonexistent"], 1, "no such folder: /nonexistent"),
        ]:
            done = run(built, path, *arguments)
            assert done.returncode == status
            assert done.stderr.startswith(said)

    @pytest.mark.parametrize(
        ("name", "path", "old", "new"),
        [
            ("alignment", "openapi/openapi.yaml", "  version: service.v3", "  version: service.v4"),
            ("alignment", "openapi/openapi.yaml", "                - query_failed\n", ""),
            (
                "alignment",
                "openapi/openapi.yaml",
                "        - error\n",
                "        - error\n        - legacy_error\n",
            ),
            (
                "alignment",
                "openapi/openapi.yaml",
                "        - error\n",
                "        - error\n        - api_contract_version\n",
            ),
            ("alignment", "SERVICE", '"service.v3"', '"service.v2"'),
            ("alignment", "CORE", '"write_conflict"', '"conflict"'),
            ("alignment", "docs/spec/service-contract.md", "`write_conflict`", "`conflict`"),
            ("alignment", f"{PACK}/schemas/context-record.schema.json", '"$id"', '""'),
            (
                "parity",
                f"components/outcome-memory/{PACK}/schemas/context-record.schema.json",
                "Record",
                "Records",
            ),
            (
                "artifacts",
                "components/outcome-memory/trilogy-compatibility.v1.json",
                "integration/v1",
                "integration/v2",
            ),
            ("artifacts", "components/multi-agent-center/trilogy-compatibility.v1.json", "{", "["),
            ("compliance", "docs/operations/recovery-runbook.md", "## Rollback", "## Back"),
            ("compliance", "docs/spec/requirements.md", "append-only", "kept"),
            ("compliance", "CHANGELOG.md", "## v", "## "),
        ],
    )
    def test_faults_are_found(
        self,
        flavour: Flavour,
        checked_out: Callable[[str], Path],
        name: str,
        path: str,
        old: str,
        new: str,
    ) -> None:
        """A broken document, contract or runtime fails the script that looks at it, which names the file."""
        path = {"SERVICE": SERVICE[flavour], "CORE": CORE[flavour]}.get(path, path)
        root = checked_out("v0.4.0")
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new))
        done = run_script(root, SCRIPTS[name])
        assert done.returncode == 1
        assert path in done.stderr

    def test_a_missing_and_a_superfluous_mirror(self, checked_out: Callable[[str], Path]) -> None:
        """Parity names a file that a component lacks and one that only a component has."""
        root = checked_out("v0.4.0")
        (root / "components/outcome-memory" / MANIFEST).unlink()
        (root / "components/multi-agent-center" / PACK / "extra.json").write_text("{}\n")
        done = run_script(root, PARITY)
        assert done.returncode == 1
        assert f"components/outcome-memory/{MANIFEST} is missing" in done.stderr
        assert (
            f"components/multi-agent-center/{PACK}/extra.json is not in the root's pack"
            in done.stderr
        )

    def test_a_missing_tool_is_named(self, built: Path, tmp_path: Path) -> None:
        """Without ripgrep the alignment script says that it is not on PATH, and blames no file."""
        for tool in ("bash", "dirname"):
            (tmp_path / tool).symlink_to(str(shutil.which(tool)))
        script = built / "scripts" / SCRIPTS["alignment"][0]
        done = subprocess.run(
            [tmp_path / "bash", script],
            env={"PATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (1, "not on PATH: rg\n")


class TestPython:
    """The Python flavour's checks that are no scripts of bash alone, with the versions that its profile names."""

    @pytest.mark.slow
    @pytest.mark.parametrize("revision", [*sample.COMMITS[Flavour.PYTHON]])
    def test_everything(self, revision: str, tmp_path: Path) -> None:
        """Formatting, lints, tests and smoke pass at every commit (at v0.3.3 all but smoke), and nothing is written."""
        root = tmp_path / "a path #1" / "producer"
        sample.build(root, Flavour.PYTHON)
        git(root, "checkout", "--quiet", "--detach", sample.COMMITS[Flavour.PYTHON][revision])
        path = files.built_in_profiles()["sample-python"]
        found = profile.parse(path.read_bytes(), str(path), None)
        settings = [f"{name}={value}" for name, value in found.set.items()]
        for name in ("fmt", "lint", "test"):
            done = run(root, "env", *settings, *found.check(name).argv)
            assert done.returncode == 0, done.stdout + done.stderr
        done = run_script(root, SMOKE)
        if revision == "v0.3.3":
            assert done.returncode == 1
        else:
            assert (done.returncode, last_line(done.stdout), done.stderr) == (0, SMOKE[2], "")
        assert git(root, "status", "--porcelain", "--ignored") == ""


@pytest.mark.cargo
@pytest.mark.skipif(bool(MISSING), reason=f"not on PATH: {', '.join(MISSING)}")
class TestCargo:
    """The sample's checks that need cargo."""

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "revision", ["v0.4.0", "manifest", "v0.3.2", "v0.3.3", "runtime-v3", "drift"]
    )
    def test_everything(self, workspace: Path, revision: str) -> None:
        """Formatting, lints, tests and smoke pass (at v0.3.3 all but smoke), and only ignored files are written."""
        git(workspace, "checkout", "--quiet", "--detach", sample.COMMITS[Flavour.RUST][revision])
        for words in (
            "fmt --all -- --check",
            "clippy --all-features -- -D warnings",
            "test --all-features",
        ):
            extra = [] if words.startswith("fmt") else ["--workspace", "--all-targets"]
            command, *rest = words.split()
            done = run(workspace, "cargo", command, *extra, *rest)
            assert done.returncode == 0, done.stdout + done.stderr
        done = run_script(workspace, SMOKE)
        if revision == "v0.3.3":
            assert done.returncode == 1
        else:
            assert (done.returncode, last_line(done.stdout)) == (0, SMOKE[2]), (
                done.stdout + done.stderr
            )
        assert git(workspace, "status", "--porcelain") == ""
        ignored = git(workspace, "status", "--porcelain", "--ignored").splitlines()
        assert set(ignored) <= {"!! target/", "!! components/multi-agent-center/target/"}

    def test_components(self, workspace: Path) -> None:
        """Each component is a workspace of its own, formatted, without lints, and its tests pass."""
        git(workspace, "checkout", "--quiet", "--detach", "v0.4.0")
        for component in sorted((workspace / "components").iterdir()):
            for words in (
                "fmt --all -- --check",
                "clippy --all-targets --locked -- -D warnings",
                "test --locked",
            ):
                done = run(component, "cargo", *words.split())
                assert done.returncode == 0, done.stdout + done.stderr
