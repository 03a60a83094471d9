"""The rules: what makes a release GO, each a function of values to problems and advisories.

Nothing here reads, runs or writes anything. The codes are stable: HP04x evidence and checks, HP05x git (DOMAIN section 4), HP06x
the tag itself and the impact statement (DOMAIN section 5), HP07x a packet's own consistency, HP082 more of
the statement; HA0xx are advisories.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from handoff_tasks import impact
from handoff_tasks.errors import Problem
from handoff_tasks.model import CheckResult, Outcome, Record, Relation, Statement
from handoff_tasks.packet import GO, envelope_policy, generated_at, git_state
from handoff_tasks.profile import rehearsal_faults

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from handoff_tasks.model import Binding, GitFacts, Manifest, Tag
    from handoff_tasks.profile import Check, Mode, Profile

_SHOWN = 5
_RENAME = "rename or delete the other one, so that nobody takes it for the release"
_WITH_HISTORY = "import it with its history (git subtree without --squash), or make the packet in the producer's own repository"
_TEMPLATE = "consumer_impact_statement_template"
_LONGEST_TOLD = 1000
_AGAIN = "do not use this packet: verify the release again with the handoff session"
ASK_FOR_ANOTHER = "do not use this packet; ask the producer for one that the handoff session published"


def judge_evidence(check: Check, found: Record | Problem | None, binding: Binding) -> CheckResult:
    """Return what a check's evidence is worth: a record that was made for something else counts as not run."""

    def not_run(reason: str) -> CheckResult:
        return CheckResult(id=check.id, command=check.command, outcome=Outcome.NOT_RUN, reason=reason, record=None)

    if found is None:
        return not_run("there is no evidence of it")
    if isinstance(found, Problem):
        return not_run(f"its evidence cannot be believed: {found.where}: {found.message}")
    made = found.binding
    for name, was, is_ in (
        ("commit", made.commit, binding.commit),
        ("tree", made.tree, binding.tree),
        ("producer path", made.producer_path, binding.producer_path),
        ("profile", made.profile_digest, binding.profile_digest),
        ("command line", shlex.join(made.argv), shlex.join(binding.argv)),
    ):
        if was != is_:
            return not_run(f"its evidence is of another {name}: {was}; expected {is_}")
    if found.outcome is Outcome.PASSED and (found.exit_code != 0 or found.signal or found.log is None):
        return not_run("its evidence contradicts itself: passed, but not with exit code 0 and a log")
    return CheckResult(id=check.id, command=check.command, outcome=found.outcome, reason=found.reason, record=found)


def check_problems(checks: Sequence[CheckResult], profile: Profile, checkout: str = "/") -> list[Problem]:
    """Return a problem for each check that did not pass (HP043 to HP047), with the tools that found it.

    Where a toolchain can be pinned and was not, the remedy says how: one newer than the release finds what its people could not.
    It names a folder in the path of the ``checkout`` that begins with a dot: programs that serve files may refuse to serve those.
    """
    hidden = next((part for part in checkout.split("/") if part.startswith(".")), None)
    codes = {
        Outcome.FAILED: ("HP043", "read its log, mend what it names, commit, and run again"),
        Outcome.TIMED_OUT: ("HP044", "see in its log what it waited for; --timeout SECONDS gives it more time"),
        Outcome.TOOL_MISSING: ("HP045", "do what the message says, then run again"),
        Outcome.INTERRUPTED: ("HP046", "run again"),
        Outcome.NOT_RUN: ("HP047", "run the whole set again with the handoff session"),
    }
    found = []
    for check in checks:
        if check.outcome is Outcome.PASSED:
            continue
        code, hint = codes[check.outcome]
        tools = ", ".join(f"{name} {version}" for name, version in check.claimed_tools().items())
        by = f" (with {tools})" if tools and check.outcome is Outcome.FAILED else ""
        own = check.command.split(" ", 1)[0] in check.claimed_tools()
        if check.outcome is Outcome.FAILED and own and profile.toolchain_variable and check.record and not check.record.toolchain:
            hint += (
                "; if only a newer toolchain finds it, pin the release's: --toolchain NAME, or execution.toolchain in the profile"
            )
        if check.outcome is Outcome.FAILED and hidden:
            hint += f"; if it serves files, it may refuse those below the folder {hidden}: --cache-dir PATH without such a folder"
        message = f"{check.outcome}: {check.reason or 'no reason is recorded'}{by}"
        found.append(Problem(code=code, where=f"check {check.id}", message=message, hint=hint))
    return found


