"""Work that controllers cannot make because a policy of ours refuses it: nobody but their events says so.

A person whose work is refused reads why. A controller is told, tries again, and notes it beside the work: a CronJob
that was there before the policies may be refused for days.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from allotment.model.labels import DOMAIN
from allotment.model.manifest import Body

RECENT: Final = dt.timedelta(hours=1)
"""Longer ago the work may have been mended. The API server keeps events that long, if nobody says otherwise."""

_NAMED: Final = 3
_DENIED: Final = re.compile(
    rf"ValidatingAdmissionPolicy '(?P<policy>[a-z0-9-]+)\.{re.escape(DOMAIN)}' with binding '[^']*' denied request: "
    r"(?P<why>.*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Refusals:
    """Work of one namespace that one policy refuses.

    Attributes:
        works: kind and name of what could not make its pods or Jobs, sorted.
        since: of the first refusal that is still on record, UTC.
        last: of the last one.
        why: the policy's own words about one of them: what is wrong, and what to write.
    """

    namespace: str
    policy: str
    works: tuple[str, ...]
    since: dt.datetime
    last: dt.datetime
    why: str

    def __str__(self) -> str:
        """One sentence, and what to do."""
        more = f" and {len(self.works) - _NAMED} more" if len(self.works) > _NAMED else ""
        named = f"{', '.join(self.works[:_NAMED])}{more}"
        return (
            f"in {self.namespace} the policy {self.policy} refuses what {named} would make, since {_time(self.since)}, "
            f"last {_time(self.last)}: {self.why}; mend it there, or let policies only warn in {self.namespace} until "
            "then: warnNamespaces of the Cluster document"
        )


def refusals(events: Iterable[Body], now: dt.datetime) -> tuple[Refusals, ...]:
    """What events say of the last hour, by namespace and policy.

    Args:
        events: of the core group.
        now: UTC.
    """
    found: dict[tuple[str, str], list[_Refusal]] = {}
    for refusal in _read(events):
        if now - refusal.last <= RECENT:
            found.setdefault((refusal.namespace, refusal.policy), []).append(refusal)
    return tuple(_together(*place, each) for place, each in sorted(found.items()))


@dataclass(frozen=True, slots=True)
class _Refusal:
    namespace: str
    policy: str
    work: str
    since: dt.datetime
    last: dt.datetime
    why: str


def _read(events: Iterable[Body]) -> Iterator[_Refusal]:
    for event in events:
        said = _DENIED.search(str(event.get("message") or ""))
        times = [time for time in map(_parsed, _times(event)) if time is not None]
        if said is not None and times:
            about = event.get("involvedObject") or {}
            work = f"{about.get('kind', '')} {about.get('name', '')}"
            namespace = str(event["metadata"].get("namespace", ""))
            yield _Refusal(namespace, said["policy"], work, min(times), max(times), " ".join(said["why"].split()))


def _times(event: Body) -> Iterator[Any]:
    """Old and new writers of events use different fields."""
    yield from (event.get(name) for name in ("firstTimestamp", "lastTimestamp", "eventTime"))
    yield (event.get("series") or {}).get("lastObservedTime")


def _parsed(text: Any) -> dt.datetime | None:
    try:
        time = dt.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return time if time.tzinfo is not None else None


def _together(namespace: str, policy: str, found: list[_Refusal]) -> Refusals:
    newest = max(found, key=lambda one: one.last)
    return Refusals(
        namespace,
        policy,
        tuple(sorted({one.work for one in found})),
        min(one.since for one in found),
        newest.last,
        newest.why,
    )


def _time(time: dt.datetime) -> str:
    return time.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
