"""How checks are dealt out to nox processes."""

from __future__ import annotations

from dataclasses import replace

import scratch

from handoff_tasks import fanout, profile, resources

CHECK = profile.parse(scratch.PROFILE.encode(), "scratch", resources.schema(resources.PROFILE)).checks[0]


def checks(**expected: int) -> list[profile.Check]:
    """Return checks by name, with the seconds they are expected to take."""
    return [replace(CHECK, id=name, expected_seconds=seconds) for name, seconds in expected.items()]


def test_one_job_is_one_lane_in_the_profiles_order() -> None:
    """With one job everything runs in one nox process, in order, those that must be alone too."""
    found = checks(a=1, b=90, c=5)
    found[1] = replace(found[1], alone=True)
    assert fanout.plan(found, 1) == [["verify-a", "verify-b", "verify-c"]]


def test_the_longest_are_dealt_out_first() -> None:
    """Each check goes to the lane with least to do, the longest first; within a lane the order stays."""
    found = checks(fmt=1, clippy=43, test=93, one=1, two=1, smoke=56)
    assert fanout.plan(found, 2) == [
        ["verify-fmt", "verify-test", "verify-one", "verify-two"],
        ["verify-clippy", "verify-smoke"],
    ]


def test_a_check_that_must_be_alone_has_a_lane_of_its_own() -> None:
    """It waits there for its turn while the others go on."""
    found = checks(test=93, clippy=43, smoke=56)
    found[2] = replace(found[2], alone=True)
    assert fanout.plan(found, 2) == [["verify-test"], ["verify-clippy"], ["verify-smoke"]]


def test_there_are_no_more_lanes_than_checks() -> None:
    """More jobs than checks: a lane for each, no empty one."""
    assert fanout.plan(checks(a=1, b=1), 8) == [["verify-a"], ["verify-b"]]
