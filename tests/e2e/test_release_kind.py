"""Releases whose contract is of the kind release, without a manifest and with one, before the tag and after it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import library
import nox_server
import places
import pytest
from builders import shown
from desk import NOXFILE
from library import Library, block, release, source

from handoff_tasks.formats import canonical
from handoff_tasks.packet import diff
from handoff_tasks.packet.change import DEFAULT_NOTICE
from handoff_tasks.problems import HandoffError
from handoff_tasks.producer import statement_draft
from handoff_tasks.release import choose_profile, gather, verify_packet
from handoff_tasks.rules import git as git_rules

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

GOLDEN = places.TESTS / "golden"
MANIFEST = "release-manifest.json"


@pytest.fixture
def made(tmp_path: Path) -> Library:
    """Return the library; v1.0.0 is tagged, and v1.1.0 is checked out and not tagged."""
    return Library(producer=library.made(tmp_path / "library"), folder=tmp_path)


def manifest(tag: str, commit: str, **contracts: str) -> str:
    """Return the text of a release manifest."""
    document = {
        "manifest_contract_version": "producer-release-manifest.v1",
        "release_tag": tag,
        "commit_sha": commit,
        "contracts": contracts,
    }
    return json.dumps(document, indent=2) + "\n"


def with_manifest(path: Path) -> Library:
    """Return the library with a manifest in its releases v1.0.0 and v1.1.0, both tagged."""
    text = library.profile(
        version="", contracts="", paths=f'{library.CHANGELOG}manifest = "{MANIFEST}"\n'
    )
    made = Library(producer=library.made(path / "library", text), folder=path)
    producer, old = made.producer, ""
    producer.git("tag", "--delete", "v1.0.0")
    rollback = None
    for number, version in ((1, "1.0.0"), (2, "1.1.0")):
        commit = producer.commit("feat: greet", {"src/greet.py": source(number)})
        statement = block(f"v{version}/{commit}", behavior="a new format", rollback=rollback)
        statement = statement.replace("mapping changes: none", "mapping changes: read it")
        files = library.release(version, statement, old)
        old, rollback = files["CHANGELOG.md"], f"v{version}/{commit}"
        files[MANIFEST] = manifest(f"v{version}", commit, **{"output-format": str(number)})
        producer.commit(f"chore(release): {version}", files)
        producer.tag(f"v{version}")
    return made


def verify(made: Library, document: Any) -> verify_packet.ProducerJudgement:
    """Judge a packet by its bytes and its producer, as the session does."""
    judged = verify_packet.judge_bytes(canonical.published_bytes(document), "p.json")
    assert judged.problems == ()
    assert judged.document is not None
    request = choose_profile.VerifyRequest(
        root=made.producer.root,
        profile_path=made.producer.root / "handoff.toml",
        option=None,
        work=made.folder / "work",
        cache=made.folder / "cache",
    )
    return verify_packet.judge_by_producer(request, judged.document, "p.json")


def golden(name: str, document: Any) -> None:
    """Compare a packet with a golden one, byte for byte."""
    data = canonical.published_bytes(document)
    file = GOLDEN / f"{name}.json"
    if os.environ.get("HANDOFF_UPDATE_GOLDEN"):
        file.write_bytes(data)
    assert data == file.read_bytes()


def test_before_the_tag_and_after_it(made: Library) -> None:
    """A release without manifest is the version that its commit states; its packet says whether it is tagged."""
    untagged: Any = made.packet()
    golden("release-untagged-v1.1.0", untagged)
    assert untagged["git_state"]["tag"]["state"] == "untagged"
    assert untagged["commit_sha"] == made.producer.git("rev-parse", "HEAD~1")
    assert verify(made, untagged).problems == ()
    made.producer.commit("docs: the packet", {library.PACKET_PATH: "{}\n"})
    made.producer.tag("v1.1.0")
    again = verify(made, untagged)
    assert [one.code for one in again.advisories] == ["HA012"]
    assert again.problems == ()
    tagged: Any = made.packet("v1.1.0")
    golden("release-tagged-v1.1.0", tagged)
    assert (tagged["commit_sha"], tagged["contracts"]) == (
        untagged["commit_sha"],
        {"output-format": "1"},
    )
    assert verify(made, tagged).problems == ()


def test_with_a_manifest(tmp_path: Path) -> None:
    """Tag, runtime commit and contracts are those of the manifest."""
    made = with_manifest(tmp_path)
    document: Any = made.packet("v1.1.0")
    golden("release-manifest-v1.1.0", document)
    assert document["manifest_contract_version"] == "producer-release-manifest.v1"
    assert document["contracts"] == {"output-format": "2"}
    assert verify(made, document).problems == ()


def test_the_differences_of_two_releases(made: Library) -> None:
    """Another version of a contract is breaking, a new contract additive."""
    old: Any = made.packet("v1.0.0")
    new: Any = made.packet()
    assert diff.compare(old, new, DEFAULT_NOTICE)
    assert {change.change_class for change in diff.compare(old, new, DEFAULT_NOTICE)} == {
        "editorial"
    }
    changed = new | {"contracts": {"output-format": "2", "cli": "1"}}
    changes = diff.compare(old, changed, DEFAULT_NOTICE)[:2]
    assert [(one.kind, one.change_class, one.pointer, one.message) for one in changes] == [
        (
            "contract_version",
            "breaking",
            "/contracts/output-format",
            "the contract output-format is 2, was 1",
        ),
        ("contract_added", "additive", "/contracts/cli", "the contract cli 1 is new"),
    ]
    [first, *_] = diff.compare(changed, old, DEFAULT_NOTICE)
    assert first.message == "the contract output-format is 1, was 2"
    removed = diff.compare(old, old | {"contracts": {}}, DEFAULT_NOTICE)
    assert [(one.kind, one.change_class) for one in removed] == [("contract_removed", "breaking")]
    manifest = new | {
        "manifest_contract_version": "producer-release-manifest.v1",
        "manifest_path": "m.json",
    }
    assert [(one.kind, one.message) for one in diff.compare(new, manifest, DEFAULT_NOTICE)] == [
        (
            "manifest_version",
            "the contract version of the manifest, which the consumer mirrors and reads, is "
            "producer-release-manifest.v1, was none",
        ),
        ("path", "manifest_path is m.json, was none"),
    ]
    service = json.loads((GOLDEN / "stable-v0.4.0.json").read_bytes())
    [kind, *_] = diff.compare(service, old, DEFAULT_NOTICE)
    assert (kind.kind, kind.message) == (
        "contract_kind",
        "the contract is of the kind release, was service",
    )


def without_version(made: Library) -> None:
    """Commit a profile that does not say where the version is."""
    made.producer.commit("chore: profile", {"handoff.toml": library.profile(version="")})


def test_the_release_is_the_tag_at_the_commit(made: Library) -> None:
    """Without a version in the commit, its tag is the release, or that of --release before it exists."""
    without_version(made)
    assert made.packet(release="v1.1.0")["release_tag"] == "v1.1.0"
    made.producer.tag("v1.1.0")
    assert made.packet()["release_tag"] == "v1.1.0"


def refused(decide: Callable[[], object]) -> list[tuple[str, str, str, str]]:
    """Return what is refused."""
    with pytest.raises(HandoffError) as caught:
        decide()
    return shown(caught.value)


NAME_IT = "give the release's tag with --release TAG"


def test_a_release_that_is_not_named(made: Library) -> None:
    """No tag at the commit, or several, and no version in it."""
    without_version(made)
    short = made.producer.head()[:12]
    assert refused(made.packet) == [
        (
            "HP023",
            f"commit {short}",
            "it has no tag of the form v{version} with a semver version",
            f"{NAME_IT}; or say in the profile's contract.version which file states the version, so that "
            "the tag can be made later",
        )
    ]
    made.producer.tag("v1.1.0")
    made.producer.tag("v1.1.1")
    assert refused(made.packet) == [
        ("HP023", f"commit {short}", "it has several release tags: v1.1.0, v1.1.1", NAME_IT)
    ]


def test_a_name_that_is_not_the_commits(made: Library, tmp_path: Path) -> None:
    """--release has the form of the profile, and agrees with what the commit states."""
    assert refused(lambda: made.packet(release="1.1.0")) == [
        (
            "HP023",
            "--release",
            "found '1.1.0'; expected a tag of the form v{version} with a semver version",
            "give the whole tag: --release v1.1.0",
        )
    ]
    assert [one[3] for one in refused(lambda: made.packet(release="next"))] == [
        "correct the option, or git.tag and git.version_scheme in the profile"
    ]
    assert refused(lambda: made.packet(release="v1.2.0")) == [
        (
            "HP023",
            "--release",
            "found v1.2.0; the commit states 1.1.0 (pyproject.toml, project.version)",
            "omit --release, or commit the release's version first",
        )
    ]
    (tmp_path / "other").mkdir()
    other = with_manifest(tmp_path / "other")
    assert refused(lambda: other.packet(release="v1.0.0")) == [
        (
            "HP023",
            "--release",
            "found v1.0.0; the manifest of the commit says v1.1.0",
            "omit --release, or choose another commit: --ref",
        )
    ]
    text = (other.producer.root / MANIFEST).read_text().replace("v1.1.0", "release-7")
    other.producer.commit("chore: manifest", {MANIFEST: text})
    assert refused(other.packet) == [
        (
            "HP021",
            f"{other.producer.head()[:12]}:{MANIFEST}#/release_tag",
            "found release-7; expected a tag of the form v{version} with a semver version",
            "correct the manifest, or git.tag and git.version_scheme in the profile",
        )
    ]


def test_a_packet_of_another_release_is_refused(made: Library) -> None:
    """A packet names the release that its commit states."""
    document: Any = made.packet()
    document["release_tag"] = document["git_state"]["tag"]["name"] = "v9.0.0"
    ask = "do not use this packet; ask the producer for one that the handoff session published"
    assert shown(list(verify(made, document).problems)) == [
        (
            "HP072",
            "p.json#/release_tag",
            "found v9.0.0; the commit states 1.1.0 (pyproject.toml, project.version)",
            ask,
        )
    ]
    document["release_tag"] = "v1.1.0"
    judged = verify_packet.judge_bytes(canonical.published_bytes(document), "p.json")
    assert [(one.code, one.where, one.message) for one in judged.problems] == [
        ("HP071", "p.json#/git_state/tag/name", "found v9.0.0; release_tag is v1.1.0")
    ]


def test_a_packet_with_half_a_manifest_is_refused(made: Library) -> None:
    """Path, version and digest of the manifest are all there, or none."""
    document: Any = made.packet()
    document["manifest_path"] = "m.json"
    judged = verify_packet.judge_bytes(canonical.published_bytes(document), "p.json")
    assert [(one.code, one.where, one.message) for one in judged.problems] == [
        ("HP071", "p.json#/manifest_path", "found m.json; manifest_contract_version is null")
    ]


def test_other_contracts_than_the_commits_are_refused(made: Library) -> None:
    """The versions in a packet are those that its commit states."""
    document: Any = made.packet()
    document["contracts"] = {"output-format": "7"}
    assert [(one.code, one.where, one.message) for one in verify(made, document).problems] == [
        ("HP072", "p.json#/contracts/output-format", "the packet says 7; today it is 1")
    ]


def test_a_version_that_cannot_be_read(made: Library) -> None:
    """Each place that is wrong is reported; a version of another scheme is refused."""
    producer = made.producer
    producer.commit("x", {"pyproject.toml": "[project]\n", "src/greet.py": 'print("hello")\n'})
    short, hint = (
        producer.head()[:12],
        "correct the file, or the place in the profile's table contract",
    )
    assert refused(made.packet) == [
        (
            "HP024",
            f"{short}:pyproject.toml, project.version",
            "there is no version below project",
            hint,
        ),
        (
            "HP024",
            f"{short}:src/greet.py, ^# output format ([0-9]+)$",
            "no line matches ^# output format ([0-9]+)$",
            hint,
        ),
    ]
    producer.commit("x", {"pyproject.toml": None, "src/greet.py": source()})
    assert [one[2] for one in refused(made.packet)] == ["the commit does not have this file"]
    producer.commit("x", {"pyproject.toml": '[project]\nversion = "1.1"\n'})
    assert refused(made.packet) == [
        (
            "HP024",
            f"{producer.head()[:12]}:pyproject.toml, project.version",
            "found 1.1; expected a version of the scheme semver",
            "correct the file, or git.version_scheme in the profile",
        )
    ]


def lines(made: Library, ref: str = "HEAD", **choices: str) -> list[tuple[str, str, str]]:
    """Return code, place and message of what is wrong with a release."""
    return [(one.code, one.where, one.message) for one in made.problems(ref, **choices)]


def state(made: Library, old: str, new: str) -> None:
    """Change a text of the changelog, and commit it."""
    text = (made.producer.root / "CHANGELOG.md").read_text()
    assert old in text
    made.producer.commit("docs: changelog", {"CHANGELOG.md": text.replace(old, new, 1)})


def test_the_statement_is_compared_with_git(made: Library) -> None:
    """The repin line names the tag alone; the rollback line an earlier tag, with or without its runtime commit."""
    first = made.producer.git("rev-parse", "v1.0.0^{commit}")
    state(made, "repin to v1.0.0", f"repin to v1.0.0/{first}")
    assert lines(made) == []
    state(made, f"repin to v1.0.0/{first}", "repin to v0.9.0")
    state(made, "yes (v1.1.0)", f"yes (v1.1.0/{first})")
    state(made, "internal refactoring only", "none")
    assert lines(made) == [
        (
            "HP063",
            "Repin required",
            f"found 'yes (v1.1.0/{first})'; expected 'yes (v1.1.0)' or 'no'",
        ),
        (
            "HP064",
            "Rollback instruction",
            f"found 'repin to v0.9.0'; expected 'repin to v1.0.0/{first}'",
        ),
        (
            "HP068",
            "Runtime behavior changes",
            "found 'none', but runtime paths changed since v1.0.0: src/greet.py",
        ),
    ]


def test_an_old_release_can_be_the_rollback(made: Library) -> None:
    """Any earlier tag can be named; the draft names the latest."""
    for number in range(1, 9):
        made.producer.tag(f"v1.0.{number}", "v1.0.0^{commit}")
    assert lines(made) == []
    statement = made.folder / "impact.md"
    statement.write_text(block("v1.1.0", behavior="internal only", rollback="v1.0.0"))
    facts = gather.gather_material(made.opened(), statement).facts
    assert [one.tag for one in facts.history.earlier] == [
        *("v1.0.8", "v1.0.7", "v1.0.6", "v1.0.5", "v1.0.4"),
        "v1.0.0",
    ]


def test_another_contract_is_not_none(made: Library) -> None:
    """A contract with another version refutes "none", and "no"."""
    made.producer.commit("feat: format 2", {"src/greet.py": source(2)})
    state(made, "yes (v1.1.0)", "no")
    found = lines(made)
    assert [one[0] for one in found] == ["HP069", "HP082"]
    assert found[0][2] == (
        "found 'none', but since v1.0.0 the contract output-format went from 1 to 2"
    )
    assert found[1][2].endswith("; contracts/output-format from 1 to 2")


def evidence(made: Library, ref: str = "HEAD") -> list[str]:
    """Return the facts that the draft of a statement is based on."""
    material = gather.gather_material(made.opened(ref), None)
    return statement_draft.evidence(material.manifest, material.facts)


def test_the_evidence_for_a_statement(made: Library) -> None:
    """Runtime paths, contracts and pinned values are compared with the previous release."""
    first = made.producer.git("rev-parse", "v1.0.0^{commit}")
    runtime = made.producer.git("rev-parse", "HEAD~1")
    assert evidence(made) == [
        f"Release v1.1.0/{runtime}; the previous one is v1.0.0/{first}.",
        "Runtime paths since v1.0.0: 1 changed",
        "  src/greet.py",
        "Contracts since v1.0.0: the same versions: output-format 1",
        "Pinned values since v1.0.0:",
        f"  commit_sha from {first} to {runtime}",
        "Rollback, the earlier releases:",
        f"  v1.0.0/{first}",
    ]
    assert evidence(made, "v1.0.0") == [
        f"Release v1.0.0/{first}; no earlier release is known.",
        "There is nothing to compare with: a person has to judge each line.",
        "Rollback: there is no earlier release; for a first release write 'none, this is the first release'.",
    ]
    profile = library.profile(contracts="")
    made.producer.commit("chore: no contracts", {"handoff.toml": profile})
    assert not any(line.startswith("Contracts") for line in evidence(made))


def test_a_commit_after_the_tag(made: Library) -> None:
    """Another runtime, or other versions than those at the tag, are not that release."""
    producer = made.producer
    producer.tag("v1.1.0")
    runtime = producer.git("rev-parse", "--short=12", "HEAD~1")
    producer.commit("feat: more", {"src/greet.py": source(2)})
    assert lines(made) == [
        (
            "HP054",
            f"commit {producer.head()}",
            f"runtime paths differ between the runtime commit {runtime} and the verified commit: src/greet.py",
        ),
        (
            "HP055",
            "tag v1.1.0",
            "the tag's target has contracts output-format 1; the verified commit has 2",
        ),
        (
            "HP069",
            "Required consumer mapping changes",
            "found 'none', but since v1.0.0 the contract output-format went from 1 to 2",
        ),
    ]
    [first, *_] = made.problems()
    assert first.hint == (
        "to verify v1.1.0: --ref v1.1.0; for the next release, commit its version, or, if no file states it, "
        "name its tag with --release TAG"
    )
    assert lines(made, "v1.1.0") == []
    material = gather.gather_material(made.opened(), None)
    [note] = git_rules.other_runtime(material.facts, material.manifest)
    assert (note.code, note.message) == (
        "HA009",
        "it has another runtime than v1.1.0: src/greet.py",
    )


def test_a_tag_whose_commit_states_another_version(made: Library) -> None:
    """A tag on the wrong commit is found."""
    made.producer.tag("v1.1.0", "v1.0.0^{commit}")
    assert (
        "HP055",
        "tag v1.1.0",
        "the tag's target has release_tag v1.0.0; the verified commit has v1.1.0",
    ) in lines(made)


def test_a_statement_file(made: Library) -> None:
    """A file of its own has the statements in sections; then no changelog is needed."""
    text = library.profile(paths='statement = "docs/impact.md"\n')
    changelog = (made.producer.root / "CHANGELOG.md").read_text()
    files = {"handoff.toml": text, "docs/impact.md": changelog, "CHANGELOG.md": None}
    made.producer.commit("docs: statements", files)
    document = made.packet()
    assert document["changelog_path"] is None
    assert verify(made, document).problems == ()
    made.producer.commit("docs: gone", {"docs/impact.md": None})
    short = made.producer.head()[:12]
    assert refused(made.packet) == [
        (
            "HP022",
            f"{short}:docs/impact.md",
            "there is no file with the statements in the commit",
            "commit the file with a section for the release",
        )
    ]


def test_a_statement_for_impact_alone(made: Library) -> None:
    """Without changelog and statement file, --impact gives the block."""
    made.producer.commit("chore: profile", {"handoff.toml": library.profile(paths="")})
    assert lines(made) == [
        ("HP060", "--impact", "no file of the commit has an impact statement"),
    ]
    statement = made.folder / "impact.md"
    statement.write_text(block("v1.1.0", behavior="internal only", rollback="v1.0.0"))
    document: Any = made.decision(impact=statement).document
    assert (document["verdict"], document["changelog_path"]) == ("GO", None)
    assert verify(made, document).problems == ()


@pytest.mark.parametrize(
    ("tag", "scheme", "versions"),
    [
        ("{version}", "pep440", ("26.0rc1", "26.0", "26.1.dev0", "26.1")),
        ("hatchling-v{version}", "semver", ("1.0.0-rc.1", "1.0.0", "1.1.0-rc.1", "1.1.0")),
        ("{version}", "calver", ("26.3rc1", "26.3", "26.4b1", "26.4")),
    ],
)
def test_tags_and_schemes(tmp_path: Path, tag: str, scheme: str, versions: tuple[str, ...]) -> None:
    """A final release is compared with the final one before it; a pre-release can be the rollback too."""
    text = library.profile(git=f'tag = "{tag}"\nversion_scheme = "{scheme}"\n')
    producer = library.made(tmp_path / "library", text)
    names = [tag.replace("{version}", version) for version in versions]
    old, rollback = "", None
    for number, (version, name) in enumerate(zip(versions, names, strict=True)):
        statement = block(name, behavior="it greets otherwise", rollback=rollback)
        files = library.release(version, statement, old)
        old, rollback = files["CHANGELOG.md"], name
        files["src/greet.py"] = f"{source()}# {number}\n"
        producer.commit(version, files)
        producer.tag(name)
    made = Library(producer=producer, folder=tmp_path)
    assert lines(made) == []
    state(made, "it greets otherwise", "none")
    assert lines(made)[0][2] == (
        f"found 'none', but runtime paths changed since {names[1]}: src/greet.py"
    )


@pytest.mark.parametrize("path", ["./", "./src/", "*/", "src/greet.py", "s*/*.py"])
def test_the_runtime_commit_of_any_path(made: Library, path: str) -> None:
    """The last change below each form of a runtime path is found; other files are metadata."""
    text = library.profile().replace('["src/"]', f'["{path}"]')
    statement = block("v1.1.0", behavior="new", rollback="v1.0.0")
    files = {"handoff.toml": text, "src/[a].py": "x\n", "src/greet.py": source() + "# new\n"}
    runtime = made.producer.commit("feat: new", files | release("1.1.0", statement))
    if path != "./":
        made.producer.commit("docs: other", {"other.md": "x\n"})
    assert made.packet()["commit_sha"] == runtime


def test_the_target_of_a_link_is_runtime(made: Library) -> None:
    """The last commit that changed a file to which a runtime path leads is the runtime commit."""
    root = made.producer.root
    (root / "shared").mkdir()
    (root / "src" / "data").symlink_to("../shared/data")
    made.producer.commit("feat: data", {"shared/data": "one\n"})
    changed = made.producer.commit("feat: other data", {"shared/data": "two\n"})
    made.producer.commit("docs: other", {"other": "x\n"})
    assert made.packet()["commit_sha"] == changed


def test_a_part_of_a_larger_repository(tmp_path: Path) -> None:
    """The form of the tags says which of them are the producer's."""
    producer = library.made(tmp_path / "outer")
    producer.git("tag", "--delete", "v1.0.0")
    producer.tag("web@1.0.0")
    runtime = producer.git("rev-parse", "HEAD~1")
    inner = tmp_path / "outer" / "packages" / "web"
    inner.mkdir(parents=True)
    for name in ("src", "pyproject.toml", "CHANGELOG.md", "handoff.toml"):
        producer.git("mv", name, f"packages/web/{name}")
    producer.root = inner
    # The runtime commit of the earlier release is found where the producer was then.
    rollback = f"web@1.0.0/{runtime}"
    statement = block("web@1.1.0", behavior="it moved", rollback=rollback)
    profile = library.profile(git='tag = "web@{version}"\n')
    files = library.release("1.1.0", statement)
    producer.commit("chore: move", {**files, "handoff.toml": profile})
    producer.tag("web@1.1.0")
    producer.tag("v9.0.0")
    made = Library(producer=producer, folder=tmp_path)
    document: Any = made.packet()
    assert document["git_state"]["producer_path"] == "packages/web"
    assert document["git_state"]["tag"]["state"] == "tagged"
    producer.commit("chore: no form", {"handoff.toml": library.profile(version="")})
    assert made.opened().producer.tags == {}
    assert refused(made.packet)[0][3] == (
        "say in the profile's git.tag what the producer's own tags look like; "
        "or give the release's tag with --release TAG"
    )
    assert made.hint_without_tag("v2.0.0") == (
        "name the form of the producer's own tags in the profile (git.tag), or use --allow-untagged"
    )


