"""Checks of parsed JSON, put together into shapes: each looks at a value and names the field that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

from allotment.errors import InputError
from allotment.model.spelling import nearest

Check = Callable[[object, str], None]
OWN: Final = "x-"
"""How the names of fields begin that users add for themselves; they are left alone."""


def wrong(path: str, value: object, wanted: str, near: str = "") -> InputError:
    """What to say of a value that is not what the format wants; `near` is what was probably meant."""
    shown = repr(value)
    return InputError(
        f"{path or 'the line'} is {shown if len(shown) <= 60 else shown[:59] + '…'}, not {wanted}",
        fix=f"did you mean {near!r}?" if near else "compare the line with the scenario format (docs/engine.md)",
    )


def unknown(path: str, key: str, known: Collection[str]) -> InputError:
    """What to say of a field that the format does not have."""
    near = nearest(key, known)
    return InputError(
        f"{path} is not a field of the scenario format",
        why="" if near else f"known here are {', '.join(sorted(known))}",
        fix=f"did you mean {near!r}?" if near else f"take it away; a note of your own begins with {OWN!r}",
    )


def text(value: object, path: str) -> None:
    """Any text."""
    if not isinstance(value, str):
        raise wrong(path, value, "text")


def name(value: object, path: str) -> None:
    """Text that is not empty."""
    if not isinstance(value, str) or not value:
        raise wrong(path, value, "a name")


def flag(value: object, path: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong(path, value, "true or false")


def whole(value: object, path: str) -> None:
    """A whole number that fits 63 bits."""
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 62:
        raise wrong(path, value, "a whole number")


def amount(value: object, path: str) -> None:
    """A whole number of at least 0."""
    whole(value, path)
    if isinstance(value, int) and value < 0:
        raise wrong(path, value, "a whole number of at least 0")


def positive(value: object, path: str) -> None:
    """A whole number of at least 1."""
    amount(value, path)
    if value == 0:
        raise wrong(path, value, "a whole number of at least 1")


def number(value: object, path: str) -> None:
    """A number of at least 0."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e18:
        raise wrong(path, value, "a number of at least 0")


def each(check: Check, *, some: bool = False) -> Check:
    """A list whose items are all like this; with `some`, not an empty one."""

    def checked(value: object, path: str) -> None:
        if not isinstance(value, list) or (some and not value):
            raise wrong(path, value, "a list that is not empty" if some else "a list")
        for index, item in enumerate(value):
            check(item, f"{path}[{index}]")

    return checked


def named(check: Check, *, some: bool = False) -> Check:
    """A list of objects no two of which have the same name."""
    listed = each(check, some=some)

    def checked(value: object, path: str) -> None:
        listed(value, path)
        seen: set[str] = set()
        for index, item in enumerate(value if isinstance(value, list) else ()):
            if item["name"] in seen:
                raise InputError(f"{path}[{index}]: a second {item['name']!r}", fix="give each its own name")
            seen.add(item["name"])

    return checked


def by_name(check: Check) -> Check:
    """An object with free keys."""

    def checked(value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise wrong(path, value, "an object")
        for key, item in value.items():
            check(item, f"{path}[{key!r}]")

    return checked


def fields(
    required: Mapping[str, Check], optional: Mapping[str, Check] | None = None, *, beside: Collection[str] | None = ()
) -> Check:
    """An object with these fields and no others: a misspelt one would change the answer without a word.

    Args:
        required: fields that must be there.
        optional: fields that may be.
        beside: further fields, read by others and left alone here; None = any.
    """
    may = optional or {}
    known = None if beside is None else {*required, *may, *beside}

    def checked(value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise wrong(path, value, "an object")
        dotted = f"{path}." if path else ""
        for key in value:
            if known is not None and key not in known and not key.startswith(OWN):
                raise unknown(f"{dotted}{key}", key, known)
        for key, check in required.items():
            if key not in value:
                raise InputError(
                    f"{dotted}{key} is missing", fix="compare the line with the scenario format (docs/engine.md)"
                )
            check(value[key], f"{dotted}{key}")
        for key, check in may.items():
            if key in value:
                check(value[key], f"{dotted}{key}")

    return checked


def one_of(*allowed: str) -> Check:
    """One of these words."""

    def checked(value: object, path: str) -> None:
        if value not in allowed:
            near = nearest(value, allowed) if isinstance(value, str) else ""
            raise wrong(path, value, f"one of {', '.join(each or repr(each) for each in allowed)}", near)

    return checked


def one_list_of(*allowed: tuple[str, ...]) -> Check:
    """A list of words that is one of these, order included."""
    shown = " or ".join(f"[{', '.join(words)}]" for words in allowed)

    def checked(value: object, path: str) -> None:
        if not isinstance(value, list) or tuple(value) not in allowed:
            raise wrong(path, value, shown)

    return checked


def either(check: Check, word: str) -> Check:
    """A value like this, or this one word."""

    def checked(value: object, path: str) -> None:
        if value != word:
            check(value, path)

    return checked


def number_or(check: Check) -> Check:
    """A whole number of at least 0, or a value like this."""

    def checked(value: object, path: str) -> None:
        (amount if isinstance(value, int | float) else check)(value, path)

    return checked


def by_kind(shapes: Mapping[str, Check]) -> Check:
    """An object whose field `kind` says what else is in it."""
    kind = fields({"kind": one_of(*shapes)}, beside=None)

    def checked(value: object, path: str) -> None:
        kind(value, path)
        if isinstance(value, dict):
            shapes[value["kind"]](value, path)

    return checked


TEXTS: Final = by_name(text)
AMOUNTS: Final = by_name(amount)
_EFFECTS: Final = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
TAINTS: Final = each(fields({"key": name, "effect": one_of(*_EFFECTS)}, {"value": text}))
TOLERATIONS: Final = each(
    fields(
        {},
        {
            "key": text,
            "operator": one_of("Equal", "Exists", ""),
            "value": text,
            "effect": one_of(*_EFFECTS, ""),
            "tolerationSeconds": whole,
        },
    )
)
REQUIREMENTS: Final = each(fields({"key": name, "operator": one_of(*_OPERATORS)}, {"values": each(text)}))
