"""Generate the reference pages from the schemas and the catalogue of codes.

``python docs/generate.py [FOLDER]`` writes every page into FOLDER, by default ``docs/reference``.
`ORIGINS` says where each value of a packet comes from and what checks it. This cannot be part of
the schema: it would need a keyword of our own, and some validators (ajv in strict mode) refuse a
schema with an unknown keyword. A schema keyword that this script does not know and a field that
is missing in `ORIGINS` are errors.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handoff_tasks.codes import CATALOGUE, FAMILIES
from handoff_tasks.sessions.table import CONSUMER_SESSIONS, OPTIONS, SESSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from handoff_tasks.codes import Rule
    from handoff_tasks.sessions.table import Option, SessionDefinition

HERE = Path(__file__).resolve().parent
REFERENCE = HERE / "reference"

PAGES = {
    "packet": (
        "producer-handoff-packet.v1",
        "A GO publishes it for consumers; a NO-GO leaves a draft of it beside the evidence.",
    ),
    "profile": (
        "producer-profile.v1",
        "A TOML file, chosen with `register(nox, __file__, profile=...)`; the built-in profiles "
        "are examples.",
    ),
    "record": (
        "producer-outcome-record.v1",
        "There is one file per check, `.handoff/evidence/<commit>/<check>.json`, with the log "
        "beside it.",
    ),
    "result": (
        "handoff-result.v1",
        "`--result-json PATH` writes it, for programs that call a session.",
    ),
    "diff": ("handoff-diff.v1", "`handoff-diff -- OLD NEW --format json` prints it."),
    "consumer": (
        "consumer-profile.v1",
        "A TOML file in the consumer's repository, chosen with "
        "`register_consumer(nox, __file__, profile=...)`.",
    ),
    "receipt": (
        "consumer-repin-receipt.v1",
        "An accept or a rollback writes it together with the files that it names; the consumer "
        "profile's `receipt` says where.",
    ),
    "manifest": (
        "producer-contract-manifest.v1",
        "The producer writes it; a run reads it from the verified commit.",
    ),
    "release-manifest": (
        "producer-release-manifest.v1",
        "The producer may write it; a run reads it from the verified commit.",
    ),
}
"""Page to schema, and what writes the document."""

_MANIFEST = "the manifest in the verified commit"
_GIT = "git"
_SHAPE = "schema (HP070)"
_AGAIN = "compared with git, manifest and profile (HP072)"

ORIGINS: Mapping[str, tuple[str, str]] = {
    "handoff_generated_at_utc": (
        "the committer time of the verified commit, or `SOURCE_DATE_EPOCH`",
        _SHAPE,
    ),
    "handoff_mode": ("the session", f"{_SHAPE}; known to the profile (HP072)"),
    "release_tag": (
        f"{_MANIFEST}; without one the tag, `--release` or the version that the commit states",
        "a service: equal to the baseline's, and the end of the tag's name; kind `release`: the "
        "tag's name (HP071); the one that the commit states (HP023, HP024)",
    ),
    "commit_sha": (
        f"{_MANIFEST}; without one git",
        "equal to the baseline's and to `git_state/runtime_commit` (HP071); a commit of the "
        "history (HP050, HP051)",
    ),
    "contracts": (
        f"{_MANIFEST}; without one the files that the profile's `contract.contracts` names",
        f"the same values at the tag (HP055); {_AGAIN}",
    ),
    "expected_service_contract_version": (
        "stable: the manifest; a rehearsal: the profile's mode",
        "stable: equal to the baseline's (HP071); the runtime commit states the manifest's "
        f"version (HP056); {_AGAIN}",
    ),
    "expected_api_contract_version": (_MANIFEST, "equal to the baseline's (HP071)"),
    "integration_baseline": (_MANIFEST, "equal to the baseline's (HP071)"),
    "active_runtime_baseline": (_MANIFEST, f"the same values at the tag (HP055); {_AGAIN}"),
    "error_code_enum": (_MANIFEST, f"{_SHAPE}; {_AGAIN}"),
    "non_2xx_envelope_policy": (
        "the profile's envelope policies, chosen by the service versions",
        f"has the version in use and the rehearsed one (HP057, HP071); {_AGAIN}",
    ),
    "manifest_contract_version": (_MANIFEST, f"the manifest's schema (HP021); {_SHAPE}"),
    "manifest_path": ("the profile", f"the commit has the file (HP020); {_AGAIN}"),
    "changelog_path": ("the profile", f"the commit has the file (HP022); {_AGAIN}"),
    "verification_commands": (
        "the profile's checks",
        f"those of `verification_outcomes`, in order (HP071); {_AGAIN}",
    ),
    "consumer_impact_statement_template": (
        "the same as `consumer_impact_statement`",
        "equal to it (HP071)",
    ),
    "rehearsal_candidate": ("the profile's mode", f"{_SHAPE}; {_AGAIN}"),
    "compatibility_expectations": ("the profile's mode", f"{_SHAPE}; {_AGAIN}"),
    "required_consumer_validation_commands": ("the profile's mode", f"{_SHAPE}; {_AGAIN}"),
    "packet_contract_version": ("the library", _SHAPE),
    "producer": (
        "the profile and its location",
        f"the profile is the one that the packet names (HP072, HP074); {_AGAIN}",
    ),
    "verdict": (
        "GO if there are no problems",
        "a GO contradicts no other field (HP071); a draft is refused (HP073)",
    ),
    "verification_outcomes": (
        "the outcome records of the verified commit",
        "each has a valid record (HP040, HP041) of this commit, profile and command (HP047), or of "
        "the tree without the files that it ignores; each passed (HP043 to HP046); no id is "
        "duplicate (HP071); files that it ignores are not of the runtime (HP037)",
    ),
    "git_state": (_GIT, "see its fields"),
    "consumer_impact_statement": (
        "the release's section in the changelog or in the file of `paths.statement`, or "
        "`--impact FILE`",
        "before publishing: complete and filled in (HP060 to HP062); correct repin and rollback "
        'lines (HP063, HP064, HP082); no "none" that git refutes (HP068, HP069)',
    ),
    "advisories": ("the rules (HA010, HA011, HA013 to HA015, HA017, HA018)", _SHAPE),
    "problems": ("the rules", "only in a draft: schema (HP070)"),
    "handoff_generated_at_source": ("whether `SOURCE_DATE_EPOCH` is set", _SHAPE),
    "git_state/verified_commit": (
        "`--ref`, resolved once",
        f"every record is of this commit (HP047); {_AGAIN}",
    ),
    "git_state/verified_tree": (_GIT, f"every record is of this tree (HP047); {_AGAIN}"),
    "git_state/producer_path": (
        "`--producer-root` and git",
        f"every record is of this path (HP047); {_AGAIN}",
    ),
    "git_state/tag": (
        "`refs/tags/` of the producer's repository",
        "the tag exists, or `--allow-untagged` is given (HP052); it did not move during the run "
        "(HP058); its kind, its object's name, and other refs of the same name (HP065 to HP067); "
        f"{_AGAIN}",
    ),
    "git_state/runtime_commit": (_MANIFEST, "equal to `commit_sha` (HP071); exists (HP050)"),
    "git_state/runtime_to_tag": (
        _GIT,
        f"same or ancestor (HP051); agrees with the commits that are named (HP071); {_AGAIN}",
    ),
    "git_state/runtime_to_verified": (
        _GIT,
        "same or ancestor (HP050, HP051); agrees with the commits that are named (HP071); "
        f"{_AGAIN}",
    ),
    "git_state/runtime_paths_identical": (
        "git and the profile's runtime paths",
        f"true (HP053 at the tag, HP054 at the verified commit); {_AGAIN}",
    ),
    "git_state/commits_after_runtime": (
        _GIT,
        f"ends at the verified commit (HP071); {_AGAIN}",
    ),
    "git_state/paths_after_runtime": (_GIT, _AGAIN),
    "git_state/manifest_sha256": (
        "the manifest's bytes in the verified commit",
        f"the same bytes at the tag (HP055); {_AGAIN}",
    ),
}
"""Field of the packet to where its value comes from and what checks it."""

_KNOWN = {
    *(
        "$schema",
        "$id",
        "$comment",
        "title",
        "type",
        "description",
        "const",
        "enum",
        "pattern",
        "format",
        "anyOf",
        "allOf",
    ),
    *(
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "dependentRequired",
        "items",
    ),
    *("minItems", "uniqueItems", "minLength", "maxLength", "minimum", "maximum", "minProperties"),
}


def pages(
    schemas: Mapping[str, Mapping[str, Any]],
    origins: Mapping[str, tuple[str, str]] = ORIGINS,
) -> dict[str, str]:
    """Return the page of each schema, by file name.

    Raises:
        ValueError: A keyword is not known to this script, or `ORIGINS` does not match the packet.
    """
    made = {}
    for name, (contract, place) in PAGES.items():
        schema = schemas[contract]
        path = f"../../handoff_tasks/schemas/{contract}.schema.json"
        lines = [
            f"<!-- Generated by docs/generate.py from {contract}.schema.json. "
            "To update: nox -s docs -->",
            "",
            f"# {schema['title']}",
            "",
            f"{schema['description']} {place}",
            "",
            f"The contract is `{contract}`; its [JSON Schema]({path}) is the full definition.",
            f"{_closed(schema)} A field is required unless its type says otherwise. In field",
            "names, `*` stands for each entry of a list and `<key>` for each key of an object.",
            "",
            *_table(("field", "type", "form", "meaning"), fields(schema)),
        ]
        if name == "packet":
            lines += ["", "## Where each value comes from, and what checks it", ""]
            lines += _origins(schema, origins)
        made[f"{name}.md"] = "\n".join(lines) + "\n"
    return made


def rules_page(catalogue: Mapping[str, Rule], families: Mapping[str, str]) -> str:
    """Return the page of all codes.

    Raises:
        ValueError: A code belongs to a family that has no name.
    """
    if strange := sorted(code for code in catalogue if code[:4] not in families):
        raise ValueError(f"FAMILIES in handoff_tasks/codes.py lacks those of {', '.join(strange)}")
    lines = [
        "<!-- Generated by docs/generate.py from codes.py. To update: nox -s docs -->",
        "",
        "# Rules",
        "",
        "This page has every code that a session can report. `HP` codes are problems: a run with",
        "a problem ends in NO-GO. `HA` codes are advisories: they do not change the verdict.",
        "The meaning of a code never changes. Commit ids in the examples are shortened.",
    ]
    for family, about in families.items():
        codes = sorted(code for code in catalogue if code[:4] == family)
        if codes:
            lines += ["", f"## {about}"]
        for code in codes:
            rule = catalogue[code]
            lines += ["", f"### {code}", "", f"**{rule.title}.** {_prose(rule.cause)}"]
            lines += ["", "```text", rule.example, "```", "", f"Remedy: {_prose(rule.remedy)}"]
    return "\n".join(lines) + "\n"


def _prose(text: str) -> str:
    return text.replace("<", "\\<")


def _closed(schema: Mapping[str, Any]) -> str:
    if schema.get("additionalProperties") is False:
        return "No other key is allowed."
    return "Other keys are allowed."


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def fields(schema: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield a table row for each value that a schema describes.

    The rows are in the schema's order; the row of an object comes before those of its fields.
    """
    if unknown := sorted(schema.keys() - _KNOWN):
        raise ValueError(
            f"{where or 'the schema'}: keywords that docs/generate.py does not know: "
            f"{', '.join(unknown)}"
        )
    for name, one, required in _children(schema, where):
        yield f"`{name}`", f"{_type(one)}{required}", _form(one), _cell(one["description"])
        yield from fields(one, f"{name}/")
    for one in schema.get("anyOf", ()):
        yield from fields(one, where)


