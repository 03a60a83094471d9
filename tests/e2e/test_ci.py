"""Claims about the workflows in ``docs/ci``: they lint, say only what the sessions know, and their matrix gives the same packet."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nox_server
import places
import pytest
import scratch
from signing import make_key

import handoff_tasks
from handoff_tasks.formats import schemas
from handoff_tasks.model import Flavour
from handoff_tasks.producer import changelog, profile, stated, statement
from handoff_tasks.sessions import options, table
from handoff_tasks.setup import sample

CI = places.TOP / "docs" / "ci"
WORKFLOWS = sorted(CI.glob("github-*.yml"))
ACTION = places.TOP / "action.yml"
GITLAB = CI / "gitlab-ci.yml"
# Hands over this library itself.
OWN = places.TOP / ".github" / "workflows" / "handoff.yml"
RELEASE = places.TOP / "release"
ONE, MATRIX = CI / "github-actions.yml", CI / "github-actions-matrix.yml"
CONSUMER = CI / "github-actions-consumer.yml"
PACKET = "docs/implementation/PRODUCER_RELEASE_HANDOFF_LATEST.json"
# The reader puts in the repository and the commit that they have reviewed.
OURS = f"example/handoff-tasks@{'0' * 40} # v{handoff_tasks.__version__}"
CHECKS = (
    "fmt",
    "lint",
    "test",
    "service-contract-alignment",
    "contract-parity",
    "trilogy-compatibility-artifacts",
    "trilogy-smoke",
    "trilogy-compliance",
)


def test_there_are_the_files_that_are_promised() -> None:
    """One job, one job for each check, and the consumer's, for GitHub; both of a producer in one file for GitLab."""
    assert sorted(CI.iterdir()) == [CONSUMER, MATRIX, ONE, GITLAB]


