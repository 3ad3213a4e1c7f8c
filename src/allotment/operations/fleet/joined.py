"""What somebody's answers rest on: all clusters that he may know of, and the server's own machine, as he may see them.

Each source is seen by itself: a namespace that is a team's in one cluster may be another's in the next.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from allotment.errors import AllotmentError, ConflictError, NotFoundError, UnreachableError, UsageError, quoted, shown
from allotment.model.access.permission import Permission
from allotment.model.access.rights import AccessRights
from allotment.model.moments import rfc3339
from allotment.model.observed.snapshot import MACHINE, Snapshot, Source
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.observe.view import PREFIX, namespaces_of
from allotment.operations.ask.observing_all import unreached_source
from allotment.operations.ask.recorded import Recording
from allotment.operations.ask.viewing import viewed
from allotment.operations.fleet.followed import HeardCluster
from allotment.operations.run.unnamed import snapshot_unnamed
from allotment.operations.watch.queue_history import QueueHistory
from allotment.ports.backends import LOCAL
from allotment.ports.clock import Clock
from allotment.spec.load import load_platform
from allotment.spec.share_of_teams import share_of

_MOST_VIEWS: Final = 64
"""Views of single clusters by single teams that are kept, so that they are made once for many answers."""


class HeardClusters(Protocol):
    """What is asked of `ClusterHub`."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the clusters that are declared now."""
        ...

    def all_heard(self, names: Iterable[str]) -> tuple[HeardCluster, ...]:
        """What is known of several."""
        ...

    def source_of(self, heard: HeardCluster) -> Source:
        """One as it was seen last."""
        ...


class NoClusters:
    """A `HeardClusters` of a server that follows none."""

    names: tuple[str, ...] = ()

    def all_heard(self, _names: Iterable[str]) -> tuple[HeardCluster, ...]:
        """None."""
        return ()

    def source_of(self, heard: HeardCluster) -> Source:
        """There is none.

        Raises:
            NotFoundError: always.
        """
        raise NotFoundError(f"there is no cluster {shown(heard.name)}")


@dataclass(frozen=True, slots=True)
class DeclaredPlatform:
    """A platform, and what declares it."""

    platform: Platform
    tree: SourceTree


