"""What is shipped: exactly the files that belong to the package, schemas, profiles and sample included."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import places
import pytest
import scratch

import handoff_tasks

if TYPE_CHECKING:
    from pathlib import Path

TOP = places.TOP


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what git would ship, so that nothing is left behind here."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    scratch.copy_shipped(TOP, source)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(folder),
        str(source),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


@pytest.mark.slow
def test_the_wheel_holds_exactly_the_package(wheel: Path) -> None:
    """Every module, profile, schema and sample file, the licence, and nothing else."""
    package = TOP / "handoff_tasks"
    expected = {
        f"handoff_tasks/{path.relative_to(package).as_posix()}"
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    expected |= {
        f"handoff_tasks/schemas/{path.name}"
        for path in (TOP / "handoff_tasks" / "schemas").iterdir()
    }
    info = f"handoff_tasks-{handoff_tasks.__version__}.dist-info"
    expected |= {
        f"{info}/{name}"
        for name in (
            "METADATA",
            "RECORD",
            "WHEEL",
            "entry_points.txt",
            "licenses/LICENSE",
            "top_level.txt",
        )
    }
    with zipfile.ZipFile(wheel) as archive:
        assert set(archive.namelist()) == expected


@pytest.mark.slow
def test_the_wheel_works_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    """Installed from the wheel, schemas, profiles and sample are found."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            str(tmp_path),
            str(wheel),
        ],
        check=True,
    )
    code = (
        "from pathlib import Path; import handoff_tasks; from handoff_tasks import files;"
        "from handoff_tasks.formats import schemas;"
        "from handoff_tasks.producer import profile; from handoff_tasks.setup import sample;"
        "assert handoff_tasks.__file__.startswith(str(Path.cwd())), handoff_tasks.__file__;"
        "schema = schemas.schema(schemas.PROFILE);"
        "[profile.parse(path.read_bytes(), name, schema) for name, path in files.built_in_profiles().items()];"
        "[sample.build(Path('made', flavour), flavour) for flavour in sample.COMMITS]; print('works')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "works\n", done.stderr
