"""An index of small pure Python packages on this machine."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import threading
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


def wheel_of(folder: Path, name: str, version: str) -> Path:
    """Write a wheel whose only module has the package's name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    texts = {
        f"{name}.py": f"VERSION = '{version}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{place},,\n" for place in (*texts, f"{info}/RECORD"))
    with zipfile.ZipFile(path, "w") as made:
        for place, text in {**texts, f"{info}/RECORD": record}.items():
            # The same bytes each time: a lock file has their digest.
            made.writestr(zipfile.ZipInfo(place), text)
    return path


class _SilentHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


@contextlib.contextmanager
def serve(folder: Path, packages: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Serve packages, name to versions, and return the index's address."""
    for name, versions in packages.items():
        place = folder / "simple" / name
        wheels = [wheel_of(place, name, version) for version in versions]
        links = [
            f'<a href="{one.name}#sha256={hashlib.sha256(one.read_bytes()).hexdigest()}">{one.name}</a>'
            for one in wheels
        ]
        (place / "index.html").write_text(
            f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>"
        )
    handler = functools.partial(_SilentHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()
