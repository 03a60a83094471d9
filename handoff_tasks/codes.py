"""Every problem code with its cause, an example and the remedy.

``docs/rules.md`` is generated from this module. A code keeps its meaning for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What stands behind a code: the finding in a few words, its cause, how it reads, and the remedy."""

    title: str
    cause: str
    example: str
    remedy: str


FAMILIES: Mapping[str, str] = MappingProxyType(
    {
        "HP00": "The call and the machine",
        "HP01": "The producer and the run",
        "HP02": "Manifest and changelog",
        "HP03": "Profile and sessions",
        "HP04": "Checks and their evidence",
        "HP05": "What git says",
        "HP06": "What people say",
        "HP07": "A packet",
        "HP08": "Writing files; more of what people say",
        "HP09": "Starting out and explaining",
        "HP10": "Comparing and showing",
        "HP11": "The report",
        "HA00": "Advisories on the run",
        "HA01": "Advisories on the release",
        "HA02": "Advisories on the clone",
        "HA10": "Advisories on comparing and showing",
        "HA11": "Advisories on the report",
    }
)
"""The beginning of a code to what its family is about, in the order of the page."""


def _rule(title: str, cause: str, example: str, remedy: str) -> Rule:
    return Rule(title=title, cause=cause, example=example, remedy=remedy)


