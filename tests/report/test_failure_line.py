"""Claims about the line of a log that explains a failure; the logs are those of real tools."""

from __future__ import annotations

import time

import pytest
from builders import quick
from hypothesis import given
from hypothesis import strategies as st

from handoff_tasks.record import Outcome
from handoff_tasks.report.failure_line import choose_line, explain

LOGS = {
    "bash script": (
        """\
[step] contract parity
[fail] components/multi-agent-center/manifest.json differs from contracts/manifest.json
[check] outcome-memory
[check] multi-agent-center
""",
        "[fail] components/multi-agent-center/manifest.json differs from contracts/manifest.json",
    ),
    "bash itself": (
        "[check] error codes\n./scripts/verify.sh: line 12: jq: command not found\n",
        "./scripts/verify.sh: line 12: jq: command not found",
    ),
    "cargo test": (
        """\
running 3 tests
test tests::good ... ok
test tests::bad ... FAILED

failures:

---- tests::bad stdout ----

thread 'tests::bad' (19612) panicked at src/lib.rs:2:64:
assertion `left == right` failed: sums
  left: 1
 right: 2
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    tests::bad

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

error: test failed, to rerun pass `--lib`
""",
        "thread 'tests::bad' (19612) panicked at src/lib.rs:2:64: assertion `left == "
        "right` failed: sums",
    ),
    "cargo check": (
        """\
    Checking failure v0.1.8
error[E0308]: mismatched types
 --> src/lib.rs:3:16
  |
3 | fn x() -> u8 { "a" }
  |           --   ^^^ expected `u8`, found `&str`

For more information about this error, try `rustc --explain E0308`.
error: could not compile `rs` (lib) due to 1 previous error
""",
        "error[E0308]: mismatched types",
    ),
    "clippy": (
        """\
error: unnecessary map of the identity function
 --> src/lib.rs:1:44
  |
  = help: for further information visit https://rust-lang.github.io/rust-clippy/rust-1.95.0/index.html#map_identity
  = note: `-D clippy::map-identity` implied by `-D warnings`

error: could not compile `rs` (lib) due to 1 previous error
warning: build failed, waiting for other jobs to finish...
error: could not compile `rs` (lib test) due to 1 previous error
""",
        "error: unnecessary map of the identity function",
    ),
    "rustfmt": (
        "\x1b[mDiff in /checkout/src/lib.rs:1:\n\x1b(B\x1b[m\x1b[31m-fn f(){}\n"
        "\x1b(B\x1b[m\x1b[32m+fn f() {}\n\x1b(B\x1b[m \n",
        "Diff in /checkout/src/lib.rs:1:",
    ),
    "pytest": (
        """\
    def test_x():
>       assert 1 == 2
E       assert 1 == 2

test_a.py:3: AssertionError
=========================== short test summary info ============================
FAILED test_a.py::test_x - assert 1 == 2
============================== 1 failed in 1.38s ===============================
""",
        "FAILED test_a.py::test_x - assert 1 == 2",
    ),
    "pytest without a summary": (
        "E       ValueError: no\n\ntest_a.py:5: ValueError\n1 failed in 1.57s\n",
        "test_a.py:5: ValueError",
    ),
    "unittest": (
        """\
FAIL: test_x (u.T.test_x)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/checkout/u.py", line 3, in test_x
AssertionError: 1 != 2

----------------------------------------------------------------------
Ran 1 test in 0.000s

FAILED (failures=1)
""",
        "AssertionError: 1 != 2",
    ),
    "go test": (
        """\
--- FAIL: TestX (0.00s)
    x_test.go:3: got 1, want 2
--- FAIL: TestY (0.00s)
    --- FAIL: TestY/sub (0.00s)
        x_test.go:4: no
FAIL
FAIL\texample.com/x\t0.003s
FAIL
""",
        "--- FAIL: TestY/sub (0.00s) x_test.go:4: no",
    ),
    "go test without words": (
        "--- FAIL: TestX (0.00s)\nFAIL\nexit status 1\n",
        "--- FAIL: TestX (0.00s)",
    ),
    "jest": (
        """\
FAIL ./a.test.js
  ✕ adds (9 ms)

  ● adds

    expect(received).toBe(expected) // Object.is equality

    Expected: 3
    Received: 2

Test Suites: 1 failed, 1 total
Tests:       1 failed, 1 total
Ran all test suites.
""",
        "● adds expect(received).toBe(expected) // Object.is equality",
    ),
    "mocha": (
        "  1 failing\n\n  1) x\n       adds:\n\n      AssertionError [ERR_ASSERTION]: 1 "
        "== 2\n      + expected\n",
        "AssertionError [ERR_ASSERTION]: 1 == 2",
    ),
    "ruff check": (
        """\
F401 [*] `os` imported but unused
 --> test_a.py:1:8
  |
1 | import os
  |        ^^
  |
help: Remove unused import: `os`

Found 1 error.
[*] 1 fixable with the `--fix` option.
""",
        "F401 [*] `os` imported but unused",
    ),
    "ruff check, concise": (
        "test_a.py:1:8: F401 [*] `os` imported but unused\nFound 1 error.\n[*] 1 fixable "
        "with the `--fix` option.\n",
        "test_a.py:1:8: F401 [*] `os` imported but unused",
    ),
    "ruff format": ("Would reformat: b.py\n1 file would be reformatted\n", "Would reformat: b.py"),
    "mypy": (
        "c.py:1: error: Incompatible types in assignment\nc.py:9: note: See x\nFound 1 "
        "error in 1 file (checked 1 source file)\n",
        "c.py:1: error: Incompatible types in assignment",
    ),
    "tsc": (
        "t.ts(1,5): error TS2322: Type 'string' is not assignable.\n",
        "t.ts(1,5): error TS2322: Type 'string' is not assignable.",
    ),
    "eslint": (
        "/checkout/a.js\n  3:5  error  'x' is not defined  no-undef\n\n✖ 1 problem (1 "
        "error, 0 warnings)\n",
        "3:5  error  'x' is not defined  no-undef",
    ),
    "TAP": (
        "not ok 1 - adds\n  ---\n  duration_ms: 2.6\n  ...\n# pass 0\n# fail 1\n",
        "not ok 1 - adds",
    ),
    "a summary alone": (
        "Tests: 3\nbenchmark thresholds violated\nreport written to out.json\n",
        "benchmark thresholds violated",
    ),
    "nothing that it knows": ("first\nthe numbers do not add up\n\n", "the numbers do not add up"),
    "errors that did not happen": (
        "[ok] rejects error: bad input\nwarning: x failed\ntest parses_error ... ok\n0 "
        "errors, 0 failed\nfailures: 0\nlast\n",
        "last",
    ),
    "nothing": ("\n \n", ""),
}


