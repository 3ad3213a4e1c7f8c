"""Flavor eligibility: taints, tolerations, selectors, affinity."""

import pytest

from allotment.model.cluster import Taint, TaintEffect
from allotment.scheduling.kinds import Operator, Requirement, Toleration
from allotment.scheduling.queueing.eligibility import flavor_obstacle
from allotment.scheduling.queueing.inputs import PodSet, ResourceFlavor

SPOT = Taint("spot", "x", TaintEffect.NO_SCHEDULE)

FLAVOR = ResourceFlavor("f", (("gen", "2"),), (SPOT, Taint("soft", "", TaintEffect.PREFER_NO_SCHEDULE)))
TOLERANT = (Toleration("spot", exists=True),)

OBSTACLES = {
    "untolerated taint": (PodSet("p", 1, ()), "untolerated taint {spot x NoSchedule <nil>} in flavor f"),
    "tolerated": (PodSet("p", 1, (), tolerations=TOLERANT), None),
    "selector of a foreign key is ignored": (
        PodSet("p", 1, (), node_selector=(("other", "q"),), tolerations=TOLERANT),
        None,
    ),
    "selector of another value": (
        PodSet("p", 1, (), node_selector=(("gen", "1"),), tolerations=TOLERANT),
        "flavor f doesn't match node affinity",
    ),
    "affinity of another value": (
        PodSet("p", 1, (), required_affinity=((Requirement("gen", Operator.IN, ("1",)),),), tolerations=TOLERANT),
        "flavor f doesn't match node affinity",
    ),
    "a term left empty matches anything": (
        PodSet(
            "p",
            1,
            (),
            required_affinity=(
                (Requirement("gen", Operator.IN, ("1",)),),
                (Requirement("zone", Operator.IN, ("a",)),),
            ),
            tolerations=TOLERANT,
        ),
        None,
    ),
}


@pytest.mark.parametrize(("pod_set", "text"), OBSTACLES.values(), ids=OBSTACLES)
def test_obstacle(pod_set: PodSet, text: str | None) -> None:
    obstacle = flavor_obstacle(pod_set, FLAVOR)
    assert (obstacle.text() if obstacle else None) == text
