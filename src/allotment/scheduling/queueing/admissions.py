"""An admission as Kueue writes it, with names, and as the engine holds it, with indices."""

from __future__ import annotations

from allotment.scheduling.queueing.catalog import Catalog
from allotment.scheduling.queueing.indices import NO_FLAVOR, NO_FR
from allotment.scheduling.queueing.inputs import DomainCount, PodSetAdmission
from allotment.scheduling.queueing.records import (
    FIT,
    Assignment,
    FlavorChoice,
    FlavorMemory,
    PodSetAssignment,
    WorkloadRecord,
)
from allotment.scheduling.queueing.topology.assigner import TopologyAssigner


class Admissions:
    """Translates between the two."""

    def __init__(self, catalog: Catalog, topology: TopologyAssigner) -> None:
        """For one cluster."""
        self._catalog: Catalog = catalog
        self._topology: TopologyAssigner = topology

    def assignment(self, workload: WorkloadRecord, pod_sets: tuple[PodSetAdmission, ...]) -> Assignment:
        """The engine's own form; flavors and domains that it does not know are left out."""
        names = self._catalog
        assignment = Assignment(FlavorMemory(0, 0))
        admitted = {each.name: each for each in pod_sets}
        for record in workload.pod_sets:
            given = admitted.get(record.name)
            result = PodSetAssignment(record.name, given.count if given is not None else 0)
            flavors = dict(given.flavors) if given is not None else {}
            for resource, amount in record.per_pod:
                flavor = names.flavor_index.get(flavors.get(names.resource_names[resource], ""), NO_FLAVOR)
                fr = names.fr_index.get((flavor, resource), NO_FR)
                if fr != NO_FR:
                    result.choices[resource] = FlavorChoice(flavor, fr, FIT, 0)
                    assignment.usage[fr] = assignment.usage.get(fr, 0) + amount * result.count
            if given is not None and given.domains:
                chosen = {choice.flavor for choice in result.choices.values()}
                result.topology_assignment = self._topology.locate(chosen, given.domains)
            assignment.pod_sets.append(result)
        assignment.mode = FIT
        return assignment

    def read(self, assignment: Assignment) -> tuple[PodSetAdmission, ...]:
        """What Kueue would write, PodSet by PodSet."""
        names = self._catalog
        result: list[PodSetAdmission] = []
        for pod_set in assignment.pod_sets:
            flavors = tuple(
                sorted(
                    (names.resource_names[resource], names.flavor_names[choice.flavor])
                    for resource, choice in pod_set.choices.items()
                )
            )
            levels: tuple[str, ...] = ()
            domains: tuple[DomainCount, ...] = ()
            if pod_set.topology_assignment is not None:
                levels, domains = self._topology.describe(pod_set.topology_assignment)
            result.append(PodSetAdmission(pod_set.name, pod_set.count, flavors, levels, domains))
        return tuple(result)
