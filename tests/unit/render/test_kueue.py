from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from allotment.errors import InputError
from allotment.model import labels
from allotment.model.cluster import KueueApi, QueueLayout
from allotment.model.platform import Platform
from allotment.model.team import Isolation, Offboarding
from tests.unit import builders as build
from tests.unit.render.looking import Body, find, of_kind, rendered


def queue(platform: Platform, name: str) -> Body:
    spec: Body = find(rendered(platform), "ClusterQueue", name)["spec"]
    return spec


def quotas(spec: Body) -> dict[tuple[str, str], dict[str, Any]]:
    """(flavor, resource) → quota."""
    return {
        (flavor["name"], resource["name"]): resource
        for group in spec["resourceGroups"]
        for flavor in group["flavors"]
        for resource in flavor["resources"]
    }


def test_a_team_has_its_guarantee_its_limits_and_its_weight() -> None:
    team = build.team(
        placements=[
            build.placement(weight=1500, accelerators={"a100-spot": build.allowance(8, borrowing=16, lending=4)})
        ]
    )
    spec = queue(build.platform(teams=[team]), "nlp")
    assert quotas(spec)["a100-spot", "nvidia.com/gpu"] == {
        "name": "nvidia.com/gpu",
        "nominalQuota": "8",
        "borrowingLimit": "16",
        "lendingLimit": "4",
    }
    assert spec["fairSharing"] == {"weight": "1500m"}
    assert spec["cohortName"] == "all"


@pytest.mark.parametrize(
    ("api", "field"), [(KueueApi.V1BETA1, "cohort"), (KueueApi.V1BETA2, "cohortName")], ids=["v1beta1", "v1beta2"]
)
def test_the_cohort_field_follows_the_api_version(api: KueueApi, field: str) -> None:
    manifests = rendered(build.platform(clusters=[build.cluster(kueue_api=api)]))
    assert find(manifests, "ClusterQueue", "nlp")["spec"][field] == "all"
    ours = {manifest.api_version for manifest in manifests if manifest.key.group == "kueue.x-k8s.io"}
    assert ours == {f"kueue.x-k8s.io/{api.value}"}


def test_only_the_teams_own_namespace_may_submit() -> None:
    # This label the API server sets and nobody can change.
    assert queue(build.platform(), "nlp")["namespaceSelector"] == {
        "matchLabels": {"kubernetes.io/metadata.name": "nlp"}
    }


def test_a_queue_without_cohort_has_no_limits_that_kueue_would_refuse() -> None:
    placement = build.placement(cohort=None, accelerators={"a100-spot": build.allowance(8, borrowing=16, lending=4)})
    spec = queue(build.platform(teams=[build.team(placements=[placement])]), "nlp")
    assert quotas(spec)["a100-spot", "nvidia.com/gpu"] == {"name": "nvidia.com/gpu", "nominalQuota": "8"}
    assert "cohortName" not in spec
    assert spec["preemption"]["reclaimWithinCohort"] == "Never"


@pytest.mark.parametrize(("warned", "within"), [((), "LowerPriority"), (("nlp",), "Never"), (("cv",), "LowerPriority")])
def test_new_work_takes_no_place_of_work_that_was_there_before(warned: tuple[str, ...], within: str) -> None:
    """Older work has no rung of the ladder: its priority is below all of them."""
    cluster = replace(build.cluster(), warn_namespaces=warned)
    assert queue(build.platform(clusters=[cluster]), "nlp")["preemption"]["withinClusterQueue"] == within


def test_a_queue_admits_no_more_pods_than_a_namespace_of_its_team_holds() -> None:
    platform = build.platform(
        teams=[build.team("nlp", placements=[build.placement(quota=build.namespace_quota(pods=70))])]
    )
    [cpu] = [group for group in queue(platform, "nlp")["resourceGroups"] if "pods" in group["coveredResources"]]
    [pods] = [entry for entry in cpu["flavors"][0]["resources"] if entry["name"] == "pods"]
    assert pods == {"name": "pods", "nominalQuota": "70", "borrowingLimit": "0", "lendingLimit": "0"}