def git_problems(facts: GitFacts, manifest: Manifest, profile: Profile, *, allow_untagged: bool) -> list[Problem]:
    """Return what git says against the release (HP032, HP033, HP050 to HP057, HP065 to HP067; DOMAIN section 4).

    A release is good when its runtime commit is an ancestor of (or is) tag and verified commit, with the same runtime paths in all
    three. No tag yet is good only with ``allow_untagged``.
    """
    found: list[Problem] = []

    def wrong(code: str, where: str, message: str, hint: str) -> None:
        found.append(Problem(code=code, where=where, message=message, hint=hint))

    at = f"{place(facts, profile.manifest_path)}#/commit_sha"
    short = facts.runtime_commit[:12]
    squashed = f"; {facts.squashed[:12]} imported the producer without its history" if facts.squashed else ""
    if facts.runtime_to_verified is Relation.MISSING:
        message = f"{facts.runtime_commit} is no commit of the repository{squashed}"
        hint = "put the runtime commit's sha into the manifest, or fetch the commit"
        wrong("HP050", at, message, _WITH_HISTORY if squashed else hint)
    elif facts.runtime_to_verified is Relation.UNRELATED:
        message = f"the runtime commit {short} is no ancestor of the verified commit {facts.verified_commit[:12]}{squashed}"
        wrong("HP051", at, message, _WITH_HISTORY if squashed else _other_runtime(facts))
    elif facts.changed_to_verified:
        paths = some_of(_places(facts, facts.changed_to_verified))
        message = f"runtime paths differ between the runtime commit {short} and the verified commit: {paths}"
        wrong("HP054", f"commit {facts.verified_commit}", message, _other_runtime(facts))
    where = f"tag {facts.tag_name}"
    for what, commit in facts.namesakes:
        message = f"a {what} of that name is at {commit}, and the release is not tagged yet"
        wrong("HP067", where, message, _RENAME)
    if facts.tag is None:
        if not allow_untagged:
            hint = (
                "tag the release and run again, or say --allow-untagged for a packet that says so; if it is tagged elsewhere, "
                "fetch the tags: git fetch --tags"
            )
            if facts.producer_path != "." and not profile.tag_prefix:
                # The larger repository's tags are not the producer's.
                hint = "name the prefix of the producer's own tags in the profile (git.tag_prefix), or say --allow-untagged"
            wrong("HP052", where, "the release is not tagged", hint)
    else:
        target = facts.tag.target[:12]
        if facts.runtime_to_tag is Relation.UNRELATED:
            message = f"the runtime commit {short} is no ancestor of the tag's target {target}"
            wrong("HP051", where, message, "tag a commit that follows the runtime commit, or correct the manifest's commit_sha")
        elif facts.changed_to_tag:
            changed = some_of(_places(facts, facts.changed_to_tag))
            message = f"runtime paths differ between the runtime commit {short} and the tag's target {target}: {changed}"
            wrong("HP053", where, message, "correct the manifest's commit_sha, or tag a commit with the same runtime paths")
        found += _tag_problems(facts.tag, profile)
        if facts.tag.target != facts.verified_commit:
            found += _manifest_at_tag(facts, manifest, profile)
    found += _runtime_problems(facts, manifest, profile)
    if manifest.service_version not in profile.envelope_policies:
        message = f"{manifest.service_version} has no envelope policy; known: {', '.join(profile.envelope_policies)}"
        where = f"{place(facts, profile.manifest_path)}#/expected_service_contract_version"
        wrong("HP057", where, message, "describe its error envelope in the profile's envelope_policies")
    return found


def _runtime_problems(facts: GitFacts, manifest: Manifest, profile: Profile) -> Iterator[Problem]:
    """Yield what the runtime commit says against profile and manifest (HP032, HP033, HP056)."""
    short = facts.runtime_commit[:12]
    if facts.absent and len(facts.absent) == len(profile.runtime_paths):
        message = f"neither the runtime commit {short} nor the verified commit has {', '.join(facts.absent)}"
        hint = "correct git.runtime_paths: with no runtime to compare, two releases would always look the same"
        yield Problem(code="HP032", where="git.runtime_paths", message=message, hint=hint)
    for path, what in facts.outside:
        hint = "put its files into the commit: a check sees what the commit holds and nothing else"
        yield Problem(code="HP033", where=place(facts, path), message=f"lies below the runtime paths and is {what}", hint=hint)
    stated = facts.stated_service_version
    if stated is None and profile.service_version_path and facts.runtime_to_verified is not Relation.MISSING:
        message = f"no line there says the service version; expected one that matches {profile.service_version_pattern}"
        hint = "correct git.service_version in the profile, or state the version in that file"
        where = f"{short}:{_below(facts.runtime_path, profile.service_version_path)}"
        yield Problem(code="HP056", where=where, message=message, hint=hint)
    if stated is not None and stated != manifest.service_version:
        message = (
            f"the manifest says {manifest.service_version}, but its own runtime commit {short} says {stated} in "
            f"{_below(facts.runtime_path, profile.service_version_path or '')}"
        )
        hint = "put the commit that really speaks the version into the manifest's commit_sha, or correct the version"
        where = f"{place(facts, profile.manifest_path)}#/expected_service_contract_version"
        yield Problem(code="HP056", where=where, message=message, hint=hint)


