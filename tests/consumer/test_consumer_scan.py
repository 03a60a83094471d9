"""Claims about scanning: what is found in a consumer, and that the profile written from it works."""

from __future__ import annotations

import json

import pytest
from consuming import (
    CODE,
    HEAD,
    MATRIX,
    MIRROR,
    PIN,
    RUNTIME,
    edited,
    read_profile,
    release,
    sample_files,
    shown,
)

from handoff_tasks.consumer import plan, scan
from handoff_tasks.problems import HandoffError
from handoff_tasks.setup import sample_consumer

FILES = {path: data for path, data in sample_files().items() if path != sample_consumer.PROFILE}


def test_the_samples_pin_mirror_and_table_are_found() -> None:
    """Pin with all six values, mirror by its sha256, the table's lines, and history left out."""
    found = scan.scan(FILES, "here")
    assert (found.pin.path, found.pin.mirror, found.embedded) == (PIN, MIRROR, None)
    assert found.pin.fields == {
        "release_tag": "/release_tag",
        "commit_sha": "/commit_sha",
        "service": "/service_contract_version",
        "api": "/api_contract_version",
        "baseline": "/integration_baseline",
        "manifest_sha256": "/manifest_sha256",
    }
    [file] = found.files
    assert (file.path, file.used) == (MATRIX, True)
    assert file.lines == (
        "- Producer release tag: `{release_tag}`",
        "- Producer commit: `{commit_sha}`",
        "- Contracts: `{service}` / `{api}` / `{baseline}`",
        "- Manifest SHA-256: `{manifest_sha256}`",
    )
    assert (
        file.row
        == "| 1.0.0 | 8a4525d | {release_tag} | {commit_sha} | {service} | {api} | {baseline} | Approved |"
    )
    assert found.history == ("docs/HISTORY.md", CODE)


def test_the_first_profile_can_be_used_as_it_is() -> None:
    """It is a profile without a mistake, and its plan changes pin, mirror and table."""
    text = scan.write_profile(scan.scan(FILES, "here"), 'A "consumer" \\ é', "Producer")
    profile = read_profile(text)
    assert profile.name == 'A "consumer" \\ é'
    made = plan.make(profile, FILES, release(), HEAD)
    assert made.problems == ()
    assert [file.path for file in made.files] == [PIN, MIRROR, MATRIX]


def test_a_file_that_no_script_names_is_a_comment() -> None:
    """It may be history; a person decides."""
    status = f"# Status\n\n- tag: v0.3.2\n- commit: {RUNTIME}\n".encode()
    text = scan.write_profile(scan.scan({**FILES, "docs/STATUS.md": status}, "here"), "C", "P")
    assert (
        '# No script names this file and the pin, so it may be history.\n# [[files]]\n# path = "docs/STATUS.md"\n'
        in text
    )
    assert "docs/STATUS.md" not in read_profile(text).targets


def test_an_embedded_producer_is_left_out() -> None:
    """Its folder is named in the profile, and its files are its own."""
    files = {
        **FILES,
        f"services/p/{scan.MANIFEST_PATH}": FILES[MIRROR],
        f"services/p/components/x/{scan.MANIFEST_PATH}": FILES[MIRROR],
        "services/p/docs/STATUS.md": f"- tag: v0.3.2\n- commit: {RUNTIME}\n".encode(),
    }
    found = scan.scan(files, "here")
    assert (found.pin.mirror, found.embedded) == (MIRROR, "services/p")
    assert [file.path for file in found.files] == [MATRIX]
    assert read_profile(scan.write_profile(found, "C", "P")).producer.path == "services/p"


def test_a_nested_lock_file_is_a_pin() -> None:
    """Tag and commit alone, at any depth, in a file of another name."""
    lock = {"nodes": {"producer": {"locked": {"ref": "v1.2.3", "rev": RUNTIME, "x/y": 1}}}}
    found = scan.scan({"flake.lock": json.dumps(lock).encode()}, "here")
    assert found.pin.fields == {
        "release_tag": "/nodes/producer/locked/ref",
        "commit_sha": "/nodes/producer/locked/rev",
    }
    profile = read_profile(
        scan.write_profile(found, "C", "P").replace(
            "[[validators]]", "[[files]]\npath = 'x'\nlines = ['{release_tag}']\n\n[[validators]]"
        )
    )
    assert profile.pin_fields["release_tag"] == "/nodes/producer/locked/ref"


def test_lines_with_braces_become_templates_of_themselves() -> None:
    """What is text in a file is text in its template."""
    status = f"- tag: {{`v0.3.2`}}\n- commit: {RUNTIME}\r\n".encode()
    files = {PIN: FILES[PIN], "STATUS.md": status}
    profile = read_profile(scan.write_profile(scan.scan(files, "here"), "C", "P"))
    made = plan.make(profile, files, release(), HEAD)
    [file] = [file for file in made.files if file.path == "STATUS.md"]
    assert file.after == status.replace(b"v0.3.2", b"v0.3.3")


def test_without_a_pin_nothing_is_written() -> None:
    """The refusal says what is needed."""
    for files in (
        {},
        {MIRROR: FILES[MIRROR]},
        {PIN: edited(PIN, "v0.3.2", "main")[PIN]},
        {PIN: b"{"},
    ):
        with pytest.raises(HandoffError) as error:
            scan.scan(files, "here")
        message = "no JSON file has both a release tag and a commit, so nothing is pinned here"
        assert shown(error.value) == [("HP120", "here", message)]
