"""Label selectors as kubectl reads them: ``a=b,c!=d,e in (x, y),f notin (z),g,!h``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from allotment.errors import UsageError

Labels = Mapping[str, str]
Requirement = Callable[[Labels], bool]

_KEY: Final = r"(?P<key>[A-Za-z0-9][-A-Za-z0-9_./]*)"
_VALUE: Final = r"(?P<value>[-A-Za-z0-9_.]*)"
_FORMS: Final = (
    (re.compile(rf"{_KEY}\s*(?P<op>==|=|!=)\s*{_VALUE}"), "equality"),
    (re.compile(rf"{_KEY}\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)"), "set"),
    (re.compile(rf"(?P<op>!?)\s*{_KEY}"), "presence"),
)


def parse_selector(text: str) -> Requirement:
    """A predicate over labels; the empty selector selects everything.

    As in Kubernetes, ``!=`` and ``notin`` also select what has no such label.

    Raises:
        UsageError: the text is no selector.
    """
    requirements = [_requirement(part.strip(), text) for part in _split(text)] if text.strip() else []
    return lambda labels: all(requirement(labels) for requirement in requirements)


def named_by(text: str) -> dict[str, frozenset[str]]:
    """By label, the values of which a selector wants one; no entry for what it wants by absence or presence alone."""
    found: dict[str, frozenset[str]] = {}
    for part in _split(text) if text.strip() else ():
        matches = (form.fullmatch(part.strip()) for form, kind in _FORMS if kind != "presence")
        match = next((each for each in matches if each is not None), None)
        if match is not None and match["op"] not in ("!=", "notin"):
            found[match["key"]] = _wanted(match)
    return found


def _wanted(match: re.Match[str]) -> frozenset[str]:
    groups = match.groupdict()
    return frozenset({groups["value"]} if "value" in groups else {each.strip() for each in match["values"].split(",")})


def _split(text: str) -> list[str]:
    """Commas separate requirements, except inside parentheses."""
    return re.split(r",(?![^(]*\))", text)


def _requirement(part: str, whole: str) -> Requirement:
    for form, kind in _FORMS:
        match = form.fullmatch(part)
        if match is not None:
            return _predicate(kind, match)
    raise UsageError(
        f"{whole!r} is not a selector",
        why=f"{part!r} is no requirement",
        fix="write for example -l environment=production,team!=cv or -l 'team in (cv, nlp)'",
    )


def _predicate(kind: str, match: re.Match[str]) -> Requirement:
    key, op = match["key"], match["op"]
    if kind == "presence":
        return lambda labels: (key in labels) is (op != "!")
    wanted = _wanted(match)
    if op in ("!=", "notin"):
        return lambda labels: labels.get(key) not in wanted
    return lambda labels: key in labels and labels[key] in wanted
