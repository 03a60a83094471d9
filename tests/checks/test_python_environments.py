"""Claims about the Python environment of a check: what it asks for comes from the commit, and what was resolved is recorded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nox_server
import package_index
import pytest
import scratch
from desk import Desk

from handoff_tasks.checks import python_source
from handoff_tasks.checks.installers import find_error
from handoff_tasks.git.workspace import open_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

UV = shutil.which("uv")
# A build backend in the commit, so that no test needs the network. It writes beside its sources, as
# others do, and keeps the home folder that it saw.
BACKEND = """
import os, zipfile
from pathlib import Path

NAME = "demo-1.0"


def _metadata():
    return {
        f"{NAME}.dist-info/METADATA": "Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n"
        "Requires-Dist: base\\nProvides-Extra: more\\nRequires-Dist: extra; extra == 'more'\\n",
        f"{NAME}.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    Path("build-output").write_text("made by the build")
    name = f"{NAME}-py3-none-any.whl"
    home = os.environ["HOME"]
    files = {"demo.py": f"HOME = {home!r}\\n" + Path("src/demo.py").read_text(), **_metadata()}
    files[f"{NAME}.dist-info/RECORD"] = "".join(f"{place},,\\n" for place in files)
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as made:
        for place, text in files.items():
            made.writestr(place, text)
    return name
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "demo"
version = "1.0"
dependencies = ["base"]

[project.optional-dependencies]
more = ["extra"]

[dependency-groups]
tests = ["tester<3", { include-group = "common" }]
common = ["shared"]
"""
PACKAGES = {
    "base": ["1.0"],
    "extra": ["1.0"],
    "shared": ["1.0"],
    "tester": ["1.0", "2.0", "3.0"],
    "listed": ["1.0", "2.0"],
}
SHOW = (
    "import importlib.metadata as m, json;"
    "print(json.dumps({d.name: d.version for d in m.distributions() if d.name not in ('pip', 'setuptools', 'wheel')}))"
)
SEES = "python"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """Serve the packages that the producer needs."""
    with package_index.serve(tmp_path / "index", PACKAGES) as address:
        yield address


class Place:
    """A desk whose producer is a Python project, with one check, and the user's home."""

    def __init__(self, desk: Desk, tmp_path: Path, index: str, backend: str) -> None:
        self.desk = Desk(
            folder=desk.folder, producer=desk.producer, envdir=tmp_path / "environments"
        )
        self.home = tmp_path / "home"
        self.home.mkdir()
        self.index = index
        self.backend = backend
        desk.producer.commit(
            "build: python",
            {
                "pyproject.toml": PYPROJECT,
                "backend.py": BACKEND,
                "src/demo.py": "ANSWER = 42\n",
                "dev.txt": "listed<2\n",
            },
        )

    def ask(self, *lines: str, script: str = SHOW) -> None:
        """Give the profile one check with these further lines."""
        check = scratch.check("ok", [SEES, "-c", script], tools=())
        self.desk.profile(check + "\n".join(lines) + "\n")

    def run(self) -> dict[str, Any]:
        """Run the check and return its record."""
        uv = [str(Path(UV).parent)] if UV and self.backend == "uv" else []
        dropped = ("PIP_", "UV_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        caller = {
            **kept,
            "HOME": str(self.home),
            "PATH": os.pathsep.join([*uv, "/usr/bin", "/bin"]),
            "PIP_INDEX_URL": self.index,
            "UV_DEFAULT_INDEX": self.index,
        }
        words = self.desk.nox_words("verify-ok", *self.desk.place())
        self.done = nox_server.run(words, env=caller, cwd=self.desk.folder)
        record: dict[str, Any] = json.loads((self.desk.evidence() / "ok.json").read_bytes())
        return record

    def packages(self) -> dict[str, str]:
        """Run the check and return the packages that it saw."""
        record = self.run()
        assert record["outcome"] == "passed", (record["reason"], self.done.stderr)
        seen: dict[str, str] = json.loads((self.desk.evidence() / "ok.log").read_bytes())
        recorded = {one["name"]: one["version"] for one in record["installation"]["packages"]}
        assert recorded == seen
        assert record["installation"]["installer"] == self.backend
        return seen


@pytest.fixture(params=["pip", "uv"])
def place(request: pytest.FixtureRequest, desk: Desk, tmp_path: Path, index: str) -> Place:
    """Make a place for each installer that is there."""
    if request.param == "uv" and UV is None:
        pytest.skip("uv is not installed")
    return Place(desk, tmp_path, index, request.param)


@pytest.fixture
def uv_place(desk: Desk, tmp_path: Path, index: str) -> Place:
    """Make a place for uv."""
    if UV is None:
        pytest.skip("uv is not installed")
    return Place(desk, tmp_path, index, "uv")


@pytest.mark.slow
def test_groups_are_those_of_the_commit(place: Place) -> None:
    """With the groups that they include; the project itself is not installed."""
    place.ask('groups = ["tests"]')
    assert place.packages() == {"tester": "2.0", "shared": "1.0"}
    record = place.run()
    digest = record["installation"]["source"].pop("digest")
    assert record["installation"]["source"] == {
        "groups": ["tests"],
        "extras": [],
        "requirements": [],
        "install_project": False,
        "lock": None,
    }
    # What is not committed does not count; what is committed replaces the environment.
    path = place.desk.producer.root / "pyproject.toml"
    path.write_text(PYPROJECT.replace("tester<3", "tester<2"))
    assert place.packages() == {"tester": "2.0", "shared": "1.0"}
    text = PYPROJECT.replace(', { include-group = "common" }', "")
    place.desk.producer.commit("build: less", {"pyproject.toml": text})
    assert place.packages() == {"tester": "2.0"}
    assert place.run()["installation"]["source"]["digest"] != digest


@pytest.mark.slow
def test_the_project_is_built_from_the_commit(place: Place) -> None:
    """With dependencies and extras, apart from the checkout, and without the user's home."""
    script = f"{SHOW};import demo, sys; sys.exit(not (demo.ANSWER == 42 and demo.HOME != {str(place.home)!r}))"
    place.ask("install_project = true", 'extras = ["more"]', script=script)
    assert place.packages() == {"demo": "1.0", "base": "1.0", "extra": "1.0"}
    folders = [path.name for path in (place.desk.folder / "cache").glob("*/checkout*")]
    assert folders == ["checkout"], "the folder of the build is removed"


@pytest.mark.slow
def test_requirements_files_are_read_in_the_commit(place: Place) -> None:
    """A file may name others; a change in one of them installs everything again."""
    producer = place.desk.producer
    producer.commit("build: more", {"all.txt": "-r dev.txt\nshared\n"})
    place.ask('requirements = ["all.txt"]')
    assert place.packages() == {"listed": "1.0", "shared": "1.0"}
    producer.commit("build: newer", {"dev.txt": "listed\n"})
    assert place.packages() == {"listed": "2.0", "shared": "1.0"}


def _digest(desk: Desk, tmp_path: Path) -> str:
    """Return the digest of what the first check of the desk's profile asks for, at HEAD."""
    opened = open_workspace(
        root=desk.producer.root,
        ref="HEAD",
        profile_path=desk.folder / "handoff.toml",
        work=tmp_path / "work",
        cache=tmp_path / "cache",
    )
    source = python_source.find_source(opened, opened.profile.checks[0])
    assert source is not None
    return source.recorded.digest


def test_what_a_build_can_see_decides_whether_it_is_built_again(desk: Desk, tmp_path: Path) -> None:
    """A tag may be its version. A check that ignores files sees no tag, and nothing of these files."""
    place = Place(desk, tmp_path, "http://127.0.0.1:9/simple", "pip")
    digests: dict[str, list[str]] = {"whole": [], "part": []}

    def note() -> None:
        for name, line in (("whole", "ignores = []"), ("part", 'ignores = ["CHANGELOG.md"]')):
            place.ask("install_project = true", line)
            digests[name].append(_digest(desk, tmp_path))

    note()
    desk.producer.tag("v2.0.0")
    note()
    desk.producer.commit("docs: correct a word", {"CHANGELOG.md": "# Changelog\n"})
    note()
    desk.producer.commit("feat: more", {"src/demo.py": "ANSWER = 43\n"})
    note()
    assert len(set(digests["whole"])) == 4
    first, second, third, fourth = digests["part"]
    assert first == second == third != fourth


@pytest.mark.parametrize(
    ("lock", "is_whole"),
    [
        ('[[package]]\nname = "demo"\nsource = { editable = "." }\n', False),
        ('[[package]]\nname = "other"\nsource = { editable = "packages/other" }\n', True),
        ('[[package]]\nname = "other"\nsource = { directory = "packages/other" }\n', True),
    ],
)
def test_a_locked_package_of_the_commit_is_installed_again(
    desk: Desk, tmp_path: Path, lock: str, is_whole: bool
) -> None:
    """A lock file says nothing of its content, so any change of the commit counts."""
    place = Place(desk, tmp_path, "http://127.0.0.1:9/simple", "pip")
    desk.producer.commit("build: lock", {"uv.lock": lock})
    place.ask('groups = ["tests"]')
    before = _digest(desk, tmp_path)
    desk.producer.commit("feat: more", {"packages/other/other.py": "MORE = 1\n"})
    assert (_digest(desk, tmp_path) != before) is is_whole


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ['groups = ["test"]'],
            "pyproject.toml of the commit has no dependency group test; it has tests, common",
        ),
        (
            ['extras = ["dev"]', "install_project = true"],
            "pyproject.toml of the commit has no extra dev; it has more",
        ),
        (
            ['requirements = ["dev.txt", "none.txt"]'],
            "none.txt is not a file of the commit; correct the check's requirements",
        ),
    ],
)
def test_what_the_commit_does_not_have_is_named(
    desk: Desk, tmp_path: Path, lines: list[str], message: str
) -> None:
    """Nothing is installed, and the check does not run."""
    place = Place(desk, tmp_path, "http://127.0.0.1:9/simple", "pip")
    place.ask(*lines)
    record = place.run()
    assert (record["outcome"], record["reason"]) == ("tool_missing", message)
    assert "installation" not in record


@pytest.mark.slow
def test_a_package_that_the_index_does_not_have_is_named(place: Place) -> None:
    """The reason is the installer's."""
    place.desk.producer.commit("build: unknown", {"dev.txt": "unknown-package\n"})
    place.ask('requirements = ["dev.txt"]')
    record = place.run()
    assert record["outcome"] == "tool_missing"
    assert record["reason"].startswith("the packages of the check could not be installed: ")
    assert "unknown-package" in record["reason"]


def _lock(place: Place, *words: str) -> None:
    """Let uv write lock files of the older tester into the producer."""
    assert UV is not None
    environment = {**os.environ, "UV_DEFAULT_INDEX": place.index, "UV_NO_CONFIG": "1"}
    subprocess.run(
        [UV, *words], cwd=place.desk.producer.root, env=environment, capture_output=True, check=True
    )


@pytest.mark.slow
def test_a_uv_lock_is_installed_as_it_is(uv_place: Place) -> None:
    """The locked version counts, not the newest one, for groups, extras and the project."""
    _lock(uv_place, "lock", "--upgrade-package", "tester==1.0")
    uv_place.desk.producer.commit("build: lock", {})
    uv_place.ask('groups = ["tests"]')
    assert uv_place.packages() == {"tester": "1.0", "shared": "1.0"}
    uv_place.ask('groups = ["tests"]', 'extras = ["more"]', "install_project = true")
    assert uv_place.packages() == {
        "demo": "1.0",
        "base": "1.0",
        "extra": "1.0",
        "tester": "1.0",
        "shared": "1.0",
    }
    assert uv_place.run()["installation"]["source"]["lock"] == "uv.lock"


