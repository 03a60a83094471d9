"""Fuzz one target with atheris, guided by coverage: TARGET SECONDS FOLDER.

FOLDER keeps the corpus, and each input that fails.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["handoff_tasks"]):
    import targets

name, seconds, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
folder.mkdir(parents=True, exist_ok=True)
for number, seed in enumerate(targets.seeds(name)):
    (folder / f"seed-{number}").write_bytes(seed)
settings = [
    f"-max_total_time={seconds}",
    f"-artifact_prefix={folder}/find-",
    "-timeout=10",
    "-rss_limit_mb=2048",
    "-print_final_stats=1",
]
atheris.Setup([sys.argv[0], *settings, str(folder)], targets.TARGETS[name])
atheris.Fuzz()
