"""Find the scripts of a repository that verify something, and read what they say of themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.setup.listing import EXECUTABLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from handoff_tasks.setup.listing import Listing

_NAME = re.compile(r"(?:verify|run|check)[_-](.+?)(?:\.(?:sh|bash|py))?\Z")
_PRINT = re.compile(
    r"""\A\s*(?:echo|printf|print)\s*\(?\s*(["'])([^"'$`{}\\%]{4,160})(?:\\n)?\1\s*\)?\s*\Z"""
)
_ROOT_OPTION = re.compile(r"(?<![\w-])(--(?:[a-z]+-)*root)(?![\w-])")
_WORD = re.compile(r"(?<![\w./-])([a-z][a-z0-9]*)(?![\w.-])")
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_ALIASES = {"sha256sum": "sha256", "shasum": "sha256", "python": "python3"}
_SHELL_WORDS = {"test", "true", "false"}
# A script run_server.sh verifies nothing, and does not end.
_VERIFYING = re.compile(
    r"(?:test|check|verif|valid|smoke|suite|lint|compliance|conformance|integration|e2e|all)",
    re.IGNORECASE,
)
# Another program, such as uv, may install packages that no one pins.
_SHELLS = re.compile(r"#!\s*\S*/(?:env\s+)?(?:bash|sh|python3?)\b")
_OTHER_FOLDERS = frozenset(
    {"doc", "docs", "example", "examples", "test", "tests", "testdata", "third_party", "vendor"}
)
_LAST_LINES = {"", "}", "main", 'main "$@"'}


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A script that verifies something.

    ``root_option`` is the option that takes the producer's root, ``success_line`` what it prints
    last, ``tools`` the names of the tools in it.
    """

    path: str
    root_option: str | None
    success_line: str | None
    tools: tuple[str, ...]

    @property
    def id(self) -> str:
        """The check's id."""
        match = _NAME.match(self.path.rpartition("/")[2])
        name = match[1] if match else self.path
        name = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        if not name[:1].isalpha():
            name = f"check-{name}"
        return name[:64].rstrip("-")


def is_script(path: str) -> bool:
    """Return whether a file's name says that it verifies something.

    It begins with ``verify`` or ``check``, or with ``run`` and has a word such as ``tests``, and
    then ``_`` or ``-``. The file is at the top or in a folder there, but not one of tests or
    documents.
    """
    folder, _, name = path.rpartition("/")
    if "/" in folder or folder in _OTHER_FOLDERS:
        return False
    if not re.match(r"(?:verify|check|run)[_-]", name):
        return False
    if name.startswith("run") and not _VERIFYING.search(name):
        return False
    return not re.search(r"\.(?!sh\Z|bash\Z|py\Z)[^.]*\Z", name)


def find_scripts(listing: Listing, tools: Collection[str], taken: Collection[str]) -> list[Script]:
    """Return the executable scripts, sorted by path.

    ``tools`` are the names of the tools that can be described. Of scripts with the same id, and of
    those whose id is in ``taken``, only the first check is kept.
    """
    scripts: dict[str, Script] = {}
    for path in sorted(listing.modes):
        if is_script(path) and listing.modes[path] == EXECUTABLE:
            text = listing.text(path)
            script = read_script(path, text, tools)
            if script.id not in taken and _SHELLS.match(text):
                scripts.setdefault(script.id, script)
    return list(scripts.values())


def read_script(path: str, text: str, tools: Iterable[str]) -> Script:
    """Return what a script's text says; ``tools`` are the names that are looked for."""
    root = _ROOT_OPTION.search(text)
    lines = [line for line in text.splitlines() if line.strip() not in _LAST_LINES]
    success = _PRINT.match(lines[-1]) if lines else None
    shell = "python3" if "python" in text.partition("\n")[0] else "bash"
    words = set(_WORD.findall(_COMMENT.sub("", text))) - _SHELL_WORDS
    names = {_ALIASES.get(word, word) for word in words}
    return Script(
        path=path,
        root_option=root[1] if root else None,
        success_line=success[2] if success else None,
        tools=(shell, *(name for name in tools if name in names and name != shell)),
    )