def test_every_resource_and_every_flavor_is_in_one_group_in_order_of_preference() -> None:
    flavors = [
        build.flavor("a100-spot"),
        build.flavor("slice-spot", accelerator="slice"),
        build.flavor("h100-spot", accelerator="h100"),
        build.cpu_flavor(),
    ]
    platform = build.platform(
        clusters=[build.cluster(flavors=flavors)],
        accelerators=[
            build.accelerator("a100"),
            build.accelerator("h100"),
            build.accelerator("slice", resource_name="nvidia.com/mig-1g.10gb"),
        ],
        teams=[
            build.team(placements=[build.placement(accelerators={"h100-spot": 1, "slice-spot": 7, "a100-spot": 2})])
        ],
    )
    groups = queue(platform, "nlp")["resourceGroups"]
    assert [(group["coveredResources"], [flavor["name"] for flavor in group["flavors"]]) for group in groups] == [
        (["cpu", "memory", "ephemeral-storage", "pods"], ["cpu"]),
        (["nvidia.com/gpu"], ["h100-spot", "a100-spot"]),
        (["nvidia.com/mig-1g.10gb"], ["slice-spot"]),
    ]


def test_flavors_bring_the_tolerations_of_their_taints() -> None:
    spec = find(rendered(build.platform()), "ResourceFlavor", "a100-spot")["spec"]
    assert spec["nodeTaints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
    assert spec["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"}
    ]


def test_the_cpu_flavor_fits_every_node() -> None:
    assert find(rendered(build.platform()), "ResourceFlavor", "cpu")["spec"] == {}


def test_a_quota_of_devices_in_a_flavor_without_devices_is_refused() -> None:
    team = build.team(placements=[build.placement(accelerators={"cpu": 4})])
    with pytest.raises(InputError, match="flavor cpu of cluster dev"):
        rendered(build.platform(teams=[team]))


class TestSharedLayout:
    def shared(self, *devices: int, capacity: int = 8) -> Platform:
        cluster = build.cluster(
            queue_layout=QueueLayout.SHARED, flavors=[build.flavor(capacity=capacity), build.cpu_flavor()], cohorts=()
        )
        teams = [
            build.team(f"t{index}", placements=[build.placement(cohort=None, accelerators={"a100-spot": count})])
            for index, count in enumerate(devices)
        ]
        return build.platform(clusters=[cluster], teams=teams)

    def test_one_queue_holds_what_the_teams_were_given(self) -> None:
        platform = self.shared(2, 4)
        assert [manifest.key.name for manifest in of_kind(rendered(platform), "ClusterQueue")] == ["shared"]
        assert quotas(queue(platform, "shared"))["a100-spot", "nvidia.com/gpu"]["nominalQuota"] == "6"

    def test_and_never_more_than_the_hardware(self) -> None:
        spec = queue(self.shared(8, 8, capacity=8), "shared")
        assert quotas(spec)["a100-spot", "nvidia.com/gpu"]["nominalQuota"] == "8"

    def test_a_team_with_its_own_pool_keeps_its_own_queue(self) -> None:
        cluster = build.cluster(
            queue_layout=QueueLayout.SHARED,
            flavors=[build.flavor(), build.flavor("mine", dedicated_to="cv", capacity=4), build.cpu_flavor()],
            cohorts=(),
        )
        teams = [
            build.team("nlp", placements=[build.placement(cohort=None)]),
            build.team(
                "cv",
                isolation=Isolation.NODE_POOL,
                placements=[build.placement(cohort=None, accelerators={"mine": 4})],
            ),
        ]
        manifests = rendered(build.platform(clusters=[cluster], teams=teams))
        assert ("mine", "nvidia.com/gpu") not in quotas(find(manifests, "ClusterQueue", "shared")["spec"])
        assert find(manifests, "LocalQueue", "default", "cv")["spec"]["clusterQueue"] == "cv"
        assert find(manifests, "LocalQueue", "default", "nlp")["spec"]["clusterQueue"] == "shared"


