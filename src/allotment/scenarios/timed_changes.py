"""Changes of a scenario that hold for a while: each becomes events of the scenario.

    grant:QUEUE/FLAVOR/RESOURCE=+AMOUNT[,from=TIME][,until=TIME][,lender=QUEUE]
    cordon:NODE | drain:NODE | node-down:NODE | hold:QUEUE, each with [,from=TIME][,until=TIME]

Times count from the scenario's start. Without ``from`` a change holds from the start, without ``until`` to the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allotment.errors import UsageError
from allotment.scenarios.times import milliseconds

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Term:
    """From when until when, in milliseconds; `until` None = for good."""

    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class QuotaPlace:
    """A nominal quota: whose, and of what."""

    owner: str
    of_cohort: bool
    flavor: str
    resource: str

    @property
    def fields(self) -> dict[str, str]:
        """As an event names it."""
        who = {"cohort" if self.of_cohort else "clusterQueue": self.owner}
        return {**who, "flavor": self.flavor, "resource": self.resource}


def split_options(text: str, allowed: tuple[str, ...], whole: str) -> tuple[str, dict[str, str]]:
    """``BODY,key=value,…`` as body and options.

    Args:
        text: the whole.
        allowed: names of options.
        whole: the change as it was written, for messages.

    Raises:
        UsageError: an option is unknown, empty, or stands twice.
    """
    body, *parts = text.split(",")
    options: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.strip().partition("=")
        if name not in allowed or not equals or not value or name in options:
            raise UsageError(
                f"{whole}: {part.strip()!r} cannot be read",
                fix=f"what may follow is {', '.join(f'{each}=…' for each in allowed)}, each once",
            )
        options[name] = value
    return body, options


def term_of(options: Mapping[str, str], whole: str) -> Term:
    """The term that ``from`` and ``until`` name.

    Raises:
        UsageError: one is no time, or the end is not after the beginning.
    """
    since = milliseconds(options["from"]) if "from" in options else 0
    until = milliseconds(options["until"]) if "until" in options else None
    if until is not None and until <= since:
        raise UsageError(f"{whole}: it ends before it begins", fix="give an until that is later than from")
    return Term(since, until)


def with_more_quota(data: Json, place: QuotaPlace, nominal: int, more: int, term: Term) -> Json:
    """The scenario with so much more (or less) of a nominal quota during a term.

    What the scenario's own events say of that quota stays true: the amount comes on top of it.

    Args:
        data: the scenario.
        place: which quota.
        nominal: what it is at the scenario's start.
        more: in the scenario's units; below 0 takes away.
        term: during which.

    Raises:
        UsageError: less than nothing would be left at some time.
    """
    events = list(data.get("events") or ())
    mine = [index for index, event in enumerate(events) if _changes(event, place)]
    mine.sort(key=lambda index: events[index]["t"])  # stable: those of one instant in the file's order
    at_start, at_end = nominal, nominal
    for index in mine:
        event = events[index]
        if event["t"] <= term.since:
            at_start = event["nominal"]
        elif term.until is None or event["t"] < term.until:
            events[index] = {**event, "nominal": _checked(event["nominal"] + more, place)}
        if term.until is not None and event["t"] <= term.until:
            at_end = event["nominal"]
    events.append(_event(place, term.since, _checked(at_start + more, place)))
    if term.until is not None:
        events.append(_event(place, term.until, at_end))
    return {**data, "events": events}


def _changes(event: Json, place: QuotaPlace) -> bool:
    return (
        event["kind"] == "quota"
        and "nominal" in event
        and {key: event[key] for key in ("clusterQueue", "cohort", "flavor", "resource") if key in event}
        == place.fields
    )


def _event(place: QuotaPlace, t: int, nominal: int) -> Json:
    return {"t": t, "kind": "quota", **place.fields, "nominal": nominal}


def _checked(nominal: int, place: QuotaPlace) -> int:
    if nominal < 0:
        raise UsageError(
            f"{place.owner} has not that much {place.resource} in flavor {place.flavor} to lend",
            fix="grant less, or name another lender",
        )
    return nominal


def with_events(data: Json, first: Json, last: Json, term: Term) -> Json:
    """The scenario with one event when a term begins and another one when it ends.

    Args:
        data: the scenario.
        first: the event without its time.
        last: the same.
        term: the term.
    """
    added = [{"t": term.since, **first}]
    if term.until is not None:
        added.append({"t": term.until, **last})
    return {**data, "events": [*(data.get("events") or ()), *added]}
