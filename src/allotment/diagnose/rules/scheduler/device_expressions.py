"""Expressions that select devices (CEL): what they say of a device, so far as they are of the forms that claims use.

Read are the driver, comparisons of attributes and of capacities, and what `&&`, `||`, `!` and parentheses make of
these. Of anything else nothing is said, and neither is of an attribute that a device does not have.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from allotment.model.observed.nodes import Device
from allotment.scheduling.snapshot.quantities import billionths

_COMPARED: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_SIGN: Final = r"(?P<sign>==|!=|>=|<=|>|<)"
_WHERE: Final = r"""device\.(?P<kind>attributes|capacity)\[\s*["'](?P<domain>[^"']+)["']\s*\]\.(?P<name>\w+)"""
_QUANTITY: Final = r"""quantity\(\s*["'](?P<amount>[^"']+)["']\s*\)"""
_AMOUNT_ALONE: Final = re.compile(_QUANTITY)
_DRIVER: Final = re.compile(rf"""device\.driver\s*{_SIGN}\s*(?P<value>"[^"]*"|'[^']*')""")
_AMOUNT: Final = re.compile(rf"{_WHERE}\.compareTo\(\s*{_QUANTITY}\s*\)\s*{_SIGN}\s*0")
_AGAINST: Final = re.compile(rf"{_WHERE}\.is(?P<word>Greater|Less)Than\(\s*{_QUANTITY}\s*\)")
_VALUE: Final = re.compile(rf"""{_WHERE}\s*{_SIGN}\s*(?P<value>"[^"]*"|'[^']*'|-?\d+|true|false)""")
_BARE: Final = re.compile(_WHERE)
_OPENING: Final = "([{"
_CLOSING: Final = ")]}"
_DEEPEST: Final = 20
"""Parentheses within each other that are followed."""


@dataclass(frozen=True, slots=True)
class PublishedDevice:
    """A device with what its slice says of it.

    Attributes:
        node: where it can be used; empty = on several.
        taken: a claim has it.
    """

    driver: str
    device: Device
    node: str
    taken: bool

    def value(self, kind: str, domain: str, name: str) -> Any:
        """An attribute, or a capacity as it is written; None if it has none of that name."""
        listed = self.device.attributes if kind == "attributes" else self.device.capacity
        typed = listed.get(f"{domain}/{name}")
        if typed is None and domain == self.driver:
            typed = listed.get(name)
        # Versions compare by rules of their own, which are not read here.
        return next(iter(typed.values()), None) if typed and "version" not in typed else None


@dataclass(frozen=True, slots=True)
class DeviceTerm:
    """A comparison with one value.

    Attributes:
        text: as it stands in the expression.
        wanted: the value of the expression: text, number, truth, or a quantity as it is written.
    """

    text: str
    kind: str
    domain: str
    name: str
    sign: str
    wanted: Any

    def of(self, each: PublishedDevice) -> bool | None:
        """What it says of a device."""
        has = each.driver if self.kind == "driver" else each.value(self.kind, self.domain, self.name)
        if has is None:
            return None
        if self.kind == "capacity":
            return _COMPARED[self.sign](billionths(has), billionths(self.wanted))
        if type(has) is not type(self.wanted):
            return None
        return _COMPARED[self.sign](has, self.wanted)

    def asking(self, value: Any) -> str:
        """The same comparison with another value."""
        if self.kind == "capacity":
            return _AMOUNT_ALONE.sub(lambda _: f'quantity("{value}")', self.text)
        found = _VALUE.fullmatch(self.text)
        start = self.text if found is None else self.text[: found.start("value")]
        return f"{start}{json.dumps(value)}" if found is not None else f"{start} == {json.dumps(value)}"


def says(expression: str, each: PublishedDevice, depth: int = 0) -> bool | None:
    """Whether an expression selects a device; None where that cannot be told."""
    text = _bared(expression)
    if depth > _DEEPEST:
        return None
    for sign, decides in (("||", True), ("&&", False)):
        parts = _split(text, sign)
        if len(parts) > 1:
            unsure = False
            for part in parts:
                said = says(part, each, depth + 1)
                if said is decides:
                    return decides
                unsure = unsure or said is None
            return None if unsure else not decides
    if text.startswith("!"):
        inner = says(text[1:], each, depth + 1)
        return None if inner is None else not inner
    term = term_of(text)
    return None if term is None else term.of(each)


def terms_of(expression: str) -> Iterator[DeviceTerm | None]:
    """The conditions that must all hold; None for one that is no plain comparison."""
    for part in _split(_bared(expression), "&&"):
        yield term_of(_bared(part))


@lru_cache(maxsize=1 << 10)
def term_of(text: str) -> DeviceTerm | None:
    """A comparison; None if it is none that is read here."""
    if found := _DRIVER.fullmatch(text):
        return DeviceTerm(text, "driver", "", "", found["sign"], found["value"][1:-1])
    if (found := _AMOUNT.fullmatch(text)) and found["kind"] == "capacity":
        return DeviceTerm(text, "capacity", found["domain"], found["name"], found["sign"], found["amount"])
    if (found := _AGAINST.fullmatch(text)) and found["kind"] == "capacity":
        sign = ">" if found["word"] == "Greater" else "<"
        return DeviceTerm(text, "capacity", found["domain"], found["name"], sign, found["amount"])
    if (found := _VALUE.fullmatch(text)) and found["kind"] == "attributes":
        return DeviceTerm(text, "attributes", found["domain"], found["name"], found["sign"], _literal(found["value"]))
    if (found := _BARE.fullmatch(text)) and found["kind"] == "attributes":
        return DeviceTerm(text, "attributes", found["domain"], found["name"], "==", wanted=True)
    return None


def _literal(text: str) -> Any:
    if text in {"true", "false"}:
        return text == "true"
    return text[1:-1] if text[0] in "\"'" else int(text)


@lru_cache(maxsize=1 << 10)
def _bared(expression: str) -> str:
    """Without the parentheses that stand about the whole."""
    text = expression.strip()
    for _ in range(_DEEPEST):
        if not (text.startswith("(") and _end(text) == len(text) - 1):
            return text
        text = text[1:-1].strip()
    return text


def _end(text: str) -> int:
    """Where the parenthesis that a text starts with is closed; -1 if nowhere."""
    for at, depth in _depths(text):
        if depth == 0 and text[at] in _CLOSING:
            return at
    return -1


def _depths(text: str) -> Iterator[tuple[int, int]]:
    """Places outside of quotes, each with the number of parentheses that are open after it."""
    depth, quote = 0, ""
    for at, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
            continue
        if sign in "\"'":
            quote = sign
            continue
        depth += (sign in _OPENING) - (sign in _CLOSING)
        yield at, depth


@lru_cache(maxsize=1 << 10)
def _split(text: str, sign: str) -> tuple[str, ...]:
    """Parts between signs that stand in no parentheses and no quotes."""
    cuts = [at for at, depth in _depths(text) if depth == 0 and text.startswith(sign, at)]
    starts = [0, *(at + len(sign) for at in cuts)]
    return tuple(text[start:end] for start, end in zip(starts, [*cuts, len(text)], strict=True))
