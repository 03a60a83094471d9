"""Hand a workspace over from a run to the processes of its lanes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from handoff_tasks import files
from handoff_tasks.git import committed_profile
from handoff_tasks.git.producer import Producer
from handoff_tasks.git.repository import Repository
from handoff_tasks.git.views import View
from handoff_tasks.git.workspace import Workspace
from handoff_tasks.model import ProfileSource, TagRef
from handoff_tasks.problems import refusal
from handoff_tasks.producer import profile as producer_profile


def hand_over(workspace: Workspace, run: str, path: Path) -> None:
    """Write a workspace to a file, so that the lanes of a run need not ask git again."""
    producer = workspace.producer
    document = {
        "run": run,
        "profile": str(workspace.profile_path),
        "profile_digest": workspace.profile.digest,
        "profile_source": [workspace.source.name, workspace.source.sha256],
        "tree": workspace.tree,
        "work": str(workspace.work),
        "base": str(workspace.base),
        "root": str(producer.root),
        "top": str(producer.top),
        "git_dir": str(producer.git_dir),
        "prefix": producer.prefix,
        "commit": producer.commit,
        "head": producer.head,
        "tags": {name: asdict(tag) for name, tag in producer.tags.items()},
        "views": [asdict(view) for view in workspace.views.values()],
    }
    files.write(path, json.dumps(document).encode(), sync=False)


def take_over(path: Path) -> tuple[Workspace, str]:
    """Return the workspace that `hand_over` wrote, and the run's name.

    Raises `HandoffError` (HP015) if there is none, or the profile has changed.
    """
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        raise refusal(
            "HP015",
            str(path),
            "there is no run of that name",
            "call the handoff session; it starts its checks",
        ) from None
    profile_path = Path(found["profile"])
    parsed = producer_profile.parse(
        committed_profile.read_profile(profile_path), str(profile_path), None
    )
    if parsed.digest != found["profile_digest"]:
        raise refusal(
            "HP015",
            str(profile_path),
            "the profile changed during the run",
            "run again",
        )
    producer = Producer(
        root=Path(found["root"]),
        top=Path(found["top"]),
        git_dir=Path(found["git_dir"]),
        prefix=found["prefix"],
        commit=found["commit"],
        head=found["head"],
        tags={name: TagRef(**tag) for name, tag in found["tags"].items()},
    )
    base = Path(found["base"])
    seen = [View(**{**view, "ignores": tuple(view["ignores"])}) for view in found["views"]]
    workspace = Workspace(
        producer=producer,
        repository=Repository(base / "objects.git"),
        profile=parsed,
        profile_path=profile_path,
        source=ProfileSource(name=found["profile_source"][0], sha256=found["profile_source"][1]),
        tree=found["tree"],
        work=Path(found["work"]),
        base=base,
        notes=(),
        views={view.ignores: view for view in seen},
    )
    return workspace, found["run"]
