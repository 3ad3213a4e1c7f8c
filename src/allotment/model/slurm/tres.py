"""Trackable resources and lists of hosts, as Slurm writes them in one text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

GPUS: Final = "gres/gpu"
"""Devices of all types; those of one type are counted beside it, as ``gres/gpu:a100``."""
MOST_HOSTS: Final = 100_000
_UNITS: Final = {"": 0, "K": -1, "M": 0, "G": 1, "T": 2, "P": 3}
_AMOUNT: Final = re.compile(r"(\d+(?:\.\d+)?)([KMGTP]?)", re.ASCII)
_GRES: Final = re.compile(r"([\w.-]+)(?::([A-Za-z_][\w.-]*|(?!\d+(?:\(|$))\d[\w.-]*))?:(\d+)(?:\([^)]*\))?", re.ASCII)
_TASKS: Final = re.compile(r"(\d{1,9})(?:-(\d{1,9})(?::(\d{1,9}))?)?", re.ASCII)
_RANGE: Final = re.compile(r"(\d+)(?:-(\d+))?", re.ASCII)


def tres_of(text: str) -> dict[str, int]:
    """``cpu=2,mem=1G,gres/gpu:a100=2`` by name; memory in MiB. What is no amount is left out."""
    found: dict[str, int] = {}
    for part in text.split(","):
        name, _, amount = part.strip().partition("=")
        match = _AMOUNT.fullmatch(amount)
        if name and match:
            found[name] = int(float(match[1]) * 1024 ** _UNITS[match[2]])
    return found


def gpus_of(tres: Mapping[str, int]) -> int:
    """Devices of all types; some versions name only those of one type."""
    if GPUS in tres:
        return tres[GPUS]
    return sum(count for name, count in tres.items() if name.startswith(f"{GPUS}:"))


def gres_of(text: str) -> dict[tuple[str, str], int]:
    """``gpu:a100:4(IDX:0-3),shard:8`` by name and type; a type is empty where none is named."""
    found: dict[tuple[str, str], int] = {}
    for match in _GRES.finditer(text):
        key = (match[1], match[2] or "")
        found[key] = found.get(key, 0) + int(match[3])
    return found


def licenses_of(text: str) -> dict[str, int]:
    """``matlab:2,ansys@server:1`` by name; what names no number is one."""
    found: dict[str, int] = {}
    for part in text.split(","):
        name, _, amount = part.strip().partition(":")
        if name and name not in {"(null)", "N/A"}:
            found[name] = found.get(name, 0) + (int(amount) if amount.isascii() and amount.isdigit() else 1)
    return found


def hosts_of(text: str) -> tuple[str, ...]:
    """``gpu[0-1,7],cpu0`` one by one. A text that is none, or of too many hosts, stays as it is."""
    found: list[str] = []
    for part in _parts(text):
        for host in _expanded(part):
            found.append(host)
            if len(found) > MOST_HOSTS:
                return (text,)
    return tuple(found)


def tasks_of(text: str) -> tuple[int, ...] | None:
    """``0-8:4,11%2``, the tasks of an array, one by one; None where it is something else, or cut (``1,3,...``)."""
    found: list[int] = []
    for part in text.partition("%")[0].split(","):
        match = _TASKS.fullmatch(part)
        if match is None or int(match[2] or 0) > MOST_HOSTS:
            return None
        found += range(int(match[1]), int(match[2] or match[1]) + 1, max(1, int(match[3] or 1)))
    return tuple(found)


def _parts(text: str) -> Iterator[str]:
    """Between commas that stand in no brackets."""
    depth = start = 0
    for place, sign in enumerate(text):
        depth += (sign == "[") - (sign == "]")
        if sign == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    if text[start:]:
        yield text[start:]


def _expanded(part: str) -> Iterator[str]:
    before, opened, rest = part.partition("[")
    inside, closed, after = rest.partition("]")
    if not opened or not closed:
        yield part
        return
    ranges = [match for each in inside.split(",") if (match := _RANGE.fullmatch(each))]
    if len(ranges) != inside.count(",") + 1:
        yield part
        return
    for each in ranges:
        first, last = each[1], each[2] or each[1]
        if int(last) - int(first) > MOST_HOSTS:
            yield part
            return
        for number in range(int(first), int(last) + 1):
            for end in _expanded(after):
                yield f"{before}{number:0{len(first)}d}{end}"
