"""Try, write and report a repin: what an accept and a rollback have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from handoff_tasks.sessions import consumer as consumer_session
from handoff_tasks.trust.names import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from handoff_tasks.consumer.opened import Consumer as OpenedConsumer
    from handoff_tasks.consumer.plan import Plan
    from handoff_tasks.consumer.receipt import Consumer, Receipt, ReceiptFile, ReceiptValidator
    from handoff_tasks.consumer.rules import ValidatorChange
    from handoff_tasks.consumer.summary import Step as SummaryStep
    from handoff_tasks.git.candidate import Entry, Identity
    from handoff_tasks.git.workspace import Workspace
    from handoff_tasks.packet.change import Change
    from handoff_tasks.sessions.consumer import Opened
    from handoff_tasks.sessions.run import Run

_FORMATS = ("text", "md")
_REPORT_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadFiles:
    """The consumer's committed files that matter: bytes, and mode and blob, by path."""

    files: Mapping[str, bytes]
    entries: Mapping[str, Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An accept or a rollback that is planned.

    ``rollback_of`` is the receipt that a rollback undoes.
    """

    opened: Opened
    plan: Plan
    head: HeadFiles
    changes: Sequence[Change] = ()
    statement: Sequence[tuple[str, str]] = ()
    signatures: Sequence[str] = ()
    kind: str = "accept"
    rollback_of: Receipt | None = None


def require_format(run: Run) -> None:
    """Refuse a form that these sessions do not print. Raises `HandoffError` (HP001)."""
    from handoff_tasks.problems import refusal

    if run.options.format not in _FORMATS:
        message = f"found {run.options.format!r}; expected one of {', '.join(_FORMATS)}"
        raise refusal("HP001", "--format", message, "nothing was run")


def writes_work_tree(run: Run) -> bool:
    """Return whether the run writes into the consumer's work tree."""
    return not run.options.dry_run and run.options.branch is None


def read_head(opened: Opened, run: Run) -> HeadFiles:
    """Return the committed files of the consumer.

    With ``--branch`` the work tree does not matter; otherwise every file that is written must be
    there as it is committed. Raises `HandoffError` (HP126).
    """
    from handoff_tasks.consumer import rules
    from handoff_tasks.consumer.opened import inspect_targets
    from handoff_tasks.problems import HandoffError

    profile, consumer = opened.profile, opened.consumer
    receipt = profile.receipt_path
    if run.options.branch is None:
        optional = [receipt]
        if run.options.key is not None:
            optional.append(f"{receipt}{SUFFIX}")
        targets, _ = inspect_targets(consumer, [*profile.targets, *optional], optional)
        if problems := rules.check_targets(targets):
            raise HandoffError(problems)
    paths = [*profile.reads, receipt]
    return HeadFiles(files=consumer.read(paths), entries=consumer.entries(paths))


def last_receipt(opened: Opened, head: HeadFiles) -> Receipt | None:
    """Return the committed receipt, None if there is none. Raises `HandoffError` (HP128)."""
    path = opened.profile.receipt_path
    data = head.files.get(path)
    return None if data is None else parse_receipt(data, path)


def parse_receipt(data: bytes, where: str) -> Receipt:
    """Return the receipt in ``data``. Raises `HandoffError` (HP128)."""
    from handoff_tasks.consumer import receipt
    from handoff_tasks.formats import schemas

    return receipt.read(data, where, schemas.schema(schemas.RECEIPT))


def validator_changes(opened: Opened, last: Receipt | None) -> list[ValidatorChange]:
    """Return the files of the validators, as of the last receipt and now.

    They are the words of the commands that name a file. A file that the accept itself wrote counts
    as unchanged as long as it is what the accept left.
    """
    from handoff_tasks.consumer.rules import ValidatorChange
    from handoff_tasks.git.command import GitError

    if last is None:
        return []
    words = {
        word.replace("{root}/", "").removeprefix("./")
        for validator in opened.profile.validators
        for word in validator.argv
    }
    paths = sorted(word for word in words if word and not word.startswith(("/", "-")))
    now = opened.consumer.entries(paths)
    try:
        before = opened.consumer.entries(paths, last.consumer.commit)
    except GitError:
        # The commit is not in this clone: nothing can be compared.
        return []
    written = {file.path: file.after_sha256 for file in last.files}
    current = opened.consumer.read(paths)
    changes = []
    for path in sorted({*now, *before}):
        if path in written and _sha256(current.get(path)) == written[path]:
            continue
        changes.append(
            ValidatorChange(path=path, before=_blob(before.get(path)), now=_blob(now.get(path)))
        )
    return changes


def _sha256(data: bytes | None) -> str | None:
    from handoff_tasks.consumer import receipt

    return None if data is None else receipt.sha256(data)


def _blob(entry: Entry | None) -> str | None:
    return None if entry is None else entry.blob


def try_step(run: Run, step: Step) -> bool:
    """Print what would change, run the validators on it, and write the report.

    Return whether all have passed; otherwise the run has the problems (HP127, HP128).
    """
    from handoff_tasks.consumer import rules, summary
    from handoff_tasks.output import terminal

    if run.options.format == "text":
        for line in summary.text(_shown(run, step)):
            terminal.say(line)
        if run.options.dry_run:
            for file in step.plan.files:
                for line in file.diff().splitlines():
                    terminal.say(line, wrap=False)
    new = {file.path: (step.head.entries[file.path].mode, file.after) for file in step.plan.files}
    workspace = consumer_session.run_validators(step.opened, run, new)
    results = consumer_session.validator_results(run)
    if step.rollback_of is None:
        run.problems = rules.check_validators(results)
    else:
        run.problems = rules.check_rollback(step.rollback_of, results)
    for line in terminal.findings("Refused:", run.problems):
        terminal.say(line)
    _report(run, step, workspace)
    if run.problems:
        terminal.say(f"NO-GO  {step.plan.new.release_tag} is not pinned; nothing was written")
    return not run.problems


def _report(run: Run, step: Step, workspace: Workspace) -> None:
    """Write the report's page and Markdown beside the records of the validators."""
    from handoff_tasks.checks.evidence import EvidenceFolder
    from handoff_tasks.consumer import summary
    from handoff_tasks.output import report_files
    from handoff_tasks.report import view

    sentence = "The validators accept the new files."
    if run.problems:
        sentence = "Nothing was written to the consumer."
    facts = [
        ("Consumer commit", step.opened.consumer.commit),
        ("Before", step.plan.old.pair),
        ("Release", step.plan.new.pair),
        *(("File", file.path) for file in step.plan.files),
        *(("Change", f"{one.change_class}: {one.message}") for one in step.changes),
        *step.statement,
        *(("Signatures", line) for line in step.signatures),
    ]
    folder = EvidenceFolder.of(workspace)
    tails = {check.id: folder.tail(check.id, _REPORT_LINES) for check in run.checks}
    run.view = view.view_checks(run.end, summary.title(_shown(run, step)), facts, sentence, tails)
    page, advisories = report_files.write_report(run.view, workspace, step.kind)
    run.advisories = [*run.advisories, *advisories]
    if page is not None and run.options.format == "text":
        from handoff_tasks.output import terminal

        terminal.say(f"  report     {page}")


def _shown(run: Run, step: Step) -> SummaryStep:
    from handoff_tasks.consumer import summary

    return summary.Step(
        kind=step.kind,
        profile=step.opened.profile,
        plan=step.plan,
        changes=step.changes,
        accepted=run.options.accept_change,
        statement=step.statement,
        signatures=step.signatures,
        validators=validator_entries(step, run),
    )


def consumer_entry(opened: Opened) -> Consumer:
    """Return the consumer as a receipt names it."""
    from handoff_tasks.consumer import receipt

    consumer = opened.consumer
    return receipt.Consumer(name=opened.profile.name, commit=consumer.commit, tree=consumer.tree)


def file_entries(step: Step) -> tuple[ReceiptFile, ...]:
    """Return the changed files as a receipt names them."""
    from handoff_tasks.consumer import receipt

    entries = step.head.entries
    return tuple(receipt.ReceiptFile.of(file, entries[file.path].mode) for file in step.plan.files)


def validator_entries(step: Step, run: Run) -> tuple[ReceiptValidator, ...]:
    """Return the validators that have run, as a receipt names them."""
    from handoff_tasks.consumer import receipt

    commands = {one.id: one.command for one in step.opened.profile.validators}
    return tuple(
        receipt.ReceiptValidator(
            id=result.id, command=commands[result.id], tools=result.claimed_tools()
        )
        for result in run.checks
    )


def finish(run: Run, step: Step, receipt: bytes, more: Mapping[str, bytes]) -> None:
    """Write all files and the receipt, and report the step.

    Args:
        run: The run.
        step: What is planned, and passed its validators.
        receipt: The bytes of the receipt.
        more: Other files to write, by path.
    """
    from handoff_tasks.consumer import summary
    from handoff_tasks.formats.words import quantity
    from handoff_tasks.output import terminal

    path, options = step.opened.profile.receipt_path, run.options
    new = {file.path: file.after for file in step.plan.files} | {path: receipt} | dict(more)
    what = step.plan.new.release_tag
    again = "" if step.rollback_of is None else " again"
    if options.dry_run:
        end = f"{what} would be pinned{again}; nothing was written"
    elif options.branch is not None:
        commit = _commit(step, options.branch, new)
        end = f"{what} is pinned{again} on the branch {options.branch}, commit {commit[:12]}"
    else:
        _write(step, new)
        end = (
            f"{what} is pinned{again}: {quantity(len(new), 'file')} written; review and commit them"
        )
    if options.format == "md":
        for line in summary.markdown(_shown(run, step)):
            terminal.say(line, wrap=False)
        return
    for line in terminal.findings("Advisories:", run.advisories):
        terminal.say(line)
    for line in (*(f"  {line}" for line in step.signatures), f"  receipt    {path}"):
        terminal.say(line)
    terminal.say(f"GO  {end}")


def _write(step: Step, new: Mapping[str, bytes]) -> None:
    """Write files into the work tree, all or none. Raises `HandoffError`."""
    from handoff_tasks.consumer import apply

    consumer = step.opened.consumer
    old = {**step.head.files, **consumer.read(list(new))}
    writes = [
        apply.Write(path=path, before=old.get(path), after=data) for path, data in new.items()
    ]
    apply.write_all(consumer.root, consumer.state, writes)


def _commit(step: Step, branch: str, new: Mapping[str, bytes]) -> str:
    """Make one commit with the new files on a new branch of the consumer; return its id.

    Raises `HandoffError` (HP126).
    """
    from handoff_tasks.git import candidate, command
    from handoff_tasks.problems import refusal

    consumer = step.opened.consumer
    git_dir = consumer.opened.producer.git_dir
    reference = f"refs/heads/{branch}"
    place = f"--branch {branch}"
    try:
        command.run("check-ref-format", reference, cwd=consumer.root)
    except command.GitError:
        hint = "choose a name that git accepts for a branch"
        raise refusal("HP126", place, "not a name of a branch", hint) from None
    if command.run("for-each-ref", "--format=%(refname)", reference, cwd=git_dir):
        hint = "choose another name, or delete that branch first"
        raise refusal("HP126", place, "the branch exists already", hint)
    entries = step.head.entries
    files = {
        consumer.prefix + path: (
            entries[path].mode if path in entries else candidate.PLAIN,
            data,
        )
        for path, data in new.items()
    }
    message = f"{_title(step)}\n"
    return candidate.commit_files(
        git_dir, reference, consumer.commit, files, message=message, identity=_identity(consumer)
    )


def _title(step: Step) -> str:
    """Return a commit's message."""
    name, old, new = step.opened.profile.producer.name, step.plan.old, step.plan.new
    verb = "pin" if step.rollback_of is None else "go back to"
    return f"chore: {verb} {new.release_tag} of {name}\n\n{old.pair} -> {new.pair}"


def _identity(consumer: OpenedConsumer) -> Identity:
    """Return who makes a commit: the user that git knows, now."""
    import time

    from handoff_tasks.git import command
    from handoff_tasks.git.candidate import Identity
    from handoff_tasks.problems import refusal

    values = command.user_values(consumer.root, r"^user\.(name|email)$")
    if not {"user.name", "user.email"} <= values.keys():
        message = "git does not know who makes the commit"
        hint = "set user.name and user.email with git config"
        raise refusal("HP126", "--branch", message, hint)
    return Identity(name=values["user.name"], email=values["user.email"], seconds=int(time.time()))
