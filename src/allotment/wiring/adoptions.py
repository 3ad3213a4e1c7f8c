"""Taking over what exists in a cluster, and giving it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from allotment.wiring.clusters import admit, this_run
from allotment.wiring.directories import render_clusters, source_of, today

if TYPE_CHECKING:
    from allotment.model.cluster import Cluster
    from allotment.model.platform import Platform
    from allotment.operations.adopt.giving_back import Return
    from allotment.operations.adopt.looking import AdoptionLook
    from allotment.operations.adopt.taking_over import Handled, Taken
    from allotment.operations.directory.teams import Edit
    from allotment.plan.adoption.words import Word
    from allotment.ports.kube import KubePort
    from allotment.spec.load import Loaded
    from allotment.spec.mentions import Mention
    from allotment.spec.source import SourceTree


def adoption_words(texts: Sequence[str]) -> tuple[Word, ...]:
    """Objects that somebody named.

    Raises:
        UsageError: a text names none.
    """
    from allotment.plan.adoption.words import word

    return tuple(word(text) for text in texts)


def list_namespace(directory: Path, cluster: str, fields: Sequence[str], namespace: str) -> Edit:
    """A namespace to be added to lists of a cluster, not yet written.

    Raises:
        InputError: the cluster's file has to be edited by hand.
    """
    from allotment.adapters.files.tree import read_tree
    from allotment.operations.directory.teams import checked
    from allotment.spec.edit import list_namespace as edited

    tree = read_tree(directory)
    return checked(tree, edited(tree, cluster, fields, namespace))


def load_edited(directory: Path, edit: Edit) -> Loaded:
    """The platform as an edit would leave it."""
    from allotment.adapters.files.tree import read_tree
    from allotment.spec.load import load_platform

    return load_platform(read_tree(directory).with_changes(edit.changes), today())


def look_at_adoptions(
    platform: Platform, cluster: Cluster, kube: KubePort, words: Sequence[Word], *, enforce: bool, override: str = ""
) -> AdoptionLook:
    """What could be taken over; changes nothing.

    Raises:
        ConflictError: the server is another cluster than is meant.
    """
    from dataclasses import replace

    from allotment.model.manifest import Family
    from allotment.operations.adopt.looking import look
    from allotment.operations.change.living import wanted_of
    from allotment.operations.change.planning import PlanSettings

    taken = admit(platform, cluster, kube, override)
    manifests = wanted_of(platform, cluster, kube).manifests
    (walled,) = render_clusters(platform, [replace(cluster, without_network_policies=())])
    walls = tuple(walled.of(Family.NETWORK_POLICIES))
    return look(manifests, kube, PlanSettings(platform.name, today(), taken=taken), words, walls=walls, enforce=enforce)


@dataclass(frozen=True, slots=True)
class _Written:
    """An edit of a directory that can be taken back (`taking_over.DirectoryEdit`)."""

    directory: Path
    edit: Edit
    before: SourceTree

    def write(self) -> None:
        from allotment.adapters.files.tree import write_files

        write_files(self.directory, self.edit.changes)

    def put_back(self) -> bool:
        from allotment.adapters.files.tree import read_tree, write_files

        now = read_tree(self.directory).files
        if any(now.get(path) != text for path, text in self.edit.changes.items()):
            return False
        write_files(self.directory, {path: self.before.files.get(path) for path in self.edit.changes})
        return True


def take_over(look: AdoptionLook, kube: KubePort, directory: Path, edit: Edit | None = None) -> Taken:
    """Take over what can be, while no apply is under way, and leave a record of it.

    Args:
        look: what was shown.
        kube: the cluster.
        directory: the platform's.
        edit: of the directory, that goes with a namespace: written once no apply is under way, and put back where the
            namespace did not become the platform's.

    Raises:
        ConflictError: an apply is under way.
    """
    from allotment.adapters.clock import SystemClock
    from allotment.adapters.files.tree import read_tree
    from allotment.model.mark import Mark
    from allotment.operations.adopt import taking_over
    from allotment.operations.change import history
    from allotment.operations.change.attended import adopt_attended

    clock = SystemClock()
    keys, mark = tuple(each.key for each in look.possible), Mark(look.platform, look.cluster)
    what = history.Adopting(history.Act.ADOPT, mark, keys, source_of(directory), look.digest)

    def act() -> taking_over.Taken:
        if edit is None or not look.opens:
            return taking_over.Taken(taking_over.take_over(look.adoptions, kube, clock))
        written = _Written(directory, edit, read_tree(directory))
        return taking_over.take_over_and_edit(look.adoptions, kube, clock, written, look.platform)

    return adopt_attended(kube, clock, what, this_run(clock.now()), act)


def look_back(
    platform: Platform, cluster: Cluster, kube: KubePort, words: Sequence[Word], *, override: str = ""
) -> tuple[Return, ...]:
    """What undoing would do; changes nothing.

    Raises:
        ConflictError: the server is another cluster than is meant.
    """
    from allotment.operations.adopt import giving_back

    admit(platform, cluster, kube, override)
    return giving_back.look_back(kube, platform.name, words)


def mentions(directory: Path, cluster: str, returns: Sequence[Return]) -> tuple[Mention, ...]:
    """Where the directory declares what goes back, each place once."""
    from allotment.adapters.files.tree import read_tree
    from allotment.spec.mentions import mentions as found_in

    tree = read_tree(directory)
    found = (one for each in returns for one in found_in(tree, cluster, each.key.kind, each.key.name))
    return tuple(dict.fromkeys(found))


def give_back(
    platform: Platform, cluster: Cluster, returns: Sequence[Return], kube: KubePort, directory: Path
) -> tuple[Handled, ...]:
    """Undo, while no apply is under way, and leave a record of it.

    Raises:
        ConflictError: one is.
    """
    from allotment.adapters.clock import SystemClock
    from allotment.model.mark import Mark
    from allotment.operations.adopt import giving_back, taking_over
    from allotment.operations.change import history
    from allotment.operations.change.attended import adopt_attended

    clock = SystemClock()
    keys = tuple(each.key for each in returns if not each.hindrances)
    mark = Mark(platform.name, cluster.name)
    what = history.Adopting(history.Act.UNDO, mark, keys, source_of(directory))
    taken = adopt_attended(
        kube, clock, what, this_run(clock.now()), lambda: taking_over.Taken(giving_back.give_back(returns, kube))
    )
    return taken.handled