@pytest.mark.parametrize("workflow", [*WORKFLOWS, ACTION, OWN], ids=lambda path: path.name)
def test_zizmor_has_nothing_against_it(workflow: Path) -> None:
    """No finding of any severity: pins, permissions, credentials, template injection."""
    command = [
        str(Path(sys.executable).with_name("zizmor")),
        "--offline",
        "--persona=auditor",
        "--no-progress",
        str(workflow),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout


@pytest.mark.skipif(
    shutil.which("actionlint") is None,
    reason="actionlint is not on PATH: no package for pip holds it",
)
@pytest.mark.parametrize("workflow", [*WORKFLOWS, OWN], ids=lambda path: path.name)
def test_actionlint_has_nothing_against_it(workflow: Path) -> None:
    """Syntax, expressions, contexts, and the inputs of the actions."""
    done = subprocess.run(
        ["actionlint", str(workflow)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workflow", [*WORKFLOWS, ACTION, OWN], ids=lambda path: path.name)
def test_every_action_is_pinned_with_its_version(workflow: Path) -> None:
    """A commit and, for people and updaters, its version; the same commit in each file. Ours is left for the reader to name."""
    used = [one for one in uses(workflow) if not one.startswith("./ ")]
    assert used
    assert [
        one
        for one in used
        if not re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one) and one != OURS
    ] == []
    files = [*WORKFLOWS, ACTION, OWN]
    everywhere = {one for path in files for one in uses(path)}
    assert len(everywhere) == len({one.partition("@")[0] for one in everywhere})


def uses(workflow: Path) -> list[str]:
    """Return the actions that a file uses, each with its comment."""
    return re.findall(r"uses: (.*)", workflow.read_text())


def calls(workflow: Path) -> list[list[str]]:
    """Return the sessions that a file calls, each with the words after ``--``; ``${{ }}`` is one word."""
    text = re.sub(r": >-\n\s+(.*)\n\s+(.*)", r": \1 \2", workflow.read_text())
    text = re.sub(r"\$\{\{ (\S+) \}\}", r"<\1>", text)
    called = [[*words.split(" -- ", 1), ""][:2] for words in re.findall(r"nox -s (.*)", text)]
    called += re.findall(r"\n {10}session: (\S+)(?:\n +args: (.*))?", text)
    return [[shlex.split(session)[0], *shlex.split(words)] for session, words in called]


@pytest.mark.parametrize(
    ("workflow", "expected"),
    [
        (ONE, ["handoff-sign", "handoff-stable", "handoff-verify"]),
        (CONSUMER, ["handoff-accept", "handoff-pinned"]),
        (MATRIX, ["<matrix.session>", "handoff-assemble", "handoff-sign", "handoff-verify"]),
        (
            GITLAB,
            ["$SESSION", "handoff-assemble", "handoff-sign", "handoff-stable", "handoff-verify"],
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else "",
)
def test_what_it_calls_is_known(workflow: Path, expected: list[str]) -> None:
    """Each session is one of the noxfile, and each word after ``--`` is an option."""
    called = calls(workflow)
    assert sorted({session for session, *_ in called}) == expected
    names = {"handoff-stable": "handoff-<mode>", "<matrix.session>": "verify-<check>"}
    for session, *words in called:
        name = names.get(session, "verify-<check>" if session == "$SESSION" else session)
        known = table.CONSUMER_SESSIONS if workflow == CONSUMER else table.SESSIONS
        options.parse(
            [word for word in words if word not in {">", "body.md"}], known[name], session
        )


@pytest.mark.parametrize("workflow", [ONE, MATRIX], ids=lambda path: path.name)
def test_the_key_is_in_one_job_that_runs_no_check(workflow: Path) -> None:
    """Only the step that signs has the secrets, and its job is bound to an environment."""
    jobs = re.split(r"\n  (?=[a-z-]+:\n    name:)", workflow.read_text())
    with_key = [job for job in jobs if "secrets." in job]
    assert [job.partition(":")[0] for job in with_key] == ["sign"]
    [sign] = with_key
    assert "environment: handoff-signing" in sign
    assert "session:" not in sign
    assert re.findall(r"secrets\.(\w+)", sign) == ["HANDOFF_KEY", "HANDOFF_KEY_PASSPHRASE"]


def test_the_action_installs_its_own_commit() -> None:
    """No name of an index, which a stranger may register; its arguments are run by no shell."""
    text = ACTION.read_text()
    assert re.findall(r"pip install (.*)", text) == [
        '--quiet --disable-pip-version-check "$GITHUB_ACTION_PATH"'
    ]
    assert "${{ inputs" not in text.partition("run: |")[2]
    assert (places.TOP / "pyproject.toml").is_file()


def test_this_library_hands_itself_over() -> None:
    """Its profile is read, says the version and the contracts of this commit, and the release has a statement."""
    data = (RELEASE / "handoff.toml").read_bytes()
    found = profile.parse(data, "handoff.toml", schemas.schema(schemas.PROFILE))
    assert [check.argv for check in found.checks] == [
        ("nox", "-s", name) for name in ("lint", "types", "tests", "build")
    ]
    files = {path: (places.TOP / path).read_bytes() for path in stated.paths(found)}
    said = stated.read_stated(found, files)
    assert said.version == handoff_tasks.__version__
    assert said.contracts == {
        "packet": "urn:handoff-tasks:schema:producer-handoff-packet.v1",
        "profile": "urn:handoff-tasks:schema:producer-profile.v1",
    }
    text = (RELEASE / "STATEMENT.md").read_text()
    section = changelog.section(text, f"v{handoff_tasks.__version__}", "STATEMENT.md", found.tags)
    assert section is not None
    parsed = statement.parse(section[1], "STATEMENT.md", section[0] + 1)
    assert parsed.repin_required == f"yes (v{handoff_tasks.__version__})"
    listed = {tag: own_sessions(tag) for tag in ("handoff", "verify")}
    [call] = calls(OWN)
    assert call[0] in listed["handoff"]
    assert listed["verify"] == [f"verify-{check.id}" for check in found.checks]


def own_sessions(tag: str) -> list[str]:
    """Return the sessions of a tag that the noxfile of this library's release registers."""
    words = ["-f", str(RELEASE / "noxfile.py"), "-l", "--json", "-t", tag]
    done = nox_server.run(words, cwd=RELEASE)
    assert done.returncode == 0, done.stderr
    return [one["session"] for one in json.loads(done.stdout)]


def test_gitlab_installs_a_wheel_of_the_producers() -> None:
    """A file in the producer's repository, of this version."""
    assert re.findall(r"HANDOFF_TASKS: (.*)", GITLAB.read_text()) == [
        f"tools/handoff_tasks-{handoff_tasks.__version__}-py3-none-any.whl"
    ]


@dataclass
class Machine:
    """A clone of the producer with its noxfile, and folders of its own; environments are shared to be quick."""

    root: Path
    envdir: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return nox_server.run(["--envdir", str(self.envdir), *words], cwd=self.root)

    def session(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        folders = [
            "--cache-dir",
            str(self.root.parent / "cache"),
            "--result-json",
            str(self.root.parent / "result.json"),
        ]
        return self.run("-s", name, "--", *words, *folders)

    @property
    def evidence(self) -> Path:
        return self.root / ".handoff" / "evidence"

    @property
    def packet(self) -> Path:
        return self.root / PACKET

    @property
    def result(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.root.parent / "result.json").read_bytes())
        return document

    def findings(self) -> list[tuple[str, str]]:
        return [(one["code"], one["where"]) for one in self.result["problems"]]


def machine(folder: Path, origin: Path, envdir: Path) -> Machine:
    """Make a place of its own for a job."""
    folder.mkdir()
    scratch.git(folder, "clone", "--quiet", str(origin), "producer")
    noxfile = "import nox\nimport handoff_tasks\nhandoff_tasks.register(nox, __file__, profile='sample-python')\n"
    (folder / "producer" / "noxfile.py").write_text(noxfile)
    return Machine(root=folder / "producer", envdir=envdir)


@pytest.mark.slow
def test_the_matrix_gives_the_packet_of_one_machine(tmp_path: Path) -> None:
    """Each check on a machine of its own, their evidence laid together: the same bytes. A gap and a conflict are NO-GO by name."""
    origin, envdir = tmp_path / "origin", tmp_path / "environments"
    sample.build(origin, Flavour.PYTHON)
    alone = machine(tmp_path / "one machine", origin, envdir)
    assert alone.session("handoff-stable").returncode == 0
    listed = json.loads(alone.run("-l", "--json", "-t", "verify").stdout)
    assert [one["session"] for one in listed] == [f"verify-{check}" for check in CHECKS]
    gathered = tmp_path / "gathered"
    for number, one in enumerate(listed):
        job = machine(tmp_path / f"job {number}", origin, envdir)
        done = job.session(one["session"])
        assert done.returncode == 0, done.stdout + done.stderr
        # As the artifacts of the jobs are laid down: a folder for each.
        shutil.copytree(job.evidence, gathered / f"evidence-{one['session']}")
    last = machine(tmp_path / "last", origin, envdir)
    missing = gathered / "evidence-verify-lint"
    missing.rename(tmp_path / "aside")
    assert (
        last.session("handoff-assemble", "--mode", "stable", "--evidence", str(gathered)).returncode
        == 1
    )
    assert last.findings() == [("HP047", "check lint")]
    assert not last.packet.exists()
    (tmp_path / "aside").rename(missing)
    done = last.session("handoff-assemble", "--mode", "stable", "--evidence", str(gathered))
    assert done.returncode == 0, done.stdout + done.stderr
    assert last.packet.read_bytes() == alone.packet.read_bytes()
    # The other machine has run every check too: no rule says which of two runs counts.
    words = ["--mode", "stable", "--evidence", str(gathered), "--evidence", str(alone.evidence)]
    assert last.session("handoff-assemble", *words).returncode == 1
    assert last.findings() == [("HP104", f"check {check}") for check in sorted(CHECKS)]
    commit = last.result["commit"]
    assert last.result["problems"][0]["message"] == (
        f"two different records of it: in {last.evidence}/{commit} and in {alone.evidence}/{commit}"
    )


GITLAB_CI_LOCAL = "gitlab-ci-local@4.61.1"
# The sample's own checks accept it: it is a committed file of the producer.
GITLAB_NOXFILE = """\"\"\"Register the handoff sessions.\"\"\"

import handoff_tasks
import nox

handoff_tasks.register(nox, __file__, profile="sample-python")
"""


@pytest.fixture(scope="module")
def gitlab_ci_local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install gitlab-ci-local, which runs the jobs of a .gitlab-ci.yml on this machine."""
    for program in ("node", "npm", "rsync", "ssh-keygen"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on PATH")
    folder = tmp_path_factory.mktemp("gitlab-ci-local")
    (folder / "package.json").write_text('{"private": true}')
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", GITLAB_CI_LOCAL]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode and not os.environ.get("CI"):
        pytest.skip(f"npm cannot install {GITLAB_CI_LOCAL}: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr
    return folder / "node_modules" / ".bin" / "gitlab-ci-local"


@dataclass
class Gitlab:
    """A producer with our .gitlab-ci.yml, whose jobs run in isolated copies of it."""

    program: Path
    root: Path
    home: Path
    key: Path

    def run(self, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.program), "--force-shell-executor", "--shell-isolation"]
        variables |= {"CI_COMMIT_TAG": "v0.4.0", "HANDOFF_SIGNERS": "handoff/allowed_signers"}
        for name, value in {**variables, "HANDOFF_KEY": str(self.key)}.items():
            command += ["--variable", f"{name}={value}"]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "HOME": str(self.home), "PATH": path}
        return subprocess.run(
            command, cwd=self.root, env=environment, capture_output=True, text=True, check=False
        )

    def output(self) -> dict[str, bytes]:
        """Return packet and envelope as the last job left them, and remove them."""
        folder = self.root / "handoff-out"
        found = {path.name: path.read_bytes() for path in folder.glob("packet.json*")}
        shutil.rmtree(folder)
        return found


@pytest.fixture
def gitlab(gitlab_ci_local: Path, tmp_path: Path) -> Gitlab:
    """Commit our file, a noxfile and a trust file to the sample, as a maintainer does."""
    root = tmp_path / "producer"
    sample.build(root, Flavour.PYTHON)
    key = make_key(tmp_path, "ci")
    public = key.with_name("ci.pub").read_text()
    # Not yet 0600, as GitLab writes files of variables.
    key.chmod(0o644)
    scratch.Producer(path=root, root=root).commit(
        "ci: hand over with GitLab",
        {
            ".gitlab-ci.yml": GITLAB.read_text().replace("verify-clippy", "verify-lint"),
            "noxfile.py": GITLAB_NOXFILE,
            "handoff/allowed_signers": f'sample-service namespaces="handoff" {public}',
        },
    )
    home = tmp_path / "home"
    home.mkdir()
    return Gitlab(program=gitlab_ci_local, root=root, home=home, key=key)


@pytest.mark.slow
def test_gitlab_gives_the_packet_of_one_machine(gitlab: Gitlab, tmp_path: Path) -> None:
    """One job, and one job for each check, run for real: the same packet and envelope, signed and verified."""
    scratch.git(tmp_path, "clone", "--quiet", str(gitlab.root), "alone/producer")
    alone = Machine(root=tmp_path / "alone" / "producer", envdir=tmp_path / "environments")
    assert alone.session("handoff-stable").returncode == 0
    for jobs in ("each", "one"):
        done = gitlab.run(HANDOFF_JOBS=jobs, HANDOFF_TASKS="")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "signature  ci  SHA256:" in done.stdout
        assert "no network was used" in done.stdout
        found = gitlab.output()
        assert sorted(found) == ["packet.json", "packet.json.intoto.json"]
        assert found["packet.json"] == alone.packet.read_bytes()


@pytest.mark.slow
def test_gitlab_names_a_check_that_failed(gitlab: Gitlab) -> None:
    """The other checks and the last job run all the same, and nothing is signed."""
    producer = scratch.Producer(path=gitlab.root, root=gitlab.root)
    producer.commit("break the format", {"extra.py": '"""Say something."""\nx   = 1\n'})
    done = gitlab.run(HANDOFF_JOBS="each", HANDOFF_TASKS="")
    assert done.returncode == 1
    assert "NO-GO  fmt failed (exit code 1" in done.stdout
    assert [name for name in gitlab.output() if name.endswith(".intoto.json")] == []