@pytest.mark.parametrize("layout", list(QueueLayout))
def test_a_leaving_team_s_queues_are_on_hold_and_have_no_share(layout: QueueLayout) -> None:
    """Without its queue, what it runs would run on uncounted."""
    placement = build.placement(cohort=None)
    leaving = build.team("old", offboarding=Offboarding(dt.date(2027, 1, 31)), placements=[placement])
    teams = [leaving, build.team("nlp", placements=[placement])]
    manifests = rendered(build.platform(clusters=[build.cluster(queue_layout=layout)], teams=teams))
    stops = {item.key.namespace: item.body["spec"]["stopPolicy"] for item in of_kind(manifests, "LocalQueue")}
    assert stops == {"nlp": "None", "old": "HoldAndDrain"}
    queues = {item.key.name: item.body["spec"] for item in of_kind(manifests, "ClusterQueue")}
    own = queues.pop("old", None)
    assert (own is None) is (layout is QueueLayout.SHARED)
    [staying] = queues.values()
    assert staying["stopPolicy"] == "None"
    assert quotas(staying)["a100-spot", "nvidia.com/gpu"]["nominalQuota"] == "4"


def test_a_leaving_team_s_own_queue_keeps_its_flavors_with_nothing_in_them() -> None:
    """A flavor that a queue gives up is not counted any more, and its devices would be promised twice."""
    staying = find(rendered(build.platform()), "ClusterQueue", "nlp")["spec"]
    team = build.team(offboarding=Offboarding(dt.date(2027, 1, 31)))
    leaving = find(rendered(build.platform(teams=[team])), "ClusterQueue", "nlp")["spec"]
    assert leaving["stopPolicy"] == "HoldAndDrain"
    assert quotas(leaving).keys() == quotas(staying).keys()
    unbounded = {"ephemeral-storage"}
    assert {
        (entry["nominalQuota"], entry["borrowingLimit"])
        for (_flavor, resource), entry in quotas(leaving).items()
        if resource not in unbounded
    } == {("0", "0")}


def test_cohorts_make_a_tree_with_weights() -> None:
    cluster = build.cluster(cohorts=[build.cohort("all"), build.cohort("vision", parent="all", weight=500)])
    manifests = rendered(build.platform(clusters=[cluster]))
    assert find(manifests, "Cohort", "vision")["spec"] == {
        "parentName": "all",
        "fairSharing": {"weight": "500m"},
    }


def test_no_weights_without_fair_sharing() -> None:
    manifests = rendered(build.platform(clusters=[build.cluster(fair_sharing=False)]))
    assert find(manifests, "Cohort", "all")["spec"] == {}
    assert "fairSharing" not in find(manifests, "ClusterQueue", "nlp")["spec"]


def test_the_ladder_exists_for_scheduler_and_kueue_alike() -> None:
    manifests = rendered(build.platform())
    for rung in build.ladder():
        native = find(manifests, "PriorityClass", rung.name)
        queued = find(manifests, "WorkloadPriorityClass", rung.name)
        assert native["value"] == queued["value"] == rung.value
    exploratory = find(manifests, "PriorityClass", "exploratory")
    assert (exploratory["preemptionPolicy"], exploratory["globalDefault"]) == ("Never", True)
    assert find(manifests, "PriorityClass", "scheduled-training")["preemptionPolicy"] == "PreemptLowerPriority"


def test_the_queue_a_namespace_announces_exists() -> None:
    manifests = rendered(build.platform())
    for namespace in (found for found in of_kind(manifests, "Namespace") if found.team):
        for name in namespace.body["metadata"]["annotations"][labels.QUEUES_ANNOTATION].split(","):
            find(manifests, "LocalQueue", name, namespace.key.name)


@pytest.mark.parametrize("layout", QueueLayout)
def test_chosen_names_are_written_wherever_the_object_is_meant(layout: QueueLayout) -> None:
    place = build.cluster(
        queue_layout=layout,
        flavors=(build.flavor("mine"), replace(build.cpu_flavor(), name="compute")),
    )
    place = replace(place, queue_names={"nlp": "nlp-gpu", "shared": "everybody"})
    given = build.placement(accelerators={"mine": 8})
    objects = rendered(build.platform(clusters=(place,), teams=(build.team("nlp", placements=(given,)),)))
    assert {manifest.key.name for manifest in of_kind(objects, "ResourceFlavor")} == {"mine", "compute"}
    name = "nlp-gpu" if layout is QueueLayout.PER_TEAM else "everybody"
    queue = find(objects, "ClusterQueue", name)
    used = [flavor["name"] for group in queue["spec"]["resourceGroups"] for flavor in group["flavors"]]
    assert used == ["compute", "mine"]
    assert find(objects, "LocalQueue", "default", "nlp")["spec"]["clusterQueue"] == name
