"""Claims about a packet and its producer's repository: which profile judges it, what the clone lacks, and any bytes."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
import scratch
from builders import go_packet, quick, shown
from hypothesis import given
from hypothesis import strategies as st
from packets import foreign, record

from handoff_tasks import files
from handoff_tasks.checks.evidence import EvidenceFolder
from handoff_tasks.formats import canonical
from handoff_tasks.git import workspace
from handoff_tasks.problems import HandoffError, Problem
from handoff_tasks.record import Outcome
from handoff_tasks.release import choose_profile, decide, gather, verify_packet
from handoff_tasks.rules import packet as packet_rules

if TYPE_CHECKING:
    from pathlib import Path

BUILT_IN = files.built_in_profiles()["memorykernel"]
ANOTHER = "verify with the profile that the packet names; --profile NAME verifies with another one"


@dataclass
class Bench:
    """A producer that has its profile in its own tree, and a GO packet of its release v1.1.0."""

    producer: scratch.Producer
    folder: Path
    profile: Path

    def opened(self, ref: str = "HEAD") -> workspace.Workspace:
        return workspace.open_workspace(
            root=self.producer.root,
            ref=ref,
            profile_path=self.profile,
            work=self.folder / "work",
            cache=self.folder / "cache",
        )

    def packet(self, ref: str = "v1.1.0", *, allow_untagged: bool = False) -> dict[str, Any]:
        """Return a packet for which all checks passed."""
        opened = self.opened(ref)
        place = EvidenceFolder.of(opened).make()
        for one in opened.profile.checks:
            record(opened, one, place, Outcome.PASSED)
        mode = opened.profile.mode("stable")
        gathered = gather.gather_material(opened, None)
        decision = decide.decide(
            opened, gathered, gather.read_results(opened), mode, allow_untagged=allow_untagged
        )
        assert decision.problems == ()
        return dict(decision.document)

    def asked(self, **changes: Any) -> choose_profile.VerifyRequest:
        asked = choose_profile.VerifyRequest(
            root=self.producer.root,
            profile_path=self.profile,
            option=None,
            work=self.folder / "work",
            cache=self.folder / "cache",
        )
        return replace(asked, **changes)

    def verify(self, document: Any, **changes: Any) -> verify_packet.ProducerJudgement:
        """Judge a packet by its bytes and its producer, as the session does."""
        judged = verify_packet.judge_bytes(canonical.published_bytes(document), "p.json")
        assert judged.document is not None
        found = verify_packet.judge_by_producer(self.asked(**changes), judged.document, "p.json")
        return replace(found, problems=(*judged.problems, *found.problems))


def made(
    folder: Path, profile: str | None = "handoff.toml", *, below: str = ".", tag_prefix: str = ""
) -> Bench:
    """Make a bench; ``profile`` is committed at that path from the top, None leaves it outside."""
    producer = scratch.repository(folder / "producer", below)
    path = producer.path / profile if profile else folder / "outside.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(scratch.profile(tag_prefix=tag_prefix))
    first = producer.commit("feat: speak service.v1", {**scratch.SCRIPTS, **scratch.runtime("1")})
    producer.release("v1.0.0", first, service="service.v1")
    producer.tag(f"{tag_prefix}v1.0.0")
    second = producer.commit("feat: speak service.v2", scratch.runtime("2"))
    producer.release("v1.1.0", second, rollback=f"v1.0.0/{first}")
    producer.tag(f"{tag_prefix}v1.1.0")
    return Bench(producer=producer, folder=folder, profile=path)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """The profile is the producer's own, committed at its top."""
    return made(tmp_path)


def sha256(text: bytes) -> str:
    """Return the sha256 as hexadecimal digits."""
    import hashlib

    return hashlib.sha256(text).hexdigest()


# What a packet says of its producer


