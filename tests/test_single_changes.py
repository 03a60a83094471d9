"""The claim that any single change to a good packet that alters its meaning is refused, by its bytes or by git."""

from __future__ import annotations

import copy
import functools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from handoff_tasks import assemble, canonical, resources, sample, workspace
from handoff_tasks.model import Flavour

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOLDEN = Path(__file__).parent / "golden"
Changed = tuple[str, Any]
# What may be changed without being refused, each with the reason why neither bytes nor git can know better.
ALLOWED = {
    r"/verification_outcomes/\d+/tools/.*": "the versions are what the checks saw on one machine; only running them again tells",
}


def leaves(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each pointer with its value."""
    yield pointer, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
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
    return [other for other in (f"{value} x", value.upper(), value.lower(), digits) if other != value]


def _set(other: object, place: Any, key: Any) -> None:
    place[key] = other


def changes(document: dict[str, Any]) -> Iterator[Changed]:
    """Yield each single change: a value replaced, dropped, doubled or moved, a key added."""

    def changed(pointer: str, change: Callable[[Any, Any], None]) -> Changed:
        other = copy.deepcopy(document)
        change(*holder(other, pointer))
        return pointer, other

    for pointer, value in list(leaves(document))[1:]:
        for other in others(value):
            yield changed(pointer, functools.partial(_set, other))
        yield changed(pointer, lambda place, key: place.__delitem__(key))
        if isinstance(value, dict):
            yield changed(pointer, lambda place, key: place[key].__setitem__("unknown_key", "x"))
        if isinstance(value, list) and len(value) > 1:
            yield changed(pointer, lambda place, key: place[key].reverse())
        if isinstance(value, list) and value:
            yield changed(pointer, lambda place, key: place[key].append(place[key][0]))


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> tuple[workspace.Workspace, Path]:
    """The sample at v0.4.0, opened."""
    folder = tmp_path_factory.mktemp("single")
    sample.build(folder / "sample", Flavour.RUST)
    opened = workspace.open_(
        root=folder / "sample",
        ref="v0.4.0",
        profile_path=resources.profiles()["memorykernel"],
        work=folder / "work",
        cache=folder / "cache",
    )
    return opened, folder


@pytest.mark.parametrize("name", ["stable-v0.4.0", "candidate-v0.4.0"])
def test_a_single_change_is_refused(material: tuple[workspace.Workspace, Path], name: str) -> None:
    """Each value replaced by another of its kind, dropped, doubled or moved, each object with a key more: refused but for a few."""
    opened, _ = material
    document = json.loads((GOLDEN / f"{name}.json").read_bytes())
    gathered = assemble.gather(opened, None)
    assert _refused(opened, gathered, document) is False
    believed = [pointer for pointer, other in changes(document) if not _refused(opened, gathered, other)]
    unknown = [pointer for pointer in believed if not any(re.fullmatch(pattern, pointer) for pattern in ALLOWED)]
    assert sorted(set(unknown)) == []


def _refused(opened: workspace.Workspace, gathered: assemble.Material, document: dict[str, Any]) -> bool:
    from handoff_tasks import rules

    if assemble.check_packet(canonical.published_bytes(document), "packet"):
        return True
    known = (document, gathered.facts, gathered.manifest, opened.profile, "packet")
    return bool(rules.packet_against_git(*known) or rules.packet_against_profile(*known))
