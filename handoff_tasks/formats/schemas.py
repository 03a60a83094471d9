"""Load the schemas, and validate documents against them.

Violations come back as problems with a JSON pointer each.
"""

from __future__ import annotations

import difflib
import functools
import importlib.resources
import json
import re
from typing import TYPE_CHECKING, cast

from handoff_tasks.formats import conforms
from handoff_tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from jsonschema.exceptions import ValidationError

CONSUMER_PROFILE = "consumer-profile.v1"
DIFF = "handoff-diff.v1"
MANIFEST = "producer-contract-manifest.v1"
PACKET = "producer-handoff-packet.v1"
PROFILE = "producer-profile.v1"
RECEIPT = "consumer-repin-receipt.v1"
RECORD = "producer-outcome-record.v1"
RELEASE_MANIFEST = "producer-release-manifest.v1"
RESULT = "handoff-result.v1"


@functools.cache
def schema(name: str) -> dict[str, Any]:
    """Return the parsed schema of a contract, such as `PACKET`.

    Raises `OSError` if the installation is broken.
    """
    file = importlib.resources.files("handoff_tasks") / "schemas" / f"{name}.schema.json"
    return cast("dict[str, Any]", json.loads(file.read_bytes()))


_LONGEST = 160
_validators: dict[str, Any] = {}
_tests: dict[str, conforms.Test] = {}


def violations(
    document: object, schema: Mapping[str, Any], *, where: str, code: str, hint: str
) -> list[Problem]:
    """Return a problem per violation of ``schema`` (draft 2020-12, formats asserted), sorted.

    None when it holds.

    ``where`` names the document; the JSON pointer of the place is appended to it. ``code`` and
    ``hint`` go into each problem.
    """
    if _test(schema)(document):
        return []
    if not isinstance(document, dict) and schema.get("type") == "object":
        # The other violations would be of its keys.
        message = f"found {_short(document)}; expected object"
        return [Problem(code=code, where=f"{where}#", message=message, hint=hint)]
    found = [
        Problem(
            code=code, where=f"{where}#{pointer(error.absolute_path)}", message=message, hint=hint
        )
        for violation in _validator(schema).iter_errors(document)
        for error in _innermost(violation)
        for message in _messages(error)
    ]
    return sorted(set(found))


def _test(schema: Mapping[str, Any]) -> conforms.Test:
    key = str(schema["$id"])
    if key not in _tests:
        _tests[key] = conforms.test(schema)
    return _tests[key]


def pointer(path: Iterable[str | int]) -> str:
    """Return the JSON pointer (RFC 6901) of a path of keys and indexes."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def pointer_parts(pointer: str) -> list[str]:
    """Return the keys and indexes of a JSON pointer (RFC 6901), as texts."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `` (did you mean X?)`` for the known word nearest to ``word``, or an empty text."""
    known = list(known)
    close = [
        one for one in known if len(word) > 3 and one.startswith(word)
    ] or difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _validator(schema: Mapping[str, Any]) -> Any:
    from jsonschema import Draft202012Validator, FormatChecker
    from referencing import Registry

    key = str(schema["$id"])
    if key not in _validators:
        formats = FormatChecker(formats=())
        formats.checks("date-time")(
            lambda value: not isinstance(value, str) or conforms.is_date_time(value)
        )
        registry: Registry[Any] = Registry()
        _validators[key] = Draft202012Validator(schema, registry=registry, format_checker=formats)
    return _validators[key]


def _innermost(error: ValidationError) -> Iterator[ValidationError]:
    """Yield the errors themselves.

    For a value that may also be null, those of its first form, each with its own place.
    """
    first = [inner for inner in error.context or () if inner.relative_schema_path[0] == 0]
    if error.validator != "anyOf" or not first:
        yield error
    for inner in first if error.validator == "anyOf" else ():
        yield from _innermost(inner)


def _messages(error: ValidationError) -> Sequence[str]:
    """Return what an error says: one message for each key, or one for the value."""
    value: Any = error.instance
    expected: Any = error.validator_value
    schema = cast("Mapping[str, Any]", error.schema)
    match error.validator:
        case "required":
            # jsonschema reports each missing key; the caller removes the duplicates.
            return [f"the key {key} is missing" for key in expected if key not in value]
        case "dependentRequired":
            return _dependent_keys(value, expected)
        case "additionalProperties" if expected is False:
            known = [*schema.get("properties", {})]
            names = ", ".join(known) or "none"
            unknown = [key for key in value if key not in known and not _matches(key, schema)]
            return [f"unknown key {key}{nearest(key, known)}; known: {names}" for key in unknown]
        case "not":
            return ["this combination of keys is not allowed here: " + _forbidden(error)]
        case "uniqueItems":
            repeated = [item for number, item in enumerate(value) if item in value[:number]]
            return [f"duplicate item {_short(repeated[0])}"]
        case "pattern":
            form = schema.get("$comment", f"the form {_form(expected)}")
            return [f"found {_short(value)}; expected {form}"]
        case _:
            return [_value_message(error)]


def _dependent_keys(value: Any, dependencies: Mapping[str, Sequence[str]]) -> list[str]:
    messages = []
    for given, keys in dependencies.items():
        missing = [key for key in keys if given in value and key not in value]
        messages += [f"the key {key} is missing; {given} needs it" for key in missing]
    return messages


def _value_message(error: ValidationError) -> str:
    """Return what a value is and what was expected; jsonschema's message for other keywords."""
    value: Any = error.instance
    expected: Any = error.validator_value
    texts: dict[str, Callable[[], str]] = {
        "enum": lambda: f"one of {', '.join(map(_short, expected))}",
        "const": lambda: _short(expected),
        "type": lambda: expected if isinstance(expected, str) else " or ".join(expected),
        "format": lambda: "a date and time of the form YYYY-MM-DDTHH:MM:SSZ",
    }
    keyword = str(error.validator)
    if keyword in texts:
        return f"found {_short(value)}; expected {texts[keyword]()}"
    if keyword in {"maxLength", "maxItems"}:
        return f"found {_short(value)} ({len(value)}); expected at most {expected}"
    if keyword in {"minItems", "minLength", "minProperties"}:
        return f"found {_short(value)}; expected at least {expected}"
    return error.message if len(error.message) <= _LONGEST else error.message[:_LONGEST] + "..."


def _matches(key: str, schema: Mapping[str, Any]) -> bool:
    return any(re.search(pattern, key) for pattern in schema.get("patternProperties", {}))


def _forbidden(error: ValidationError) -> str:
    rule: Any = error.validator_value
    given: Any = error.instance
    groups = [group.get("required", []) for group in rule.get("anyOf", [rule])]
    return ", ".join(key for group in groups for key in group if key in given)


def _form(pattern: str) -> str:
    return pattern.removeprefix("^").removesuffix("$(?!\\n)")


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
