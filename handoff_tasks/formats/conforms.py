"""Test quickly whether a document follows its schema.

jsonschema takes 80 ms to import and ten times as long for each record, so it is used only for a
document that this test does not accept.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Test = Callable[[Any], bool]
    Keyword = Callable[[Any, Mapping[str, Any]], Test]
_TYPES = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}
_ANNOTATIONS = frozenset({"$schema", "$id", "$comment", "title", "description", "then", "else"})
# Days that every month has; datetime, which takes thirty times as long, checks the others.
_PLAIN_DATE = re.compile(
    r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z",
    re.ASCII,
)


def test(schema: Mapping[str, Any]) -> Test:
    """Return a function that returns whether a JSON value follows ``schema`` (draft 2020-12).

    False may also mean "not known".
    """
    keywords = [keyword for keyword in schema if keyword not in _ANNOTATIONS]
    # One test covers the three keywords about an object's keys.
    later = [keyword for keyword in keywords if _KEYWORDS.get(keyword) is _properties][1:]
    tests = [
        (_KEYWORDS.get(keyword) or _unknown)(schema[keyword], schema)
        for keyword in keywords
        if keyword not in later
    ]
    if len(tests) == 1:
        return tests[0]
    return lambda value: all([one(value) for one in tests])  # noqa: C419 - a list is twice as fast as a generator here


def is_date_time(value: str) -> bool:
    """Return whether a text is a date and time of the form ``YYYY-MM-DDTHH:MM:SSZ``."""
    if _PLAIN_DATE.fullmatch(value):
        return True
    try:
        datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - only the form matters
    except ValueError:
        return False
    return True


def _unknown(_value: object, _schema: Mapping[str, Any]) -> Test:
    return lambda _: False


def _type(wanted: str | list[str], _schema: Mapping[str, Any]) -> Test:
    # Exact types: a bool is not an integer. jsonschema decides about types that JSON does not have.
    types = tuple(_TYPES.get(name) for name in ([wanted] if isinstance(wanted, str) else wanted))
    only = types[0] if len(types) == 1 else None
    return (lambda value: type(value) is only) if only else (lambda value: type(value) in types)


def _const(expected: object, _schema: Mapping[str, Any]) -> Test:
    if isinstance(expected, dict | list):
        text = json.dumps(expected, sort_keys=True)
        return lambda value: (
            isinstance(value, dict | list)
            and json.dumps(value, sort_keys=True, default=str) == text
        )
    return lambda value: type(value) is type(expected) and value == expected


def _enum(expected: list[object], schema: Mapping[str, Any]) -> Test:
    tests = [_const(one, schema) for one in expected]
    return lambda value: any(one(value) for one in tests)


def _pattern(pattern: str, _schema: Mapping[str, Any]) -> Test:
    search = re.compile(pattern).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _format(name: str, _schema: Mapping[str, Any]) -> Test:
    if name != "date-time":
        return lambda _: False
    return lambda value: not isinstance(value, str) or is_date_time(value)


def _least(
    kind: type, measure: Test | Callable[[Any], int], sign: int
) -> Callable[[int, Mapping[str, Any]], Test]:
    """Return a keyword that bounds what ``measure`` says of values of one type.

    From below (1) or above (-1).
    """

    def keyword(bound: int, _schema: Mapping[str, Any]) -> Test:
        return lambda value: not isinstance(value, kind) or (measure(value) - bound) * sign >= 0

    return keyword


def _properties(_value: object, schema: Mapping[str, Any]) -> Test:
    """Return the test of an object's keys.

    ``properties``, ``patternProperties`` and ``additionalProperties`` in one.
    """
    named = {key: test(inner) for key, inner in schema.get("properties", {}).items()}
    patterns = [
        (re.compile(pattern).search, test(inner))
        for pattern, inner in schema.get("patternProperties", {}).items()
    ]
    rest = schema.get("additionalProperties", True)
    others: Test = (lambda _: rest) if isinstance(rest, bool) else test(rest)

    def fits(key: str, value: object) -> bool:
        tests = [one for search, one in patterns if search(key)]
        if key in named:
            tests.append(named[key])
        return all(one(value) for one in tests) if tests else others(value)

    if patterns:
        return lambda value: (
            not isinstance(value, dict) or all(fits(key, inner) for key, inner in value.items())
        )
    return _named_only(named, others)


def _named_only(named: Mapping[str, Test], others: Test) -> Test:
    def test_object(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        return all([named.get(key, others)(inner) for key, inner in value.items()])  # noqa: C419

    return test_object


def _items(inner: Mapping[str, Any], _schema: Mapping[str, Any]) -> Test:
    each = test(inner)
    return lambda value: not isinstance(value, list) or all(each(item) for item in value)


def _unique(expected: object, _schema: Mapping[str, Any]) -> Test:
    if not expected:
        return lambda _: True
    # Only texts; jsonschema decides whether other values are equal.
    return lambda value: (
        not isinstance(value, list)
        or (all(isinstance(item, str) for item in value) and len(set(value)) == len(value))
    )


def _required(keys: list[str], _schema: Mapping[str, Any]) -> Test:
    wanted = frozenset(keys)
    return lambda value: not isinstance(value, dict) or wanted <= value.keys()


def _dependent_required(keys: Mapping[str, list[str]], _schema: Mapping[str, Any]) -> Test:
    return lambda value: (
        not isinstance(value, dict)
        or all(value.keys() >= set(needed) for key, needed in keys.items() if key in value)
    )


def _property_names(inner: Mapping[str, Any], _schema: Mapping[str, Any]) -> Test:
    each = test(inner)
    return lambda value: not isinstance(value, dict) or all(each(key) for key in value)


def _any_of(choices: list[Mapping[str, Any]], _schema: Mapping[str, Any]) -> Test:
    tests = [test(choice) for choice in choices]
    return lambda value: any(one(value) for one in tests)


def _all_of(parts: list[Mapping[str, Any]], _schema: Mapping[str, Any]) -> Test:
    tests = [test(part) for part in parts]
    return lambda value: all(one(value) for one in tests)


def _if(condition: Mapping[str, Any], schema: Mapping[str, Any]) -> Test:
    met, then, otherwise = (
        test(condition),
        test(schema.get("then", {})),
        test(schema.get("else", {})),
    )
    return (
        (lambda value: then(value) if met(value) else otherwise(value))
        if _exact(condition)
        else (lambda _: False)
    )


def _not(inner: Mapping[str, Any], _schema: Mapping[str, Any]) -> Test:
    found = test(inner)
    return (lambda value: not found(value)) if _exact(inner) else (lambda _: False)


def _exact(schema: Mapping[str, Any]) -> bool:
    """Return whether False from this schema's test means "no", so that it can be negated."""
    for keyword, value in schema.items():
        inner = {
            "properties": list(value.values()) if keyword == "properties" else [],
            "anyOf": value,
        }.get(keyword)
        plain = keyword == "required" or (keyword == "const" and isinstance(value, str))
        if not plain and (inner is None or not all(_exact(one) for one in inner)):
            return False
    return True


_KEYWORDS: Mapping[str, Keyword] = {
    "additionalProperties": _properties,
    "allOf": _all_of,
    "anyOf": _any_of,
    "const": _const,
    "dependentRequired": _dependent_required,
    "enum": _enum,
    "format": _format,
    "if": _if,
    "items": _items,
    "maximum": _least(int, lambda value: value, -1),
    "maxLength": _least(str, len, -1),
    "minimum": _least(int, lambda value: value, 1),
    "minItems": _least(list, len, 1),
    "minLength": _least(str, len, 1),
    "minProperties": _least(dict, len, 1),
    "not": _not,
    "pattern": _pattern,
    "patternProperties": _properties,
    "properties": _properties,
    "propertyNames": _property_names,
    "required": _required,
    "type": _type,
    "uniqueItems": _unique,
}
