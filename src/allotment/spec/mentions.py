"""Where a directory declares an object that goes back to its owner, and what to write there instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from allotment.spec import documents
from allotment.spec.declared import Declared, Entry
from allotment.spec.problems import Path, Source
from allotment.spec.read import read
from allotment.spec.schema.cluster import ClusterSpec
from allotment.spec.schema.team import TeamSpec
from allotment.spec.source import SourceTree


@dataclass(frozen=True, slots=True)
class Mention:
    """A place in the directory.

    Attributes:
        line: 1-based.
        advice: what to do there.
    """

    file: str
    line: int
    advice: str


def mentions(tree: SourceTree, cluster: str, kind: str, name: str) -> tuple[Mention, ...]:
    """Places that make an object declared, by which the next plan would want its name again.

    Args:
        tree: the directory.
        cluster: where the object is.
        kind: of the object; of kinds without chosen names nothing is found.
        name: of the object.
    """
    declared = read(tree).declared
    entry = next((each for each in declared.clusters if each.spec.name == cluster), None)
    if entry is None:
        return ()
    found = _LOOKS[kind](declared, entry, name) if kind in _LOOKS else ()
    return tuple(Mention(source.file, _line(tree, source, path), advice) for source, path, advice in found)


_Found = Iterator[tuple[Source, Path, str]]


def _line(tree: SourceTree, source: Source, path: Path) -> int:
    """Of the field itself, or of the innermost one around it that is written out."""
    where = documents.positions(source.file, tree.files[source.file], {source.index})[source.index]
    while path and path not in where:
        path = path[:-1]
    return where.get(path, (0, 0))[0] + 1


def _namespace(declared: Declared, cluster: Entry[ClusterSpec], name: str) -> _Found:
    for team in declared.teams:
        if name in (team.spec.namespaces or (team.spec.name,)) and cluster.spec.name in team.spec.placements:
            yield from _of_team(team, cluster, name)
    for field, names in (
        ("warnNamespaces", cluster.spec.warn_namespaces),
        ("withoutNetworkPolicies", cluster.spec.without_network_policies),
    ):
        if name in names:
            yield cluster.source, (field, names.index(name)), f"take {name} out of {field}"


def _of_team(team: Entry[TeamSpec], cluster: Entry[ClusterSpec], name: str) -> _Found:
    spec = team.spec
    placed = ("placements", cluster.spec.name)
    if spec.namespaces:
        others = len(spec.namespaces) > 1
        advice = f"take {name} out of namespaces" if others else f"write another name than {name} in namespaces"
        yield team.source, ("namespaces", spec.namespaces.index(name)), advice
    else:
        yield team.source, ("name",), "give the team another namespace: namespaces: [NAME]"
    yield team.source, placed, f"or take {cluster.spec.name} out of placements, if {spec.name} shall have nothing there"
    if spec.pod_security is not None and name in spec.pod_security.namespaces:
        yield team.source, ("podSecurity", "namespaces"), f"take {name} out of podSecurity"


def _queue(_declared: Declared, cluster: Entry[ClusterSpec], name: str) -> _Found:
    usual = next((key for key, value in cluster.spec.names.queues.items() if value == name), name)
    yield cluster.source, ("names", "queues", usual), _rename("queues", usual)


def _flavor(_declared: Declared, cluster: Entry[ClusterSpec], name: str) -> _Found:
    usual = next((key for key, value in cluster.spec.names.flavors.items() if value == name), name)
    yield cluster.source, ("names", "flavors", usual), _rename("flavors", usual)


def _rename(field: str, usual: str) -> str:
    return f"choose another name: names: {{{field}: {{{usual}: NAME}}}}"


def _cohort(_declared: Declared, cluster: Entry[ClusterSpec], name: str) -> _Found:
    for at, cohort in enumerate(cluster.spec.cohorts):
        if cohort.name == name:
            yield cluster.source, ("cohorts", at, "name"), f"give the cohort another name than {name}"


_LOOKS: Final = {"Namespace": _namespace, "ClusterQueue": _queue, "ResourceFlavor": _flavor, "Cohort": _cohort}
