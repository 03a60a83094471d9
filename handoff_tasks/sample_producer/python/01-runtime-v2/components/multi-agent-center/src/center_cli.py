"""Plans steps from recalled records.

`plan FILE` prints one step for each record in the file, one record a line.
"""

import sys
from pathlib import Path


def plan(records: str) -> str:
    """Return the numbered steps for the records in a text."""
    filled = [line for line in records.splitlines() if line.strip()]
    return "".join(
        f"{number}: consider {line}\n" for number, line in enumerate(filled, 1)
    )


def main(words: list[str]) -> int:
    """Print the steps for the file in the words and return the exit status."""
    match words:
        case ["plan", file]:
            print(plan(Path(file).read_text("utf-8")), end="")
            return 0
        case _:
            print("usage: center_cli.py plan FILE", file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
