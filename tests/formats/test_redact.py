"""Claims about secrets.

What looks like one is shown and recorded nowhere, what does not stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import scratch

from handoff_tasks.formats import redact

if TYPE_CHECKING:
    from desk import Desk

SECRET = "s3cr3t-and-long"  # noqa: S105 - made up


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_TOKEN", SECRET),
        ("npm_config__authToken", SECRET),
        ("CARGO_REGISTRIES_MINE_CREDENTIAL", SECRET),
        ("API_KEY", SECRET),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("DB_PASSWORD", f" {SECRET}\n"),
        ("HTTPS_PROXY", f"http://ann:{SECRET}@proxy.example:8080"),
    ],
)
def test_what_looks_like_a_secret_is_one(name: str, value: str) -> None:
    """By the name of its variable, or as the password of an address."""
    assert redact.secrets({name: value}) == (SECRET,)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOME", "/home/someone"),
        ("GIT_AUTHOR_NAME", "Ann Other Person"),
        ("SSH_AUTH_SOCK", "/tmp/ssh-abcdef/agent.1"),  # noqa: S108 - a value, no place
        ("TOKEN_FILE", "/run/secrets/token"),
        ("TOKEN", "short"),
        ("HTTPS_PROXY", "http://proxy.example:8080"),
        ("HTTPS_PROXY", "http://ann@proxy.example:8080"),
    ],
)
def test_what_does_not_is_none(name: str, value: str) -> None:
    """Places, people, addresses without a password, and values so short that they would mask half of what is said."""
    assert redact.secrets({name: value}) == ()


def test_the_longest_is_masked_first() -> None:
    """A secret that another one begins with leaves no rest of the longer one."""
    values = redact.secrets({"TOKEN": "abcdefgh", "OTHER_TOKEN": "abcdefgh-and-more"})
    assert redact.mask("abcdefgh-and-more abcdefgh", values) == "*** ***"
    assert redact.mask_bytes(b"\xff abcdefgh-and-more", values) == b"\xff ***"


@pytest.mark.slow
def test_no_secret_is_shown_or_recorded(desk: Desk) -> None:
    """A check that prints one, as its last line too: not on the screen, in record, result or draft.

    The raw log has it.
    """
    place = desk.folder / "said"
    place.write_text(f"{SECRET}\n::error::{SECRET}\n")
    desk.profile(scratch.check("loose", ["cat", str(place)], success_line="fine"))
    for words in ([], ["--show-output"]):
        done = desk.run("handoff-stable", *words, DEPLOY_TOKEN=SECRET)
        assert done.returncode == 1
        assert SECRET not in done.stdout + done.stderr
        assert "loose | ***" in done.stdout
        assert not [line for line in done.stdout.splitlines() if line.startswith("::")]
    message = desk.result["problems"][0]["message"]
    assert message.startswith(
        "failed: exit code 0, but its last line was '::error::***'; expected 'fine'"
    )
    kept = {
        path.name: path.read_text()
        for path in desk.evidence().iterdir()
        if SECRET in path.read_text()
    }
    assert [*kept] == ["loose.log"]
