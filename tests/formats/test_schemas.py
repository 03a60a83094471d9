"""Claims about the schemas.

What they are, that they hold everywhere, and that a second engine agrees.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import places
import pytest
from builders import (
    CANDIDATE,
    check,
    go_packet,
    manifest_document,
    problem,
    profile,
    record,
    result,
)
from jsonschema import Draft202012Validator

from handoff_tasks import files
from handoff_tasks.formats import canonical, schemas, strict_json
from handoff_tasks.model import Relation, RunEnd
from handoff_tasks.record import Outcome, Record
from handoff_tasks.release import result as release_result

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = (
    schemas.CONSUMER_PROFILE,
    schemas.DIFF,
    schemas.MANIFEST,
    schemas.PACKET,
    schemas.PROFILE,
    schemas.RECEIPT,
    schemas.RECORD,
    schemas.RELEASE_MANIFEST,
    schemas.RESULT,
)
FOLDER = places.TOP / "handoff_tasks" / "schemas"
OPEN = (schemas.MANIFEST, schemas.RELEASE_MANIFEST)


def subschemas(schema: Any, where: str = "#") -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Yield each schema that describes a value, with its place and whether it is a value's first description.

    Conditions (``if``, ``then``, ``else``, ``not``) describe no value of their own and are left out.
    """
    yield where, schema, not where.rpartition("/anyOf/")[2].isdigit()
    for key in ("properties", "patternProperties"):
        for name, inner in schema.get(key, {}).items():
            yield from subschemas(inner, f"{where}/{key}/{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from subschemas(schema[key], f"{where}/{key}")
    for number, inner in enumerate(schema.get("anyOf", [])):
        yield from subschemas(inner, f"{where}/anyOf/{number}")


def patterns(value: Any) -> Iterator[str]:
    """Yield every pattern of a schema, wherever it stands, those for keys too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "pattern" and isinstance(inner, str):
                yield inner
            elif key == "patternProperties":
                yield from inner
            yield from patterns(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from patterns(inner)


def violations(name: str, document: object) -> list[str]:
    """Return what a schema has against a document."""
    return [
        one.text()
        for one in schemas.violations(
            document, schemas.schema(name), where="a", code="HP070", hint=""
        )
    ]


def test_the_files_are_the_known_contracts() -> None:
    """There is one schema for each contract, and none besides."""
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(
        f"{name}.schema.json" for name in NAMES
    )


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_schema_of_its_draft(name: str) -> None:
    """Each file is a valid schema of draft 2020-12, read strictly, whose versioned name is that of its file."""
    document = strict_json.read((FOLDER / f"{name}.schema.json").read_bytes(), name)
    assert document == schemas.schema(name)
    assert isinstance(document, dict)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"] == f"urn:handoff-tasks:schema:{name}"
    assert name.rpartition(".")[2] == "v1"
    Draft202012Validator.check_schema(document)


@pytest.mark.parametrize("name", NAMES)
def test_everything_is_described(name: str) -> None:
    """Every property at any depth says in words what it is."""
    bare = [
        where
        for where, schema, first in subschemas(schemas.schema(name))
        if first and not schema.get("description")
    ]
    assert bare == []


@pytest.mark.parametrize("name", [name for name in NAMES if name not in OPEN])
def test_every_object_is_closed(name: str) -> None:
    """An object has only the keys that its schema knows, or each other key has a schema too."""
    found = [
        schema
        for _, schema, _ in subschemas(schemas.schema(name))
        if "properties" in schema or schema.get("type") == "object"
    ]
    assert found
    assert [
        schema
        for schema in found
        if schema.get("additionalProperties") is not False
        and not isinstance(schema.get("additionalProperties"), dict)
    ] == []


def test_a_manifest_may_have_more_keys() -> None:
    """The manifest is the producer's own document: more keys may come, and the schema says so."""
    assert "Additional keys are allowed" in schemas.schema(schemas.MANIFEST)["description"]
    assert violations(schemas.MANIFEST, manifest_document(something_new=1)) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_pattern_is_anchored(name: str) -> None:
    """Each pattern holds for a whole text, and no trailing newline slips through."""
    found = list(patterns(schemas.schema(name)))
    assert found
    assert [
        pattern
        for pattern in found
        if not (pattern.startswith("^") and pattern.endswith("$(?!\\n)"))
    ] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_required_is_described(name: str) -> None:
    """No schema requires a key that it does not know."""
    for where, schema, _ in subschemas(schemas.schema(name)):
        assert set(schema.get("required", ())) <= set(schema.get("properties", ())), where


def enum_at(name: str, *path: str) -> list[str]:
    """Return the values that a schema allows at a place."""
    schema: Any = schemas.schema(name)
    for part in path:
        schema = schema[part]
    return [value for value in schema["enum"] if value is not None]


def test_closed_sets_are_those_of_the_model() -> None:
    """Outcomes and relations in the schemas are those that the code knows."""
    outcomes = [str(outcome) for outcome in Outcome]
    item = ("items", "properties", "outcome")
    assert enum_at(schemas.RECORD, "properties", "outcome") == outcomes
    assert enum_at(schemas.PACKET, "properties", "verification_outcomes", *item) == outcomes
    assert enum_at(schemas.RESULT, "properties", "checks", *item) == outcomes
    for key in ("runtime_to_tag", "runtime_to_verified"):
        assert enum_at(schemas.PACKET, "properties", "git_state", "properties", key) == [
            str(relation) for relation in Relation
        ]


@pytest.mark.parametrize(
    "found",
    [
        record(check()),
        record(
            check(),
            outcome=Outcome.FAILED,
            exit_code=None,
            signal="SIGKILL",
            reason="ended by SIGKILL",
            log=None,
            toolchain="1.95.0",
        ),
        record(
            check(),
            outcome=Outcome.TOOL_MISSING,
            tools=(),
            environment_names=(),
            checkout_state="kept",
        ),
    ],
)
def test_a_record_is_read_back_as_it_was_written(found: Record) -> None:
    """A record follows its schema, and what is read from its bytes is the same record."""
    document = strict_json.read(canonical.published_bytes(found.to_dict()), "fmt.json")
    assert violations(schemas.RECORD, document) == []
    assert isinstance(document, dict)
    assert Record.from_dict(document) == found


@pytest.mark.parametrize(("problems", "verdict"), [([], "GO"), ([problem()], "NO-GO")])
def test_a_result_follows_its_schema(problems: list[Any], verdict: str) -> None:
    """What a run tells machines follows its schema, with problems and without."""
    document = release_result.result_document(
        RunEnd(
            checks=tuple(result(one) for one in profile().checks),
            problems=tuple(problems),
            advisories=(problem("HA010"),),
        ),
        mode="stable",
        commit="1" * 40,
        packet_path=Path("packet.json"),
        draft=None,
        place=Path("evidence"),
    )
    assert document["verdict"] == verdict
    assert violations(schemas.RESULT, json.loads(canonical.result_bytes(document))) == []


def refused(name: str, *paths: Path) -> list[str]:
    """Return the names of the files that a second engine reads and refuses.

    All others are read and accepted.
    """
    words = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--schemafile",
        str(FOLDER / f"{name}.schema.json"),
        "-o",
        "json",
    ]
    done = subprocess.run([*words, *map(str, paths)], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert (report["status"], report["parse_errors"]) == ("fail", [])
    return sorted({Path(error["filename"]).name for error in report["errors"]})


def test_a_second_engine_agrees_about_packets(tmp_path: Path) -> None:
    """Another implementation, with another engine for patterns, accepts good packets and refuses broken ones."""
    documents = {
        "stable.json": go_packet(),
        "candidate.json": go_packet(CANDIDATE),
        "newline.json": go_packet() | {"release_tag": "v1.2.3\n"},
        "extra.json": go_packet() | {"notes": "x"},
        "date.json": go_packet() | {"handoff_generated_at_utc": "2026-02-30 00:00:00"},
        "mixed.json": go_packet() | {"required_consumer_validation_commands": ["npm test"]},
    }
    for name, document in documents.items():
        (tmp_path / name).write_bytes(canonical.published_bytes(document))
    broken = sorted(set(documents) - {"stable.json", "candidate.json"})
    assert refused(schemas.PACKET, *(tmp_path / name for name in documents)) == broken
    assert (
        sorted(name for name, document in documents.items() if violations(schemas.PACKET, document))
        == broken
    )


def test_a_second_engine_agrees_about_records(tmp_path: Path) -> None:
    """Another implementation accepts a good record and refuses a broken one."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_bytes(canonical.published_bytes(record(check()).to_dict()))
    bad.write_bytes(canonical.published_bytes(record(check()).to_dict() | {"outcome": "skipped"}))
    assert refused(schemas.RECORD, good, bad) == ["bad.json"]


def test_a_second_engine_agrees_about_profiles(tmp_path: Path) -> None:
    """Another implementation accepts the built-in profile and refuses one with a mistyped key."""
    good, bad = files.built_in_profiles()["memorykernel"], tmp_path / "bad.toml"
    bad.write_bytes(good.read_bytes().replace(b"\nkeep =", b"\nkept ="))
    assert refused(schemas.PROFILE, good, bad) == ["bad.toml"]
