"""The claim that any single change to a good packet that alters its meaning is refused, by its bytes or by git."""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any

import places
import pytest
from packets import foreign

from handoff_tasks import files
from handoff_tasks.formats import canonical, schemas
from handoff_tasks.git import workspace
from handoff_tasks.model import Flavour
from handoff_tasks.problems import Problem
from handoff_tasks.release import choose_profile, gather, verify_packet
from handoff_tasks.setup import sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GOLDEN = places.TESTS / "golden"
Changed = tuple[str, Any]
# What may be changed without being refused, each with the reason why neither bytes nor git can know better.
ALLOWED = {
    r'/verification_outcomes/\d+/tools/\w+ ".*"': "the versions are what the checks saw; only running them again tells",
    r'/handoff_generated_at_source "source-date-epoch"': "SOURCE_DATE_EPOCH may have been set to the commit's own time",
    r"/producer/profile null": "a copy of the built-in profile with the same bytes may lie outside of the repository",
}


def enums(schema: Any) -> Iterator[str]:
    """Yield each text that the schema names as a value of some key."""
    if isinstance(schema, dict):
        yield from (one for one in schema.get("enum", ()) if isinstance(one, str))
        for inner in schema.values():
            yield from enums(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from enums(inner)


ENUMS = sorted(set(enums(schemas.schema(schemas.PACKET))))


def leaves(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each pointer with its value."""
    yield pointer, value
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, child in inner:
        yield from leaves(child, f"{pointer}/{key}")


def holder(document: Any, pointer: str) -> tuple[Any, Any]:
    """Return what holds the value at a pointer, and its key there."""
    *path, last = pointer.split("/")[1:]
    for part in path:
        document = document[int(part) if isinstance(document, list) else part]
    return document, int(last) if isinstance(document, list) else last


def others(value: Any) -> list[Any]:
    """Return values of the same kind that mean something else."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1]
    if value is None:
        return ["something"]
    if not isinstance(value, str):
        return []
    if re.fullmatch(r"[0-9a-f]{40,64}", value):
        return [value[:-1] + ("0" if value[-1] != "0" else "1")]
    digits = re.sub(r"\d(?=\D*\Z)", lambda match: str((int(match[0]) + 1) % 10), value)
    found = [
        f"{value} x",
        f"{value}x",
        f"x{value}",
        value.upper(),
        value.lower(),
        digits,
        *ENUMS,
        "security-audit",
        None,
    ]
    return [other for other in found if other != value]


def _set(other: object, place: Any, key: Any) -> None:
    place[key] = other


def _first(place: dict[str, Any]) -> tuple[str, Any]:
    """Take the first key out of an object and return it with its value."""
    first = next(iter(place))
    return first, place.pop(first)


def _swap(inner: str, place: Any, key: Any) -> None:
    """Swap one value of a list's first item with that of the second."""
    first, second = place[key][:2]
    first[inner], second[inner] = second[inner], first[inner]


def changes(document: Any) -> Iterator[Changed]:
    """Yield each single change: a value replaced, dropped, doubled or moved, items swapped, keys reordered, a key added."""
    text = json.dumps(document)

    def changed(pointer: str, change: Callable[[Any, Any], None]) -> Changed:
        other = json.loads(text)
        change(*holder(other, pointer))
        return pointer, other

    for pointer, value in list(leaves(document))[1:]:
        for other in others(value):
            yield changed(pointer, functools.partial(_set, other))
        yield changed(pointer, lambda place, key: place.__delitem__(key))
        if isinstance(value, dict):
            yield changed(pointer, lambda place, key: place[key].__setitem__("unknown_key", "x"))
            if len(value) > 1:
                yield changed(
                    pointer, lambda place, key: place[key].__setitem__(*_first(place[key]))
                )
        if isinstance(value, list) and len(value) > 1:
            yield changed(pointer, lambda place, key: place[key].reverse())
            yield changed(pointer, lambda place, key: place[key].insert(0, place[key].pop(1)))
            for inner in value[0] if isinstance(value[0], dict) else ():
                if value[0][inner] != value[1][inner]:
                    yield (
                        f"{pointer}/0/{inner}",
                        changed(pointer, functools.partial(_swap, inner))[1],
                    )
        if isinstance(value, list) and value:
            yield changed(pointer, lambda place, key: place[key].append(place[key][0]))


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> tuple[workspace.Workspace, Path]:
    """The sample at v0.4.0, opened."""
    folder = tmp_path_factory.mktemp("single")
    sample.build(folder / "sample", Flavour.RUST)
    opened = workspace.open_workspace(
        root=folder / "sample",
        ref="v0.4.0",
        profile_path=files.built_in_profiles()["memorykernel"],
        work=folder / "work",
        cache=folder / "cache",
    )
    return opened, folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stable-v0.4.0", "candidate-v0.4.0"])
def test_a_single_change_is_refused(material: tuple[workspace.Workspace, Path], name: str) -> None:
    """Each value replaced by another of its kind, dropped, doubled or moved, each object with a key more: refused but for a few."""
    opened, _ = material
    document = json.loads((GOLDEN / f"{name}.json").read_bytes())
    gathered = gather.gather_material(opened, None)
    assert _refused(opened, gathered, document) is False
    believed = [
        f"{pointer} {_at(other, pointer)}"
        for pointer, other in changes(document)
        if not _refused(opened, gathered, other)
    ]
    unknown = [
        one for one in believed if not any(re.fullmatch(pattern, one) for pattern in ALLOWED)
    ]
    assert sorted(set(unknown)) == []


def _at(document: Any, pointer: str) -> str:
    """Return what is at a pointer now, as JSON."""
    try:
        place, key = holder(document, pointer)
        return json.dumps(place[key])
    except (KeyError, IndexError):
        return "removed"


def _refused(opened: workspace.Workspace, gathered: gather.Material, document: Any) -> bool:
    judged = verify_packet.judge_bytes(canonical.published_bytes(document), "packet")
    if judged.problems:
        return True
    stated = document["producer"]
    asked = choose_profile.VerifyRequest(
        root=opened.producer.root,
        profile_path=opened.profile_path,
        option=None,
        work=opened.work,
        cache=opened.base.parent,
    )
    commit = workspace.Commit(
        producer=opened.producer, repository=opened.repository, base=opened.base
    )
    usual = choose_profile.own_profile(asked, commit)
    chosen = choose_profile.choose_profile(asked, commit, usual, stated, "packet")
    return isinstance(chosen, Problem) or bool(
        verify_packet.contradictions(opened, gathered, document, "packet")
    )


def test_a_packet_of_the_producers_own_generator_says_so_first(
    material: tuple[workspace.Workspace, Path],
) -> None:
    """One finding that it records no outcome, one for all its placeholders, and git has nothing else against it."""
    opened, _ = material
    document = foreign(json.loads((GOLDEN / "stable-v0.4.0.json").read_bytes()))
    judged = verify_packet.judge_bytes(json.dumps(document).encode(), "packet")
    assert [one.code for one in judged.problems] == ["HP076", "HP062"]
    assert judged.document is not None
    assert verify_packet.judge_by_git(opened, judged.document, "packet") == ([], [])
    wrong: Any = {**judged.document, "error_code_enum": ["invalid_json"]}
    assert [one.where for one in verify_packet.judge_by_git(opened, wrong, "packet")[0]] == [
        "packet#/error_code_enum"
    ]
