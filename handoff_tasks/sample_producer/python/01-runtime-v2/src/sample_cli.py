"""The command line of the sample producer.

`recall TEXT` prints the records that match, one JSON object a line; `error-codes`
prints the codes.
"""

import json
import sys
from dataclasses import asdict

from sample_core import ErrorCode, recall


def main(words: list[str]) -> int:
    """Do what the words say and return the exit status."""
    match words:
        case ["recall", text]:
            for record in recall(text):
                print(json.dumps(asdict(record), separators=(",", ":")))
        case ["error-codes"]:
            for code in ErrorCode:
                print(code)
        case _:
            print("usage: sample_cli.py recall TEXT | error-codes", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