@pytest.mark.parametrize("name", LOGS)
def test_the_line_that_says_what_failed(name: str) -> None:
    """A named failure comes before a count, and a known form before the last line."""
    log, expected = LOGS[name]
    assert choose_line(log.splitlines()) == expected


def test_the_outcome_decides_which_line_explains() -> None:
    """For a check that was ended from outside the last line is the answer."""
    lines = ["error: a retry", "waiting for the server", ""]
    assert explain(Outcome.FAILED, lines) == "error: a retry"
    assert (
        explain(Outcome.TIMED_OUT, lines)
        == explain(Outcome.INTERRUPTED, lines)
        == "waiting for the server"
    )


@quick
@given(st.lists(st.text(alphabet="aE[fail]:. \t(-●>0", max_size=40)))
def test_it_shows_what_is_in_the_log(lines: list[str]) -> None:
    """The answer is one line of the log or two adjacent ones, empty only if all are."""
    found = choose_line(lines)
    assert bool(found) == any(line.strip() for line in lines)
    assert " ".join(found.split()) in " ".join(" ".join(lines).split())


@pytest.mark.parametrize("piece", ["a", " ", "[", "error", "x.y:1", "\x1b[", "Error.", "0 ", "w."])
def test_no_line_makes_it_slow(piece: str) -> None:
    """A log that a check has written cannot hold up the report."""
    before = time.process_time()
    choose_line([piece * (65_536 // len(piece))])
    assert time.process_time() - before < 1
