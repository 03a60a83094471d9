"""Run a consumer's validators in a private checkout of its commit with new files.

They run like a producer's checks: the same process runner, environment, records and logs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from handoff_tasks.checks import evidence
from handoff_tasks.checks import run as checks_run
from handoff_tasks.checks.settings import Settings
from handoff_tasks.git import candidate, locks
from handoff_tasks.git.candidate import Identity
from handoff_tasks.git.workspace import Workspace
from handoff_tasks.model import ProfileSource
from handoff_tasks.producer.profile import Check, ToolSpec
from handoff_tasks.producer.profile import Profile as CheckProfile
from handoff_tasks.producer.profile_rules import RELEASE
from handoff_tasks.producer.tags import service_tags
from handoff_tasks.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from handoff_tasks.checks.run import Display
    from handoff_tasks.consumer.opened import Consumer
    from handoff_tasks.consumer.profile import Profile, Validator
    from handoff_tasks.record import CheckResult

_REFERENCE = "refs/handoff/candidate"
# The commit is never published: the same files always give the same commit.
_IDENTITY = Identity(name="handoff-tasks", email="handoff-tasks@example.invalid", seconds=0)
_LOG_LIMIT = 8 << 20


def open_candidate(
    consumer: Consumer,
    profile: Profile,
    files: Mapping[str, tuple[str, bytes]],
    profile_path: Path,
    work: Path,
) -> Workspace:
    """Return a workspace of the consumer's commit with other files.

    Args:
        consumer: The consumer.
        profile: Its profile, whose validators become checks.
        files: Path below the consumer's root to mode and bytes.
        profile_path: The file of the profile.
        work: The work folder, for records and logs.

    Raises:
        GitError: If git cannot make the commit.
    """
    opened = consumer.opened
    places = {consumer.prefix + path: file for path, file in files.items()}
    with locks.hold_briefly(opened.base / "fetch.lock"):
        commit = candidate.commit_files(
            opened.repository.folder,
            _REFERENCE,
            consumer.commit,
            places,
            message="The new files of an accept, for its validators\n",
            identity=_IDENTITY,
        )
    producer = replace(opened.producer, commit=commit, tags={})
    return Workspace(
        producer=producer,
        repository=opened.repository,
        profile=check_profile(profile),
        profile_path=profile_path,
        source=ProfileSource(name=None, sha256=profile.digest),
        tree=opened.repository.tree(producer),
        work=work,
        base=opened.base,
        notes=(),
        views={},
    )


def run_validators(
    workspace: Workspace, settings: Settings, display: Callable[[str], Display]
) -> Iterator[CheckResult]:
    """Run the validators one after the other, and yield the result of each.

    Args:
        workspace: What `open_candidate` returned.
        settings: The caller's environment and limits.
        display: Returns what shows the output of the validator with an id.

    Raises:
        HandoffError: HP080 if evidence cannot be written, HP006 if the checkout is in use.
    """
    for check in workspace.profile.checks:
        record = checks_run.run_check(workspace, check, settings, display(check.id))
        yield evidence.judge_evidence(check, record, workspace.binding(check))
        if record.outcome is Outcome.INTERRUPTED:
            return


def settings_of(caller: Mapping[str, str], timeout: int | None) -> Settings:
    """Return the settings of validators: the machine's tools, and nothing installed for them."""
    return Settings(
        bin_folder="", timeout=timeout, toolchain=None, run="", caller=caller, not_installed={}
    )


def check_profile(profile: Profile) -> CheckProfile:
    """Return a consumer's profile in the form that the runner of checks reads."""
    return CheckProfile(
        id="consumer",
        name=profile.name,
        digest=profile.digest,
        kind=RELEASE,
        version=None,
        contracts={},
        manifest_path=profile.pin_path,
        changelog_path=profile.pin_path,
        statement_path=None,
        packet_path=profile.receipt_path,
        runtime_paths=(),
        test_paths=(),
        tags=service_tags(),
        annotated_tag=False,
        service_version_path=None,
        service_version_pattern=None,
        modes=(),
        envelope_policies={},
        log_limit_bytes=_LOG_LIMIT,
        keep=(),
        toolchain=None,
        toolchain_variable=None,
        pass_names=profile.pass_names,
        refuse_above=(),
        user_config=(),
        failures=(),
        set=profile.set,
        tools={
            name: ToolSpec(
                name=name,
                executables=tool.executables,
                version=tool.version,
                install=None,
                claim=True,
                hint=tool.hint,
                mentioned_in=(),
            )
            for name, tool in profile.tools.items()
        },
        checks=tuple(_check(validator) for validator in profile.validators),
    )


def _check(validator: Validator) -> Check:
    return Check(
        id=validator.id,
        title=validator.id,
        argv=validator.argv,
        success_line=validator.success_line,
        tools=validator.tools,
        timeout_seconds=validator.timeout_seconds,
        expected_seconds=0,
        alone=False,
        set=validator.set,
    )