@pytest.mark.slow
def test_a_pylock_is_installed_as_it_is(uv_place: Place) -> None:
    """All of its packages; what contradicts it is refused."""
    _lock(uv_place, "lock", "--upgrade-package", "tester==1.0")
    words = ("--frozen", "--only-group", "tests", "--output-file", "pylock.toml")
    _lock(uv_place, "export", *words)
    (uv_place.desk.producer.root / "uv.lock").unlink()
    uv_place.desk.producer.commit("build: lock", {})
    uv_place.ask('groups = ["tests"]')
    assert uv_place.packages() == {"tester": "1.0", "shared": "1.0"}
    assert uv_place.run()["installation"]["source"]["lock"] == "pylock.toml"
    uv_place.desk.producer.commit("build: contradict", {"dev.txt": "tester==2.0\n"})
    uv_place.ask('groups = ["tests"]', 'requirements = ["dev.txt"]')
    assert uv_place.run()["reason"] == (
        "the packages of the check could not be installed: requirements contradict pylock.toml: "
        "tester 1.0 is 2.0"
    )


@pytest.mark.slow
def test_a_lock_needs_uv(desk: Desk, tmp_path: Path) -> None:
    """Other versions than the locked ones are never installed in their place."""
    place = Place(desk, tmp_path, "http://127.0.0.1:9/simple", "pip")
    desk.producer.commit("build: lock", {"uv.lock": "version = 1\n"})
    place.ask('groups = ["tests"]')
    assert place.run()["reason"] == (
        "the packages of the check could not be installed: the commit has uv.lock, whose versions "
        "only uv installs, and uv is not on PATH; install uv, then run again"
    )


def test_the_error_of_a_build_is_that_of_its_traceback() -> None:
    """Not that a build failed, which pip and uv say in their last line."""
    output = """error: Failed to build `demo @ file:///x`
  cause: The build backend returned an error
         [stderr]
         Traceback (most recent call last):
         flit_core.config.ConfigError: description must be specified
hint: Build failures usually indicate a problem with the package
"""
    assert find_error(output) == ": flit_core.config.ConfigError: description must be specified"


def test_a_dry_run_does_not_miss_what_is_installed_later(place: Place) -> None:
    """The program of a check may come from its packages."""
    place.ask('groups = ["tests"]')
    text = (place.desk.folder / "handoff.toml").read_text()
    (place.desk.folder / "handoff.toml").write_text(text.replace(f'"{SEES}"', '"a-new-tester"'))
    done = place.desk.bare("pre-release", *place.desk.place(), "--dry-run")
    assert "a-new-tester" in done.stdout
    assert "HP095" not in done.stdout
