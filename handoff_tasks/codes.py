"""Every problem code with its cause, an example and the remedy.

``docs/reference/rules.md`` is generated from this module. The meaning of a code never changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The meaning of a code: title, cause, an example of the message, and the remedy."""

    title: str
    cause: str
    example: str
    remedy: str


FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "HP00": "Options and the machine",
        "HP01": "The producer and the run",
        "HP02": "Manifest and changelog",
        "HP03": "Profile and sessions",
        "HP04": "Checks and their evidence",
        "HP05": "Git",
        "HP06": "Statement and tags",
        "HP07": "Packets",
        "HP08": "Writing files, and more on the statement",
        "HP09": "Setting up and previewing",
        "HP10": "Comparing, showing and merging",
        "HP11": "The report",
        "HP12": "The consumer's side",
        "HP13": "Signatures",
        "HP14": "Receipts",
        "HA00": "Advisories on the run",
        "HA01": "Advisories on the release",
        "HA02": "Advisories on the clone",
        "HA10": "Advisories on comparing and showing",
        "HA11": "Advisories on the report",
        "HA12": "Advisories on the consumer's side",
        "HA13": "Advisories on signatures",
    }
)
"""The first four characters of a code to the topic of its family, in the order of the page."""


def _rule(title: str, cause: str, example: str, remedy: str) -> Rule:
    return Rule(title=title, cause=cause, example=example, remedy=remedy)