def _tag_problems(tag: Tag, profile: Profile) -> list[Problem]:
    """Return what is wrong with the tag itself (HP065 to HP067), wherever it points."""
    found = []
    where = f"tag {tag.name}"
    if profile.annotated_tag and tag.kind != "annotated":
        message = f"found a {tag.kind} tag; the profile expects an annotated one"
        anew = f"git tag --annotate --force {tag.name} {tag.target}"
        hint = f"fetch the annotated one, if there is one: {_fetch_again(tag.name)}; or make it anew: {anew}"
        found.append(Problem(code="HP065", where=where, message=message, hint=hint))
    if tag.other_name is not None:
        message = f"its tag object bears the name {tag.other_name}; expected {tag.name}"
        hint = "make the tag anew on the release's commit, under its own name"
        found.append(Problem(code="HP066", where=where, message=message, hint=hint))
    for what, commit in tag.namesakes:
        message = f"a {what} of that name is at {commit}; the tag points to {tag.target}"
        found.append(Problem(code="HP067", where=where, message=message, hint=_RENAME))
    return found


def _fetch_again(tag: str) -> str:
    return f"git fetch --force origin refs/tags/{tag}:refs/tags/{tag}"


def lightweight_tag(facts: GitFacts, profile: Profile, kinds: Mapping[str, str]) -> list[Problem]:
    """Return an advisory (HA020) if the release's tag is lightweight in this clone and those of all earlier releases are annotated.

    ``kinds`` maps each tag to the type of the object that it names.
    """
    earlier = [kinds.get(profile.tag_name(release.tag)) for release in facts.earlier]
    if facts.tag is None or facts.tag.kind == "annotated" or profile.annotated_tag or not earlier or set(earlier) != {"tag"}:
        return []
    message = "it is lightweight in this clone, and the tags of all earlier releases are annotated"
    return [Problem(code="HA020", where=f"tag {facts.tag.name}", message=message, hint=_clobbered(facts.tag.name))]


def _clobbered(tag: str) -> str:
    return (
        f"a checkout in CI may have replaced an annotated tag by a lightweight one; to see the release's own: {_fetch_again(tag)}"
    )


def tag_kind(document: Mapping[str, Any], facts: GitFacts, where: str) -> list[Problem]:
    """Return an advisory (HA020) if a packet's tag is annotated, and the clone has a lightweight one at the same commit."""
    if not _is_clobbered(document, facts):
        return []
    assert facts.tag is not None
    message = "the packet says annotated; in this clone the tag is lightweight, at the same commit"
    return [Problem(code="HA020", where=f"{where}#/git_state/tag/kind", message=message, hint=_clobbered(facts.tag.name))]


def _is_clobbered(document: Mapping[str, Any], facts: GitFacts) -> bool:
    said = document["git_state"]["tag"] if "git_state" in document else {}
    tag = facts.tag
    return tag is not None and (said.get("kind"), said.get("target")) == ("annotated", tag.target) and tag.kind == "lightweight"


def _manifest_at_tag(facts: GitFacts, manifest: Manifest, profile: Profile) -> list[Problem]:
    where = f"{profile.tag_name(manifest.release_tag)}:{place(facts, profile.manifest_path)}"
    coming = "for the next release, put its tag into the manifest's release_tag"
    if facts.manifest_at_tag is None:
        message, hint = "the tag's target holds no readable manifest", f"tag a commit that holds the manifest; {coming}"
        return [Problem(code="HP055", where=where, message=message, hint=hint)]
    hint = f"{coming}; to verify {facts.tag_name}: --ref {facts.tag_name}"
    here, there = manifest.baseline(), facts.manifest_at_tag.baseline()
    if here == there and facts.manifest_sha256_at_tag != facts.manifest_sha256:
        message = "the manifest at the tag has other bytes than the verified commit's, and consumers mirror them"
        return [Problem(code="HP055", where=where, message=message, hint=hint)]
    return [
        Problem(
            code="HP055",
            where=f"{where}#/{key}",
            message=f"found {there[key]} at the tag; the verified commit's manifest says {here[key]}",
            hint=hint,
        )
        for key in here
        if here[key] != there[key]
    ]


def _other_runtime(facts: GitFacts) -> str:
    """Return what to do if the verified commit does not have the runtime of its manifest's ``commit_sha``.

    The verified commit itself is right as the new ``commit_sha``: the commit that names it changes the manifest only.
    """
    if facts.tag is None:
        return f"put {facts.verified_commit} into the manifest's commit_sha and into the statement's repin line, then commit both"
    coming = (
        f"for the next release, put its tag and {facts.verified_commit} into the manifest (release_tag, commit_sha) and into the "
        "repin line of its own statement"
    )
    if not facts.changed_to_tag and facts.runtime_to_tag in (Relation.SAME, Relation.ANCESTOR):
        return f"{coming}; to verify {facts.tag_name}: --ref {facts.tag_name}"
    return coming


def other_runtime(facts: GitFacts, manifest: Manifest) -> list[Problem]:
    """Return an advisory (HA009) if the verified commit has another runtime than the release that its manifest names."""
    if facts.changed_to_verified:
        which = some_of(facts.changed_to_verified)
        message = f"it has another runtime than the manifest's {manifest.release_tag}/{manifest.commit_sha[:12]}: {which}"
    elif facts.runtime_to_verified is Relation.UNRELATED:
        message = f"the runtime commit of the manifest's {manifest.release_tag}, {manifest.commit_sha[:12]}, does not lie before it"
    else:
        return []
    return [Problem(code="HA009", where=f"commit {facts.verified_commit[:12]}", message=message, hint=_other_runtime(facts))]


