"""What a TrainJob says itself of its pods, whose templates stand in the runtime that it names.

The runtime is the platform's, and is not judged here: how many nodes of which size it wants, which image they run, and
what it patches are the tenant's own words. They are looked at for what they say, never for what they leave to the
runtime.
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
    patched only; of the trainers, the spec holds one container with the amounts and the image of a node (empty for
    none).
    """
    return (
        *carried_variables(),
        Variable("patchedPods", f'variables.kind == "TrainJob" ? {records(_PATCHED)} : []'),
        Variable("trainers", _TRAINERS),
    )


_PATCHED: Final = "variables.inside.filter(t, has(t.pod.spec))"

PLACED: Final = "(variables.pods + variables.patchedPods)"
"""CEL list: the pods, and what a TrainJob patches in its runtime's."""

SPOKEN: Final = "(variables.pods + variables.trainers)"
"""CEL list: the pods, and the nodes that a TrainJob asks for."""

_TRAINER: Final = "dyn(object).spec.trainer"
_AS_TEMPLATE: Final = (
    f'[{{"at": dyn({quote("spec.trainer: of each node the ")}),'
    f' "pod": dyn({{"spec": dyn({{"containers": dyn([{{"name": dyn({quote("node")}),'
    f' "image": dyn({_TRAINER}.?image.orValue("")),'
    f' "resources": dyn({_TRAINER}.?resourcesPerNode.orValue({{}}))}}])}})}}),'
    f' "count": dyn({_TRAINER}.?numNodes.orValue(1))}}]'
)
_TRAINERS: Final = f'variables.kind == "TrainJob" && has(dyn(object).spec.trainer) ? {records(_AS_TEMPLATE)} : []'