class Caller:
    """Runs the sessions of the library's own noxfile."""

    def __init__(self, made: Library, envdir: Path) -> None:
        self.made = made
        self.envdir = envdir

    def run(self, session: str, *words: str) -> str:
        """Run a session that succeeds, and return what it prints."""
        done = self.call(session, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def call(self, session: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a session."""
        cache = ["--cache-dir", str(self.made.folder / "cache")]
        return nox_server.run(
            ["--envdir", str(self.envdir), "-s", session, "--", *cache, *words],
            cwd=self.made.producer.root,
        )


@pytest.mark.slow
def test_the_way_of_a_release(made: Library, tmp_path: Path) -> None:
    """Draft, GO before the tag, the packet committed and tagged, then checked, shown and compared: real nox throughout."""
    producer = made.producer
    producer.commit("build: noxfile", {"noxfile.py": NOXFILE})
    caller = Caller(made, tmp_path / "env")
    assert "- Repin required: yes (v1.1.0)" in caller.run("impact-draft")
    done = caller.call("handoff-stable")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "NO-GO  the release is not tagged (HP052)"
    printed = caller.run("handoff-stable", "--allow-untagged")
    assert printed.splitlines()[-1] == f"GO  {library.PACKET_PATH}"
    assert "It is not tagged yet (v1.1.0), and 2 commits after the runtime commit" in printed
    producer.commit("docs: packet", {})
    producer.tag("v1.1.0")
    verdict = caller.run("handoff-verify", "v1.1.0:").splitlines()[-1]
    assert verdict.startswith(f"GO  v1.1.0:{library.PACKET_PATH}, checked against git in ")
    text = caller.run("handoff-show", "v1.1.0:")
    assert "  contracts output-format 1\n" in text
    assert "  tag       v1.1.0  (not tagged yet)\n" in text
    assert "<td>" in caller.run("handoff-show", "v1.1.0:", "--format", "html")
    later = tmp_path / "later.json"
    caller.run("handoff-stable", "--out-json", str(later))
    assert caller.run("handoff-stable").splitlines()[-1] == f"GO  {library.PACKET_PATH}"
    assert (producer.root / library.PACKET_PATH).read_bytes() == later.read_bytes()
    compared = caller.run("handoff-diff", "v1.1.0:", str(later))
    assert "the tag's state is tagged, was untagged" in compared
    report = next(producer.root.glob(".handoff/evidence/*/report.stable.md")).read_text()
    assert "output-format" in report
