"""How near the quotas are to their limits: of namespaces, queues and teams, with the date at the present pace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from allotment.accounting.belonging import OwnerLookup
from allotment.accounting.queue_use import queue_standings
from allotment.model.observed.index import Index
from allotment.scheduling.snapshot.quantities import units


class QuotaLayer(StrEnum):
    """Where a limit stands."""

    NAMESPACE = "namespace"
    QUEUE = "queue"
    TEAM = "team"


class QuotaAlarm(IntEnum):
    """How near a limit is; the value is the percentage from which it holds."""

    NONE = 0
    INCREASE = 60
    WARNING = 80
    STOP = 95

    @property
    def words(self) -> str:
        """As answers have it."""
        return _WORDS[self]


_WORDS: Final = {
    QuotaAlarm.NONE: "",
    QuotaAlarm.INCREASE: "file an increase",
    QuotaAlarm.WARNING: "warning",
    QuotaAlarm.STOP: "one job from the stop",
}
_FULL: Final = "nothing is left"
Key = tuple[str, str, str, str]
"""Cluster, layer, name and resource."""
_LEAST_SPAN: Final = 600_000
"""Milliseconds of history below which there is no pace."""
_FARTHEST: Final = 5 * 365 * 24 * 3_600_000
"""Milliseconds ahead beyond which a date says nothing."""


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """A limit and what is used of it; amounts as the twins count the resource.

    Attributes:
        name: of the namespace, the queue with its flavor, or the team.
        resource: as the quota names it.
        guaranteed: of a queue's limit, what is nominal; the rest is borrowed where others leave it. None elsewhere.
        namespaces: how many a team's limit is the sum of; that of one namespace says the same as its own.
        full_at: milliseconds since 1970 at which it is full at the present pace; None where there is no pace.
    """

    cluster: str
    layer: QuotaLayer
    name: str
    resource: str
    used: int
    limit: int
    guaranteed: int | None = None
    full_at: int | None = None
    namespaces: int = 1

    @property
    def key(self) -> Key:
        """What tells it from others."""
        return self.cluster, self.layer, self.name, self.resource

    @property
    def percent(self) -> float:
        """Used of the limit; of a limit of nothing, 100 if anything is used."""
        return 100 * self.used / self.limit if self.limit else 100.0 * (self.used > 0)

    @property
    def alarm(self) -> QuotaAlarm:
        """The highest that holds; exact, with no rounding."""
        used = 100 * self.used
        return max((each for each in QuotaAlarm if used >= each * self.limit and self.used), default=QuotaAlarm.NONE)

    @property
    def words(self) -> str:
        """The alarm in words; of a limit that is reached, that it is."""
        return _FULL if self.used and self.used >= self.limit else self.alarm.words


def base_resource(resource: str) -> str:
    """``cpu`` of ``requests.cpu``: what the amount is counted in."""
    return resource.removeprefix("requests.").removeprefix("limits.")


def quota_uses(index: Index, teams: Mapping[str, str] | None = None) -> tuple[QuotaUse, ...]:
    """Every limit of a source, the fullest first.

    Args:
        index: the source.
        teams: names of teams by id, from a platform directory.
    """
    namespaces = list(_namespaces(index))
    found = [*(use for _, use in namespaces), *_queues(index), *_teams(index, namespaces, teams)]
    return tuple(sorted(found, key=lambda each: (-each.percent, *each.key)))


def _namespaces(index: Index) -> Iterator[tuple[str, QuotaUse]]:
    """The quota that binds each namespace and resource; of several that are alike, the one that is fullest."""
    tightest: dict[tuple[str, str], QuotaUse] = {}
    for quota in index.objects.quotas:
        scoped = bool(quota.spec.scopes or quota.spec.scope_selector)
        for resource, hard in (quota.status.hard or quota.spec.hard).items():
            base = base_resource(resource)
            use = QuotaUse(
                index.source.name,
                QuotaLayer.NAMESPACE,
                f"{quota.namespace} ({quota.name})" if scoped else quota.namespace,
                resource,
                units(base, quota.status.used.get(resource, 0)),
                units(base, hard),
            )
            before = tightest.get((use.name, resource))
            if before is None or use.percent > before.percent:
                tightest[use.name, resource] = use
    for use in tightest.values():
        yield use.name, use


def _queues(index: Index) -> Iterator[QuotaUse]:
    for standing in queue_standings(index):
        for use in standing.uses:
            if use.limit or use.used:
                yield QuotaUse(
                    use.cluster,
                    QuotaLayer.QUEUE,
                    f"{use.queue}/{use.flavor}",
                    use.resource,
                    use.used,
                    use.limit,
                    use.nominal,
                )


def _teams(
    index: Index, namespaces: Iterable[tuple[str, QuotaUse]], teams: Mapping[str, str] | None
) -> Iterator[QuotaUse]:
    """Teams with several namespaces or one: the sum over them."""
    belongings = OwnerLookup(index, teams)
    sums: dict[tuple[str, str], tuple[int, int, int]] = {}
    for namespace, use in namespaces:
        team = belongings.team_of(namespace)
        if team:
            used, limit, number = sums.get((team, use.resource), (0, 0, 0))
            sums[team, use.resource] = used + use.used, limit + use.limit, number + 1
    for (team, resource), (used, limit, number) in sums.items():
        yield QuotaUse(index.source.name, QuotaLayer.TEAM, team, resource, used, limit, namespaces=number)


class UsePace:
    """How fast use grows: a straight line through everything that was recorded, by least squares."""

    def __init__(self) -> None:
        """Of nothing yet."""
        self._sums: dict[Key, tuple[int, int, int, int, int]] = {}
        self._first: dict[Key, int] = {}

    def add(self, at: int, uses: Iterable[QuotaUse]) -> None:
        """What was used at a moment, in milliseconds since 1970."""
        for use in uses:
            t = at - self._first.setdefault(use.key, at)
            count, ts, us, tts, tus = self._sums.get(use.key, (0, 0, 0, 0, 0))
            self._sums[use.key] = count + 1, ts + t, us + use.used, tts + t * t, tus + t * use.used

    def full_at(self, use: QuotaUse, now: int) -> int | None:
        """When a limit is reached from what is used now; None where use does not grow, or nobody can say."""
        count, ts, us, tts, tus = self._sums.get(use.key, (0, 0, 0, 0, 0))
        spread = count * tts - ts * ts
        rise = count * tus - ts * us
        if spread <= 0 or rise <= 0 or now - self._first[use.key] < _LEAST_SPAN:
            return None
        ahead = max(0, use.limit - use.used) * spread // rise
        return now + ahead if ahead <= _FARTHEST else None