def _children(
    schema: Mapping[str, Any], where: str
) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Yield each value directly below a value: its name, its schema, and when it is required."""
    for name, one in schema.get("properties", {}).items():
        yield f"{where}{name}", one, _required(schema, name)
    for one in schema.get("patternProperties", {}).values():
        yield f"{where}<key>", one, ""
    if isinstance(schema.get("additionalProperties"), dict):
        yield f"{where}<key>", schema["additionalProperties"], ""
    if "items" in schema:
        yield f"{where}*", schema["items"], ""


def _required(schema: Mapping[str, Any], name: str) -> str:
    """Return what follows the type of a field: nothing if it is required, else when it is."""
    if name in schema.get("required", ()):
        return ""
    for rule in schema.get("allOf", ()):
        if name in rule["else"].get("required", ()):
            word = "not allowed" if "then" in rule else "optional"
            return f"; {word} {_condition(rule['if'])}, else required"
    for key, names in schema.get("dependentRequired", {}).items():
        if name in names:
            return f"; required with `{key}`"
    return "; optional"


def _condition(test: Mapping[str, Any], where: str = "") -> str:
    """Return a condition of a schema in words: a key that has a value, or that is there."""
    for key, value in test.get("properties", {}).items():
        if "const" in value:
            return f"if `{where}{key}` is `{value['const']}`"
        return _condition(value, f"{where}{key}/")
    [key] = test["required"]
    return f"with `{where}{key}`"


def _type(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "type" in schema:
        types = schema["type"]
        return types if isinstance(types, str) else " or ".join(types)
    names = {str: "string", bool: "boolean", type(None): "null"}
    values = schema.get("enum", [schema.get("const")])
    return " or ".join(dict.fromkeys(names[type(value)] for value in values))


def _form(schema: Mapping[str, Any]) -> str:
    """Return what a value looks like: its values, words or pattern, then its limits."""
    if "anyOf" in schema:
        return "; ".join(filter(None, (_form(one) for one in schema["anyOf"])))
    parts = []
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        parts.append(", ".join(_code(value) for value in values))
    elif "$comment" in schema:
        parts.append(_cell(schema["$comment"]))
    elif "pattern" in schema:
        parts.append(_code(_plain(schema["pattern"])))
    parts += [f"keys {_code(_plain(pattern))}" for pattern in schema.get("patternProperties", ())]
    if "propertyNames" in schema:
        parts.append(f"keys {_code(_plain(schema['propertyNames']['pattern']))}")
    return "; ".join(parts + _limits(schema))


def _limits(schema: Mapping[str, Any]) -> list[str]:
    parts = []
    if any(schema.get(key) for key in ("minLength", "minItems", "minProperties")):
        parts.append("not empty")
    if "maxLength" in schema:
        parts.append(f"at most {schema['maxLength']} characters")
    if schema.get("uniqueItems"):
        parts.append("each once")
    if "minimum" in schema:
        parts.append(f"from {schema['minimum']}")
    if "maximum" in schema:
        parts.append(f"to {schema['maximum']}")
    return parts


def _plain(pattern: str) -> str:
    """Return a pattern without the ending that makes every regex engine refuse a last newline."""
    return pattern.removesuffix("$(?!\\n)") + "$"


def _code(value: object) -> str:
    return f"`{_cell(value if isinstance(value, str) else json.dumps(value))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _origins(schema: Mapping[str, Any], origins: Mapping[str, tuple[str, str]]) -> list[str]:
    below = schema["properties"]["git_state"]["properties"]
    names = [*schema["properties"], *(f"git_state/{name}" for name in below)]
    missing = [name for name in names if name not in origins]
    extra = [name for name in origins if name not in names]
    if missing or extra:
        raise ValueError(
            f"ORIGINS in docs/generate.py: missing {missing}, not in the schema {extra}"
        )
    return _table(
        ("field", "comes from", "checked"), ((f"`{name}`", *origins[name]) for name in names)
    )


def sessions_page(sessions: Mapping[str, SessionDefinition], options: Mapping[str, Option]) -> str:
    """Return the page of the sessions and their options."""
    lines = [
        "<!-- Generated by docs/generate.py from handoff_tasks/sessions/table.py -->",
        "",
        "# Sessions and options",
        "",
        "Options follow `--`, as in `nox -s handoff-stable -- --ref v1.0.0`. "
        "A session refuses an option that is not its own;",
        "`nox -s SESSION -- --help` lists them. `handoff_tasks.register` defines the sessions of a",
        "producer, `handoff_tasks.register_consumer` the last four, those of a consumer.",
        "",
        "## Sessions",
        "",
    ]
    rows = (
        (f"[`{name}`](#{_anchor(name)})", _description(session))
        for name, session in sessions.items()
    )
    lines += _table(("session", "what it does"), rows)
    for name, session in sessions.items():
        words = session.usage or " ".join(session.arguments)
        usage = f"nox -s {name} -- [options] {words}".rstrip()
        own = [option for option in session.own_options() if not option.hidden]
        lines += ["", f"## `{name}`", "", _description(session), "", f"`{usage}`", ""]
        lines += _table(
            ("option", "meaning"), ((_option(option), _cell(option.help)) for option in own)
        )
    lines += ["", "## All options", ""]
    lines += _table(("option", "meaning", "sessions"), _option_rows(sessions, options))
    return "\n".join(lines) + "\n"


def _option_rows(
    sessions: Mapping[str, SessionDefinition], options: Mapping[str, Option]
) -> Iterator[tuple[str, str, str]]:
    for flag, option in options.items():
        if not option.hidden:
            names = [f"`{name}`" for name, session in sessions.items() if flag in session.options]
            yield _option(option), _cell(option.help), ", ".join(names)


def _description(session: SessionDefinition) -> str:
    title = {"modes": "mode's", "checks": "its title in the profile"}.get(session.subject, "")
    return _cell(session.description.format(title=title))


def _option(option: Option) -> str:
    return ", ".join(_code(f"{flag} {option.value}".rstrip()) for flag in option.flags)


def _anchor(heading: str) -> str:
    return heading.replace("<", "").replace(">", "")


def main(folder: Path) -> None:
    """Write every page into ``folder``."""
    schemas = {
        path.name.removesuffix(".schema.json"): json.loads(path.read_bytes())
        for path in (HERE.parent / "handoff_tasks" / "schemas").iterdir()
    }
    written = pages(schemas) | {"rules.md": rules_page(CATALOGUE, FAMILIES)}
    written["sessions.md"] = sessions_page({**SESSIONS, **CONSUMER_SESSIONS}, OPTIONS)
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REFERENCE)
