"""Where a directory declares an object that goes back to its owner, and what to write there instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from allotment.model.source import SourceTree
from allotment.spec import documents
from allotment.spec.declared import Declared, DeclaredDocument
from allotment.spec.problems import Path, Source
from allotment.spec.read import read
from allotment.spec.schema.cluster import ClusterSpec
from allotment.spec.schema.team import TeamSpec


@dataclass(frozen=True, slots=True)
class Mention:
    """A place in the directory.

    Attributes:
        line: 1-based.
        advice: what to do there.
        stays: whether it is to be kept for now: taking it out at once would hurt what runs.
    """

    file: str
    line: int
    advice: str
    stays: bool = False


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
    return tuple(
        Mention(source.file, _line(tree, source, path), advice, stays=path[:1] == (_WARN,))
        for source, path, advice in found
    )


_WARN: Final = "warnNamespaces"
_Found = Iterator[tuple[Source, Path, str]]


def _line(tree: SourceTree, source: Source, path: Path) -> int:
    """Of the field itself, or of the innermost one around it that is written out."""
    where = documents.positions(source.file, tree.files[source.file], {source.index})[source.index]
    while path and path not in where:
        path = path[:-1]
    return where.get(path, (0, 0))[0] + 1


def _namespace(declared: Declared, cluster: DeclaredDocument[ClusterSpec], name: str) -> _Found:
    for team in declared.teams:
        if name in (team.spec.namespaces or (team.spec.name,)) and cluster.spec.name in team.spec.placements:
            yield from _of_team(team, cluster, name)
            yield from _of_grants(declared, team, cluster)
    cut, warned = cluster.spec.without_network_policies, cluster.spec.warn_namespaces
    if name in cut:
        field = "withoutNetworkPolicies"
        yield cluster.source, (field, cut.index(name)), f"take {name} out of {field}"
    if name in warned:
        # Only this keeps the policy about accelerators outside of teams from refusing replacement pods there.
        advice = (
            f"keep {name} in {_WARN} while work with accelerators runs there: without it policies refuse that work's "
            "replacement pods; take it out once it has ended"
        )
        yield cluster.source, (_WARN, warned.index(name)), advice


def _of_team(team: DeclaredDocument[TeamSpec], cluster: DeclaredDocument[ClusterSpec], name: str) -> _Found:
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


def _of_grants(declared: Declared, team: DeclaredDocument[TeamSpec], cluster: DeclaredDocument[ClusterSpec]) -> _Found:
    """Shares that a team without a placement there cannot have, nor give."""
    there, name = cluster.spec.name, team.spec.name
    for grant in declared.grants:
        shares = [(("gpus", at), each, grant.spec.team) for at, each in enumerate(grant.spec.gpus)]
        shares += [(("takenFrom", at), each, each.team) for at, each in enumerate(grant.spec.taken_from)]
        for path, share, whose in shares:
            if share.cluster == there and whose == name:
                advice = f"and {there} out of the grant {grant.spec.name}, if it goes out of {name}'s placements"
                yield grant.source, path, advice


def _queue(_declared: Declared, cluster: DeclaredDocument[ClusterSpec], name: str) -> _Found:
    usual = next((key for key, value in cluster.spec.names.queues.items() if value == name), name)
    yield cluster.source, ("names", "queues", usual), _rename("queues", usual)


def _flavor(_declared: Declared, cluster: DeclaredDocument[ClusterSpec], name: str) -> _Found:
    usual = next((key for key, value in cluster.spec.names.flavors.items() if value == name), name)
    yield cluster.source, ("names", "flavors", usual), _rename("flavors", usual)


def _rename(field: str, usual: str) -> str:
    return f"choose another name: names: {{{field}: {{{usual}: NAME}}}}"


def _cohort(_declared: Declared, cluster: DeclaredDocument[ClusterSpec], name: str) -> _Found:
    for at, cohort in enumerate(cluster.spec.cohorts):
        if cohort.name == name:
            yield cluster.source, ("cohorts", at, "name"), f"give the cohort another name than {name}"


_LOOKS: Final = {"Namespace": _namespace, "ClusterQueue": _queue, "ResourceFlavor": _flavor, "Cohort": _cohort}
