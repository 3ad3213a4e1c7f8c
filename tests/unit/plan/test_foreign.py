"""Somebody else's flavor, cohort or queue of a declared name: what waits for it, and what is advised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from allotment.model import labels
from allotment.model.manifest import Body, Manifest, Manifests
from allotment.plan.changes import Blocked, Create, Plan
from tests.unit.operations.world import World
from tests.unit.plan import objects


def theirs(manifest: Manifest, **metadata: Any) -> Body:
    """The same object, made by somebody else."""
    return {**manifest.body, "metadata": {**manifest.body["metadata"], "labels": {}, **metadata}}


def cohort(name: str = "all", parent: str = "") -> Manifest:
    return objects.kueue("Cohort", name, {"parentName": parent} if parent else {})


def desired(*more: Manifest) -> Manifests:
    return objects.manifests(*objects.platform("cv", "nlp").objects, *more)


def plan_beside(*foreign: Body, wanted: Manifests | None = None) -> Plan:
    world = World()
    for body in foreign:
        world.kube.put(body)
    return world.plan(wanted or desired(cohort()))


def blocked(plan: Plan) -> dict[str, Blocked]:
    found = [change for change in plan.changes if isinstance(change, Blocked)]
    return {f"{one.key.kind} {one.key.namespace or one.key.name}": one for one in found}


@pytest.mark.parametrize("foreign", [objects.flavor(), cohort()], ids=["flavor", "cohort"])
def test_queues_wait_for_a_flavor_or_cohort_that_is_somebody_elses(foreign: Manifest) -> None:
    found = blocked(plan_beside(theirs(foreign)))
    waiting = {"ClusterQueue cv", "ClusterQueue nlp", "LocalQueue cv", "LocalQueue nlp"}
    assert set(found) == {f"{foreign.key.kind} {foreign.key.name}", *waiting}
    assert found["ClusterQueue cv"].why == f"it would rest on {foreign.key}, which is somebody else's"
    assert str(foreign.key) in found["LocalQueue cv"].what


def test_a_teams_door_never_leads_to_somebody_elses_queue() -> None:
    found = blocked(plan_beside(theirs(objects.cluster_queue("cv"))))
    assert set(found) == {"ClusterQueue cv", "LocalQueue cv"}


def test_a_tree_of_cohorts_waits_from_the_root_on() -> None:
    tree = desired(cohort("all", "root"), cohort("root"))
    found = blocked(plan_beside(theirs(cohort("root")), wanted=tree))
    assert {"Cohort root", "Cohort all", "ClusterQueue cv", "LocalQueue cv"} <= set(found)
    assert "Cohort.kueue.x-k8s.io root" in found["ClusterQueue cv"].why


def test_everything_else_goes_on() -> None:
    plan = plan_beside(theirs(objects.flavor()))
    created = {change.key.kind for change in plan.changes if isinstance(change, Create)}
    assert {"Namespace", "ResourceQuota", "RoleBinding", "ValidatingAdmissionPolicyBinding", "Cohort"} <= created


def test_a_queue_of_ours_does_not_begin_to_use_somebody_elses_flavor() -> None:
    world = World()
    world.settle(desired(cohort()))
    spec = objects.cluster_queue("cv").body["spec"]
    groups = [{**spec["resourceGroups"][0], "flavors": [{**spec["resourceGroups"][0]["flavors"][0], "name": "h100"}]}]
    queue = replace(
        objects.cluster_queue("cv"),
        body={**objects.cluster_queue("cv").body, "spec": {**spec, "resourceGroups": groups}},
    )
    world.kube.put(theirs(objects.flavor("h100")))
    others = [item for item in desired(cohort()) if item.key != queue.key]
    found = blocked(world.plan(objects.manifests(*others, queue, objects.flavor("h100"))))
    assert set(found) == {"ResourceFlavor h100", "ClusterQueue cv"}


ADVICE: Mapping[str, tuple[Manifest, str, str]] = {
    "flavor": (
        objects.flavor(),
        "resourceflavor/a100",
        "choose another name (names.flavors in the Cluster document)",
    ),
    "cohort": (cohort(), "cohort/all", "choose another name (cohorts in the Cluster document)"),
    "queue": (
        objects.cluster_queue("cv"),
        "clusterqueue/cv",
        "choose another name (names.queues in the Cluster document)",
    ),
    "priority": (
        objects.priority_class(),
        "priorityclass/acme-exploratory",
        "choose another name (in its Priority document)",
    ),
}


@pytest.mark.parametrize(("foreign", "word", "another"), ADVICE.values(), ids=ADVICE)
def test_it_is_said_whose_it_is_and_nobody_is_told_to_delete_what_work_hangs_on(
    foreign: Manifest, word: str, another: str
) -> None:
    body = theirs(foreign, annotations={"meta.helm.sh/release-name": "queues"})
    found = blocked(plan_beside(body))[f"{foreign.key.kind} {foreign.key.name}"]
    assert found.fix == f"take it over with `allot adopt {word}`, or {another}"
    assert found.why == "Allotment did not create it (Helm release queues did), and takes nothing over unasked"


def test_another_platforms_object_is_not_adopted() -> None:
    body = theirs(objects.flavor())
    body = {**body, "metadata": {**body["metadata"], "labels": {labels.PLATFORM: "other"}}}
    found = blocked(plan_beside(body))["ResourceFlavor a100"]
    assert found.why == "it belongs to the platform other"
    assert "adopt" not in found.fix
