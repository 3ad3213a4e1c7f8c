"""Changes of a scenario as users write them, read into values.

    quota:QUEUE/FLAVOR/RESOURCE=AMOUNT   nominal quota as a whole, as Kubernetes writes it; QUEUE may be a cohort
    borrowing:QUEUE/FLAVOR/RESOURCE=AMOUNT   the most that it may borrow; none for no bound
    lending:QUEUE/FLAVOR/RESOURCE=AMOUNT     the most that others may borrow of it; the same
    grant:QUEUE/FLAVOR/RESOURCE=+AMOUNT  more of it for a while; may end in ,lender=QUEUE
    weight:QUEUE=NUMBER                  weight in fair sharing
    hold:QUEUE                           the queue admits nobody for a while
    resume:QUEUE                         the queue, which is stopped, admits again
    add-node:NAME=LIKE                   a further node, like one there is
    drop-node:NAME                       a node is gone
    cordon:NAME, drain:NAME, node-down:NAME   a node is away for a while
    policy:NAME                          see `QueuePolicy`
    job:FILE                             further workloads, in the scenario's format

What holds for a while may end in ,from=TIME and ,until=TIME, counted from the scenario's start: without the one it
holds from the start, without the other to the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.errors import UsageError
from allotment.model.quantity import MIB, parse_bytes, parse_cpu, parse_whole
from allotment.scenarios.times import milliseconds
from allotment.simulation.changes import (
    NO_LIMIT,
    Absence,
    AddNode,
    DropNode,
    GrantQuota,
    Hold,
    QuotaLimit,
    QuotaPlace,
    Resume,
    ScenarioChange,
    SetLimit,
    SetQuota,
    SetWeight,
    Sign,
    TakeAway,
    Term,
    UsePolicy,
)
from allotment.simulation.policies import QueuePolicy


@dataclass(frozen=True, slots=True)
class JobFile:
    """Further workloads that stand in a file; whoever has the files reads them."""

    path: str


@dataclass(frozen=True, slots=True)
class WrittenChange:
    """A change, and the words it was written in: what messages and titles say."""

    words: str
    change: ScenarioChange | UsePolicy | JobFile

    def __str__(self) -> str:
        """As it was written."""
        return self.words


def parse_change(text: str) -> WrittenChange:
    """Read one change.

    Raises:
        UsageError: there is no such kind, or what follows cannot be read.
    """
    kind, body = _parts(text)
    return WrittenChange(text, _READERS[kind](body, text))


def check_kind(text: str) -> None:
    """Whether it is a change at all, whatever it says.

    Raises:
        UsageError: there is no such kind, or nothing follows.
    """
    _parts(text)


def _parts(text: str) -> tuple[str, str]:
    kind, colon, body = text.partition(":")
    if not colon or not body or kind not in _READERS:
        raise UsageError(
            f"{text!r} is no change",
            why=f"a change is KIND:…, with one of the kinds {', '.join(KINDS)}",
            fix="write for example quota:nlp/a100-spot/nvidia.com/gpu=16, weight:nlp=2 or drop-node:gpu-7",
        )
    return kind, body


def _quota(body: str, words: str) -> SetQuota:
    left, amount = _sides(body, words, _A_QUOTA)
    place = _place(left, words, _A_QUOTA)
    sign, rest = _signed(amount)
    return SetQuota(place, _amount(rest, place.resource, words), sign)


def _limit(limit: QuotaLimit) -> Callable[[str, str], SetLimit]:
    example = f"{limit.value}:nlp/a100-spot/nvidia.com/gpu=8"

    def read(body: str, words: str) -> SetLimit:
        left, amount = _sides(body, words, example)
        place = _place(left, words, example)
        return SetLimit(place, limit, None if amount == NO_LIMIT else _amount(amount, place.resource, words))

    return read


def _grant(body: str, words: str) -> GrantQuota:
    rest, options = _options(body, ("from", "until", "lender"), words)
    left, equals, amount = rest.rpartition("=")
    if not equals or not amount.startswith("+"):
        raise UsageError(f"{words}: no amount to add", fix=f"write for example {_A_GRANT}")
    term = _term(options, words)
    place = _place(left, words, _A_GRANT)
    return GrantQuota(place, _amount(amount[1:], place.resource, words), term, options.get("lender", ""))


def _weight(body: str, words: str) -> SetWeight:
    owner, text = _sides(body, words, _A_WEIGHT)
    sign, rest = _signed(text)
    try:
        weight = float(rest)
    except ValueError:
        weight = -1.0
    if not 0 <= weight <= 1_000_000 or sign is Sign.MINUS:
        raise UsageError(f"{words}: {text!r} is no weight", fix="write a number from 0 to 1000000")
    return SetWeight(owner, weight, sign)


def _hold(body: str, words: str) -> Hold:
    name, options = _options(body, ("from", "until"), words)
    return Hold(name, _term(options, words))


def _resume(body: str, words: str) -> Resume:
    name, options = _options(body, ("from", "until"), words)
    return Resume(name, _term(options, words))


def _add_node(body: str, words: str) -> AddNode:
    return AddNode(*_sides(body, words, "add-node:gpu-9=gpu-8"))


def _drop_node(body: str, _words: str) -> DropNode:
    return DropNode(body)


def _away(how: Absence) -> Callable[[str, str], TakeAway]:
    def read(body: str, words: str) -> TakeAway:
        name, options = _options(body, ("from", "until"), words)
        return TakeAway(name, how, _term(options, words))

    return read


def _policy(body: str, words: str) -> UsePolicy:
    try:
        return UsePolicy(QueuePolicy(body))
    except ValueError:
        raise UsageError(f"{words}: there is no such policy", fix=f"name one of {', '.join(QueuePolicy)}") from None


def _job(body: str, _words: str) -> JobFile:
    return JobFile(body)


_READERS: Final[Mapping[str, Callable[[str, str], ScenarioChange | UsePolicy | JobFile]]] = {
    "quota": _quota,
    "borrowing": _limit(QuotaLimit.BORROWING),
    "lending": _limit(QuotaLimit.LENDING),
    "grant": _grant,
    "weight": _weight,
    "hold": _hold,
    "resume": _resume,
    "add-node": _add_node,
    "drop-node": _drop_node,
    "cordon": _away(Absence.CORDON),
    "drain": _away(Absence.DRAIN),
    "node-down": _away(Absence.DOWN),
    "policy": _policy,
    "job": _job,
}
KINDS: Final = tuple(_READERS)
_A_QUOTA: Final = "quota:nlp/a100-spot/nvidia.com/gpu=16"
_A_GRANT: Final = "grant:nlp/a100-spot/nvidia.com/gpu=+8,from=6h,until=30h"
_A_WEIGHT: Final = "weight:nlp=2"
_STORAGE: Final = ("ephemeral-storage", "hugepages-")
_WRITTEN: Final = {
    "cpu": "write CPUs as Kubernetes does: 16, 500m",
    "memory": "write an amount as Kubernetes does: 64Gi",
}


def _sides(body: str, words: str, example: str) -> tuple[str, str]:
    left, equals, right = body.rpartition("=")
    if not equals or not left or not right:
        raise UsageError(f"{words}: no value", fix=f"write for example {example}")
    return left, right


def _signed(text: str) -> tuple[Sign, str]:
    return (Sign(text[0]), text[1:]) if text[0] in "+-" else (Sign.NONE, text)


def _place(text: str, words: str, example: str) -> QuotaPlace:
    parts = text.split("/", 2)
    if len(parts) != 3 or not all(parts):
        raise UsageError(f"{words}: a quota is QUEUE/FLAVOR/RESOURCE=AMOUNT", fix=f"write {example}")
    return QuotaPlace(*parts)


def _amount(text: str, resource: str, words: str) -> int:
    """In the engine's units: milli-CPU, bytes (of memory in whole MiB, as scenarios have it), whole units."""
    try:
        if text[:1] in ("+", "-"):
            raise ValueError(f"{text!r} has one sign too many")
        if resource == "cpu":
            return int(parse_cpu(text))
        if resource == "memory":
            return int(parse_bytes(text)) // MIB * MIB
        return int(parse_bytes(text)) if resource.startswith(_STORAGE) else parse_whole(text)
    except ValueError as error:
        what = f"{resource} comes in whole units; {error}" if resource not in _WRITTEN else str(error)
        raise UsageError(f"{words}: {what}", fix=_WRITTEN.get(resource, "write a whole number: 16")) from None


def _options(text: str, allowed: tuple[str, ...], words: str) -> tuple[str, dict[str, str]]:
    """``BODY,key=value,…`` as body and options."""
    body, *parts = text.split(",")
    options: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.strip().partition("=")
        if name not in allowed or not equals or not value or name in options:
            raise UsageError(
                f"{words}: {part.strip()!r} cannot be read",
                fix=f"what may follow is {', '.join(f'{each}=…' for each in allowed)}, each once",
            )
        options[name] = value
    return body, options


def _term(options: Mapping[str, str], words: str) -> Term:
    since = milliseconds(options["from"]) if "from" in options else 0
    until = milliseconds(options["until"]) if "until" in options else None
    if until is not None and until <= since:
        raise UsageError(f"{words}: it ends before it begins", fix="give an until that is later than from")
    return Term(since, until)
