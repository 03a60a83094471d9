"""Links, submodules and pointers in a producer's tree: what they lead to counts, or the release is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import scratch

from handoff_tasks.git import workspace
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.release import decide, gather
from handoff_tasks.rules import advisories

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n"


def judged(
    made: scratch.Producer, tmp_path: Path, *runtime_paths: str, ref: str = "HEAD"
) -> list[Problem]:
    """Return what is wrong with the release at ``ref``, advisories last; with other runtime paths than the small profile's."""
    profile = tmp_path / "handoff.toml"
    listed = '"crates/", "components/*/crates/", "Cargo.toml", "openapi/"'
    text = scratch.PROFILE
    assert listed in text
    if runtime_paths:
        text = text.replace(listed, ", ".join(f'"{path}"' for path in runtime_paths))
    profile.write_text(text)
    try:
        space = workspace.open_workspace(
            root=made.root,
            ref=ref,
            profile_path=profile,
            work=tmp_path / "work",
            cache=tmp_path / "cache",
        )
        material = gather.gather_material(space, None)
        found = sorted(decide.known_problems(space, material, allow_untagged=False))
        mode = space.profile.modes[0]
        return [
            *found,
            *advisories.release_advisories(
                mode, material.manifest, material.facts, allow_untagged=False
            ),
        ]
    except HandoffError as error:
        return list(error.problems)


def released(
    tmp_path: Path,
    links: Mapping[str, str],
    files: Mapping[str, str],
    later: Mapping[str, str | None],
) -> scratch.Producer:
    """Return a producer whose runtime commit has these links and files, and whose tag has the later ones too."""
    made = scratch.repository(tmp_path / "producer")
    made.write({**scratch.SCRIPTS, **scratch.runtime("2"), **files})
    for place, text in links.items():
        (made.root / place).parent.mkdir(parents=True, exist_ok=True)
        (made.root / place).symlink_to(text)
    made.release("v1.0.0", made.commit("feat: all", {}))
    if later:
        made.commit("fix: late", later)
    made.tag("v1.0.0")
    return made


def reported(found: list[Problem]) -> list[tuple[str, str, str]]:
    """Return code, place and message of problems."""
    return [(problem.code, problem.where, problem.message) for problem in found]


def differing(made: scratch.Producer, *places: str) -> list[tuple[str, str, str]]:
    """Return the two refusals of a release whose runtime differs in these places."""
    head = made.head()
    runtime = made.git("rev-list", "--max-parents=0", "HEAD")[:12]
    message = f"runtime paths differ between the runtime commit {runtime} and"
    return [
        ("HP053", "tag v1.0.0", f"{message} the tag's target {head[:12]}: {', '.join(places)}"),
        ("HP054", f"commit {head}", f"{message} the verified commit: {', '.join(places)}"),
    ]


def test_what_a_link_through_a_linked_folder_leads_to_is_runtime(tmp_path: Path) -> None:
    """Stimulus: crates/x leads through the folder link shared to other/y, which changes after the runtime commit."""
    made = released(
        tmp_path,
        {"shared": "other", "crates/x": "../shared/y"},
        {"other/y": "one\n"},
        {"other/y": "two\n"},
    )
    assert reported(judged(made, tmp_path)) == differing(made, "other/y")


def test_a_link_on_the_way_is_runtime(tmp_path: Path) -> None:
    """Stimulus: the folder link in the middle leads to an equal folder after the runtime commit."""
    made = released(
        tmp_path,
        {"shared": "other", "crates/x": "../shared/y"},
        {"other/y": "1\n", "equal/y": "1\n"},
        {"shared": None},
    )
    (made.root / "shared").symlink_to("equal")
    made.commit("fix: another way", {})
    made.tag("v1.0.0")
    assert reported(judged(made, tmp_path)) == differing(made, "equal/y", "other/y", "shared")


@pytest.mark.parametrize("path", ["lib/", "lib/y", "li*/y"])
def test_a_runtime_path_through_a_link_is_followed(tmp_path: Path, path: str) -> None:
    """Stimulus: the runtime path is a link to a folder, or goes through one."""
    made = released(tmp_path, {"lib": "other"}, {"other/y": "one\n"}, {"other/y": "two\n"})
    assert reported(judged(made, tmp_path, path)) == differing(made, "other/y")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("../outside", "a link that leaves the producer's root"),
        ("/etc", "a link that leaves the producer's root"),
        ("crates/../../producer/crates", "a link that leaves the producer's root"),
        ("lib", "a link that leads in a loop"),
        (".git", "a link into .git"),
        ("gone/../crates", "a link through a folder that is not in the commit"),
    ],
)
def test_a_runtime_path_that_leads_out_is_refused(tmp_path: Path, text: str, what: str) -> None:
    """Stimulus: the runtime path lib/ is a link out of what a checkout has. HP033."""
    made = released(tmp_path, {"lib": text}, {}, {})
    assert judged(made, tmp_path, "lib/") == [
        Problem(
            code="HP033",
            where="lib",
            message=f"is below the runtime paths and is {what}",
            hint="put its files into the commit: a check sees only what the commit contains",
        )
    ]


def test_a_service_version_behind_a_link_is_read(tmp_path: Path) -> None:
    """Stimulus: openapi/ is a link. The version that the linked file states counts, not the text of a link."""
    made = scratch.repository(tmp_path / "producer")
    made.write({**scratch.SCRIPTS, **scratch.runtime("2")})
    (made.root / "openapi").rename(made.root / "spec")
    (made.root / "openapi").symlink_to("spec")
    made.release("v1.0.0", made.commit("feat: all", {}))
    made.tag("v1.0.0")
    assert judged(made, tmp_path) == []


def test_a_pointer_of_git_lfs_is_not_its_content(tmp_path: Path) -> None:
    """Stimulus: pointers in the runtime (directly and behind a link), beside it, and what only looks like one."""
    large = LFS + "x" * 1024
    made = released(
        tmp_path,
        {"crates/linked": "../models/a"},
        {
            "crates/model": LFS,
            "models/a": LFS,
            "docs/film": LFS,
            "docs/large": large,
            "docs/text": f"see: {LFS}",
        },
        {},
    )
    what = (
        "is below the runtime paths and is a Git LFS pointer, whose content is not in the checkout"
    )
    assert reported(judged(made, tmp_path)) == [
        ("HP033", "crates/model", what),
        ("HP033", "models/a", what),
        (
            "HA017",
            "git_state/verified_tree",
            "Git LFS pointers, whose content is not in the checkout, so no check saw it: docs/film",
        ),
    ]


def test_uncommitted_files_behind_a_link_are_named(tmp_path: Path) -> None:
    """Stimulus: a file behind a link of the runtime is edited, and a new one lies beside it. HA001 names both."""
    made = released(tmp_path, {"crates/x": "../other"}, {"other/y": "one\n", "more/z": "one\n"}, {})
    made.write({"other/y": "two\n", "other/new": "two\n", "more/z": "two\n"})
    profile = tmp_path / "handoff.toml"
    profile.write_text(scratch.PROFILE)
    space = workspace.open_workspace(
        root=made.root,
        ref="HEAD",
        profile_path=profile,
        work=tmp_path / "work",
        cache=tmp_path / "cache",
    )
    assert [(note.code, note.message) for note in gather.gather_material(space, None).notes] == [
        ("HA001", "uncommitted, so not part of this run: other/new, other/y")
    ]
