"""Recognise a Rust package or workspace by its ``Cargo.toml``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handoff_tasks.formats.words import some_of
from handoff_tasks.setup import built_in
from handoff_tasks.setup.draft import Check, Ecosystem, Place
from handoff_tasks.setup.listing import table, texts

if TYPE_CHECKING:
    from typing import Any

    from handoff_tasks.setup.listing import Listing


def find_cargo(listing: Listing) -> Ecosystem | None:
    """Return cargo's three checks, its build outputs, and the environment that it needs."""
    if not listing.has("Cargo.toml"):
        return None
    document = listing.toml("Cargo.toml")
    # cargo leaves its outputs beside the lock file of each workspace.
    folders = {""}
    for path in listing.modes:
        folder, _, file = path.rpartition("/")
        if file == "Cargo.lock":
            folders.add(folder)
    environment = built_in.read_profile("memorykernel")["environment"]
    pass_names = environment.pop("pass")
    environment.pop("set")
    failures = environment["failures"]
    # Those of single checks are of MemoryKernel's.
    environment["failures"] = [failure for failure in failures if "checks" not in failure]
    gaps = []
    if listing.nearest("Cargo.lock") is None:
        gaps.append(
            "Cargo.lock is not committed: cargo would write one into the checkout, and a check "
            "that changes the checkout fails"
        )
    name = table(document, "package").get("name")
    return Ecosystem(
        title=_title(document),
        package=name if isinstance(name, str) else None,
        checks=_checks(is_member=listing.nearest("Cargo.lock") not in (None, "Cargo.lock")),
        keep=[f"{folder}/target".removeprefix("/") for folder in sorted(folders)],
        pass_names=pass_names,
        environment=environment,
        version=_version(document, has_lock=listing.has("Cargo.lock")),
        assumptions=[
            "all features of all packages are built, and a warning of clippy is a failure"
        ],
        gaps=gaps,
    )


def _checks(*, is_member: bool) -> list[Check]:
    """Return the three checks, of the whole workspace or of one member in a folder of it."""
    whole, flags = ["--all"], ["--workspace", "--all-targets", "--all-features"]
    if is_member:
        whole, flags = [], flags[1:]
    return [
        Check(
            id="fmt",
            title="formatting",
            argv=["cargo", "fmt", *whole, "--", "--check"],
            tools=["cargo", "rustc", "rustfmt"],
        ),
        Check(
            id="clippy",
            title="lints, warnings denied",
            argv=["cargo", "clippy", *flags, "--", "-D", "warnings"],
            tools=["cargo", "rustc", "clippy"],
        ),
        Check(
            id="test",
            title="the whole test suite",
            argv=["cargo", "test", *flags],
            tools=["cargo", "rustc"],
        ),
    ]


def _title(document: dict[str, Any]) -> str:
    members = texts(table(document, "workspace").get("members"))
    return f"Rust (cargo, workspace: {some_of(members)})" if members else "Rust (cargo)"


def _version(document: dict[str, Any], *, has_lock: bool) -> Place | None:
    """Return where the manifest says the version: of its package, or of the workspace."""
    for keys in (("package",), ("workspace", "package")):
        version = table(document, *keys).get("version")
        if isinstance(version, str):
            key = ".".join([*keys, "version"])
            lock = ("Cargo.lock", "cargo update --workspace") if has_lock else None
            return Place(path="Cargo.toml", form="toml", key=key, version=version, lock=lock)
    return None