def place(facts: GitFacts, path: str) -> str:
    """Return a path of the producer as a path of its repository, in the verified commit."""
    return _below(facts.producer_path, path)


def _places(facts: GitFacts, paths: Sequence[str]) -> list[str]:
    return [place(facts, path) for path in paths]


def _below(folder: str | None, path: str) -> str:
    return path if folder in (None, ".") else f"{folder}/{path}"


def some_of(items: Sequence[str]) -> str:
    """Return the first few items, and how many more there are."""
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more


def release_advisories(mode: Mode, manifest: Manifest, facts: GitFacts, *, allow_untagged: bool) -> list[Problem]:
    """Return what a reader of the packet should know of the release.

    HA010 nothing to rehearse, HA011 not tagged yet, HA013 the checks ran beside the tag, HA014 tests differ, HA015 a runtime path
    that names nothing, HA017 Git LFS pointers outside the runtime, HA018 a producer that has moved since its runtime commit.

    Without ``allow_untagged`` a missing tag is a problem already.
    """
    found = []
    if mode.rehearsed == manifest.service_version:
        message = f"the runtime is already at {mode.rehearsed}: nothing is left to rehearse"
        hint = "hand over the stable packet instead"
        found.append(Problem(code="HA010", where="handoff_mode", message=message, hint=hint))
    if facts.tag is not None and facts.paths_after_tag and not facts.changed_to_verified:
        differing = some_of(_places(facts, facts.paths_after_tag))
        message = f"the checks ran on {facts.verified_commit[:12]}, not on the tag's target, which differs in {differing}"
        hint = f"to verify the tag itself: --ref {facts.tag_name}"
        found.append(Problem(code="HA013", where="git_state/tag", message=message, hint=hint))
    if facts.tests_changed:
        tests = some_of(_places(facts, facts.tests_changed))
        message = f"test files differ between the runtime commit and tag or verified commit: {tests}"
        hint = "nothing, if these are tests only, as the profile's git.test_paths says"
        found.append(Problem(code="HA014", where="git_state/runtime_paths_identical", message=message, hint=hint))
    if facts.absent:
        message = f"neither the runtime commit nor the verified commit has {', '.join(facts.absent)}"
        hint = "correct git.runtime_paths in the profile, if the runtime lies elsewhere: what changes there is not seen"
        found.append(Problem(code="HA015", where="git.runtime_paths", message=message, hint=hint))
    if facts.pointers:
        pointers = some_of(_places(facts, facts.pointers))
        message = f"Git LFS pointers, whose content is not in the checkout, so no check saw it: {pointers}"
        hint = "nothing, if no check needs their content; else put the files themselves into the commit"
        found.append(Problem(code="HA017", where="git_state/verified_tree", message=message, hint=hint))
    if facts.runtime_path not in (None, facts.producer_path):
        now, then = _folder(facts.producer_path), _folder(facts.runtime_path or ".")
        message = f"the producer is {now} of the verified commit and {then} of the runtime commit: these two are compared"
        hint = "nothing, if the producer was imported or moved since its runtime commit"
        found.append(Problem(code="HA018", where="git_state/runtime_commit", message=message, hint=hint))
    if facts.tag is None and allow_untagged:
        message = f"the tag {facts.tag_name} does not exist yet"
        hint = "verify the packet again once the release is tagged"
        found.append(Problem(code="HA011", where="git_state/tag", message=message, hint=hint))
    return found


def _folder(path: str) -> str:
    return "at the top" if path == "." else f"in {path}"


def statement_problems(statement: Statement, manifest: Manifest, facts: GitFacts) -> list[Problem]:
    """Return what contradicts the statement (DOMAIN section 5).

    HP063 and HP082 the repin line, HP064 the rollback line, HP068 and HP069 a "none" that git or the manifests refute.
    """
    return [
        *_refuted(statement, manifest, facts),
        *_repin_problems(statement.repin_required, manifest, facts),
        *_rollback_problems(statement, manifest, facts),
    ]


def _refuted(statement: Statement, manifest: Manifest, facts: GitFacts) -> Iterator[Problem]:
    """Yield each "none" that is not true. That what is described is true as well, no rule can tell."""
    since = f"since {facts.earlier[0].tag}" if facts.earlier else ""
    if facts.changed_since_previous and impact.says_none(statement.runtime_behavior_changes):
        message = f"found '{statement.runtime_behavior_changes}', but runtime paths changed {since}: "
        hint = "say what changed; where no caller can see it, for instance: 'internal refactoring only: <what>'"
        yield Problem(
            code="HP068",
            where="Runtime behavior changes",
            message=message + some_of(_places(facts, facts.changed_since_previous)),
            hint=hint,
        )
    if facts.previous and facts.changed_since_previous is None and impact.says_none(statement.runtime_behavior_changes):
        message = (
            f"found '{statement.runtime_behavior_changes}', but nobody can tell: the repository does not have the runtime commit"
        )
        hint = f"say what changed, or fetch {facts.previous.commit_sha}"
        yield Problem(
            code="HP068", where="Runtime behavior changes", message=f"{message} of {facts.previous.release_tag}", hint=hint
        )
    changes = impact.contract_changes(facts.previous, manifest)
    if changes and impact.says_none(statement.required_consumer_mapping_changes):
        message = f"found '{statement.required_consumer_mapping_changes}', but {since} {'; '.join(changes)}"
        hint = "say what a consumer has to map, or why each of these needs nothing"
        yield Problem(code="HP069", where="Required consumer mapping changes", message=message, hint=hint)