@pytest.mark.parametrize(
    ("profile", "below", "named"),
    [
        ("handoff.toml", ".", "handoff.toml"),
        ("ci/handoff.toml", "svc/a", "ci/handoff.toml"),
        (None, ".", None),
    ],
)
def test_a_packet_names_its_producer_and_its_profile(
    tmp_path: Path, profile: str | None, below: str, named: str | None
) -> None:
    """The path is from the repository's top, null for a profile outside; the sha256 is that of the bytes, as sha256sum says."""
    bench = made(tmp_path, profile, below=below, tag_prefix="a/")
    assert bench.packet("a/v1.1.0")["producer"] == {
        "id": "scratch",
        "name": "Scratch",
        "profile": named,
        "profile_sha256": sha256(bench.profile.read_bytes()),
    }
    found = bench.verify(bench.packet("a/v1.1.0"))
    assert (found.problems, found.advisories) == ((), ())


def test_a_profile_that_is_not_committed_has_no_place(bench: Bench) -> None:
    """The commit does not hold it, so no one else would find it there."""
    bench.producer.git("rm", "--quiet", "--cached", "handoff.toml")
    bench.producer.git("commit", "--quiet", "--message", "chore: no profile")
    assert bench.opened().source.name is None


# Which profile judges it


def test_the_profile_comes_from_the_verified_commit(bench: Bench) -> None:
    """From the noxfile of another producer too, and although the working file has changed since: an advisory names it."""
    document = bench.packet()
    bench.profile.write_text(scratch.profile([scratch.check("other", ["true"])]))
    bench.producer.commit("ci: other checks", {})
    bench.profile.write_text("edited and not committed")
    assert bench.verify(document).problems == ()
    found = bench.verify(document, profile_path=BUILT_IN)
    commit = bench.producer.git("rev-parse", "v1.1.0^{commit}")[:12]
    assert (found.problems, shown(list(found.advisories))) == (
        (),
        [
            (
                "HA019",
                "p.json#/producer/profile",
                f"verified with handoff.toml of the commit {commit}, which the packet names; this noxfile registers the built-in "
                "profile memorykernel",
                "check that this is the producer's profile; --profile NAME verifies with another one",
            )
        ],
    )
    assert found.profile == f"handoff.toml of the commit {commit}"


def test_a_profile_outside_of_the_repository_is_the_verifiers(tmp_path: Path) -> None:
    """The same bytes: silence. Other ones: one finding, and no difference besides."""
    bench = made(tmp_path, None)
    document = bench.packet()
    found = bench.verify(document)
    assert (found.problems, found.advisories) == ((), ())
    digest = document["producer"]["profile_sha256"]
    message = (
        f"the packet names the profile outside the commit with the sha256 {digest}, a file outside its repository; this noxfile "
        "registers the built-in profile memorykernel"
    )
    assert shown(list(bench.verify(document, profile_path=BUILT_IN).problems)) == [
        ("HP074", "p.json#/producer/profile", message, ANOTHER)
    ]


def test_a_packet_cannot_choose_another_profile_of_the_commit(bench: Bench) -> None:
    """A profile with fewer checks lies in the tree: the one that the noxfile registers is not given up for it."""
    (bench.producer.path / "tests").mkdir()
    weak = bench.producer.path / "tests" / "weak.toml"
    weak.write_text(scratch.profile([scratch.check("ok", ["true"])]))
    bench.producer.commit("test: a profile", {})
    bench.producer.tag("v1.1.0")
    own, bench.profile = bench.profile, weak
    document = bench.packet()
    found = bench.verify(document, profile_path=own)
    named = f"the profile tests/weak.toml with the sha256 {document['producer']['profile_sha256']}"
    commit = bench.producer.head()[:12]
    message = f"the packet names {named}; this noxfile registers handoff.toml of the commit {commit}, with other bytes"
    assert shown(list(found.problems)) == [("HP074", "p.json#/producer/profile", message, ANOTHER)]
    assert bench.verify(document, profile_path=own, option="tests/weak.toml").problems == ()


def test_a_profile_that_is_nowhere(bench: Bench) -> None:
    """A path that the commit does not hold, and a name of no built-in profile: HP074."""
    document = bench.packet()
    document["producer"]["profile"] = "ci/handoff.toml"
    named = f"the profile ci/handoff.toml with the sha256 {document['producer']['profile_sha256']}"
    message = f"the packet names {named}, which neither the verified commit nor this version of handoff-tasks has"
    assert shown(list(bench.verify(document).problems)) == [
        ("HP074", "p.json#/producer/profile", message, ANOTHER)
    ]