_ENTRIES = {
    "HP001": _rule(
        "The words of a call cannot be understood",
        "An option after `--` that is unknown, lacks its value or contradicts another one; a `--result-json` whose place is the "
        "packet's, inside a folder of git's, or holds something else than a result; or a variable such as `SOURCE_DATE_EPOCH` that "
        "holds no time.",
        "--mode: unknown mode 'stabel'; known: stable, service-v3-candidate",
        "Correct the words. Nothing was run.",
    ),
    "HP002": _rule(
        "A document is no JSON that can be trusted",
        "Not UTF-8, a byte order mark, a key twice, a number that is not whole, NaN, or too deep or too large.",
        'packet.json:3:5#/verdict: the key "verdict" stands twice in one object',
        "Get the file anew from whoever published it.",
    ),
    "HP003": _rule(
        "A check has no environment of its own",
        "The session was called with `--no-venv`, or with the backend `none`.",
        "verify-fmt: the session has no environment of its own (--no-venv, or the backend 'none')",
        "Call it without `--no-venv`.",
    ),
    "HP004": _rule(
        "git is missing or too old",
        "No absolute folder of PATH holds git, or the first that does holds one from before 2.32, which cannot be kept from "
        "reading everybody's configuration.",
        "/usr/bin/git: found version 2.30.2; expected 2.32 or later",
        "Install a newer git, or put it first on PATH.",
    ),
    "HP005": _rule(
        "The packet to verify cannot be read",
        "The path after `handoff-verify --` names no readable plain file.",
        "packet.json: the packet cannot be read: No such file or directory",
        "Name a packet's file.",
    ),
    "HP006": _rule(
        "Another run is at work",
        "The work folder or the private checkout is held by another process. Checks that run alone share the work folder with each "
        "other, and a handoff shares it with nobody.",
        ".handoff/lock: the work folder is in use by process 4711",
        "Wait until it has ended, or give `--work-dir` and `--cache-dir` of your own.",
    ),
    "HP007": _rule(
        "A command of git's failed",
        "What the run needs of git could not be had: the disk is full, a repository or our copy of it is damaged, or somebody "
        "changed it meanwhile. Where the cause is known it has a code of its own.",
        "/src/app: git update-index -q --refresh ended with 128: unable to write new index file",
        "See that the disk has room and that nobody works in that folder meanwhile, then run again; `git fsck` finds damage.",
    ),
    "HP008": _rule(
        "Something happened that nobody expected",
        "A mistake of this library's, not of the release: what was reached is in the result, and nothing more is to be believed.",
        "handoff-stable: stopped by what nobody expected: KeyError: 'commit'",
        "Report it, with the lines that say where it happened.",
    ),
    "HP009": _rule(
        "The sample producer cannot be built",
        "The folder is not empty or cannot be written, or the installed data is not what was shipped.",
        ".handoff/sample-producer: the sample producer cannot be built here: it exists and is not an empty folder",
        "Name a folder that does not exist yet; else install the package again.",
    ),
    "HP010": _rule(
        "There is no producer at that place",
        "`--producer-root` names no folder, or the noxfile's folder holds no manifest.",
        "../Memorykernel: no such folder",
        "Give the producer's root with `--producer-root`.",
    ),
    "HP011": _rule(
        "The producer's repository cannot be used",
        "No git work tree; a shallow one, whose history cannot be read; SHA-256 objects, which no manifest can name.",
        "../MemoryKernel: the repository is shallow: the history between runtime commit and tag cannot be read",
        "Give a full clone; in CI `fetch-depth: 0`.",
    ),
    "HP012": _rule(
        "The ref names no commit",
        "A name that the repository does not have, or a repository without a commit.",
        "--ref v9.9.9: no such commit in the repository",
        "Give a ref that `git log` knows.",
    ),
    "HP013": _rule(
        "The history is damaged",
        "An object between commit, tags and their beginnings is missing or is not what its name says, or the commit's time is no "
        "date.",
        ".git: commit 1d92... and the tags cannot be fetched whole: missing blob object '9b0f...'",
        "Run `git fsck` in the producer's repository and mend what it names.",
    ),
    "HP014": _rule(
        "The profile is not the committed one",
        "The profile is a file of the producer's repository, under any name or through a link, and differs from the one in the "
        "verified commit.",
        "handoff.toml: the profile differs from the one in the verified commit 1d925f596cad",
        "Commit the profile, or run from a work tree of that commit.",
    ),
    "HP015": _rule(
        "The run that a check belongs to is not there",
        "Its hand-over file is gone, or the profile changed while the run went on.",
        "handoff.toml: the profile changed while the run went on",
        "Run the handoff session again, with one profile.",
    ),
    "HP016": _rule(
        "The cache lies inside the producer",
        "Files of the producer's repository would reach the checks from above.",
        "cache: the cache folder lies inside the producer's repository /src/app, whose files would reach the checks",
        "Name a folder outside of it with `--cache-dir`.",
    ),
    "HP017": _rule(
        "A file above the checkout changes verdicts",
        "Tools look for their settings in the folders above their own; the profile's `refuse_above` lists such files, and "
        "`.ignore` and `.rgignore`, which ripgrep follows, count for every profile.",
        "/home/ann/clippy.toml: lies above the private checkout /home/ann/handoff-cache/app-0123456789ab/checkout, where "
        "tools of the checks would follow it",
        "Move it away, or choose a folder that has no such file above it with `--cache-dir`.",
    ),
    "HP018": _rule(
        "Settings of the user's change verdicts",
        "A file of the profile's `user_config` has tables that nobody has called harmless (flags, runners, profiles, aliases), or "
        "is there at all where none are.",
        "/home/ann/.cargo/config.toml: settings of the user's that can change a verdict: build; expected none but net, registries",
        "Take the settings out while you verify, or verify as a user, or with a home, that has none.",
    ),
    "HP019": _rule(
        "The private copy is damaged",
        "Objects of our copy of the history are gone or changed, or the checkout does not become the commit: the disk is full, or"
        " another program writes there.",
        "cache/app-1d92/objects.git: our copy of the producer's history is damaged: missing blob 9b0f...",
        "Delete the folder that the message names; the next run makes it anew.",
    ),
    "HP020": _rule(
        "The commit holds no manifest",
        "At the profile's path there is no regular file in the verified commit.",
        "1d925f596cad:contracts/manifest.json: the commit holds no producer manifest there",
        "Name the right root and a commit that has its manifest.",
    ),
    "HP021": _rule(
        "The manifest is not of its form",
        "It is no JSON, or its schema refuses a value.",
        '1d925f596cad:contracts/manifest.json#/release_tag: found "1.1"; expected vX.Y.Z',
        "Correct the manifest and commit it.",
    ),
    "HP022": _rule(
        "The commit holds no changelog",
        "At the profile's path there is no regular file in the verified commit.",
        "1d925f596cad:CHANGELOG.md: the commit holds no changelog there",
        "Commit a changelog with a section for the release.",
    ),
    "HP030": _rule(
        "The profile cannot be used",
        "It is missing, no TOML, refused by its schema, or contradicts itself.",
        "handoff.toml#/checks/0/tools/1: jqq is no tool of this profile; did you mean jq? known: bash, jq",
        "Correct the profile; docs/profile.md has every key.",
    ),
    "HP031": _rule(
        "A session's name is taken",
        "The noxfile has a session of that name already, or registers twice.",
        "noxfile.py: there is a session handoff-stable already; expected the name to be free for the handoff",
        "Rename the other one, or register once only.",
    ),
    "HP032": _rule(
        "No runtime path is there",
        "None of the profile's `git.runtime_paths` names a file in the runtime commit or the verified commit, so no difference "
        "of the runtime could be seen.",
        "git.runtime_paths: neither the runtime commit 8cf36f832b1e nor the verified commit has srcs/",
        "Correct the profile.",
    ),
    "HP033": _rule(
        "A part of the runtime is not in the commit",
        "Below the runtime paths, or where a link from there leads, is a submodule, a Git LFS pointer, or a link that leaves the "
        "producer's root at any step, leads in a loop, into `.git`, or through a folder that the commit does not have. What a link "
        "within the root leads to counts as runtime, and so does each link on the way.",
        "crates/vendor: lies below the runtime paths and is a submodule, whose content is not in the checkout",
        "Put its files into the commit.",
    ),
    "HP036": _rule(
        "The default cache folder is not safe",
        "It is a link or a file, belongs to another user, or other users can write to it: they could change what the checks see.",
        "/home/ann/handoff-cache: belongs to user 0, not to you (user 1000); expected a folder that only you can write to",
        "Move it away, or name another folder with `--cache-dir`.",
    ),
    "HP034": _rule(
        "The commit does not hold the profile",
        "Where the profile is, the verified commit has a link that leads out of the repository, or to nothing in the commit.",
        "ci/handoff.toml: the verified commit 1d925f596cad does not hold the profile: ci/handoff.toml is a link that leaves the "
        "repository",
        "Commit the profile itself, in the place of the link.",
    ),
    "HP040": _rule(
        "A record cannot be believed",
        "It cannot be read, is not of its form, or is another check's.",
        "fmt.json#/id: found clippy; expected fmt",
        "Run the check again.",
    ),
    "HP041": _rule(
        "A record's log is not the one it was made with",
        "The log is missing, or its size or digest differs.",
        "fmt.json: the log cannot be read: No such file or directory",
        "Run the check again.",
    ),
    "HP043": _rule(
        "A check failed",
        "It ended with another exit code than 0, without its success line, with a process left behind, or changed the checkout.",
        "check clippy: failed: exit code 101 (with cargo 1.95.0, clippy 0.1.95)",
        "Read its log, mend what it names, commit, run again. If it serves files and the checkout lies below a folder whose name "
        "begins with a dot, name another one with `--cache-dir`.",
    ),
    "HP044": _rule(
        "A check took longer than its limit",
        "It was ended after the profile's or the caller's number of seconds.",
        "check test: timed_out: no end within 2700 s",
        "See in its log what it waited for; `--timeout SECONDS` gives it more time.",
    ),
    "HP045": _rule(
        "A check's tool is missing",
        "No absolute folder of its PATH holds the tool, it does not tell its version, its requirement is not installed, or it "
        "answers another version than its requirement asks for.",
        "check trilogy-compliance: tool_missing: jq is not on PATH: install jq with the system's package manager",
        "Do what the message says.",
    ),
    "HP046": _rule(
        "A check was interrupted",
        "Ctrl-C or a signal ended the run.",
        "check test: interrupted: interrupted by SIGINT",
        "Run again.",
    ),
    "HP047": _rule(
        "A check has no evidence that counts",
        "It did not run, or its record is of another commit, tree, path, profile or command line.",
        "check fmt: not_run: its evidence is of another commit: 83d8...; expected 1d92...",
        "Run the whole set again with the handoff session.",
    ),
    "HP050": _rule(
        "The runtime commit does not exist",
        "The manifest's `commit_sha` is no commit of the repository.",
        "contracts/manifest.json#/commit_sha: 1111... is no commit of the repository",
        "Correct `commit_sha`, or fetch the commit.",
    ),
    "HP051": _rule(
        "The runtime commit is no ancestor",
        "Tag or verified commit do not follow the manifest's `commit_sha`.",
        "tag v1.2.3: the runtime commit 111111111111 is no ancestor of the tag's target 222222222222",
        "Tag a commit that follows the runtime commit, or correct `commit_sha`.",
    ),
    "HP052": _rule(
        "The release is not tagged",
        "The tag that the manifest names is not there. In a subfolder only tags with the profile's prefix count.",
        "tag v1.2.3: the release is not tagged",
        "Tag it, or say `--allow-untagged` for a packet that says so.",
    ),
    "HP053": _rule(
        "The tag has another runtime",
        "Runtime paths differ between `commit_sha` and the tag's target.",
        "tag v1.2.3: runtime paths differ between the runtime commit 1111... and the tag's target 2222...: crates/core/lib.rs",
        "Correct `commit_sha`, or tag a commit with the same runtime paths.",
    ),
    "HP054": _rule(
        "The verified commit has another runtime",
        "Runtime paths differ between `commit_sha` and the commit that the checks ran on.",
        "commit 2222...: runtime paths differ between the runtime commit 111111111111 and the verified commit: crates/core/lib.rs",
        "Before the tag exists: put the verified commit's sha into `commit_sha` and into the repin line. After it: the same with "
        "the next release's tag, or verify the release that is there at its tag (`--ref v1.2.3`).",
    ),
    "HP055": _rule(
        "The manifest at the tag is another one",
        "It says something else than the verified commit's, has other bytes, or is not there.",
        "v1.2.3:contracts/manifest.json#/commit_sha: found 3333... at the tag; the verified commit's manifest says 1111...",
        "For the next release, put its tag into `release_tag`; else verify at the tag (`--ref v1.2.3`), or tag a commit that holds "
        "the manifest.",
    ),
    "HP056": _rule(
        "The runtime commit speaks another service version",
        "What the tree at `commit_sha` states contradicts the manifest, or it states nothing where the profile says.",
        "contracts/manifest.json#/expected_service_contract_version: the manifest says service.v3, but its own runtime commit "
        "111111111111 says service.v2 in openapi/openapi.yaml",
        "Name the commit that speaks the version, or correct the version.",
    ),
    "HP057": _rule(
        "The service version has no envelope policy",
        "The profile's `envelope_policies` lacks the manifest's version.",
        "contracts/manifest.json#/expected_service_contract_version: service.v4 has no envelope policy; known: service.v2",
        "Describe its error envelope in the profile.",
    ),
    "HP058": _rule(
        "The tag moved during the run",
        "When the checks had ended, the tag was another one than before.",
        "tag v1.2.3: the tag moved while the checks ran",
        "Find out who moved it, then run again.",
    ),
    "HP059": _rule(
        "The tag names no commit",
        "It points to a tree or a file.",
        "tag v1.2.3: the tag exists, but names no commit",
        "Tag the release's commit, or delete the tag.",
    ),
    "HP060": _rule(
        "There is no impact statement",
        "The changelog has no section of the release or two, no block in it or several; or the file of `--impact` cannot be read.",
        "CHANGELOG.md: no block 'Consumer impact:'; expected one",
        "Paste the block that the run prints and fill it in; `nox -s impact-draft` prints it with its evidence.",
    ),
    "HP061": _rule(
        "A line of the statement is missing, twice or unknown",
        "The block has exactly five lines, each with its label.",
        "CHANGELOG.md:12: the line 'Repin required' stands twice",
        "Correct the line.",
    ),
    "HP062": _rule(
        "A line of the statement says nothing",
        "A placeholder, nothing at all, characters that do not show, or text that is not in Unicode's composed form.",
        "CHANGELOG.md:9: 'Runtime behavior changes': the placeholder '<none|describe>' is not filled in",
        "Write what is true.",
    ),
    "HP063": _rule(
        "The repin line is not the release's",
        "It is neither yes nor no, or it names another pair than the packet's own.",
        "Repin required: found 'yes (v1.2.2/5555...)'; expected 'yes (v1.2.3/1111...)' or 'no'",
        "Correct the line.",
    ),
    "HP064": _rule(
        "The rollback line names no earlier release",
        "The pair is not what an earlier release's manifest states or, where none has one, an earlier tag and its commit.",
        "Rollback instruction: v1.2.2/9999... is no earlier release's pair; the latest is v1.2.2/5555...",
        "Correct the line.",
    ),
    "HP065": _rule(
        "The tag is not annotated",
        "The profile's `git.annotated_tag` asks for a tag with author, date and message.",
        "tag v1.2.3: found a lightweight tag; the profile expects an annotated one",
        "Make it anew with `git tag --annotate --force`, on the same commit.",
    ),
    "HP066": _rule(
        "The tag object names another release",
        "The object of an annotated tag bears a name of its own. It was renamed, or put under another name by hand.",
        "tag v1.2.3: its tag object bears the name v1.2.2; expected v1.2.3",
        "Make the tag anew on the release's commit, under its own name.",
    ),
    "HP067": _rule(
        "A name stands for more than one commit",
        "A branch, or a file in `.git`, bears a tag's name and is at another commit. Where all are at one commit, nothing is said.",
        "tag v1.2.3: a branch of that name is at 3333...; the tag points to 2222...",
        "Rename or delete the other one; on the command line say `--ref refs/tags/v1.2.3`.",
    ),
    "HP068": _rule(
        'The runtime changed, and the statement says "none"',
        "Runtime paths, test paths aside, differ between the previous release's runtime commit and this one's.",
        "Runtime behavior changes: found 'none', but runtime paths changed since v1.2.2: crates/core/lib.rs",
        "Say what changed; where no caller can see it: `internal refactoring only: ...`.",
    ),
    "HP069": _rule(
        'The error contract changed, and the statement says "none"',
        "Since the previous release's manifest error codes were added or removed, or the envelope follows another version.",
        "Required consumer mapping changes: found 'none', but since v1.2.2 error codes were added: rate_limited",
        "Say what a consumer has to map, or why each of these needs nothing.",
    ),
    "HP070": _rule(
        "A packet is not of its form",
        "Its schema refuses a value, or its bytes are not in the published form.",
        'packet.json#/verdict: found "MAYBE"; expected GO or NO-GO',
        "Do not use it; ask the producer for one that the handoff session published.",
    ),
    "HP071": _rule(
        "A packet contradicts itself",
        "Two of its values cannot both be true, or its verdict is GO although it tells what no GO can tell.",
        "packet.json#/active_runtime_baseline/commit_sha: found 3333...; the packet itself says 1111...",
        "Do not use it; ask the producer for one that the handoff session published.",
    ),
    "HP072": _rule(
        "A packet contradicts git, manifest or profile",
        "Asked today, they say something else.",
        "packet.json#/git_state/tag/target: the packet says 2222...; today it is 3333...",
        "Do not use it; verify the release again.",
    ),
    "HP073": _rule(
        "A packet is a draft",
        "Its own verdict is NO-GO.",
        "packet.json#/verdict: the packet itself says NO-GO",
        "Mend what it lists, then run the handoff session again.",
    ),
    "HP074": _rule(
        "A packet cannot be judged by its own profile",
        "The profile that the packet names is not in the verified commit, not in this version of the library, or not the one that "
        "this noxfile registers. No other comparison would be true.",
        "packet.json#/producer/profile: the packet names the profile ci/handoff.toml, which the verified commit does not hold",
        "Verify with the profile that the packet names; `--profile NAME` judges by another one.",
    ),
    "HP075": _rule(
        "The clone lacks what a packet speaks of",
        "A commit or a tag of the packet is not in the repository that it is held against.",
        "packet.json#/git_state/tag: this clone has no tag v1.2.3; the packet says that it points to 2222...",
        "Fetch the commits and tags, then verify again. If the producer does not have them, do not use the packet.",
    ),
    "HP076": _rule(
        "The packet is another generator's",
        "It lacks `packet_contract_version`, so it records no outcome and cannot be GO. What it says of git is looked at.",
        "packet.json: it is not a packet of handoff-tasks (no packet_contract_version): it records no outcome",
        "Ask the producer for one that the handoff session published.",
    ),
    "HP080": _rule(
        "A file cannot be written",
        "No right to write there, a full disk, a file where a folder should be.",
        ".handoff/evidence: cannot be written: No space left on device",
        "Free some disk space, make the folder writable, or choose another one.",
    ),
    "HP081": _rule(
        "The packet must not be written there",
        "The place is a link, a folder, inside a folder of git's, or holds a file that is no handoff packet.",
        "handoff.toml: holds something else than a handoff packet; expected one to replace, or nothing",
        "Name another place with `--out-json`, or delete the file that is there first.",
    ),
    "HP082": _rule(
        "What a consumer pins changed, and the statement says that no repin is required",
        "Runtime commit, a contract version or the error codes are not the previous release's. The tag alone does not count.",
        "Repin required: found 'no', but since v1.2.2 what a consumer pins has changed: commit_sha from 5555... to 1111...",
        "Write `yes` and the packet's own pair.",
    ),
    "HP083": _rule(
        "Something else lies where a file or folder of ours belongs",
        "A link, a folder, or a file with other content is in the place of a lock, of the folder of evidence, or of the noxfile "
        "that `handoff-init` writes. Links are not followed when something is written, and files of others are not overwritten.",
        ".handoff/lock: is a symbolic link; expected a lock file of handoff-tasks, or nothing",
        "Move it away, or choose another folder with `--work-dir` or `--cache-dir`.",
    ),
    "HP084": _rule(
        "The folder of nox's environments has a name that is not UTF-8",
        "virtualenv makes no environment in such a folder, so no check could run. By default it lies beside the noxfile.",
        "/src/caf\\xe9/.nox: the path is not UTF-8, so no environment for a check can be made there",
        "Name another folder with `nox --envdir FOLDER`.",
    ),
    "HP085": _rule(
        "There are too many open files",
        "The limit of this process (`ulimit -n`), or that of the machine, is too low for a run.",
        "handoff-stable: this process may have 12 open files; expected 64 or more",
        "Raise the limit with `ulimit -n 1024`, then run again.",
    ),
    "HP090": _rule(
        "There is no repository to start from",
        "`handoff-init` got a path that is no folder, or lies in no git repository.",
        "/src/app: not in a git repository; a handoff is of one commit",
        "Run `git init` there and commit what a release is made of, then call `handoff-init` again.",
    ),
    "HP091": _rule(
        "There is a profile already",
        "`handoff-init` never overwrites.",
        "/src/app/handoff.toml: there is a profile already; nothing was written",
        "Edit it, or move it away and call `handoff-init` again.",
    ),
    "HP095": _rule(
        "A check could not run now",
        "Found by `--dry-run`: a tool is missing, or the commit lacks the script or its executable bit.",
        "check contract-parity: scripts/verify_contract_parity.sh is not in the commit",
        "Mend it, then run. Nothing was run.",
    ),
    "HP100": _rule(
        "The tag's tree holds no packet",
        "`TAG:` was given, and at the profile's path nothing was committed there.",
        "v1.2.3:docs/packet.json: the tag's tree holds no packet there",
        "Make one of that release with `--ref` and `--out-json FILE`, then name the file.",
    ),
    "HP101": _rule(
        "There is no such release tag",
        "`TAG:` was given, and the producer has no tag of that name that points to a commit.",
        "tag v9.9.9: no such release tag in /src/app; known: v1.2.2, v1.2.3",
        "Correct the tag; a packet's file is named without a colon at its end.",
    ),
    "HP102": _rule(
        "The document is no packet",
        "A key that every consumer knows is missing or of another type.",
        "package.json#/release_tag: missing; expected a string",
        "Name a packet.",
    ),
    "HP103": _rule(
        "The changes are graver than was allowed",
        "`handoff-diff` was called with `--fail-on`, and found changes of that class or a graver one.",
        "--fail-on breaking: 1 of 4 changes: error_code_removed (breaking)",
        "Give the notice that they ask for and agree on them with the consumers, or take them back.",
    ),
    "HP104": _rule(
        "Two machines' records of one check differ",
        "Evidence of several folders was laid together; to choose one would be to choose an outcome.",
        "check fmt: two different records of it: in a/1d92... and in b/1d92...",
        "Find out which one counts and take the other away, or run the check again in one place.",
    ),
    "HP105": _rule(
        "A folder holds no evidence of the commit",
        "`--evidence` names no folder, or one that was gathered of other commits.",
        "--evidence artifacts: holds no evidence of commit 1d92...",
        "Gather evidence of the commit that is assembled, or name its commit with `--ref`.",
    ),
    "HP106": _rule(
        "Gathered evidence cannot be read",
        "A record or log of another machine is a link, a folder, or not readable.",
        "artifacts/1d92.../fmt.json: cannot be read: Permission denied",
        "Gather it again as a plain file.",
    ),
    "HP110": _rule(
        "JUnit XML must not be written there",
        "`--junit` names the place of the packet or the result, a folder, one of git's own, or a file of something else.",
        "--junit: notes.xml is there already and is no JUnit XML of a run; expected a file of its own",
        "Name another file. Nothing was run.",
    ),
    "HA001": _rule(
        "Files are not committed",
        "They touch what the packet speaks of, and are no part of the run.",
        "/src/app: uncommitted, so no part of this run: crates/core/lib.rs",
        "Commit them if the release needs them.",
    ),
    "HA002": _rule(
        "The profile is not in the verified commit",
        "The working file is used, so others cannot repeat the run.",
        "handoff.toml: the profile is no part of the verified commit 1d925f596cad; the working file is used",
        "Commit the profile.",
    ),
    "HA003": _rule(
        "Settings of the user's reach the checks",
        "They are of a kind that changes no verdict, such as a mirror of a registry; they are told for the record.",
        "/home/ann/.cargo/config.toml: settings of the user's that reach the checks and change no verdict: registries",
        "Nothing to do.",
    ),
    "HA007": _rule(
        "The work folder is not hidden from git",
        "The folder that `--work-dir` names holds other files too, so no `.gitignore` is written into it: it would hide them. Lock "
        "and evidence are new files for git there.",
        "/src/app/out: the work folder holds other files, so its lock and evidence are not hidden from git",
        "Name a folder of its own with `--work-dir`, or add `lock` and `evidence/` to a `.gitignore`.",
    ),
    "HA009": _rule(
        "The commit has another runtime than its manifest's release",
        "`impact-draft` was called after a runtime commit, and the manifest still names the last release, whose draft it prints.",
        "commit 222222222222: it has another runtime than the manifest's v1.2.3/111111111111: crates/core/lib.rs",
        "Put the next release's tag and the commit's sha into the manifest, commit, and call `impact-draft` again.",
    ),
    "HA010": _rule(
        "Nothing is left to rehearse",
        "The runtime is already at the version that the mode rehearses.",
        "handoff_mode: the runtime is already at service.v3: nothing is left to rehearse",
        "Hand over the stable packet instead.",
    ),
    "HA011": _rule(
        "The release is not tagged yet",
        "`--allow-untagged` was said, and the packet says so.",
        "git_state/tag: the tag v1.2.3 does not exist yet",
        "Verify the packet again once the release is tagged.",
    ),
    "HA012": _rule(
        "The release has been tagged since",
        "The packet was made before its tag.",
        "git_state/tag: the release has been tagged since: v1.2.3 points to 2222...",
        "Run the handoff session at the tag for a packet that says so.",
    ),
    "HA013": _rule(
        "The checks ran beside the tag",
        "Runtime and manifest are the same, other files differ.",
        "git_state/tag: the checks ran on 222222222222, not on the tag's target, which differs in docs/README.md",
        "Verify at the tag, if those files matter.",
    ),
    "HA014": _rule(
        "Test files differ",
        "Files below the runtime paths, all of them in the profile's `git.test_paths`, differ from the runtime commit.",
        "git_state/runtime_paths_identical: test files differ between ...: crates/core/tests/a.rs",
        "Look whether they are tests only.",
    ),
    "HA015": _rule(
        "A runtime path names nothing",
        "One of the profile's `git.runtime_paths` is neither in the runtime commit nor in the verified commit: a slip, or a place "
        "that this release does not have.",
        "git.runtime_paths: neither the runtime commit nor the verified commit has build.rs",
        "Correct the profile, if the runtime lies elsewhere.",
    ),
    "HA016": _rule(
        "The packet's statement is not the changelog's",
        "`handoff-verify` compares the two; one that was made with `--impact FILE` may differ, and so may one that was edited.",
        "consumer_impact_statement: it is not the statement of the verified commit's changelog",
        "Ask the producer which of the two counts.",
    ),
    "HA017": _rule(
        "Git LFS pointers are in the checkout",
        "Files below the producer's root, none of them a part of the runtime, are pointers of Git LFS; their content is not in the "
        "commit.",
        "git_state/verified_tree: Git LFS pointers, whose content is not in the checkout, so no check saw it: docs/film.mp4",
        "Put the files themselves into the commit, if a check needs their content.",
    ),
    "HA018": _rule(
        "The producer has moved since its runtime commit",
        "It is in another folder there: it was imported by `git subtree add`, or renamed. Its runtime paths are compared between "
        "the two folders.",
        "git_state/runtime_commit: the producer is in svc/a of the verified commit and at the top of the runtime commit: these two "
        "are compared",
        "Nothing to do, if it was imported or moved.",
    ),
    "HA019": _rule(
        "The packet was judged by another profile than usual",
        "The packet names a profile of the verified commit, and this noxfile registers another one; or `--profile` named one that "
        "the packet does not, and nothing contradicts the packet.",
        "packet.json#/producer/profile: judged by handoff.toml of the commit 222222222222, which the packet names; this noxfile "
        "registers the built-in profile memorykernel",
        "Look whether that profile is the producer's; `--profile NAME` judges by another one.",
    ),
    "HA020": _rule(
        "The tag is lightweight in this clone",
        "The packet, or all earlier releases, have an annotated tag. A checkout in CI that fetches a tag by its commit leaves a "
        "lightweight one behind.",
        "tag v1.2.3: it is lightweight in this clone, and the tags of all earlier releases are annotated",
        "Fetch the tag itself: `git fetch --force origin refs/tags/v1.2.3:refs/tags/v1.2.3`. If it is lightweight there too, "
        "nothing is wrong.",
    ),
    "HA100": _rule(
        "The packet was not made by this library",
        "Only the keys that every consumer knows are read; no outcome is recorded in it.",
        "old.json: no packet of this library: only the keys that every consumer knows are read, and no outcome is recorded in it",
        "Ask the producer for one of a handoff session.",
    ),
    "HA101": _rule(
        "The notice is the default",
        "No manifest of the producer was read, so its own notice policy is not known.",
        "notice policy: the notice is the default of producer-contract-manifest.v1",
        "Name the producer with `--producer-root`.",
    ),
    "HA102": _rule(
        "The packet that is shown is a draft",
        "Its own verdict is NO-GO.",
        "draft.json: a draft: the packet itself says NO-GO",
        "Pin nothing by it.",
    ),
    "HA103": _rule(
        "The packet at the tag is another release's",
        "The tag's tree still holds the packet of an earlier one.",
        "v1.2.3:docs/packet.json: the packet at this tag is that of v1.2.2: no later one was committed",
        "Make one of that release with `--ref` and `--out-json FILE`.",
    ),
    "HA110": _rule(
        "The report is incomplete",
        "`report.<mode>.html`, `report.<mode>.md` or the job's summary cannot be written. The verdict stands.",
        ".handoff/evidence/1d92.../report.stable.html: the report cannot be written: Is a directory",
        "Make the place writable, then run again.",
    ),
}
CATALOGUE: Mapping[str, Rule] = MappingProxyType(_ENTRIES)
"""Code to rule."""