def _repin_problems(line: str, manifest: Manifest, facts: GitFacts) -> list[Problem]:
    where = "Repin required"
    own = f"{manifest.release_tag}/{manifest.commit_sha}"
    repin = re.match(r"(yes|no)\b[\s,:]*(?:\(?(\S+?)\)?\s*)?\Z", line)
    if repin is None or (repin[1] == "yes" and repin[2] != own) or (repin[1] == "no" and repin[2] not in (None, own)):
        message = f"found '{line}'; expected 'yes ({own})' or 'no'"
        return [Problem(code="HP063", where=where, message=message, hint="correct the line")]
    changes = impact.pinned_changes(facts.previous, manifest)
    if repin[1] == "no" and changes:
        message = f"found '{line}', but since {facts.earlier[0].tag} what a consumer pins has changed: {'; '.join(changes)}"
        return [Problem(code="HP082", where=where, message=message, hint=f"write 'yes ({own})'")]
    return []


def _rollback_problems(statement: Statement, manifest: Manifest, facts: GitFacts) -> list[Problem]:
    line, pair = statement.rollback_instruction, impact.rollback_pair(statement)

    def wrong(message: str) -> list[Problem]:
        return [Problem(code="HP064", where="Rollback instruction", message=message, hint="correct the line")]

    pairs = [(release.tag, release.commit_sha) for release in facts.earlier or facts.unstated]
    if pair is None and not facts.earlier and re.match(r"none\b", line):
        return []  # the first release has nothing to go back to
    latest = "/".join(pairs[0]) if pairs else "vX.Y.Z/<40 hexadecimal digits>"
    if pair is None:
        first = "" if facts.earlier else ", or, for a first release, 'none'"
        return wrong(f"found '{line}'; expected 'repin to {latest}'{first}")
    found = "/".join(pair)
    if pair[0] == manifest.release_tag or (pairs and pair not in pairs):
        return wrong(f"{found} is no earlier release's pair; the latest is {latest}")
    if facts.rollback is Relation.MISSING and facts.earlier:
        return wrong(f"{found} is stated by its own manifest, but the repository does not have its commit")
    if facts.rollback in (Relation.MISSING, Relation.UNRELATED):
        return wrong(
            f"{found} is no earlier release: its commit does not come before the runtime commit {facts.runtime_commit[:12]}"
        )
    return []


def packet_problems(document: Mapping[str, Any], where: str) -> list[Problem]:
    """Return where a packet that its schema accepts contradicts itself (HP071). Its ``where`` names the packet."""
    found: list[Problem] = []

    def wrong(pointer: str, message: str) -> None:
        found.append(Problem(code="HP071", where=f"{where}#{pointer}", message=message, hint=ASK_FOR_ANOTHER))

    for pointer, message in _shared_contradictions(document):
        wrong(pointer, message)
    commands = [outcome["command"] for outcome in document["verification_outcomes"]]
    if commands != document["verification_commands"]:
        wrong("/verification_commands", "the commands are not those of verification_outcomes, in their order")
    if len({outcome["id"] for outcome in document["verification_outcomes"]}) != len(commands):
        wrong("/verification_outcomes", "two outcomes have the same id")
    if document["consumer_impact_statement_template"] != document["consumer_impact_statement"]:
        wrong("/consumer_impact_statement_template", "it differs from consumer_impact_statement")
    for pointer, message in _candidate(document) if document["handoff_mode"] != "stable" else ():
        wrong(pointer, message)
    state = document["git_state"]
    if state["runtime_commit"] != document["commit_sha"]:
        wrong("/git_state/runtime_commit", f"found {state['runtime_commit']}; commit_sha is {document['commit_sha']}")
    if not state["tag"]["name"].endswith(document["release_tag"]):
        wrong("/git_state/tag/name", f"found {state['tag']['name']}; release_tag is {document['release_tag']}")
    tagged = state["tag"]["state"] == "tagged"
    for key, value in (("kind", state["tag"]["kind"]), ("target", state["tag"]["target"])):
        if tagged != (value is not None):
            wrong(f"/git_state/tag/{key}", f"found {_told(value)} for a tag that is {state['tag']['state']}")
    if tagged != (state["runtime_to_tag"] is not None):
        wrong("/git_state/runtime_to_tag", f"found {_told(state['runtime_to_tag'])} for a tag that is {state['tag']['state']}")
    for key, message in _relations(state):
        wrong(f"/git_state/{key}", message)
    if document["verdict"] == GO:
        found += _go_problems(document, where)
    return found