def test_a_digest_that_is_not_the_committed_profiles(bench: Bench) -> None:
    """The commit holds a profile at that path with other bytes: a contradiction, whatever profile is asked for."""
    document = bench.packet()
    digest = document["producer"]["profile_sha256"]
    document["producer"]["profile_sha256"] = "0" * 64
    commit = bench.producer.git("rev-parse", "v1.1.0^{commit}")[:12]
    message = f"the packet says {'0' * 64}; handoff.toml of the commit {commit} has {digest}"
    for option in (None, "memorykernel"):
        assert shown(list(bench.verify(document, option=option).problems)) == [
            ("HP072", "p.json#/producer/profile_sha256", message, packet_rules.ASK_FOR_ANOTHER)
        ]


def test_a_built_in_profile_of_another_version(bench: Bench) -> None:
    """The name is known and the bytes are others: verify with the version that made the packet."""
    document = bench.packet()
    document["producer"] |= {"profile": "memorykernel", "profile_sha256": "0" * 64}
    message = (
        f"the packet names the profile memorykernel with the sha256 {'0' * 64}; in this version of handoff-tasks it has the sha256 "
        f"{sha256(BUILT_IN.read_bytes())}"
    )
    hint = "verify with the version of handoff-tasks that made the packet; --profile NAME verifies with another profile"
    assert shown(list(bench.verify(document).problems)) == [
        ("HP074", "p.json#/producer/profile", message, hint)
    ]


@pytest.mark.slow
def test_the_option_judges_by_another_profile(bench: Bench) -> None:
    """Where the two differ one finding says so and where; where nothing differs it is an advisory."""
    document = bench.packet()
    found = bench.verify(document, option="memorykernel")
    [problem] = found.problems
    assert (problem.code, problem.where) == ("HP074", "p.json#/producer/profile")
    assert problem.message.startswith(
        "verified with the built-in profile memorykernel, because of --profile; the packet names the profile "
    )
    same = scratch.PROFILE + "\n# the same\n"
    bench.producer.commit("ci: a copy", {"copy.toml": same})
    bench.producer.tag("v1.1.0")
    document = bench.packet()
    found = bench.verify(document, option="copy.toml")
    assert found.problems == ()
    assert [one.code for one in found.advisories] == ["HA019"]
    with pytest.raises(HandoffError) as caught:
        bench.verify(document, option="none.toml")
    message = f"none.toml is neither a file of the commit {bench.producer.head()[:12]} nor built in; built in: "
    assert caught.value.problems[0].message.startswith(message)


# Ids, each with its command and its tools


@pytest.mark.parametrize(
    "ids", [["security-audit", "plain", "tree"], ["plain", "ok", "tree"], ["ok", "tree", "plain"]]
)
def test_outcomes_under_other_ids_are_refused(bench: Bench, ids: list[str]) -> None:
    """An id is the profile's, in its order, with its own command."""
    document = bench.packet()
    wrong = []
    for number, (outcome, other) in enumerate(
        zip(document["verification_outcomes"], ids, strict=True)
    ):
        if outcome["id"] != other:
            wrong.append((number, other, outcome["id"]))
        outcome["id"] = other
    hint = "do not use this packet: verify the release again with the handoff session"
    assert shown(list(bench.verify(document).problems)) == [
        (
            "HP072",
            f"p.json#/verification_outcomes/{number}/id",
            f"the packet says {other}; today it is {one}",
            hint,
        )
        for number, other, one in wrong
    ]


# What a clone lacks


def clone(bench: Bench, *words: str) -> Path:
    """Clone the producer as a consumer does."""
    target = bench.folder / "clone"
    scratch.git(
        bench.folder, "clone", "--quiet", *words, f"file://{bench.producer.path}", str(target)
    )
    return target


