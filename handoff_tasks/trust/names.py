"""Names: what files are called in messages, and what a principal may be called."""

from __future__ import annotations

import re
from dataclasses import dataclass

# A producer's id stands in the trust file as it is, so it has no pattern, comma, quote or white
# space.
PLAIN_NAME = re.compile(r"[A-Za-z0-9._@+:/%~-]+")
SUFFIX = ".intoto.json"
"""What the name of an envelope adds to the packet's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of files in messages."""

    packet: str = "PACKET"
    envelope: str = f"PACKET{SUFFIX}"
    signers: str = "allowed_signers"
    revoked: str = "revoked_keys"
    other: str = f"OTHER{SUFFIX}"
    other_packet: str = "OTHER"


DEFAULT = Names()