def foreign_problems(document: Mapping[str, Any], where: str) -> list[Problem]:
    """Return what is wrong with a packet of another generator that has the keys every consumer knows (DOMAIN section 2).

    Contradictions between these keys (HP071), and in one finding the lines of its statement that say nothing (HP062).
    """
    found = [
        Problem(code="HP071", where=f"{where}#{pointer}", message=message, hint=ASK_FOR_ANOTHER)
        for pointer, message in _shared_contradictions(document)
    ]
    lines = {name: impact.unfilled(line) for name, line in (document.get(_TEMPLATE) or {}).items()}
    if told := [f"{name}: {reason}" for name, reason in lines.items() if reason]:
        found.append(Problem(code="HP062", where=f"{where}#/{_TEMPLATE}", message="; ".join(told), hint=ASK_FOR_ANOTHER))
    return found


def _shared_contradictions(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where the keys that every packet has contradict each other: only the rehearsed version may differ from the baseline."""
    version, baseline = "expected_service_contract_version", document["active_runtime_baseline"]
    candidate = document["handoff_mode"] != "stable"
    for key in baseline:
        if not (candidate and key == version) and key in document and baseline[key] != document[key]:
            yield f"/active_runtime_baseline/{key}", f"found {baseline[key]}; the packet itself says {document[key]}"
    needed = [baseline[version].replace(".", "_") + "_stable"]
    needed += [document[version].replace(".", "_") + "_candidate"] if candidate else []
    for name in needed:
        if name not in document["non_2xx_envelope_policy"]:
            yield "/non_2xx_envelope_policy", f"the key {name} is missing"


def _candidate(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where a rehearsal promises more than it may."""
    version, baseline = "expected_service_contract_version", document["active_runtime_baseline"]
    for key, message in rehearsal_faults(document["compatibility_expectations"]):
        yield f"/compatibility_expectations/{key}", message
    nothing_left = any(advisory["code"] == "HA010" for advisory in document["advisories"])
    if nothing_left != (document[version] == baseline[version]):
        found = "with" if nothing_left else "without"
        message = f"{found} HA010, but the packet rehearses {document[version]} and the runtime is at {baseline[version]}"
        yield "/advisories", message


def _relations(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where the relations of the runtime commit are not those of the commits that stand beside them."""
    runtime, commits = state["runtime_commit"], state["commits_after_runtime"]
    for key, other in (("runtime_to_verified", state["verified_commit"]), ("runtime_to_tag", state["tag"]["target"])):
        if other is not None and (state[key] == Relation.SAME) != (other == runtime):
            yield key, f"found {state[key]}; runtime_commit is {runtime}, the other commit {other}"
    last = {Relation.SAME: [], Relation.ANCESTOR: [state["verified_commit"]]}.get(state["runtime_to_verified"])
    if last is not None and commits[-1:] != last:
        yield "commits_after_runtime", f"{len(commits)} commits that do not end at the verified commit"


def _go_problems(document: Mapping[str, Any], where: str) -> list[Problem]:
    """Return what a packet says that no GO can say."""
    hint = "do not use this packet: its verdict is not true"
    found = []
    for number, outcome in enumerate(document["verification_outcomes"]):
        if outcome["outcome"] != Outcome.PASSED or outcome["exit_code"] != 0:
            pointer = f"{where}#/verification_outcomes/{number}"
            message = f"{outcome['id']} {outcome['outcome']} with exit code {_told(outcome['exit_code'])}, but the verdict is GO"
            found.append(Problem(code="HP071", where=pointer, message=message, hint=hint))
    for key, value in document["consumer_impact_statement"].items():
        if reason := impact.unfilled(value):
            pointer = f"{where}#/consumer_impact_statement/{key}"
            found.append(Problem(code="HP071", where=pointer, message=f"{reason}, but the verdict is GO", hint=hint))
    state = document["git_state"]
    good = (Relation.SAME, Relation.ANCESTOR)
    for key, value, fine in (
        ("runtime_paths_identical", state["runtime_paths_identical"], state["runtime_paths_identical"] is True),
        ("runtime_to_verified", state["runtime_to_verified"], state["runtime_to_verified"] in good),
        ("runtime_to_tag", state["runtime_to_tag"], state["runtime_to_tag"] in (*good, None)),
    ):
        if not fine:
            pointer = f"{where}#/git_state/{key}"
            found.append(Problem(code="HP071", where=pointer, message=f"found {_told(value)}, but the verdict is GO", hint=hint))
    return found


def other_statement(document: Mapping[str, Any], changelog: Statement | None) -> list[Problem]:
    """Return an advisory (HA016) when a packet's statement is not the one in the verified commit's changelog."""
    said = statement_of(document)
    if said is None or changelog is None or said == changelog or any(map(impact.unfilled, said.to_dict().values())):
        return []
    message = "it is not the statement of the verified commit's changelog"
    hint = "a packet made with --impact FILE may say something else; ask the producer which of the two counts"
    return [Problem(code="HA016", where="consumer_impact_statement", message=message, hint=hint)]


def tagged_since(document: Mapping[str, Any], facts: GitFacts) -> list[Problem]:
    """Return an advisory (HA012) when the release of an untagged packet has been tagged since."""
    if "git_state" not in document or document["git_state"]["tag"]["state"] == "tagged" or facts.tag is None:
        return []
    message = f"the release has been tagged since: {facts.tag_name} points to {facts.tag.target}"
    hint = "run the handoff session at the tag for a packet that says so"
    return [Problem(code="HA012", where="git_state/tag", message=message, hint=hint)]


def packet_against_git(
    document: Mapping[str, Any], facts: GitFacts, manifest: Manifest, profile: Profile, where: str
) -> list[Problem]:
    """Return where git, the manifest and the profile, asked today, contradict a packet (HP072).

    A tag that has come since does not contradict it, and one that the clone lacks is told in one finding (HP075). Of a packet of
    another generator the keys that it has are looked at. What a packet says of the profile's place is not: `packet_judge` does.
    """
    known = [mode for mode in profile.modes if mode.name == document["handoff_mode"]]
    hint = _AGAIN
    if not known:
        message = f"found {document['handoff_mode']}; the profile knows {', '.join(mode.name for mode in profile.modes)}"
        return [Problem(code="HP072", where=f"{where}#/handoff_mode", message=message, hint=hint)]
    now: dict[str, Any] = {
        "expected_service_contract_version": known[0].rehearsed or manifest.service_version,
        "active_runtime_baseline": manifest.baseline(),
        "error_code_enum": list(manifest.error_codes),
        "non_2xx_envelope_policy": envelope_policy(profile, manifest),
        "manifest_path": profile.manifest_path,
        "changelog_path": profile.changelog_path,
        "verification_commands": [check.command for check in profile.checks],
        **known[0].blocks,
        "producer": {"id": profile.id, "name": profile.name},
        "verification_outcomes": [{"id": check.id, "command": check.command} for check in profile.checks],
        "git_state": git_state(facts),
    }
    found: list[Problem] = []
    if "git_state" not in document:
        now = {key: value for key, value in now.items() if key in document}
    else:
        found += _as_the_clone_can_tell(document, now["git_state"], facts, where)
    then = {key: document.get(key) for key in now}
    if "packet_contract_version" not in document:
        then |= _without_root(then, profile)
    if "producer" in now and isinstance(then["producer"], dict):
        then["producer"] = {key: then["producer"].get(key) for key in now["producer"]}
    if "verification_outcomes" in now and then["verification_outcomes"]:
        then["verification_outcomes"] = [{key: one[key] for key in ("id", "command")} for one in then["verification_outcomes"]]
    if document.get("handoff_generated_at_source") == "verified-commit":
        then["handoff_generated_at_utc"] = document["handoff_generated_at_utc"]
        now["handoff_generated_at_utc"] = generated_at(facts.committed_at)
    for pointer, old, new in _differences(then, now, ""):
        message = f"the packet says {_told(old)}; today it is {_told(new)}"
        found.append(Problem(code="HP072", where=f"{where}#{pointer}", message=message, hint=hint))
    envelopes = [list(some.get("non_2xx_envelope_policy") or ()) for some in (then, now)]
    if envelopes[0] != envelopes[1] and sorted(envelopes[0]) == sorted(envelopes[1]):
        message = f"the packet has the order {', '.join(envelopes[0])}; today it is {', '.join(envelopes[1])}"
        found.append(Problem(code="HP072", where=f"{where}#/non_2xx_envelope_policy", message=message, hint=hint))
    return found


def _without_root(then: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
    """Return the paths and commands of another generator's packet relative to the producer's root, which it wrote into them."""
    path, below = then.get("manifest_path"), f"/{profile.manifest_path}"
    if not isinstance(path, str) or not path.endswith(below):
        return {}
    root = path.removesuffix(below)
    made: dict[str, Any] = {"manifest_path": profile.manifest_path}
    if isinstance(changelog := then.get("changelog_path"), str):
        made["changelog_path"] = changelog.removeprefix(f"{root}/")
    if isinstance(commands := then.get("verification_commands"), list):
        made["verification_commands"] = [
            " ".join("." if word == root else word for word in str(command).split(" ")) for command in commands
        ]
    return made


def _as_the_clone_can_tell(document: Mapping[str, Any], state: dict[str, Any], facts: GitFacts, where: str) -> Iterator[Problem]:
    """Take from a packet into ``state`` what this clone cannot tell of the tag; yield a finding (HP075) if it lacks the tag."""
    said = document["git_state"]
    tagged = said["tag"]["state"] == "tagged"
    if tagged != (facts.tag is not None):
        for key in ("tag", "runtime_to_tag"):
            state[key] = {**said[key], "name": facts.tag_name} if key == "tag" else said[key]
    if tagged and facts.tag is None:
        message = f"this clone has no tag {facts.tag_name}; the packet says that it points to {said['tag']['target']}"
        hint = "fetch the tags, then verify again: git fetch --tags; if the producer has no such tag, do not use this packet"
        yield Problem(code="HP075", where=f"{where}#/git_state/tag", message=message, hint=hint)
    if _is_clobbered(document, facts):
        state["tag"]["kind"] = said["tag"]["kind"]


def packet_statement(
    document: Mapping[str, Any], facts: GitFacts, manifest: Manifest, profile: Profile, tags: Collection[str], where: str
) -> list[Problem]:
    """Return what git and the manifests say against a packet's statement, each at its line in the packet.

    ``tags`` are those of the clone. If it lacks the tag to roll back to, it lacks the release that the lines are held against, and
    one finding (HP075) says so. Lines that are not filled in are left to `foreign_problems`.
    """
    said = statement_of(document)
    if said is None:
        return []
    key = "consumer_impact_statement" if document.get("consumer_impact_statement") else _TEMPLATE
    lines = said.to_dict()
    found = [
        replace(one, where=f"{where}#/{key}/{impact.LABELS[one.where]}", hint=_AGAIN)
        for one in statement_problems(said, manifest, facts)
        if not impact.unfilled(lines[impact.LABELS[one.where]])
    ]
    pair = impact.rollback_pair(said)
    if not pair or profile.tag_name(pair[0]) in tags or pair[0] == manifest.release_tag:
        return found
    kept = [one for one in found if one.code == "HP063"]
    if len(kept) < len(found):
        message = f"this clone has no tag {profile.tag_name(pair[0])}, so the statement cannot be held against that release"
        hint = "fetch the tags, then verify again: git fetch --tags; if the producer has no such tag, do not use this packet"
        kept.append(Problem(code="HP075", where=f"{where}#/{key}/rollback_instruction", message=message, hint=hint))
    return kept


def statement_of(document: Mapping[str, Any]) -> Statement | None:
    """Return a packet's statement; None when it has none, or another generator wrote one of other lines."""
    said = document.get("consumer_impact_statement", document.get(_TEMPLATE))
    return Statement(**said) if said and said.keys() == set(impact.LABELS.values()) else None


def packet_against_profile(
    document: Mapping[str, Any],
    facts: GitFacts,
    manifest: Manifest,
    profile: Profile,
    where: str,
    mentioned: Collection[str] = (),
) -> list[Problem]:
    """Return where a GO packet's advisories and tools are not those of its release and profile (HP072).

    Where the tag has come or moved since, the advisories are not looked at: they were those of that time. ``mentioned`` are the
    tools that the profile claims only if files name them, and that files of the verified commit name.
    """
    modes = [mode for mode in profile.modes if mode.name == document["handoff_mode"]]
    if not modes or document.get("verdict") != GO:
        return []
    found = [*_foreign_tools(document, profile, mentioned)]
    untagged = document["git_state"]["tag"]["state"] == "untagged"
    if untagged and not any(one["code"] == "HA011" for one in document["advisories"]):
        found.append(("/advisories", "without HA011, but the packet says that the tag does not exist yet"))
    if document["git_state"]["tag"]["target"] == (facts.tag.target if facts.tag else None):
        then = document["advisories"]
        now = [one.to_dict() for one in sorted(release_advisories(modes[0], manifest, facts, allow_untagged=True))]
        if then != now:
            codes = (", ".join(one["code"] for one in some) or "none" for some in (then, now))
            found.append(("/advisories", "the packet has {}, the release {}, each in its own words".format(*codes)))
    return [Problem(code="HP072", where=f"{where}#{pointer}", message=message, hint=_AGAIN) for pointer, message in found]


def _foreign_tools(document: Mapping[str, Any], profile: Profile, mentioned: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield where a passed check names other tools than the profile claims for it."""
    checks = {check.id: check for check in profile.checks}
    for number, outcome in enumerate(document["verification_outcomes"]):
        check = checks.get(outcome["id"])
        if check is None or outcome["outcome"] != Outcome.PASSED:
            continue
        claimed = [profile.tools[name] for name in check.tools if profile.tools[name].claim]
        # A tool that only some releases mention may be missing.
        needed = {tool.name for tool in claimed if not tool.mentioned_in or tool.name in mentioned}
        named = outcome["tools"].keys()
        if not needed <= named <= {tool.name for tool in claimed}:
            message = (
                f"the packet names {', '.join(sorted(named)) or 'none'}; the profile claims {', '.join(sorted(needed)) or 'none'}"
            )
            yield f"/verification_outcomes/{number}/tools", message


def _differences(then: object, now: object, pointer: str) -> Iterator[tuple[str, object, object]]:
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted(then.keys() | now.keys()):
            yield from _differences(then.get(key), now.get(key), f"{pointer}/{key}")
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for number, (one, other) in enumerate(zip(then, now, strict=True)):
            yield from _differences(one, other, f"{pointer}/{number}")
    elif then != now:
        yield pointer, then, now


def _told(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_TOLD else text[:_LONGEST_TOLD] + "..."