def test_a_clone_without_tags(bench: Bench) -> None:
    """One finding for the tag and one for the release to roll back to, if lines were held against the wrong one."""
    root = clone(bench, "--no-tags")
    document = bench.packet()
    commit = document["git_state"]["tag"]["target"]
    message = f"this clone has no tag v1.1.0; the packet says that it points to {commit}"
    hint = "fetch the tags, then verify again: git fetch --tags; if the producer has no such tag, do not use this packet"
    assert shown(list(bench.verify(document, root=root).problems)) == [
        ("HP075", "p.json#/git_state/tag", message, hint)
    ]
    scratch.git(root, "fetch", "--quiet", "origin", "refs/tags/v1.1.0:refs/tags/v1.1.0")
    assert bench.verify(document, root=root).problems == ()


def test_a_clone_without_the_previous_release(bench: Bench) -> None:
    """The statement would be held against the release before that one: one finding names the tag that is missing."""
    first = bench.producer.git("rev-parse", "v1.1.0~1")
    bench.producer.release("v1.2.0", first, rollback=f"v1.1.0/{first}")
    text = (bench.producer.root / scratch.CHANGELOG_PATH).read_text()
    unchanged = text.replace("responses follow service.v2", "none", 1).replace(
        "read what service.v2 requires", "none", 1
    )
    bench.producer.commit("docs: nothing changed", {scratch.CHANGELOG_PATH: unchanged})
    bench.producer.tag("v1.2.0")
    document = bench.packet("v1.2.0")
    assert bench.verify(document).problems == ()
    root = clone(bench)
    scratch.git(root, "tag", "--delete", "v1.1.0")
    message = "this clone has no tag v1.1.0, so the statement cannot be compared with that release"
    hint = "fetch the tags, then verify again: git fetch --tags; if the producer has no such tag, do not use this packet"
    assert shown(list(bench.verify(document, root=root).problems)) == [
        ("HP075", "p.json#/consumer_impact_statement/rollback_instruction", message, hint)
    ]


def test_a_clone_without_the_commit(bench: Bench) -> None:
    """The packet's pointer is the place; the option --ref was not given."""
    root = clone(bench)
    bench.producer.commit("docs: more", {"README.md": "more\n"})
    bench.producer.tag("v1.1.0")
    document = bench.packet()
    commit = bench.producer.head()
    assert shown(list(bench.verify(document, root=root).problems)) == [
        (
            "HP075",
            "p.json#/git_state/verified_commit",
            f"this clone ({root}) does not have the commit {commit}",
            "fetch it, then verify again: git fetch --all --tags; or name the producer that made the packet",
        )
    ]


@pytest.mark.parametrize("below", [".", "svc/a"])
def test_a_bare_repository_is_enough(tmp_path: Path, below: str) -> None:
    """The packet says where the producer is in it."""
    bench = made(tmp_path, below=below, tag_prefix="a/")
    document = bench.packet("a/v1.1.0")
    root = clone(bench, "--bare")
    found = bench.verify(document, root=root)
    assert (found.problems, [one.code for one in found.advisories]) == ((), [])
    document["git_state"]["producer_path"] = "svc"
    with pytest.raises(HandoffError) as caught:
        bench.verify(document, root=root)
    assert {one.code for one in caught.value.problems} == {"HP020", "HP022"}
    assert verify_packet.open_at(bench.asked(root=root), "HEAD").producer.head is None


# A tag that a checkout in CI has replaced


def clobber(bench: Bench, root: Path, tag: str = "v1.1.0") -> None:
    """Leave a lightweight tag where the release has an annotated one."""
    scratch.git(
        root, "update-ref", f"refs/tags/{tag}", bench.producer.git("rev-parse", f"{tag}^{{commit}}")
    )


@pytest.mark.slow
def test_a_lightweight_tag_where_the_packet_says_annotated(bench: Bench) -> None:
    """The same commit: an advisory tells how to see the release's own tag."""
    document = bench.packet()
    root = clone(bench)
    clobber(bench, root)
    found = bench.verify(document, root=root)
    again = "git fetch --force origin refs/tags/v1.1.0:refs/tags/v1.1.0"
    assert (found.problems, shown(list(found.advisories))) == (
        (),
        [
            (
                "HA020",
                "p.json#/git_state/tag/kind",
                "the packet says annotated; in this clone the tag is lightweight, at the same commit",
                "a checkout in CI may have replaced an annotated tag by a lightweight one; to see the release's own: "
                + again,
            )
        ],
    )
    scratch.git(root, *again.split()[1:])
    assert bench.verify(document, root=root).advisories == ()


