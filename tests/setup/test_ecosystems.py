"""Claims about recognition: what each ecosystem adds to a profile, from a listing alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from handoff_tasks.setup import ecosystems, runtime
from handoff_tasks.setup.draft import Check, Packages, Place
from handoff_tasks.setup.listing import EXECUTABLE, PLAIN, SUBMODULE, Listing


def listed(
    files: dict[str, str], *, prefix: str = "", others: dict[str, str] | None = None, **facts: Any
) -> Listing:
    """Return the listing of a repository with these files below the root, and others outside."""
    texts = {f"{prefix}{path}": text for path, text in files.items()} | (others or {})
    modes = {path: EXECUTABLE if text.startswith("#!") else PLAIN for path, text in files.items()}
    return Listing(
        name="app",
        prefix=prefix,
        modes=modes,
        others=frozenset(others or {}),
        read=lambda path: texts.get(path, ""),
        **facts,
    )


def checks(listing: Listing) -> dict[str, Check]:
    """Return all checks of the ecosystems, by id."""
    parts = ecosystems.find_ecosystems(listing)
    return {check.id: check for part in parts for check in part.checks}


def line(files: dict[str, str], **more: Any) -> str:
    """Return the shell line of the check of a Node.js package."""
    return checks(listed(files, **more))["node"].argv[-1]


PACKAGE = json.dumps({"name": "@scope/app", "version": "1.2.3", "scripts": {"test": "node --test"}})
HOOKS = "- repo: https://x/astral-sh/ruff-pre-commit\n  rev: {}\n  hooks:\n  - id: ruff-format\n"
PYTEST = (
    "[project]\nname = 'app'\n[build-system]\nrequires = []\nbuild-backend = 'hatchling.build'\n"
)


def test_a_workspace_of_cargo_is_checked_whole() -> None:
    """Its members are named, its version is that of the workspace, outputs of all lock files stay."""
    text = "[workspace]\nmembers = ['a', 'b']\n[workspace.package]\nversion = '0.3.0'\n"
    [part] = ecosystems.find_ecosystems(
        listed({"Cargo.toml": text, "Cargo.lock": "", "fuzz/Cargo.lock": ""})
    )
    assert part.title == "Rust (cargo, workspace: a, b)"
    assert part.version == Place(
        path="Cargo.toml",
        form="toml",
        key="workspace.package.version",
        version="0.3.0",
        lock=("Cargo.lock", "cargo update --workspace"),
    )
    assert part.keep == ["target", "fuzz/target"]
    assert [check.argv[:3] for check in part.checks] == [
        ["cargo", "fmt", "--all"],
        ["cargo", "clippy", "--workspace"],
        ["cargo", "test", "--workspace"],
    ]
    assert part.gaps == []


def test_a_member_of_a_workspace_is_checked_alone() -> None:
    """The lock file above is its lock file, and the other members are not its release."""
    found = checks(
        listed(
            {"Cargo.toml": "[package]\nname = 'a'\n"}, prefix="crates/a/", others={"Cargo.lock": ""}
        )
    )
    assert found["test"].argv == ["cargo", "test", "--all-targets", "--all-features"]
    assert found["fmt"].argv == ["cargo", "fmt", "--", "--check"]


def test_a_crate_without_lock_file_is_reported() -> None:
    """Cargo would write one, and no check would pass."""
    [part] = ecosystems.find_ecosystems(listed({"Cargo.toml": "[package]\n"}))
    assert part.gaps == [
        "Cargo.lock is not committed: cargo would write one into the checkout, and a check that "
        "changes the checkout fails"
    ]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"package-lock.json": ""}, "npm ci && npm run test"),
        ({"npm-shrinkwrap.json": ""}, "npm ci && npm run test"),
        ({"pnpm-lock.yaml": ""}, "pnpm install --frozen-lockfile && pnpm run test"),
        ({"yarn.lock": ""}, "yarn install --frozen-lockfile && yarn run test"),
        ({"yarn.lock": "", ".yarnrc.yml": ""}, "yarn install --immutable && yarn run test"),
        ({}, "npm install --no-package-lock && npm run test"),
    ],
)
def test_the_lock_file_names_the_package_manager(files: dict[str, str], expected: str) -> None:
    """Its packages are installed as it says, and nothing else."""
    assert line({"package.json": PACKAGE, **files}) == expected


def test_a_package_without_lock_file_is_an_assumption() -> None:
    """The same commit can then get another verdict."""
    [part] = ecosystems.find_ecosystems(listed({"package.json": PACKAGE}))
    assert part.assumptions == [
        "there is no lock file: npm resolves the dependencies again in each run, so a release of "
        "one of them can change the outcome"
    ]
    assert part.version == Place(path="package.json", form="json", key="version", version="1.2.3")


def test_a_package_of_a_workspace_uses_the_lock_file_above() -> None:
    """It is installed where that is, and the scripts run in the package."""
    others = {"package.json": '{"workspaces": ["packages/*"]}', "package-lock.json": ""}
    found = line({"package.json": PACKAGE}, prefix="packages/app/", others=others)
    assert found == "(cd ../.. && npm ci) && npm run test"


def test_a_package_without_scripts_is_verified_by_those_of_its_workspace() -> None:
    """The tests of all packages are often one script at the top."""
    others = {"package.json": PACKAGE, "pnpm-lock.yaml": ""}
    listing = listed({"package.json": '{"name": "a"}'}, prefix="packages/a/", others=others)
    [part] = ecosystems.find_ecosystems(listing)
    assert [check.argv[-1] for check in part.checks] == [
        "cd ../.. && pnpm install --frozen-lockfile && pnpm run test"
    ]
    assert part.assumptions == ["the package has no scripts: those of ../../package.json verify it"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"package-lock.json": ""}, "npm ci && npm run --workspaces --if-present test"),
        (
            {"pnpm-lock.yaml": "", "pnpm-workspace.yaml": ""},
            "pnpm install --frozen-lockfile && pnpm --recursive --if-present run test",
        ),
    ],
)
def test_a_workspace_without_scripts_runs_those_of_its_members(
    files: dict[str, str], expected: str
) -> None:
    """Each member has its own tests."""
    root = json.dumps({"workspaces": ["packages/*"]})
    assert line({"package.json": root, "packages/a/package.json": PACKAGE, **files}) == expected


def test_scripts_that_verify_run_in_their_order() -> None:
    """Lints, types, build, tests; the placeholder of npm init is none of them."""
    names = ["test", "build", "type-check", "lint", "lint:fix", "start"]
    package = json.dumps({"scripts": dict.fromkeys(names, "node run.js")})
    words = "npm ci && npm run lint && npm run type-check && npm run build && npm run test"
    assert line({"package.json": package, "package-lock.json": ""}) == words
    placeholder = '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'
    assert checks(listed({"package.json": placeholder})) == {}


def test_a_module_of_go_has_its_caches_in_the_checkout() -> None:
    """Modules can be removed with it; tests are not taken from a cache."""
    [part] = ecosystems.find_ecosystems(
        listed({"go.mod": "module example.com/tool/v2\n\nrequire a.b/c v1.0.0\n", "go.sum": ""})
    )
    assert (part.title, part.package) == ("Go (example.com/tool/v2)", "tool")
    assert [check.argv for check in part.checks] == [
        ["go", "vet", "./..."],
        ["go", "test", "-count=1", "./..."],
    ]
    assert part.set["GOFLAGS"] == "-mod=readonly -modcacherw"
    assert list(part.keep) == [".go-cache"]


@pytest.mark.parametrize(
    ("lists", "packages"),
    [
        (
            "[dependency-groups]\ntest = ['pytest']\n",
            Packages(groups=("test",), install_project=True),
        ),
        (
            "[dependency-groups]\ndev = ['pytest']\ntests = ['PyTest>=8']\n",
            Packages(groups=("tests",), install_project=True),
        ),
        (
            "[dependency-groups]\nbase = ['pytest']\ndev = [{include-group = 'base'}]\n",
            Packages(groups=("dev",), install_project=True),
        ),
        (
            "[project.optional-dependencies]\ndev = ['pytest']\n",
            Packages(extras=("dev",), install_project=True),
        ),
        ("[tool.pytest.ini_options]\n", Packages(install_project=True)),
    ],
)
def test_pytest_comes_from_the_list_that_has_it(lists: str, packages: Packages) -> None:
    """A group named after tests before one for all development, groups before extras."""
    found = checks(listed({"pyproject.toml": PYTEST + lists}))["test"]
    assert found.packages == packages
    assert found.argv == ["pytest", "-q", "-p", "no:cacheprovider"]


def test_a_lock_file_of_uv_needs_uv() -> None:
    """Other versions than the locked ones would prove something else."""
    text = "[dependency-groups]\ntest = ['pytest']\n"
    files = {"pyproject.toml": PYTEST + text, "uv.lock": ""}
    [part] = ecosystems.find_ecosystems(listed(files))
    assert part.assumptions == ["uv is on PATH: it installs the versions of uv.lock"]


def test_the_examples_of_hypothesis_stay_in_their_folder() -> None:
    """It writes a .gitignore there, which would change the checkout anywhere else."""
    text = "[dependency-groups]\ntest = ['pytest', 'hypothesis']\n"
    [part] = ecosystems.find_ecosystems(listed({"pyproject.toml": PYTEST + text}))
    assert list(part.keep) == [".hypothesis"]


@pytest.mark.parametrize(
    "path", ["requirements-test.txt", "test-requirements.txt", "requirements/test.txt"]
)
def test_pytest_comes_from_a_file_of_requirements(path: str) -> None:
    """In any of the names that are in use."""
    found = checks(listed({"setup.py": "", path: "# tests\npytest>=8\n"}))["test"]
    assert found.packages == Packages(requirements=(path,), install_project=True)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"tests/__init__.py": ""}, ["python3", "-m", "unittest"]),
        ({}, ["python3", "-m", "unittest", "discover", "--start-directory", "tests"]),
    ],
)
def test_a_project_without_pytest_runs_unittest(files: dict[str, str], words: list[str]) -> None:
    """It finds tests in a package by itself, and in a folder that is named."""
    listing = listed({"pyproject.toml": PYTEST, "tests/test_a.py": "", **files})
    found = checks(listing)["test"]
    assert (found.argv, found.packages) == (words, Packages(install_project=True))


def test_a_session_of_nox_runs_tests_whose_packages_only_it_knows() -> None:
    """With a list of packages, pytest runs directly, without an environment of its own."""
    noxfile = "import nox\n@nox.session(name='tests', python=['3.12'])\ndef t(session): ...\n"
    files = {"pyproject.toml": f"{PYTEST}[tool.pytest.ini_options]\n", "noxfile.py": noxfile}
    assert checks(listed(files))["test"].argv == ["nox", "-s", "tests"]
    files["pyproject.toml"] += "[dependency-groups]\ntest = ['pytest']\n"
    parts = ecosystems.find_ecosystems(listed(files))
    assert [check.argv[0] for check in parts[0].checks] == ["pytest"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tox.ini", "[tox]\nenvlist = py{311,312}, lint\n[pytest]\n"),
        ("tox.toml", "env_list = ['3.12']\n"),
    ],
)
def test_tox_runs_tests_whose_packages_only_it_knows(path: str, text: str) -> None:
    """With the environment of the Python that runs it."""
    files = {"pyproject.toml": f"{PYTEST}[tool.pytest.ini_options]\n", path: text}
    assert checks(listed(files))["test"].argv == ["tox", "run", "-e", "py"]


@pytest.mark.parametrize(
    ("files", "install", "names"),
    [
        (
            {".pre-commit-config.yaml": HOOKS.format("v0.12.3")},
            "ruff==0.12.3",
            ["lint", "format"],
        ),
        (
            {".pre-commit-config.yaml": HOOKS.format(f"{'c' * 40}  # frozen: v0.16.0")},
            "ruff==0.16.0",
            ["lint", "format"],
        ),
        ({"ruff.toml": "required-version = '==0.14.1'\n"}, "ruff==0.14.1", ["lint"]),
    ],
)
def test_ruff_has_the_version_that_the_repository_pins(
    files: dict[str, str], install: str, names: list[str]
) -> None:
    """Another version has other rules."""
    [part] = ecosystems.find_ecosystems(
        listed({"pyproject.toml": "[project]\n[tool.ruff]\n", **files})
    )
    assert part.tools["ruff"]["install"] == install
    assert [check.id for check in part.checks] == names


def test_ruff_without_a_version_is_not_a_check() -> None:
    """A version of ours would refuse what the repository accepts."""
    [part] = ecosystems.find_ecosystems(listed({"pyproject.toml": "[project]\n[tool.ruff]\n"}))
    assert part.checks == []
    assert part.assumptions == [
        "ruff is configured, but no file says which version: it is not a check"
    ]


def test_ruff_of_a_group_is_installed_with_it() -> None:
    """The group says which version."""
    text = "[project]\n[tool.ruff]\n[dependency-groups]\nlint = ['ruff==0.14.0']\n"
    found = checks(listed({"pyproject.toml": text}))["lint"]
    assert found.packages == Packages(groups=("lint",))


@pytest.mark.parametrize(
    ("project", "files", "place"),
    [
        ("[project]\nversion = '1.0'\n", {}, ("pyproject.toml", "toml", "project.version", "1.0")),
        (
            "[tool.poetry]\nversion = '1.0'\n",
            {},
            ("pyproject.toml", "toml", "tool.poetry.version", "1.0"),
        ),
        (
            "[project]\nname = 'my-app'\ndynamic = ['version']\n",
            {"src/my_app/__init__.py": '"""Doc."""\n__version__ = "2.0.dev1"\n'},
            ("src/my_app/__init__.py", "pattern", '^__version__ = "([^"]+)"', "2.0.dev1"),
        ),
        (
            "[project]\ndynamic = ['version']\n[tool.hatch.version]\npath = 'a/v.py'\n",
            {"a/v.py": "__version__: str = '3.1'\n"},
            ("a/v.py", "pattern", "^__version__: str = '([^']+)'", "3.1"),
        ),
        (
            "[project]\ndynamic = ['version']\n[tool.setuptools.dynamic]\nversion = {attr = 'a.VERSION'}\n",
            {"a/__init__.py": "VERSION = '4.0'\n"},
            ("a/__init__.py", "pattern", "^VERSION = '([^']+)'", "4.0"),
        ),
        (
            "[project]\nname = 'a'\ndynamic = ['version']\n[tool.hatch.version]\nsource = 'vcs'\n",
            {"a/__init__.py": "__version__ = '5.0'\n"},
            None,
        ),
    ],
)
def test_where_a_python_project_says_its_version(
    project: str, files: dict[str, str], place: tuple[str, str, str, str] | None
) -> None:
    """In its table, or in the module that the build reads; a version made of the tag is nowhere."""
    [part] = ecosystems.find_ecosystems(listed({"pyproject.toml": project, **files}))
    found = part.version
    assert (found and (found.path, found.form, found.key, found.version)) == place


def test_targets_of_make_count_without_a_language() -> None:
    """`check` includes the others; a project of Go has its own commands."""
    makefile = ".PHONY: check\nVERSION := 1\ncheck: lint test\nlint:\n\ttrue\ntest:\n\ttrue\n"
    assert list(checks(listed({"Makefile": makefile}))) == ["check"]
    found = checks(listed({"Makefile": makefile.replace("check: lint test\n", "")}))
    assert [check.argv for check in found.values()] == [["make", "lint"], ["make", "test"]]
    assert list(checks(listed({"Makefile": makefile, "go.mod": "module a\n"}))) == ["vet", "test"]


def test_recipes_of_just() -> None:
    """With or without parameters and dependencies."""
    text = "set shell := ['bash']\ntest *words: build\n  true\n@lint:\n  true\n"
    found = checks(listed({"justfile": text}))
    assert [check.argv for check in found.values()] == [["just", "lint"], ["just", "test"]]


def test_a_mixed_repository_has_the_tests_of_its_other_language() -> None:
    """A package.json without tests is a tool's, and does not count."""
    files = {"pyproject.toml": f"{PYTEST}[dependency-groups]\ntest = ['pytest']\n"}
    assert list(checks(listed({**files, "package.json": "{}"}))) == ["test"]
    assert list(checks(listed({**files, "package.json": PACKAGE}))) == ["node"]


def test_what_is_not_in_a_checkout_is_not_runtime() -> None:
    """A submodule and a file of Git LFS are left out of a folder, and its other files stay."""
    listing = listed(
        {
            ".gitattributes": "*.bin filter=lfs diff=lfs\ngen/** linguist-generated=true\n",
            "assets/a.bin": "",
            "assets/b.txt": "",
            "gen/c.rs": "",
            "dist/app.js": "",
            "package-lock.json": "",
        },
        ignored=("dist/app.js", "package-lock.json"),
    )
    modes = {**listing.modes, "assets/theme": SUBMODULE}
    listing = Listing(name="app", modes=modes, read=listing.read, ignored=listing.ignored)
    outside = runtime.find_outside(listing)
    assert outside == runtime.Outside(
        submodules=["assets/theme"],
        pointers=["assets/a.bin"],
        generated=["gen/c.rs", "dist/app.js"],
    )
    apart = [*outside.submodules, *outside.pointers]
    assert runtime.find_runtime_paths(listing, [], apart) == [
        "assets/b.txt",
        "dist/",
        "gen/",
        "package-lock.json",
    ]
