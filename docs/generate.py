"""Writes the field tables of ``docs/`` from ``schemas/``, and the rules from the catalogue, so that they cannot differ.

``python docs/generate.py [FOLDER]`` writes every page, beside this file unless told otherwise. What a schema says is taken from
it; who gives and who checks a packet's field stands in `ORIGINS`: in the schema it would need a keyword of our own, and there are
validators (ajv in its strict mode) that refuse a schema with one.
A keyword that is new to this script, and a field that `ORIGINS` lacks, stop it: nothing is left out in silence.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handoff_tasks.codes import CATALOGUE, FAMILIES
from handoff_tasks.sessions.table import OPTIONS, SESSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from handoff_tasks.codes import Rule
    from handoff_tasks.sessions.table import Option, SessionDefinition

HERE = Path(__file__).resolve().parent

PAGES = {
    "packet": ("producer-handoff-packet.v1", "What is published for a consumer, or left as a draft when the verdict is NO-GO."),
    "profile": (
        "producer-profile.v1",
        "A TOML file, chosen with `register(nox, __file__, profile=...)`; the one that is built in is an example.",
    ),
    "record": (
        "producer-outcome-record.v1",
        "`.handoff/evidence/<commit>/<check>.json`, one for each check; the log lies beside it.",
    ),
    "result": ("handoff-result.v1", "What `--result-json PATH` writes, for programs that call a session."),
    "diff": ("handoff-diff.v1", "What `handoff-diff -- OLD NEW --format json` prints."),
    "manifest": ("producer-contract-manifest.v1", "The producer's own document, read from the verified commit."),
}
"""Page to schema, and where the document is met."""

_MANIFEST = "the manifest in the verified commit"
_GIT = "git"
_SHAPE = "schema (HP070)"
_TODAY = "against git, manifest and profile (HP072)"

ORIGINS: Mapping[str, tuple[str, str]] = {
    "handoff_generated_at_utc": ("the verified commit's committer time, or `SOURCE_DATE_EPOCH`", _SHAPE),
    "handoff_mode": ("the session", f"{_SHAPE}; known to the profile (HP072)"),
    "release_tag": (_MANIFEST, "equals the baseline's, and ends the tag's name (HP071)"),
    "commit_sha": (
        _MANIFEST,
        "equals the baseline's and `git_state/runtime_commit` (HP071); a commit of the history (HP050, HP051)",
    ),
    "expected_service_contract_version": (
        "stable: the manifest; a rehearsal: the profile's mode",
        f"stable: equals the baseline's (HP071); the runtime commit states the manifest's (HP056); {_TODAY}",
    ),
    "expected_api_contract_version": (_MANIFEST, "equals the baseline's (HP071)"),
    "integration_baseline": (_MANIFEST, "equals the baseline's (HP071)"),
    "active_runtime_baseline": (_MANIFEST, f"the same values at the tag (HP055); {_TODAY}"),
    "error_code_enum": (_MANIFEST, f"{_SHAPE}; {_TODAY}"),
    "non_2xx_envelope_policy": (
        "the profile's envelope policies, chosen by the service versions",
        f"has the version in use and the rehearsed one (HP057, HP071); {_TODAY}",
    ),
    "manifest_contract_version": (_MANIFEST, f"the manifest's schema (HP021); {_SHAPE}"),
    "manifest_path": ("the profile", f"the commit holds the file (HP020); {_TODAY}"),
    "changelog_path": ("the profile", f"the commit holds the file (HP022); {_TODAY}"),
    "verification_commands": ("the profile's checks", f"those of `verification_outcomes`, in order (HP071); {_TODAY}"),
    "consumer_impact_statement_template": ("the same as `consumer_impact_statement`", "equals it (HP071)"),
    "rehearsal_candidate": ("the profile's mode", f"{_SHAPE}; {_TODAY}"),
    "compatibility_expectations": ("the profile's mode", f"{_SHAPE}; {_TODAY}"),
    "required_consumer_validation_commands": ("the profile's mode", f"{_SHAPE}; {_TODAY}"),
    "packet_contract_version": ("the library", _SHAPE),
    "producer": ("the profile, and where it is", f"the profile is the one that the packet names (HP072, HP074); {_TODAY}"),
    "verdict": ("GO when there is no problem", "a GO contradicts no other field (HP071); a draft is refused (HP073)"),
    "verification_outcomes": (
        "the outcome records of the verified commit",
        "each has a record that can be believed and is of this commit, profile and command (HP047); each passed (HP043 to HP046); "
        "each id once (HP071)",
    ),
    "git_state": (_GIT, "see its fields"),
    "consumer_impact_statement": (
        "the changelog's section of the release, or `--impact FILE`",
        "before publishing: complete and filled in (HP060 to HP062), repin and rollback lines (HP063, HP064, "
        'HP082); no "none" that git refutes (HP068, HP069)',
    ),
    "advisories": ("the rules (HA010, HA011, HA013 to HA015, HA017, HA018)", _SHAPE),
    "problems": ("the rules", "only in a draft: schema (HP070)"),
    "handoff_generated_at_source": ("whether `SOURCE_DATE_EPOCH` is set", _SHAPE),
    "git_state/verified_commit": ("`--ref`, resolved once", f"each record is of this commit (HP047); {_TODAY}"),
    "git_state/verified_tree": (_GIT, f"each record is of this tree (HP047); {_TODAY}"),
    "git_state/producer_path": ("`--producer-root` and git", f"each record is of this path (HP047); {_TODAY}"),
    "git_state/tag": (
        "`refs/tags/` of the producer's repository",
        f"there is a tag, or `--allow-untagged` (HP052); it did not move during the run (HP058); its kind, "
        f"its object's name and what else bears its name (HP065 to HP067); {_TODAY}",
    ),
    "git_state/runtime_commit": (_MANIFEST, "equals `commit_sha` (HP071); exists (HP050)"),
    "git_state/runtime_to_tag": (_GIT, f"same or ancestor (HP051); agrees with the commits named (HP071); {_TODAY}"),
    "git_state/runtime_to_verified": (_GIT, f"same or ancestor (HP050, HP051); agrees with the commits named (HP071); {_TODAY}"),
    "git_state/runtime_paths_identical": (
        "git and the profile's runtime paths",
        f"true (HP053 at the tag, HP054 at the verified commit); {_TODAY}",
    ),
    "git_state/commits_after_runtime": (_GIT, f"ends at the verified commit (HP071); {_TODAY}"),
    "git_state/paths_after_runtime": (_GIT, _TODAY),
    "git_state/manifest_sha256": (
        "the manifest's bytes in the verified commit",
        f"the same bytes at the tag (HP055); {_TODAY}",
    ),
}
"""Field of the packet to where its value comes from and what checks it, before publishing or in ``handoff-verify``."""

_KNOWN = {
    *("$schema", "$id", "$comment", "title", "type", "description", "const", "enum", "pattern", "format", "anyOf", "allOf"),
    *("properties", "required", "additionalProperties", "patternProperties", "propertyNames", "dependentRequired", "items"),
    *("minItems", "uniqueItems", "minLength", "maxLength", "minimum", "maximum", "minProperties"),
}


def pages(schemas: Mapping[str, Mapping[str, Any]], origins: Mapping[str, tuple[str, str]] = ORIGINS) -> dict[str, str]:
    """Return every page, name to text. ``schemas`` are the parsed ones by name. Raises `ValueError` at what it does not know."""
    made = {}
    for name, (contract, place) in PAGES.items():
        schema = schemas[contract]
        lines = [
            f"<!-- Written by docs/generate.py from handoff_tasks/schemas/{contract}.schema.json; then run: nox -s docs -->",
            "",
            f"# {schema['title']}",
            "",
            f"{schema['description']} {place}",
            "",
            f"Contract `{contract}`, described in full by [its JSON Schema](../handoff_tasks/schemas/{contract}.schema.json).",
            f"{_closed(schema)} In the names, `*` stands for each entry of a list and `<key>` for each key of an object.",
            "",
            *_table(("field", "type", "required", "form", "meaning"), fields(schema)),
        ]
        if name == "packet":
            lines += ["", "## Where each value comes from, and what checks it", "", *_origins(schema, origins)]
        made[f"{name}.md"] = "\n".join(lines) + "\n"
    return made


def rules_page(catalogue: Mapping[str, Rule], families: Mapping[str, str]) -> str:
    """Return the page of the rules. Raises `ValueError` at a code whose family has no name."""
    if strange := sorted(code for code in catalogue if code[:4] not in families):
        raise ValueError(f"FAMILIES in handoff_tasks/codes.py lacks those of {', '.join(strange)}")
    lines = [
        "<!-- Written by docs/generate.py from handoff_tasks/codes.py; change that, then run: nox -s docs -->",
        "",
        "# Rules",
        "",
        "Every code that a run can say. `HP` is a problem: with one there is no GO. `HA` is an advisory: it stops nothing.",
        "A code keeps its meaning for ever. The examples are shortened: `1111...` stands for 40 digits.",
    ]
    for family, about in families.items():
        rows = sorted((code, rule) for code, rule in catalogue.items() if code[:4] == family)
        cells = (
            (f'<a id="{code.lower()}"></a>`{code}`', rule.title, rule.cause, f"`{rule.example}`", rule.remedy)
            for code, rule in rows
        )
        if rows:
            head = ("code", "finding", "cause", "example", "remedy")
            lines += ["", f"## {about}", "", *_table(head, (tuple(map(_cell, row)) for row in cells))]
    return "\n".join(lines) + "\n"


def _closed(schema: Mapping[str, Any]) -> str:
    return "No other key is allowed." if schema.get("additionalProperties") is False else "Other keys are allowed."


def _table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *(f"| {' | '.join(row)} |" for row in rows)]


def fields(schema: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, str, str, str, str]]:
    """Yield a row for each value that a schema describes, an object's before those of its fields, in the schema's order."""
    if unknown := sorted(schema.keys() - _KNOWN):
        raise ValueError(f"{where or 'the schema'}: keywords that docs/generate.py does not know: {', '.join(unknown)}")
    inner = [(f"{where}{name}", one, _required(schema, name)) for name, one in schema.get("properties", {}).items()]
    inner += [(f"{where}<key>", one, "") for one in schema.get("patternProperties", {}).values()]
    inner += [(f"{where}<key>", schema["additionalProperties"], "")] if isinstance(schema.get("additionalProperties"), dict) else []
    inner += [(f"{where}*", schema["items"], "")] if "items" in schema else []
    for name, one, required in inner:
        yield f"`{name}`", _type(one), required, _form(one), _cell(one["description"])
        yield from fields(one, f"{name}/")
    for one in schema.get("anyOf", ()):
        yield from fields(one, where)


def _required(schema: Mapping[str, Any], name: str) -> str:
    """Return "yes", "no", or the condition of one that a condition or another field asks for."""
    if name in schema.get("required", ()):
        return "yes"
    for rule in schema.get("allOf", ()):
        [(key, wanted)] = rule["if"]["properties"].items()
        if name in rule["else"].get("required", ()):
            return f"unless `{key}` is `{wanted['const']}`, then not allowed"
    for key, names in schema.get("dependentRequired", {}).items():
        if name in names:
            return f"with `{key}`"
    return "no"


def _type(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "type" in schema:
        return schema["type"] if isinstance(schema["type"], str) else " or ".join(schema["type"])
    values = schema.get("enum", [schema.get("const")])
    return " or ".join(dict.fromkeys({str: "string", bool: "boolean", type(None): "null"}[type(value)] for value in values))


def _form(schema: Mapping[str, Any]) -> str:
    """Return what a value looks like: in words where the schema has them, else the values or the pattern, then the limits."""
    if "anyOf" in schema:
        return "; ".join(filter(None, (_form(one) for one in schema["anyOf"])))
    parts = []
    if "const" in schema or "enum" in schema:
        parts.append(", ".join(_code(value) for value in schema.get("enum", [schema.get("const")])))
    elif "$comment" in schema:
        parts.append(_cell(schema["$comment"]))
    elif "pattern" in schema:
        parts.append(_code(_plain(schema["pattern"])))
    parts += [f"keys {_code(_plain(pattern))}" for pattern in schema.get("patternProperties", ())]
    parts += [f"keys {_code(_plain(schema['propertyNames']['pattern']))}"] if "propertyNames" in schema else []
    low, high = schema.get("minLength"), schema.get("maxLength")
    parts += ["not empty"] if low or schema.get("minItems") or schema.get("minProperties") else []
    parts += [f"at most {high} characters"] if high else []
    parts += ["each once"] if schema.get("uniqueItems") else []
    parts += [f"from {schema['minimum']}"] if "minimum" in schema else []
    parts += [f"to {schema['maximum']}"] if "maximum" in schema else []
    return "; ".join(parts)


def _plain(pattern: str) -> str:
    """Return a pattern without the ending that refuses a last newline in every engine."""
    return pattern.removesuffix("$(?!\\n)") + "$"


def _code(value: object) -> str:
    return f"`{_cell(value if isinstance(value, str) else json.dumps(value))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _origins(schema: Mapping[str, Any], origins: Mapping[str, tuple[str, str]]) -> list[str]:
    names = [*schema["properties"], *(f"git_state/{name}" for name in schema["properties"]["git_state"]["properties"])]
    missing, foreign = [name for name in names if name not in origins], [name for name in origins if name not in names]
    if missing or foreign:
        raise ValueError(f"ORIGINS in docs/generate.py: missing {missing}, not in the schema {foreign}")
    rows = ((f"`{name}`", *origins[name]) for name in names)
    return _table(("field", "comes from", "checked"), rows)


def sessions_page(
    sessions: Mapping[str, SessionDefinition], options: Mapping[str, Option]
) -> str:
    """Return the page of the sessions and their options."""
    lines = [
        "<!-- Written by docs/generate.py from handoff_tasks/sessions/table.py; change that, then run: nox -s docs -->",
        "",
        "# Sessions and options",
        "",
        "Options follow `--`, as in `nox -s handoff-stable -- --ref v1.0.0`. A session refuses an option that is not its own;",
        "`nox -s SESSION -- --help` lists them.",
        "",
        "## Sessions",
        "",
    ]
    rows = ((f"[`{name}`](#{_anchor(name)})", _description(session)) for name, session in sessions.items())
    lines += _table(("session", "what it does"), rows)
    for name, session in sessions.items():
        words = session.usage or " ".join(session.arguments)
        usage = f"nox -s {name} -- [options] {words}".rstrip()
        own = [option for option in session.own_options() if not option.hidden]
        lines += ["", f"## `{name}`", "", _description(session), "", f"`{usage}`", ""]
        lines += _table(("option", "meaning"), ((_option(option), _cell(option.help)) for option in own))
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
    written["sessions.md"] = sessions_page(SESSIONS, OPTIONS)
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