@pytest.mark.slow
def test_a_lightweight_tag_among_annotated_ones(bench: Bench) -> None:
    """A run says so; not if an earlier one is lightweight too, nor without an earlier release."""
    assert gather.gather_material(bench.opened("v1.1.0"), None).notes == ()
    clobber(bench, bench.producer.path)
    [note] = gather.gather_material(bench.opened("v1.1.0"), None).notes
    assert (note.code, note.where) == ("HA020", "tag v1.1.0")
    assert (
        note.message
        == "it is lightweight in this clone, and the tags of all earlier releases are annotated"
    )
    assert bench.packet()["advisories"] == []
    clobber(bench, bench.producer.path, "v1.0.0")
    assert gather.gather_material(bench.opened("v1.1.0"), None).notes == ()
    clobbered = bench.packet()
    bench.producer.git(
        "tag", "--force", "--annotate", "--message", "v1.1.0", "v1.1.0", "v1.1.0^{commit}"
    )
    [found] = bench.verify(clobbered).problems
    assert (found.code, found.message) == (
        "HP072",
        "the packet says lightweight; today it is annotated",
    )


# Any bytes


def verdict(bench: Bench, data: bytes) -> list[Problem]:
    """Return what handoff-verify says of any bytes; a refusal is an answer too."""
    judged = verify_packet.judge_bytes(data, "p.json")
    problems = list(judged.problems)
    if judged.document is not None:
        try:
            problems += verify_packet.judge_by_producer(
                bench.asked(), judged.document, "p.json"
            ).problems
        except HandoffError as error:
            problems += error.problems
    return problems


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, dict[str, Any]]:
    """A bench that no test changes, and its packet."""
    bench = made(tmp_path_factory.mktemp("still"))
    return bench, bench.packet()


def pointers(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the place of everything in a document but the document itself."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [
        place for key, child in inner for place in ((*path, key), *pointers(child, (*path, key)))
    ]


PLACES = pointers(go_packet())
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.text(max_size=12)
    | st.sampled_from(["v1.1.0", "a/b", "..", "\0"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


@quick
@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_get_a_verdict(still: tuple[Bench, dict[str, Any]], data: bytes) -> None:
    """No traceback, and never GO."""
    assert verdict(still[0], data)


@pytest.mark.slow
@quick
@given(data=st.data(), is_ours=st.booleans(), is_removed=st.booleans())
def test_any_packet_gets_a_verdict(
    still: tuple[Bench, dict[str, Any]], data: st.DataObject, is_ours: bool, is_removed: bool
) -> None:
    """A good packet, ours or another generator's, with up to three of its values replaced or removed: no traceback."""
    bench, good = still
    document = json.loads(json.dumps(good if is_ours else foreign(good)))
    for place in data.draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3)):
        holder: Any = document
        try:
            for part in place[:-1]:
                holder = holder[part]
            if is_removed:
                del holder[place[-1]]
            else:
                holder[place[-1]] = data.draw(JSON)
        except (KeyError, IndexError, TypeError):
            continue
    if document != good:
        verdict(bench, canonical.published_bytes(document))


def test_a_file_that_is_larger_than_memory(tmp_path: Path) -> None:
    """Its size is looked at before it is read."""
    from handoff_tasks.release import find_packet

    path = tmp_path / "packet.json"
    with path.open("wb") as handle:
        handle.truncate(1 << 42)
    with pytest.raises(HandoffError) as caught:
        find_packet.read_file_bytes(path)
    assert shown(caught.value) == [
        (
            "HP005",
            str(path),
            "the packet cannot be read: it has 4398046511104 bytes; at most 16777216 are read",
            "name a packet's file, or TAG: for the one that is published at a tag",
        )
    ]
    shutil.rmtree(tmp_path)
