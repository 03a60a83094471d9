"""Recognise a Go module by its ``go.mod``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from handoff_tasks.setup.draft import Check, Ecosystem, tool

if TYPE_CHECKING:
    from handoff_tasks.setup.listing import Listing

# A folder whose name begins with a dot is not part of the pattern `./...`.
_CACHE = ".go-cache"


def find_go(listing: Listing) -> Ecosystem | None:
    """Return the checks ``go vet`` and ``go test``, with a module cache in the checkout."""
    if not listing.has("go.mod"):
        return None
    module = re.search(r"^module[ \t]+\"?([^\s\"]+)", listing.text("go.mod"), re.MULTILINE)
    path = module[1] if module else ""
    checks = [
        Check(
            id="vet",
            title="go vet",
            argv=["go", "vet", "./..."],
            tools=["go"],
        ),
        Check(
            id="test",
            title="the whole test suite",
            argv=["go", "test", "-count=1", "./..."],
            tools=["go"],
        ),
    ]
    gaps = []
    if re.search(r"^require\b", listing.text("go.mod"), re.MULTILINE) and not listing.has("go.sum"):
        gaps.append("go.sum is not committed: go cannot check what it downloads; run go mod tidy")
    return Ecosystem(
        title=f"Go ({path})" if path else "Go",
        # A path may end in the major version: example.com/tool/v2.
        package=re.sub(r"/v[0-9]+\Z", "", path).rpartition("/")[2] or None,
        checks=checks,
        keep=[_CACHE],
        pass_names=["GONOPROXY", "GONOSUMDB", "GOPRIVATE", "GOPROXY", "GOSUMDB"],
        set={
            "GOCACHE": f"{{root}}/{_CACHE}/build",
            # Without the last word modules are read-only, and cannot be removed with the checkout.
            "GOFLAGS": "-mod=readonly -modcacherw",
            "GOMODCACHE": f"{{root}}/{_CACHE}/modules",
        },
        tools={"go": tool("go", "install Go, or put its bin folder on PATH", "version")},
    )