@dataclass(frozen=True, slots=True)
class AnswerScope:
    """What somebody may see.

    Attributes:
        team: whose view it is; empty for everything.
        declared: what of the platform he may read; None where nothing is declared.
        clusters: that he may know of.
        sees_all: whether he may see everything, whosever view he asks for.
    """

    team: str
    declared: DeclaredPlatform | None
    clusters: tuple[str, ...]
    sees_all: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is everything."""
        return not self.team


class JoinedClusters:
    """See the module. For several threads."""

    def __init__(
        self,
        clusters: HeardClusters,
        clock: Clock,
        declared: Callable[[], tuple[Platform, Mapping[str, str]] | None],
        recorded: Callable[[], Recording] | None = None,
        history: QueueHistory | None = None,
    ) -> None:
        """Nothing is asked yet.

        Args:
            clusters: those there are.
            clock: time.
            declared: the platform as it is declared now, with the files that declare it; None without one.
            recorded: what was recorded of the clusters; None where nothing is.
            history: how their queues were used; None where nobody keeps that.
        """
        self._clusters = clusters
        self.history = history
        self._recorded = recorded
        self._clock = clock
        self._declared = declared
        self._lock = threading.Lock()
        self._views: dict[tuple[str, str], tuple[Source, Source]] = {}
        self._share: tuple[Mapping[str, str], dict[tuple[dt.date, frozenset[str]], DeclaredPlatform]] = ({}, {})

    @property
    def clock(self) -> Clock:
        """Time."""
        return self._clock

    def scope(self, rights: AccessRights, team: str = "") -> AnswerScope:
        """What somebody may see.

        Args:
            rights: what he may.
            team: whose view is meant; empty for his only team's, or for everything.

        Raises:
            NotFoundError: there is no such team, or not for him.
            UsageError: he is of several, and names none.
        """
        seen = rights.within(Permission.READ)
        found = self._declared()
        declared = None if found is None else DeclaredPlatform(found[0], SourceTree(found[1]))
        if seen is None:
            known = None if declared is None else {each.name for each in declared.platform.teams}
            if team and known is not None and team not in known:
                raise _no_team(team)
            return AnswerScope(team, declared, self._clusters.names, sees_all=True)
        if team and team not in seen:
            raise _no_team(team)
        if not team and len(seen) != 1:
            raise UsageError(
                "name the team whose view is meant",
                why=f"you are of {', '.join(sorted(seen)) or 'none'}",
                fix="add view=TEAM",
            )
        share = None if found is None else self._shared(found[1], seen)
        his = () if share is None else tuple(each.name for each in share.platform.clusters)
        return AnswerScope(team or next(iter(seen)), share, tuple(each for each in self._clusters.names if each in his))

    def _shared(self, files: Mapping[str, str], teams: frozenset[str]) -> DeclaredPlatform:
        """What the people of some teams may read of a directory today; made once of each that is declared."""
        today = self._clock.now().date()
        with self._lock:
            known, shares = self._share
            if known is not files:
                known, shares = self._share = (files, {})
            found = shares.get((today, teams))
        if found is None:
            told = share_of(SourceTree(files), teams)
            found = DeclaredPlatform(load_platform(told, today).platform, told)
            with self._lock:
                shares[today, teams] = found
        return found

    def heard(self, scope: AnswerScope) -> tuple[HeardCluster, ...]:
        """What is known of each cluster that somebody may know of."""
        return self._clusters.all_heard(scope.clusters)

    def snapshot(self, scope: AnswerScope, wanted: Sequence[str], there: Callable[[str, str], Snapshot]) -> Snapshot:
        """What answers rest on.

        Args:
            scope: what may be seen.
            wanted: names of clusters and other back ends; empty for all clusters and the server's own machine.
            there: a back end that is no cluster, by its name, as a team sees it.

        Raises:
            NotFoundError: there is none of some name, or not for him.
            UnreachableError: nothing that is asked has ever answered.
        """
        names = tuple(dict.fromkeys(wanted)) or (LOCAL, *scope.clusters)
        sources = {each.name: each for each in self._seen_clusters(scope, names)}
        for name in names:
            if name not in sources and (source := self._elsewhere(scope, name, there, alone=bool(wanted))) is not None:
                sources[name] = source
        found = tuple(sources[each] for each in names if each in sources)
        if found and all(each.unreached for each in found):
            raise UnreachableError(
                f"nothing is known of {', '.join(shown(each.name) for each in found)}",
                why="; ".join(dict.fromkeys(shown(each.unreached) for each in found)),
                fix="ask again in a while; `allot cluster status` says how each does",
            )
        view = f"{PREFIX}{scope.team}" if scope.team else ""
        seen = (each.observed_at for each in found if not each.unreached)
        return Snapshot(taken_at=max(seen, default=rfc3339(self._clock.now())), view=view, sources=found)

    def series(self, scope: AnswerScope, wanted: Sequence[str]) -> Recording:
        """What was recorded, as far as somebody may see it.

        Args:
            scope: what may be seen.
            wanted: names of clusters; empty for all.

        Raises:
            ConflictError: this server has no recording.
            InputError: its folder holds none.
            NotFoundError: there is no such cluster, or not for him; or there is no such folder.
        """
        if self._recorded is None:
            raise ConflictError(
                "this server knows of no time but this moment",
                why="nothing was recorded for it",
                fix="record with `allot snapshot record DIR --every 30s`, and start the server with --recorded DIR",
            )
        names = self._recorded_names(scope, wanted)

        def seen(snapshot: Snapshot) -> Snapshot:
            named = [
                msgspec.structs.replace(each, name=names[each.name]) for each in snapshot.sources if each.name in names
            ]
            return msgspec.structs.replace(
                snapshot, sources=tuple(each if scope.whole else _seen_as(each, scope.team) for each in named)
            )

        found = self._recorded()
        found.seen = seen
        return found

    def _recorded_names(self, scope: AnswerScope, wanted: Sequence[str]) -> Mapping[str, str]:
        """Clusters that are meant, by each name that a recorder may call them by: their own, or that of a context."""
        unknown = [each for each in wanted if each not in scope.clusters]
        if unknown:
            raise NotFoundError(f"there is no cluster {quoted(unknown[0])} that you could ask")
        meant = tuple(wanted) or scope.clusters
        declared = self._declared()
        contexts = {} if declared is None else {each.name: each.context for each in declared[0].clusters}
        return {contexts[each]: each for each in meant if contexts.get(each)} | {each: each for each in meant}

    def _seen_clusters(self, scope: AnswerScope, names: Sequence[str]) -> Iterable[Source]:
        known = [each for each in names if each in scope.clusters]
        for heard in self._clusters.all_heard(known):
            source = self._clusters.source_of(heard)
            yield source if scope.whole else self._viewed(source, scope.team)

    def _viewed(self, source: Source, team: str) -> Source:
        """A cluster as a team sees it; made once of each that was seen."""
        with self._lock:
            made_of, kept = self._views.get((source.name, team), (None, source))
        if made_of is None or made_of.objects is not source.objects or made_of.observed_at != source.observed_at:
            kept = _seen_as(source, team)
            with self._lock:
                self._views.pop((source.name, team), None)
                while len(self._views) >= _MOST_VIEWS:
                    del self._views[next(iter(self._views))]
                self._views[source.name, team] = (source, kept)
        # Whether it answers still may have changed since.
        told: Source = msgspec.structs.replace(kept, stale=source.stale, unreached=source.unreached)
        return told

    def _elsewhere(
        self, scope: AnswerScope, name: str, there: Callable[[str, str], Snapshot], *, alone: bool
    ) -> Source | None:
        """A back end that is no cluster; None where nobody has named it, and the server runs nothing there."""
        try:
            (source,) = there(name, scope.team).sources
        except NotFoundError:
            if not alone:
                return None
            # Which others there are, and where they are described, is not for everybody.
            raise NotFoundError(f"there is no cluster {quoted(name)} that you could ask") from None
        except UnreachableError:
            return unreached_source(name, "it does not answer", rfc3339(self._clock.now()))
        except AllotmentError:
            if alone:
                raise
            return unreached_source(name, "it could not be read", rfc3339(self._clock.now()))
        named: Source = source if source.kind == MACHINE else msgspec.structs.replace(source, name=name)
        # A back end gives people their own view, and those who may see everything all of it.
        return _seen_as(named, scope.team) if scope.team and scope.sees_all else named


def _seen_as(source: Source, team: str) -> Source:
    """A source as a team's people may see it."""
    one = Snapshot(taken_at=source.observed_at, sources=(source,))
    return snapshot_unnamed(viewed(one, team, namespaces_of(one, team))).sources[0]


def _no_team(team: str) -> NotFoundError:
    return NotFoundError(f"there is no team {quoted(team)} whose work you may see")
