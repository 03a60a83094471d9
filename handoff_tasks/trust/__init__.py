"""Signatures over packets: statements, envelopes, keys, trust files, and what signatures are worth.

Nothing here imports `cryptography` before a key is used, so unsigned runs cost nothing more.
"""

from handoff_tasks.trust.keys import open_key, read_public
from handoff_tasks.trust.names import Names
from handoff_tasks.trust.public_key import SigningKey
from handoff_tasks.trust.sign import Signed, add_signatures, bundle, sign_packet, sign_receipt
from handoff_tasks.trust.signers import read_moment
from handoff_tasks.trust.statement import Receipt, written_time
from handoff_tasks.trust.verify import Judgement, judge, judge_receipt, judge_tag

__all__ = [
    "Judgement",
    "Names",
    "Receipt",
    "Signed",
    "SigningKey",
    "add_signatures",
    "bundle",
    "judge",
    "judge_receipt",
    "judge_tag",
    "open_key",
    "read_moment",
    "read_public",
    "sign_packet",
    "sign_receipt",
    "written_time",
]
