"""What a TrainJob says itself of its pods, whose templates stand in the runtime that it names.

They are of the platform, and are not judged here: how many nodes of which size it wants, and what it patches, are the
tenant's own words.
"""

from __future__ import annotations

from typing import Final

from allotment.render.policies.admission import Variable
from allotment.render.policies.carried import carried_variables
from allotment.render.policies.cel import quote
from allotment.render.policies.pod_template import records


def trained_variables() -> tuple[Variable, ...]:
    """`patchedPods` and `trainers`: records like those of `pods`.

    They build on `kind`, `templates` and `domains` of `pod_variables`. Of the patched, spec and metadata hold what is
    patched only; of the trainers, the spec holds one container with the devices and amounts of a node. One that asks
    for no devices is left out: by what taints its nodes are chosen, says the runtime.
    """
    return (
        *carried_variables(),
        Variable("patchedPods", f'variables.kind == "TrainJob" ? {records(_PATCHED)} : []'),
        Variable("trainers", _TRAINERS),
    )


_PATCHED: Final = "variables.inside.filter(t, has(t.pod.spec))"

PLACED: Final = "(variables.pods + variables.patchedPods)"
"""CEL list: the pods, and what a TrainJob patches in its runtime's."""

_TRAINER: Final = "dyn(object).spec.trainer"
_AS_TEMPLATE: Final = (
    f'[{{"at": dyn({quote("spec.trainer: of each node the ")}),'
    f' "pod": dyn({{"spec": dyn({{"containers": dyn([{{"name": dyn({quote("node")}),'
    f' "resources": dyn({_TRAINER}.resourcesPerNode)}}])}})}}),'
    f' "count": dyn({_TRAINER}.?numNodes.orValue(1))}}]'
)
_TRAINERS: Final = (
    f'variables.kind == "TrainJob" && has(dyn(object).spec.trainer) && has({_TRAINER}.resourcesPerNode)'
    f" ? {records(_AS_TEMPLATE)}.filter(p, size(p.asked) > 0) : []"
)
