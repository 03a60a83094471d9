"""Read the sessions of a noxfile and the environments of tox, without running them."""

from __future__ import annotations

import ast
import configparser
import re
from typing import TYPE_CHECKING

from handoff_tasks.setup.draft import Check, Ecosystem, tool
from handoff_tasks.setup.listing import table, texts

if TYPE_CHECKING:
    from typing import Any

    from handoff_tasks.setup.listing import Listing

_TESTS = ("tests", "test", "unit", "unittest", "pytest", "py", "py3")
# Tools write a .gitignore into their caches, which a check must not add elsewhere.
_CACHES = (".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache")
# What the installers of these environments need of the machine.
_PASS = ("PIP_CACHE_DIR", "PIP_CERT", "PIP_INDEX_URL", "UV_CACHE_DIR", "UV_INDEX_URL")
_INSTALL = "let the session install its wheel from PyPI"


def find_sessions(listing: Listing, document: dict[str, Any]) -> Ecosystem:
    """Return a check of the noxfile's tests, else of tox's; and what is there in words."""
    sessions = noxfile_sessions(listing.text("noxfile.py"))
    environments = _tox_environments(listing, document)
    lines = []
    if sessions:
        lines.append(f"sessions of noxfile.py that do not verify a release: {_some(sessions)}")
    if environments:
        lines.append(f"environments of tox that do not verify a release: {_some(environments)}")
    for name in sessions:
        if name in _TESTS:
            check = Check(
                id="test", title=f"the session {name}", argv=["nox", "-s", name], tools=["nox"]
            )
            tools = {"nox": tool("nox", _INSTALL, install="nox")}
            return Ecosystem(
                title="", checks=[check], keep=[".nox", *_CACHES], pass_names=_PASS, tools=tools
            )
    if environments:
        name = next((name for name in environments if name in _TESTS), "py")
        check = Check(
            id="test",
            title=f"tox, environment {name}",
            argv=["tox", "run", "-e", name],
            tools=["tox"],
        )
        tools = {"tox": tool("tox", _INSTALL, install="tox")}
        return Ecosystem(
            title="", checks=[check], keep=[".tox", *_CACHES], pass_names=_PASS, tools=tools
        )
    return Ecosystem(title="", assumptions=lines)


def noxfile_sessions(text: str) -> list[str]:
    """Return the names of the sessions that a noxfile defines, in their order."""
    try:
        module = ast.parse(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    names = []
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                name = _session_name(decorator, node.name)
                if name is not None:
                    names.append(name)
    return names


def _session_name(decorator: ast.expr, function: str) -> str | None:
    """Return the session's name if ``decorator`` is nox's; None if it is another one."""
    call = decorator if isinstance(decorator, ast.Call) else None
    target = call.func if call else decorator
    last = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    if last != "session":
        return None
    for keyword in call.keywords if call else []:
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    return function


def _tox_environments(listing: Listing, document: dict[str, Any]) -> list[str]:
    """Return the names of tox's environments, in one of its three files."""
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(listing.text("tox.ini"))
    except configparser.Error:
        return []
    if parser.has_section("tox"):
        listed = parser["tox"].get("env_list") or parser["tox"].get("envlist") or "py"
        # A comma between braces does not separate.
        return [name for name in re.split(r"(?:,(?![^{]*\})|\s)+", listed) if name]
    settings = listing.toml("tox.toml") or table(document, "tool", "tox")
    return texts(settings.get("env_list")) or (["py"] if settings else [])


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:8])
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown
