"""Flavor eligibility: taints, tolerations, selectors, affinity."""

import pytest

from allotment.scheduling.queueing.eligibility import flavor_obstacle, matches_requirement, tolerates
from allotment.scheduling.queueing.inputs import LabelRequirement, PodSet, ResourceFlavor, Taint, Toleration

SPOT = Taint("spot", "x", "NoSchedule")

TOLERATIONS = {
    "equal": (Toleration("spot", "Equal", "x"), True),
    "another value": (Toleration("spot", "Equal", "y"), False),
    "exists": (Toleration("spot", "Exists"), True),
    "everything": (Toleration(operator="Exists"), True),
    "another effect": (Toleration("spot", "Exists", effect="NoExecute"), False),
    "another key": (Toleration("other", "Exists"), False),
}


@pytest.mark.parametrize(("toleration", "expected"), TOLERATIONS.values(), ids=TOLERATIONS)
def test_toleration(toleration: Toleration, expected: bool) -> None:
    assert tolerates(toleration, SPOT) is expected


REQUIREMENTS = {
    "in": (LabelRequirement("gen", "In", ("1", "2")), True),
    "not in": (LabelRequirement("gen", "NotIn", ("1", "2")), False),
    "not in, key missing": (LabelRequirement("zone", "NotIn", ("a",)), True),
    "exists": (LabelRequirement("gen", "Exists"), True),
    "does not exist": (LabelRequirement("gen", "DoesNotExist"), False),
    "greater": (LabelRequirement("gen", "Gt", ("1",)), True),
    "less": (LabelRequirement("gen", "Lt", ("2",)), False),
    "greater than text": (LabelRequirement("gen", "Gt", ("a",)), False),
}


@pytest.mark.parametrize(("requirement", "expected"), REQUIREMENTS.values(), ids=REQUIREMENTS)
def test_requirement(requirement: LabelRequirement, expected: bool) -> None:
    assert matches_requirement({"gen": "2"}, requirement) is expected


FLAVOR = ResourceFlavor("f", (("gen", "2"),), (SPOT, Taint("soft", "", "PreferNoSchedule")))
TOLERANT = (Toleration("spot", "Exists"),)

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
        PodSet("p", 1, (), required_affinity=((LabelRequirement("gen", "In", ("1",)),),), tolerations=TOLERANT),
        "flavor f doesn't match node affinity",
    ),
    "a term left empty matches anything": (
        PodSet(
            "p",
            1,
            (),
            required_affinity=(
                (LabelRequirement("gen", "In", ("1",)),),
                (LabelRequirement("zone", "In", ("a",)),),
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