_ENTRIES = {
    "HP001": _rule(
        "The options are invalid",
        "An option after `--` is unknown, lacks its value or contradicts another one; or the "
        "path of `--result-json` is the packet's, is inside a folder of git, or exists and is "
        "not a result; or a variable such as `SOURCE_DATE_EPOCH` does not contain a time.",
        "--mode: unknown mode 'stabel'; known: stable, service-v3-candidate",
        "Correct the options. Nothing was run.",
    ),
    "HP002": _rule(
        "A document is not valid JSON",
        "It is not UTF-8, starts with a byte order mark, repeats a key in one object, contains "
        "NaN or a number that is not an integer, or is too deep or too large.",
        'packet.json:3:5#/verdict: duplicate key "verdict" in one object',
        "Get the file again from its publisher.",
    ),
    "HP003": _rule(
        "A check has no environment of its own",
        "The session was called with `--no-venv`, or with the backend `none`.",
        "verify-fmt: the session has no environment of its own (--no-venv, or the backend 'none')",
        "Call it without `--no-venv`.",
    ),
    "HP004": _rule(
        "git is missing or too old",
        "No absolute folder on PATH has git, or the first git is older than 2.32. An older git "
        "cannot be prevented from reading the system's configuration.",
        "/usr/bin/git: found version 2.30.2; expected 2.32 or later",
        "Install a newer git, or put it first on PATH.",
    ),
    "HP005": _rule(
        "The packet to verify cannot be read",
        "The path after `handoff-verify --` is not a readable regular file.",
        "packet.json: the packet cannot be read: No such file or directory",
        "Give the path of a packet.",
    ),
    "HP006": _rule(
        "Another run is in progress",
        "Another process holds the work folder or the private checkout. Single checks share the "
        "work folder with each other; a handoff needs it for itself.",
        ".handoff/lock: the work folder is in use by process 4711",
        "Wait until it has ended, or use a different `--work-dir` and `--cache-dir`.",
    ),
    "HP007": _rule(
        "A git command failed",
        "The disk is full, a repository or the private copy of it is damaged, or it was changed "
        "during the run. Known causes have codes of their own.",
        "/src/app: git update-index -q --refresh ended with 128: unable to write new index file",
        "Check that the disk has space and that no other program changes that folder, then run "
        "again; `git fsck` finds damage.",
    ),
    "HP008": _rule(
        "An internal error occurred",
        "This is a bug in this library, not a problem of the release. The result contains what "
        "was done until then; do not rely on the rest.",
        "handoff-stable: internal error: KeyError: 'commit'; this is a bug in handoff-tasks",
        "Report it, with the traceback.",
    ),
    "HP009": _rule(
        "The sample producer cannot be built",
        "The folder is not empty or is not writable, or the installed data is not the shipped "
        "data.",
        ".handoff/sample-producer: the sample producer cannot be built here: the folder exists "
        "and is not empty",
        "Name a folder that does not exist, or install the package again.",
    ),
    "HP010": _rule(
        "No producer was found",
        "`--producer-root` is not a folder, or the noxfile's folder has no manifest.",
        "../Memorykernel: no such folder",
        "Give the producer's root with `--producer-root`.",
    ),
    "HP011": _rule(
        "The producer's repository cannot be used",
        "It is not a git work tree; or it is shallow, so its history cannot be read; or it uses "
        "SHA-256 objects, which a manifest cannot name.",
        "../MemoryKernel: the repository is shallow: the history between runtime commit and tag "
        "cannot be read",
        "Use a full clone; in CI, `fetch-depth: 0`.",
    ),
    "HP012": _rule(
        "The ref is not a commit",
        "The repository does not have this name, or has no commit at all.",
        "--ref v9.9.9: no such commit in the repository",
        "Give a ref that `git log` accepts.",
    ),
    "HP013": _rule(
        "The history is damaged",
        "An object in the history of the commit or of the tags is missing or does not match its "
        "id, or the time of the commit is not a valid date.",
        ".git: commit 1d92... and the tags cannot be fetched completely: missing blob object "
        "'9b0f...'",
        "Run `git fsck` in the producer's repository and repair what it reports.",
    ),
    "HP014": _rule(
        "The profile is not the committed one",
        "The profile is a file of the producer's repository, under any name or through a link, "
        "and differs from the one in the verified commit.",
        "handoff.toml: the profile differs from the one in the verified commit 1d925f596cad",
        "Commit the profile, or run from a work tree of that commit.",
    ),
    "HP015": _rule(
        "The run of this check no longer exists",
        "The file with the data of its run is gone, or the profile changed during the run.",
        "handoff.toml: the profile changed during the run",
        "Run the handoff session again, without changing the profile.",
    ),
    "HP016": _rule(
        "The cache folder is inside the producer",
        "Tools would find files of the producer's repository above the checkout.",
        "cache: the cache folder is inside the producer's repository /src/app, whose files "
        "would reach the checks",
        "Name a folder outside of the repository with `--cache-dir`.",
    ),
    "HP017": _rule(
        "A file above the checkout can change verdicts",
        "Tools look for settings in the folders above their own. The profile's `refuse_above` "
        "lists such files; `.ignore` and `.rgignore`, which ripgrep reads, are refused for "
        "every profile.",
        "/home/ann/clippy.toml: is above the private checkout "
        "/home/ann/handoff-cache/app-0123456789ab/checkout, where tools of the checks would "
        "read it",
        "Move the file away, or choose a folder without such a file above it with `--cache-dir`.",
    ),
    "HP018": _rule(
        "User settings can change verdicts",
        "A file of the profile's `user_config` has tables that the profile does not list as "
        "harmless (flags, runners, profiles, aliases), or exists although none are harmless.",
        "/home/ann/.cargo/config.toml: user settings that can change a verdict: build; expected "
        "only net, registries",
        "Remove the settings during the run, or run as a user or with a home folder without them.",
    ),
    "HP019": _rule(
        "The private copy is damaged",
        "Objects of the private copy of the history are missing or changed, or the checkout "
        "does not match the commit: the disk is full, or another program writes there.",
        "cache/app-1d92/objects.git: the private copy of the producer's history is damaged: "
        "missing blob 9b0f...",
        "Delete the folder that the message names; the next run creates it again.",
    ),
    "HP020": _rule(
        "The commit has no manifest",
        "The profile's manifest path is not a regular file in the verified commit.",
        "1d925f596cad:contracts/manifest.json: the commit has no producer manifest there",
        "Name the correct root, and a commit that has a manifest.",
    ),
    "HP021": _rule(
        "The manifest is invalid",
        "It is not valid JSON, or its schema refuses a value.",
        '1d925f596cad:contracts/manifest.json#/release_tag: found "1.1"; expected vX.Y.Z',
        "Correct the manifest and commit it.",
    ),
    "HP022": _rule(
        "The commit has no changelog",
        "The profile's changelog, or its file with the statements, is not a regular file in the "
        "verified commit.",
        "1d925f596cad:CHANGELOG.md: the commit has no changelog there",
        "Commit a changelog with a section for the release.",
    ),
    "HP023": _rule(
        "It is not clear which release this is",
        "There is no manifest and no version in the commit that names it, and the commit has no "
        "release tag or several. Or `--release` names a tag of another form, or another release "
        "than the commit states.",
        "commit 1d925f596cad: it has no tag of the form v{version} with a semver version",
        "Name the release's tag with `--release TAG`, or say in `contract.version` of the profile "
        "which file states the version.",
    ),
    "HP024": _rule(
        "The commit does not state a version",
        "A file that the profile's `contract` names is not in the commit, has no value at that "
        "place, or has a version that does not follow `git.version_scheme`.",
        "1d925f596cad:pyproject.toml, project.version: there is no version below project",
        "Correct the file, or the place in the profile.",
    ),
    "HP030": _rule(
        "The profile is invalid",
        "It is missing, is not valid TOML, is refused by its schema, or contradicts itself.",
        "handoff.toml#/checks/0/tools/1: unknown tool 'jqq'; did you mean jq? known: bash, jq",
        "Correct the profile; docs/reference/profile.md describes every key.",
    ),
    "HP031": _rule(
        "A session name is already in use",
        "The noxfile already defines a session of that name, or calls `register` twice.",
        "noxfile.py: session 'handoff-stable' is already defined in this noxfile",
        "Rename the other session, or call `register` once.",
    ),
    "HP032": _rule(
        "No runtime path exists",
        "None of the profile's `git.runtime_paths` exists in the runtime commit or the verified "
        "commit, so a changed runtime could not be detected.",
        "git.runtime_paths: neither the runtime commit 8cf36f832b1e nor the verified commit has "
        "srcs/",
        "Correct the profile.",
    ),
    "HP033": _rule(
        "A part of the runtime is not in the commit",
        "Below the runtime paths, or at the target of a link from there, is a submodule, a Git "
        "LFS pointer, or a link that at any step leaves the producer's root, forms a loop, or "
        "leads into `.git` or through a folder that the commit does not have. Targets of links "
        "within the root, and each link on the way, are part of the runtime.",
        "crates/vendor: is below the runtime paths and is a submodule, whose content is not in "
        "the checkout",
        "Commit its files.",
    ),
    "HP034": _rule(
        "The commit does not have the profile",
        "At the profile's path, the verified commit has a link that leaves the repository or "
        "has no target in the commit.",
        "ci/handoff.toml: the verified commit 1d925f596cad does not have the profile: "
        "ci/handoff.toml is a link that leaves the repository",
        "Commit the profile itself in place of the link.",
    ),
    "HP036": _rule(
        "The default cache folder is not safe",
        "It is a link or a file, belongs to another user, or is writable by other users, who "
        "could change what the checks see.",
        "/home/ann/handoff-cache: belongs to user 0, not to you (user 1000); expected a folder "
        "that only you can write to",
        "Move it away, or name another folder with `--cache-dir`.",
    ),
    "HP037": _rule(
        "A check does not see a part of the runtime",
        "A file that belongs to the runtime, for example because a link below the runtime paths "
        "leads to it, matches the `ignores` of a check. A pass of that check would say nothing "
        "of the file.",
        "docs/schema.json: it is a part of the runtime, and test would not see it",
        "Take the pattern out of `ignores`.",
    ),
    "HP040": _rule(
        "A record is invalid",
        "It cannot be read, its schema refuses it, or it is the record of another check.",
        "fmt.json#/id: found clippy; expected fmt",
        "Run the check again.",
    ),
    "HP041": _rule(
        "A log does not match its record",
        "The log is missing, or its size or digest differs from the record.",
        "fmt.json: the log cannot be read: No such file or directory",
        "Run the check again.",
    ),
    "HP043": _rule(
        "A check failed",
        "Its exit code was not 0, its success line was missing, it left a process running, or "
        "it changed the checkout.",
        "check clippy: failed: exit code 101 (with cargo 1.95.0, clippy 0.1.95)",
        "Fix what its log reports, commit, and run again. If the check serves files and the "
        "checkout is below a folder whose name begins with a dot, name another folder with "
        "`--cache-dir`.",
    ),
    "HP044": _rule(
        "A check exceeded its time limit",
        "It was ended after the number of seconds of the profile or of `--timeout`.",
        "check test: timed_out: did not end within 2700 s",
        "Look in its log for what it waited for; `--timeout SECONDS` gives it more time.",
    ),
    "HP045": _rule(
        "A tool of a check is missing",
        "No absolute folder on its PATH has the tool, the tool does not report its version, its "
        "requirement is not installed, or its version is not the one that the requirement asks "
        "for.",
        "check trilogy-compliance: tool_missing: jq is not on PATH: install jq with the "
        "system's package manager",
        "Do what the message says.",
    ),
    "HP046": _rule(
        "A check was interrupted",
        "Ctrl-C or a signal ended the run.",
        "check test: interrupted: interrupted by SIGINT",
        "Run again.",
    ),
    "HP047": _rule(
        "A check has no valid evidence",
        "It did not run, or its record is of another commit, tree, path, profile or command line.",
        "check fmt: not_run: its evidence is of another commit: 83d8...; expected 1d92...",
        "Run all checks again with the handoff session.",
    ),
    "HP050": _rule(
        "The runtime commit does not exist",
        "The manifest's `commit_sha` is not a commit of the repository.",
        "contracts/manifest.json#/commit_sha: 1111... is not a commit of the repository",
        "Correct `commit_sha`, or fetch the commit.",
    ),
    "HP051": _rule(
        "The runtime commit is not an ancestor",
        "The tag or the verified commit does not descend from the manifest's `commit_sha`.",
        "tag v1.2.3: the runtime commit 111111111111 is not an ancestor of the tag's target "
        "222222222222",
        "Tag a descendant of the runtime commit, or correct `commit_sha`.",
    ),
    "HP052": _rule(
        "The release is not tagged",
        "The tag that the manifest names does not exist. For a producer in a subfolder, only "
        "tags with the profile's prefix count.",
        "tag v1.2.3: the release is not tagged",
        "Tag it, or use `--allow-untagged`; the packet then says so.",
    ),
    "HP053": _rule(
        "The tag has another runtime",
        "Runtime paths differ between `commit_sha` and the tag's target.",
        "tag v1.2.3: runtime paths differ between the runtime commit 1111... and the tag's "
        "target 2222...: crates/core/lib.rs",
        "Correct `commit_sha`, or tag a commit with the same runtime paths.",
    ),
    "HP054": _rule(
        "The verified commit has another runtime",
        "Runtime paths differ between `commit_sha` and the commit that the checks ran on.",
        "commit 2222...: runtime paths differ between the runtime commit 111111111111 and the "
        "verified commit: crates/core/lib.rs",
        "Before the release is tagged: put the id of the verified commit into `commit_sha` and "
        "into the repin line. Afterwards: do the same with the next release's tag, or verify "
        "the existing release at its tag (`--ref v1.2.3`).",
    ),
    "HP055": _rule(
        "The manifest at the tag differs",
        "It has other values or other bytes than the verified commit's manifest, or is missing. "
        "Of a release without a manifest, the versions that the tag's target states are compared.",
        "v1.2.3:contracts/manifest.json#/commit_sha: found 3333... at the tag; the verified "
        "commit's manifest has 1111...",
        "For the next release, put its tag into `release_tag`. Otherwise verify at the tag "
        "(`--ref v1.2.3`), or tag a commit that has the manifest.",
    ),
    "HP056": _rule(
        "The runtime commit has another service version",
        "The tree at `commit_sha` states another version than the manifest, or states none at "
        "the place that the profile names.",
        "contracts/manifest.json#/expected_service_contract_version: the manifest has "
        "service.v3, but its runtime commit 111111111111 has service.v2 in openapi/openapi.yaml",
        "Name the commit that has this version, or correct the version.",
    ),
    "HP057": _rule(
        "The service version has no envelope policy",
        "The profile's `envelope_policies` has no entry for the manifest's version.",
        "contracts/manifest.json#/expected_service_contract_version: service.v4 has no envelope "
        "policy; known: service.v2",
        "Describe its error envelope in the profile.",
    ),
    "HP058": _rule(
        "The tag moved during the run",
        "The tag's target after the checks differs from the one before.",
        "tag v1.2.3: the tag moved while the checks ran",
        "Find out who moved it, then run again.",
    ),
    "HP059": _rule(
        "The tag is not on a commit",
        "It points to a tree or a file.",
        "tag v1.2.3: the tag exists, but does not point to a commit",
        "Tag the release's commit, or delete the tag.",
    ),
    "HP060": _rule(
        "There is no impact statement",
        "The changelog, or the file of `paths.statement`, has no section for the release or two of "
        "them, or the section has no block or several; or the file of `--impact` cannot be read, "
        "or the profile names no file and `--impact` is missing.",
        "CHANGELOG.md: no block 'Consumer impact:'; expected one",
        "Paste the block that the run prints and complete it; `nox -s impact-draft` prints it "
        "with its evidence.",
    ),
    "HP061": _rule(
        "A line of the statement is missing, duplicate or unknown",
        "The block must have exactly five lines, each with its label.",
        "CHANGELOG.md:12: duplicate line 'Repin required'",
        "Correct the line.",
    ),
    "HP062": _rule(
        "A line of the statement is not filled in",
        "It is empty, a placeholder, contains invisible characters, or is not in Unicode's "
        "composed form (NFC).",
        "CHANGELOG.md:9: 'Runtime behavior changes': the placeholder '<none|describe>' is not "
        "filled in",
        "Write what applies.",
    ),
    "HP063": _rule(
        "The repin line is not for this release",
        "It is neither yes nor no, or it names another tag and commit than the packet. Of a "
        "release without a manifest it names the tag alone.",
        "Repin required: found 'yes (v1.2.2/5555...)'; expected 'yes (v1.2.3/1111...)' or 'no'",
        "Correct the line.",
    ),
    "HP064": _rule(
        "The rollback line does not name an earlier release",
        "Its tag and commit are not those of an earlier release's manifest or, if no earlier "
        "release has a manifest, of an earlier tag. If the profile names no manifest, the commit "
        "is the runtime commit of that tag, and may be left out.",
        "Rollback instruction: v1.2.2/9999... is not an earlier release; the latest is "
        "v1.2.2/5555...",
        "Correct the line.",
    ),
    "HP065": _rule(
        "The tag is not annotated",
        "The profile's `git.annotated_tag` requires a tag with author, date and message.",
        "tag v1.2.3: found a lightweight tag; the profile expects an annotated one",
        "Make it again with `git tag --annotate --force`, on the same commit.",
    ),
    "HP066": _rule(
        "The tag object names another release",
        "The object of an annotated tag contains a name of its own. The tag was renamed, or its "
        "ref was created by hand.",
        "tag v1.2.3: its tag object has the name v1.2.2; expected v1.2.3",
        "Make the tag again on the release's commit, under its own name.",
    ),
    "HP067": _rule(
        "A name is ambiguous",
        "A branch, or a file in `.git`, has the same name as the tag and is at another commit. "
        "If all are at one commit, this is not reported.",
        "tag v1.2.3: a branch of that name is at 3333...; the tag points to 2222...",
        "Rename or delete the other one; on the command line, use `--ref refs/tags/v1.2.3`.",
    ),
    "HP068": _rule(
        'The runtime changed, but the statement says "none"',
        "Runtime paths, except test paths, differ between the runtime commits of the previous "
        "release and of this one.",
        "Runtime behavior changes: found 'none', but runtime paths changed since v1.2.2: "
        "crates/core/lib.rs",
        "Describe the change. If callers cannot see it: `internal refactoring only: ...`.",
    ),
    "HP069": _rule(
        'The error contract changed, but the statement says "none"',
        "Since the previous release's manifest, error codes were added or removed, or the error "
        "envelope has another version.",
        "Required consumer mapping changes: found 'none', but since v1.2.2 error codes were "
        "added: rate_limited",
        "Describe what a consumer has to map, or why each change requires nothing.",
    ),
    "HP070": _rule(
        "A packet is invalid",
        "Its schema refuses a value, or its bytes are not in the published form.",
        'packet.json#/verdict: found "MAYBE"; expected GO or NO-GO',
        "Do not use it; ask the producer for a packet that the handoff session published.",
    ),
    "HP071": _rule(
        "A packet contradicts itself",
        "Two of its values contradict each other, or its verdict is GO with values that no GO "
        "can have.",
        "packet.json#/active_runtime_baseline/commit_sha: found 3333...; the packet itself has "
        "1111...",
        "Do not use it; ask the producer for a packet that the handoff session published.",
    ),
    "HP072": _rule(
        "A packet contradicts git, the manifest or the profile",
        "What the packet says of them differs from what they contain now.",
        "packet.json#/git_state/tag/target: the packet has 2222...; git has 3333...",
        "Do not use it; verify the release again.",
    ),
    "HP073": _rule(
        "A packet is a draft",
        "Its own verdict is NO-GO.",
        "packet.json#/verdict: the packet itself says NO-GO",
        "Fix the problems that it lists, then run the handoff session again.",
    ),
    "HP074": _rule(
        "The profile of a packet is not available",
        "The profile that the packet names is not in the verified commit, not in this version "
        "of the library, or not the one that this noxfile registers. No further comparison was "
        "made.",
        "packet.json#/producer/profile: the packet names the profile ci/handoff.toml, which the "
        "verified commit does not have",
        "Verify with the profile that the packet names; `--profile NAME` selects another one.",
    ),
    "HP075": _rule(
        "The clone lacks commits or tags of the packet",
        "A commit or a tag of the packet is not in the repository that it is compared with.",
        "packet.json#/git_state/tag: this clone has no tag v1.2.3; the packet has one that "
        "points to 2222...",
        "Fetch the commits and tags, then verify again. If the producer does not have them, do "
        "not use the packet.",
    ),
    "HP076": _rule(
        "The packet is from another generator",
        "It has no `packet_contract_version`, so it records no outcomes and cannot be GO. What "
        "it says of git was checked.",
        "packet.json: it is not a packet of handoff-tasks (no packet_contract_version): it "
        "records no outcomes",
        "Ask the producer for a packet that the handoff session published.",
    ),
    "HP080": _rule(
        "A file cannot be written",
        "The folder is not writable, the disk is full, or a file is in place of a folder.",
        ".handoff/evidence: cannot be written: No space left on device",
        "Free some disk space, make the folder writable, or choose another one.",
    ),
    "HP081": _rule(
        "The packet must not be written there",
        "The path is a link, a folder, inside a folder of git, or a file that is not a handoff "
        "packet.",
        "handoff.toml: exists and is not a handoff packet; refusing to overwrite it",
        "Name another path with `--out-json`, or delete the existing file first.",
    ),
    "HP082": _rule(
        'A repin is required, but the statement says "no"',
        "The runtime commit, a contract version or the error codes differ from the previous "
        "release. The tag alone does not count.",
        "Repin required: found 'no', but since v1.2.2 these changed: commit_sha from 5555... to "
        "1111...",
        "Write `yes` with the packet's tag and commit.",
    ),
    "HP083": _rule(
        "Another file is in the place of a file or folder of this library",
        "A link, a folder, or a file with other content is in the place of a lock, the evidence "
        "folder, or the noxfile that `handoff-init` writes. This library does not write through "
        "links and does not overwrite files of others.",
        ".handoff/lock: is a symbolic link; expected a lock file of handoff-tasks, or no file",
        "Move it away, or choose another folder with `--work-dir` or `--cache-dir`.",
    ),
    "HP084": _rule(
        "The folder of nox's environments has a name that is not UTF-8",
        "virtualenv cannot create an environment in such a folder, so no check can run. By "
        "default, the folder is beside the noxfile.",
        "/src/caf\\xe9/.nox: the path is not UTF-8, so no environment for a check can be created "
        "there",
        "Name another folder with `nox --envdir FOLDER`.",
    ),
    "HP085": _rule(
        "Too many files are open",
        "The limit of this process (`ulimit -n`) or of the machine is too low for a run.",
        "handoff-stable: this process can have 12 open files; expected 64 or more",
        "Raise the limit with `ulimit -n 1024`, then run again.",
    ),
    "HP090": _rule(
        "There is no repository to set up",
        "The path for `handoff-init` is not a folder, or is not in a git repository.",
        "/src/app: not in a git repository; a handoff needs a commit",
        "Run `git init` there and commit the files of the release, then call `handoff-init` again.",
    ),
    "HP091": _rule(
        "A profile already exists",
        "`handoff-init` does not overwrite files.",
        "/src/app/handoff.toml: the profile already exists; nothing was written",
        "Edit it, or move it away and call `handoff-init` again.",
    ),
    "HP095": _rule(
        "A check cannot run",
        "`--dry-run` found that a tool is missing, or that the commit lacks the script or its "
        "executable bit.",
        "check contract-parity: scripts/verify_contract_parity.sh is not in the commit",
        "Fix this before the run. Nothing was run.",
    ),
    "HP100": _rule(
        "The tag has no packet",
        "`TAG:` was given, and the commit of the tag has no file at the profile's packet path.",
        "v1.2.3:docs/packet.json: the tag has no packet there",
        "Make a packet of that release with `--ref` and `--out-json FILE`, then name the file.",
    ),
    "HP101": _rule(
        "The release tag does not exist",
        "`TAG:` was given, and the producer has no tag of that name on a commit.",
        "tag v9.9.9: no such release tag in /src/app; known: v1.2.2, v1.2.3",
        "Correct the tag. To name a file, give its path without a colon at the end.",
    ),
    "HP102": _rule(
        "The document is not a packet",
        "A key that every consumer needs is missing or has another type.",
        "package.json#/release_tag: missing; expected a string",
        "Name a packet.",
    ),
    "HP103": _rule(
        "The changes exceed the allowed class",
        "`handoff-diff` was called with `--fail-on`, and found changes of that class or a more "
        "severe one.",
        "--fail-on breaking: 1 of 4 changes: error_code_removed (breaking)",
        "Give the notice that the changes require and agree on them with the consumers, or "
        "revert them.",
    ),
    "HP104": _rule(
        "Two machines have different records of one check",
        "Evidence of several folders was merged, and the records of one check differ. Choosing "
        "one of them would be choosing an outcome.",
        "check fmt: two different records: in a/1d92... and in b/1d92...",
        "Remove the record that does not apply, or run the check again on one machine.",
    ),
    "HP105": _rule(
        "A folder has no evidence of the commit",
        "The path for `--evidence` is not a folder, or its evidence is of other commits.",
        "--evidence artifacts: no evidence of commit 1d92...",
        "Give a folder with evidence of the commit that is assembled, or name the commit of the "
        "evidence with `--ref`.",
    ),
    "HP106": _rule(
        "Evidence from another machine cannot be read",
        "A record or log is a link, a folder, or not readable.",
        "artifacts/1d92.../fmt.json: cannot be read: Permission denied",
        "Copy it again as a regular file.",
    ),
    "HP110": _rule(
        "JUnit XML must not be written there",
        "The path for `--junit` is the packet's or the result's, a folder, inside a folder of "
        "git, or an existing file that is not JUnit XML of a run.",
        "--junit: notes.xml exists and is not JUnit XML of a run; refusing to overwrite it",
        "Name another file. Nothing was run.",
    ),
    "HP120": _rule(
        "The consumer profile cannot be used",
        "It is not TOML, its schema refuses a value, or it contradicts itself: an unknown"
        " placeholder, one path twice, a tool that is not described. For a first profile:"
        " nothing is pinned yet.",
        "handoff.toml:31#/files/1/lines/0: {release_tagg} is not a placeholder (did you "
        "mean release_tag?); known: release_tag, commit_sha, service, api, baseline, "
        "manifest_sha256, consumer_commit, date",
        "Correct the profile; its reference page describes every key.",
    ),
    "HP121": _rule(
        "A file does not say what is pinned",
        "A template that is filled with the pinned values matches no whole line, or more "
        "than one; the mirrored manifest is not the pin's; or a file does not exist, or "
        "is not UTF-8.",
        "docs/COMPATIBILITY.md:5: no line is '- Producer release tag: `v0.3.2`'; line 5 "
        "is '- Producer release tag: `v0.3.1`'",
        "Restore the file as the pin says, or correct its templates in the consumer profile.",
    ),
    "HP122": _rule(
        "The packet cannot be accepted",
        "It is a draft, of another generator, another producer or a mode that the "
        "consumer does not accept, or it contradicts the manifest at the release's tag.",
        "packet.json#/verdict: the packet is a draft: its verdict is NO-GO; a draft is "
        "never accepted",
        "Ask the producer for a GO packet of a handoff session.",
    ),
    "HP123": _rule(
        "The release's tag is not what was pinned or promised",
        "At the time of the accept the tag does not exist, or it points to another commit"
        " than packet or receipt say, or its commit has no manifest.",
        "tag v0.3.3: the release is not tagged in the producer's repository",
        "Fetch the producer's tags. If the tag was moved, ask the producer why.",
    ),
    "HP124": _rule(
        "The release is not a step forward",
        "It is older than the pinned one, or it has the pinned release's tag with another"
        " commit or manifest.",
        "config/producer-pin.json: v0.3.1 is older than v0.3.2, which is pinned",
        "Go back with `handoff-rollback`. If a tag was published again, ask for a release"
        " with a new tag.",
    ),
    "HP125": _rule(
        "A change needs a decision",
        "A breaking change without its fingerprint, a new error code whose notice is not "
        "over, or validators that changed together with the consumer profile since the "
        "last receipt.",
        "change 0123456789abcdef: breaking: the runtime's service contract is service.v3,"
        " was service.v2",
        "Change the consumer, or wait, then give `--accept-change FINGERPRINT`.",
    ),
    "HP126": _rule(
        "A file or branch of the consumer cannot be written",
        "A file is not committed, has changes, is a link or behind one, or was changed while "
        "the accept ran; or the branch of `--branch` exists already or has no valid name.",
        "docs/COMPATIBILITY.md: has changes that are not committed",
        "Commit or discard the changes, or correct the path in the consumer profile; choose "
        "another branch.",
    ),
    "HP127": _rule(
        "A validator refuses the new files",
        "It did not pass in the private copy, or it wrote into a file that is to be "
        "written. Nothing was written to the consumer.",
        "validator contract: failed: exit code 1",
        "Read its log, correct what it names, and run again.",
    ),
    "HP128": _rule(
        "The receipt cannot be used",
        "It does not exist, does not have its form, is of another release than the pin, "
        "or a file was edited since in a line that the accept wrote, so that nothing can "
        "be undone.",
        "config/producer-receipt.json#/kind: it is the receipt of a rollback; only an "
        "accept can be undone",
        "Restore the receipt and the files that the message names from the consumer's history.",
    ),
    "HP129": _rule(
        "Another accept is running, or one was not completed",
        "Another process accepts or rolls back in this consumer; or one was killed and a "
        "file was changed since, so that it can neither be finished nor undone.",
        "state/lock: another accept or rollback is running: process 4711",
        "Wait until it has ended; or restore the files that the message names with git, "
        "and run again.",
    ),
    "HP130": _rule(
        "The trust file cannot be used",
        "A line of `--signers` or `--revoked` is damaged, or is one that OpenSSH reads in another "
        "way than people expect: no `namespaces`, a date without `Z`, a pattern, another option, "
        "one key on two lines, a key that is not ed25519 or has small order.",
        "handoff/allowed_signers:3: the key stands in line 1 already; expected one line for each "
        "key",
        'Write each line as PRINCIPAL namespaces="handoff" ssh-ed25519 KEY COMMENT.',
    ),
    "HP131": _rule(
        "The envelope cannot be read",
        "The file beside the packet is not a DSSE envelope: JSON that cannot be trusted, another "
        "payload type, base64 that is not exact, or more than 100 signatures.",
        "packet.json.intoto.json#/payload: the payload is not base64",
        "Get the file again from its publisher.",
    ),
    "HP132": _rule(
        "The packet is not signed",
        "`--signers` was given, and there is no envelope beside the packet.",
        "packet.json: not signed: there is no packet.json.intoto.json",
        "Ask the producer for it, or verify without `--signers`.",
    ),
    "HP133": _rule(
        "Too few keys have signed",
        "The signatures that count are of fewer distinct keys than the threshold, or the trust "
        "file has no line for the producer.",
        "packet.json.intoto.json: signed by 1 of the 2 distinct keys that memorykernel needs "
        "(laptop-2026; 3 are allowed)",
        "Have another one of the allowed machines sign.",
    ),
    "HP134": _rule(
        "The signed statement is not this packet's",
        "The statement that the packet gives is built again and compared with the signed one. "
        "Most often packet and envelope are of two releases.",
        "packet.json.intoto.json: signed is a6b0d853…, this packet is d1dc0036…",
        "Fetch both again from one release.",
    ),
    "HP135": _rule(
        "The key cannot be used",
        "The file of `--key` cannot be read, others can read it, it is of another kind than "
        "ed25519, or its passphrase is missing or wrong.",
        "/home/ann/.ssh/id_ed25519: others can read or write this private key (mode 0644); "
        "expected 0600",
        "Name an ed25519 key that only you can read; `ssh-keygen -t ed25519` makes one.",
    ),
    "HP136": _rule(
        "The ssh-agent does not sign",
        "`--key` names a `.pub` file, and there is no agent, it does not have the key, or it "
        "refuses.",
        "id_ed25519.pub: there is no ssh-agent: SSH_AUTH_SOCK is not set",
        "Start an agent and add the key with `ssh-add`.",
    ),
    "HP137": _rule(
        "The packet cannot be signed",
        "It is a draft, or it lacks what a signature is about: producer, release, commit, tree, "
        "profile.",
        "packet.json#/verdict: the packet is a draft: its verdict is not GO; a draft is never "
        "signed",
        "Sign the GO packet of a handoff session.",
    ),
    "HP138": _rule(
        "Two packets of one release differ",
        "`--add` was given the signatures of a machine that holds other bytes; each difference is "
        "named by JSON pointer.",
        'a.json / b.json: /verification_outcomes/3/tools/rg: "15.2.0" / "14.1.1", nothing written',
        "Verify with the same tools on both machines.",
    ),
    "HP139": _rule(
        "The tag's signature does not count",
        "The trust file gives the producer the namespace `git`, and the release tag has no SSH "
        "signature of one of those keys over exactly this tag.",
        "tag v1.2.3: signed with OpenPGP; this file knows SSH keys",
        "Sign the tag with a key of the trust file: `git tag -s` with `gpg.format=ssh`.",
    ),
    "HP140": _rule(
        "The consumer refuses the packet",
        "The receipt of `--receipt` counts, and it is a refusal.",
        "handoff/receipts/packet.20260701T120000Z.intoto.json: https://example.org/app refused "
        "this packet at 2026-07-01T12:00:00Z: the notice is too short",
        "Agree on the reason with the consumer, and hand over a packet that it accepts.",
    ),
    "HA001": _rule(
        "Files are not committed",
        "Files that the packet describes have uncommitted changes, which are not part of the run.",
        "/src/app: uncommitted, so not part of this run: crates/core/lib.rs",
        "Commit them if the release needs them.",
    ),
    "HA002": _rule(
        "The profile is not in the verified commit",
        "The file of the working directory is used, so others cannot repeat the run.",
        "handoff.toml: the profile is not part of the verified commit 1d925f596cad; the file of "
        "the working directory is used",
        "Commit the profile.",
    ),
    "HA003": _rule(
        "User settings reach the checks",
        "These settings cannot change a verdict, for example a mirror of a registry. They are "
        "reported for information.",
        "/home/ann/.cargo/config.toml: user settings that reach the checks and do not change a "
        "verdict: registries",
        "Nothing to do.",
    ),
    "HA007": _rule(
        "The work folder is not hidden from git",
        "The folder of `--work-dir` has other files, which a `.gitignore` in it would hide, so "
        "none is written. git sees the lock and the evidence there as new files.",
        "/src/app/out: the work folder has other files, so its lock and evidence are not hidden "
        "from git",
        "Name a folder that is empty or does not exist with `--work-dir`, or add `lock` and "
        "`evidence/` to a `.gitignore`.",
    ),
    "HA008": _rule(
        "A pattern of ignores matches no file",
        "The verified commit has no file that matches this pattern of a check's `ignores`, for "
        "example because its name is misspelled. The check sees all that it saw without it.",
        "ignores CHANGLOG.md: commit 1d925f596cad has no such file; it is ignored by test",
        "Correct the pattern, or leave it out.",
    ),
    "HA009": _rule(
        "The commit has another runtime than its manifest's release",
        "`impact-draft` was called after a runtime commit, but the manifest still names the "
        "last release. The draft is for that release.",
        "commit 222222222222: has another runtime than the manifest's v1.2.3/111111111111: "
        "crates/core/lib.rs",
        "Put the next release's tag and the commit's id into the manifest, commit, and call "
        "`impact-draft` again.",
    ),
    "HA010": _rule(
        "Nothing is left to rehearse",
        "The runtime already has the version that the mode rehearses.",
        "handoff_mode: the runtime already has service.v3: nothing is left to rehearse",
        "Hand over the stable packet instead.",
    ),
    "HA011": _rule(
        "The release is not tagged yet",
        "`--allow-untagged` was given, and the packet says so.",
        "git_state/tag: the tag v1.2.3 does not exist yet",
        "Verify the packet again after the release is tagged.",
    ),
    "HA012": _rule(
        "The release was tagged after the packet was made",
        "The packet was made before its tag.",
        "git_state/tag: the release was tagged after the packet was made: v1.2.3 points to 2222...",
        "For a packet that includes the tag, run the handoff session at the tag.",
    ),
    "HA013": _rule(
        "The checks did not run on the tag's commit",
        "Runtime and manifest are the same at the tag and the verified commit; other files differ.",
        "git_state/tag: the checks ran on 222222222222, not on the tag's target, which differs "
        "in docs/README.md",
        "If those files matter, verify at the tag.",
    ),
    "HA014": _rule(
        "Test files differ",
        "Files below the runtime paths differ from the runtime commit; all of them are in the "
        "profile's `git.test_paths`.",
        "git_state/runtime_paths_identical: test files differ between ...: crates/core/tests/a.rs",
        "Check that they are only tests.",
    ),
    "HA015": _rule(
        "A runtime path does not exist",
        "One of the profile's `git.runtime_paths` is neither in the runtime commit nor in the "
        "verified commit. It may be misspelled, or this release may not have it.",
        "git.runtime_paths: neither the runtime commit nor the verified commit has build.rs",
        "If the runtime is elsewhere, correct the profile.",
    ),
    "HA016": _rule(
        "The packet's statement differs from the changelog's",
        "`handoff-verify` compares the two. They can differ if the packet was made with "
        "`--impact FILE`, or if one of them was edited.",
        "consumer_impact_statement: it is not the statement that the verified commit has",
        "Ask the producer which of the two applies.",
    ),
    "HA017": _rule(
        "Git LFS pointers are in the checkout",
        "Files below the producer's root that are not part of the runtime are Git LFS pointers; "
        "their content is not in the commit.",
        "git_state/verified_tree: Git LFS pointers, whose content is not in the checkout, so no "
        "check saw it: docs/film.mp4",
        "If a check needs their content, commit the files themselves.",
    ),
    "HA018": _rule(
        "The producer has moved since its runtime commit",
        "It was in another folder at the runtime commit: it was imported by `git subtree add`, "
        "or its folder was renamed. Runtime paths are compared between the two folders.",
        "git_state/runtime_commit: the producer is in svc/a in the verified commit and at the "
        "top in the runtime commit: these two are compared",
        "Nothing to do if it was imported or moved.",
    ),
    "HA019": _rule(
        "Another profile than usual was used for the packet",
        "The packet names a profile of the verified commit, and this noxfile registers another "
        "one; or `--profile` names a profile that the packet does not, and nothing contradicts "
        "the packet.",
        "packet.json#/producer/profile: verified with handoff.toml of the commit 222222222222, "
        "which the packet names; this noxfile registers the built-in profile memorykernel",
        "Check that the profile is the producer's; `--profile NAME` selects another one.",
    ),
    "HA020": _rule(
        "The tag is lightweight in this clone",
        "The packet, or every earlier release, has an annotated tag. A CI checkout that fetches "
        "a tag by its commit creates a lightweight one.",
        "tag v1.2.3: it is lightweight in this clone, and the tags of all earlier releases are "
        "annotated",
        "Fetch the tag itself: `git fetch --force origin refs/tags/v1.2.3:refs/tags/v1.2.3`. If "
        "it is lightweight there too, ignore this.",
    ),
    "HA100": _rule(
        "The packet records no outcomes",
        "It was not made by this library. Only the keys that every consumer knows are read.",
        "old.json: not a packet of handoff-tasks: only the keys that every consumer knows are "
        "read, and it records no outcomes",
        "Ask the producer for a packet of a handoff session.",
    ),
    "HA101": _rule(
        "The notice period is the default",
        "No manifest of the producer was read, so its own notice policy is not known.",
        "notice policy: the notice is the default of producer-contract-manifest.v1",
        "Name the producer with `--producer-root`.",
    ),
    "HA102": _rule(
        "The shown packet is a draft",
        "Its own verdict is NO-GO.",
        "draft.json: a draft: the packet itself says NO-GO",
        "Do not pin this release.",
    ),
    "HA103": _rule(
        "The packet at the tag is another release's",
        "The commit of the tag has the packet of an earlier release.",
        "v1.2.3:docs/packet.json: the packet at this tag is that of v1.2.2: no later one was "
        "committed",
        "Make a packet of that release with `--ref` and `--out-json FILE`.",
    ),
    "HA110": _rule(
        "The report is incomplete",
        "`report.<mode>.html`, `report.<mode>.md` or the summary of the CI job cannot be "
        "written. The verdict is not affected.",
        ".handoff/evidence/1d92.../report.stable.html: the report cannot be written: Is a "
        "directory",
        "Make the path writable, then run again.",
    ),
    "HA120": _rule(
        "The packet is copied into an embedded producer",
        "The consumer embeds the producer's files and copies the packet among them; the "
        "other files stay those of the release before.",
        "services/app/packet.json: the packet of v0.3.3 comes into services/app, whose "
        "other files stay those of v0.3.2: the producer's own verifier fails there",
        "Update the embedded producer too, or have the validators read a packet outside of it.",
    ),
    "HA121": _rule(
        "Validators or profile changed",
        "Since the last receipt a file that a validator is made of changed, or the "
        "consumer profile, but not both.",
        "validators: scripts/validate_pin.py changed since the last receipt",
        "Review the change, because it decides what an accept proves.",
    ),
    "HA122": _rule(
        "A change was accepted by name",
        "A fingerprint was given with `--accept-change`, for a breaking change, an early "
        "accept or changed validators.",
        "change 0123456789abcdef: a breaking change was accepted: the runtime's service "
        "contract is service.v3, was service.v2",
        "Keep the receipt, which names it.",
    ),
    "HA130": _rule(
        "A signature was not checked",
        "An envelope lies beside the packet, and `--signers` was not given; or `--receipt` was, "
        "and no line of the trust file is for the producer.",
        "packet.json.intoto.json: a signature lies beside the packet and was not checked",
        "Give `--signers`.",
    ),
    "HA131": _rule(
        "A signature is by no known key",
        "It verifies under no key that the trust file has for the producer. It does not count.",
        "packet.json.intoto.json#/signatures/1: signature 2 is by no key of memorykernel, or over "
        "other bytes",
        "Compare the fingerprint; add the line if it is right.",
    ),
    "HA132": _rule(
        "A key does not count now",
        "The signature is right, but the key has expired, is not yet valid, is revoked, or has "
        "another role.",
        "packet.json.intoto.json#/signatures/0: laptop-2026's key is valid until 2027-01-01, and "
        "it is 2027-03-01 here",
        "Sign with a current key; for an audit give `--at` the receipt's time.",
    ),
    "HA133": _rule(
        "Signatures over another packet are left out",
        "The envelope's file held signatures over the packet that was at this place before.",
        "packet.json.intoto.json: the file held 2 signatures over another packet, now left out",
        "Nothing to do after a new release; else sign with those keys again.",
    ),
}
CATALOGUE: Mapping[str, Rule] = MappingProxyType(_ENTRIES)
"""Code to rule."""
