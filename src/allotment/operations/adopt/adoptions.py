"""Use case: a cluster's objects are taken over and given back: in the right cluster, alone there, and on record."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from allotment.model.cluster import Cluster
from allotment.model.manifest import Family
from allotment.model.mark import Mark
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.operations.adopt import giving_back, looking, taking_over
from allotment.operations.adopt.giving_back import Return
from allotment.operations.adopt.looking import AdoptionLook
from allotment.operations.adopt.taking_over import Handled, Taken
from allotment.operations.change import history
from allotment.operations.change.attended import adopt_attended
from allotment.operations.change.identity import admitted
from allotment.operations.change.living import wanted_of
from allotment.operations.change.planning import PlanSettings
from allotment.operations.directory.loading import source_of
from allotment.operations.directory.teams import Edit
from allotment.plan.adoption.words import Word
from allotment.ports.clock import Clock
from allotment.ports.directory import DirectoryPort
from allotment.ports.kube import KubePort
from allotment.ports.process import Run
from allotment.render.manifests import render
from allotment.spec.mentions import Mention, mentions


def look_at(
    platform: Platform,
    cluster: Cluster,
    kube: KubePort,
    words: Sequence[Word],
    today: dt.date,
    *,
    enforce: bool = False,
    override: str = "",
) -> AdoptionLook:
    """What could be taken over; changes nothing.

    Args:
        platform: the declaration.
        cluster: which of its clusters.
        kube: that cluster.
        words: what to take over; empty: look at everything, take nothing.
        today: as for a plan.
        enforce: policies may refuse from the start in a namespace that is taken over.
        override: another mark that the cluster may carry.

    Raises:
        ConflictError: the server is another cluster than is meant.
        AllotmentError: as `looking.look`.
    """
    taken = admitted(kube, Mark(platform.name, cluster.name), override)
    manifests = wanted_of(platform, cluster, kube).manifests
    walls = render(platform, replace(cluster, without_network_policies=())).of(Family.NETWORK_POLICIES)
    settings = PlanSettings(platform.name, today, taken=taken)
    return looking.look(manifests, kube, settings, words, walls=tuple(walls), enforce=enforce)


@dataclass(frozen=True, slots=True)
class _Reversible:
    """An edit of a directory that can be taken back (`taking_over.DirectoryEdit`)."""

    directory: DirectoryPort
    edit: Edit
    before: SourceTree

    def write(self) -> None:
        self.directory.write(self.edit.changes)

    def put_back(self) -> bool:
        now = self.directory.read().files
        if any(now.get(path) != text for path, text in self.edit.changes.items()):
            return False
        self.directory.write({path: self.before.files.get(path) for path in self.edit.changes})
        return True


def take_over(
    look: AdoptionLook, kube: KubePort, clock: Clock, run: Run, directory: DirectoryPort, edit: Edit | None = None
) -> Taken:
    """Take over what can be, while no apply is under way, and leave a record of it.

    Args:
        look: what was shown.
        kube: the cluster.
        clock: time of the record.
        run: this one.
        directory: the platform's.
        edit: of the directory, that goes with a namespace: written once no apply is under way, and put back where the
            namespace did not become the platform's.

    Raises:
        ConflictError: an apply is under way.
        ForbiddenError: we may not take the lease or keep the record.
    """
    keys, mark = tuple(each.key for each in look.possible), Mark(look.platform, look.cluster)
    what = history.Adopting(history.Act.ADOPT, mark, keys, source_of(directory), look.digest)

    def act() -> Taken:
        if edit is None or not look.opens:
            return Taken(taking_over.take_over(look.adoptions, kube, clock))
        written = _Reversible(directory, edit, directory.read())
        return taking_over.take_over_and_edit(look.adoptions, kube, clock, written, look.platform)

    return adopt_attended(kube, clock, what, run, act)


def look_back(
    platform: Platform, cluster: Cluster, kube: KubePort, words: Sequence[Word], *, override: str = ""
) -> tuple[Return, ...]:
    """What undoing would do; changes nothing.

    Raises:
        ConflictError: the server is another cluster than is meant.
        AllotmentError: as `giving_back.look_back`.
    """
    admitted(kube, Mark(platform.name, cluster.name), override)
    return giving_back.look_back(kube, platform.name, words)


def give_back(
    mark: Mark, returns: Sequence[Return], kube: KubePort, clock: Clock, run: Run, directory: DirectoryPort
) -> tuple[Handled, ...]:
    """Undo, while no apply is under way, and leave a record of it.

    Raises:
        ConflictError: one is.
        ForbiddenError: we may not take the lease or keep the record.
    """
    keys = tuple(each.key for each in returns if not each.hindrances)
    what = history.Adopting(history.Act.UNDO, mark, keys, source_of(directory))
    return adopt_attended(kube, clock, what, run, lambda: Taken(giving_back.give_back(returns, kube))).handled


def mentions_of(returns: Sequence[Return], tree: SourceTree, cluster: str) -> tuple[Mention, ...]:
    """Where the directory declares what goes back, each place once."""
    found = (one for each in returns for one in mentions(tree, cluster, each.key.kind, each.key.name))
    return tuple(dict.fromkeys(found))
