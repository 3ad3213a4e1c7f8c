"""What a check may look at, and where it says a problem is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from allotment.model.cluster import Cluster, QueueLayout
from allotment.model.platform import Platform
from allotment.model.policy import Priority
from allotment.model.quota import Quota
from allotment.model.team import Placement, Team
from allotment.spec.convert.placements import effective
from allotment.spec.declared import Declared, DeclaredDocument
from allotment.spec.flavors import Flavors
from allotment.spec.identity import id_of
from allotment.spec.problems import Issue, Path, Severity
from allotment.spec.schema.accelerator import AcceleratorSpec
from allotment.spec.schema.base import KindSpec
from allotment.spec.schema.cluster import ClusterSpec
from allotment.spec.schema.team import TeamSpec


@dataclass(frozen=True, slots=True)
class Context:
    """The declarations, with the look-ups that several checks need.

    Attributes:
        flavors: the flavors of each cluster, by its name.
        clusters: by name; of two with one name the first.
        today: by which exceptions with a last day are judged.
    """

    declared: Declared
    flavors: Mapping[str, Flavors]
    accelerators: Mapping[str, AcceleratorSpec]
    ladder: tuple[Priority, ...]
    clusters: Mapping[str, DeclaredDocument[ClusterSpec]]
    teams: Mapping[str, DeclaredDocument[TeamSpec]]
    today: dt.date

    def known(self, kind: str, names: Mapping[str, object], name: str) -> bool:
        """Whether a reference can be resolved, or leads to a document whose own errors are told already."""
        broken = self.declared.broken.get(kind, frozenset())
        return name in names or name in broken or "" in broken


@dataclass(frozen=True, slots=True)
class PlacedContext:
    """The converted platform beside its declarations."""

    platform: Platform
    context: Context
    clusters: Mapping[str, Cluster]

    def placements(self) -> Iterator[tuple[Team, Cluster, Placement]]:
        """Every placement of teams that run work; one that leaves holds no quota any more."""
        for team in self.platform.teams:
            if team.offboarding is None:
                for placement in team.placements:
                    yield team, self.clusters[placement.cluster], placement

    def quotas(self) -> Iterator[tuple[str, Cluster, Quota]]:
        """Every quota that counts: of placements by team, and the cohorts' own where there are queues of teams."""
        for team, cluster, placement in self.placements():
            yield team.name, cluster, placement.quota
        for cluster in self.platform.clusters:
            if cluster.queue_layout is QueueLayout.PER_TEAM:
                for cohort in cluster.cohorts:
                    yield f"cohort {cohort.name}", cluster, cohort.quota

    def place(self, team: str, cluster: str, *fields: str) -> tuple[DeclaredDocument[KindSpec], Path]:
        """Document and path of a placement's field: the cluster's override where it has one."""
        site = self.context.clusters[cluster]
        override = site.spec.overrides.teams.get(team)
        if override is not None and fields and _snake(fields[0]) in override.model_fields_set:
            return site, ("overrides", "teams", team, *fields)
        return self.context.teams[team], ("placements", cluster, *fields)

    def written(self, team: str, cluster: str, fields: Sequence[str], limit: str) -> bool:
        """Whether somebody wrote a limit of an amount: those of CPU and memory are filled in."""
        value: object = effective(self.context.teams[team].spec, self.context.clusters[cluster].spec)
        for field in fields:
            value = value[field] if isinstance(value, Mapping) else getattr(value, _snake(field))
        return getattr(value, _snake(limit)) is not None

    def word(self, team: str, cluster: str, flavor: str) -> str:
        """The word by which a team's placement means a flavor."""
        flavors = self.context.flavors[cluster]
        entry, path = self.place(team, cluster, "accelerators")
        spec: object = entry.spec
        if isinstance(spec, ClusterSpec):
            words = spec.overrides.teams[team].accelerators or {}
        elif isinstance(spec, TeamSpec):
            words = spec.placements[str(path[1])].accelerators
        else:
            words = {}
        meant = ((word, flavors.meant(word, id_of(self.context.teams[team].spec))) for word in words)
        return next((word for word, found in meant if found is not None and found.name == flavor), flavor)


Check = Callable[[Context], Iterator[Issue]]
PlacedCheck = Callable[[PlacedContext], Iterator[Issue]]


def error(entry: DeclaredDocument[KindSpec], path: Path, what: str, fix: str) -> Issue:
    """An issue that stops everything."""
    return Issue(entry.source, path, what, fix)


def warning(entry: DeclaredDocument[KindSpec], path: Path, what: str, fix: str) -> Issue:
    """An issue that is only told."""
    return Issue(entry.source, path, what, fix, Severity.WARNING)


def _snake(field: str) -> str:
    return "".join(f"_{character.lower()}" if character.isupper() else character for character in field)
