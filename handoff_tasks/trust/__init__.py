"""Sign packets and receipts, and decide what signatures are worth.

Nothing here imports `cryptography` before a key is used, so unsigned runs cost nothing more.
"""
