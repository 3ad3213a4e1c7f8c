from __future__ import annotations

import datetime as dt

import pytest

from allotment.model import labels
from allotment.model.quantity import MilliCpu
from allotment.model.team import Compute, ContainerDefaults, Offboarding, PodLimits
from tests.unit import builders as build
from tests.unit.render.looking import Body, find, rendered

LEAVING = Offboarding(dt.date(2027, 1, 31))


def quota_of(team_offboarding: Offboarding | None = None) -> Body:
    platform = build.platform(teams=[build.team("nlp", offboarding=team_offboarding)])
    hard: Body = find(rendered(platform), "ResourceQuota", "allotment-quota", "nlp")["spec"]["hard"]
    return hard


def test_quota_of_the_default_team() -> None:
    hard = quota_of()
    assert hard["requests.cpu"] == "64"
    assert hard["limits.cpu"] == "128"
    assert hard["requests.memory"] == "256Gi"
    assert hard["limits.memory"] == "512Gi"
    assert hard["requests.nvidia.com/gpu"] == "8"
    assert hard["pods"] == "50"
    assert hard["count/jobs.batch"] == "100"


def test_devices_have_no_limits_key() -> None:
    # The API server would store it and never count it.
    assert [key for key in quota_of() if key.startswith("limits.")] == ["limits.cpu", "limits.memory"]


def test_no_team_can_ask_for_a_way_in_past_the_openings() -> None:
    hard = quota_of()
    assert (hard["services.nodeports"], hard["services.loadbalancers"]) == ("0", "0")


def test_exposed_services_stay_forbidden_whatever_the_platform_counts() -> None:
    counts = build.namespace_quota(objects={"services.nodeports": 5, "services.loadbalancers": 5})
    team = build.team("nlp", placements=[build.placement(quota=counts)])
    hard = find(rendered(build.platform(teams=[team])), "ResourceQuota", "allotment-quota", "nlp")["spec"]["hard"]
    assert (hard["services.nodeports"], hard["services.loadbalancers"]) == ("0", "0")


def test_a_leaving_team_keeps_its_storage_and_nothing_else() -> None:
    staying, leaving = quota_of(), quota_of(LEAVING)
    access = {"count/rolebindings.rbac.authorization.k8s.io", "count/roles.rbac.authorization.k8s.io"}
    assert set(leaving) == set(staying) | access | {"count/serviceaccounts", "secrets"}
    kept = {key: value for key, value in leaving.items() if value != "0"}
    assert kept == {key: staying[key] for key in ("requests.storage", "persistentvolumeclaims")}


def limits_of(limits: PodLimits) -> list[Body]:
    platform = build.platform(teams=[build.team("nlp", member_limits=limits)])
    result: list[Body] = find(rendered(platform), "LimitRange", "allotment-limits", "nlp")["spec"]["limits"]
    return result


def test_containers_get_defaults_so_that_the_quota_does_not_refuse_them() -> None:
    [container] = limits_of(build.UNLIMITED)
    assert container["defaultRequest"] == {"cpu": "500m", "memory": "1Gi"}
    assert container["default"] == {"cpu": "1", "memory": "2Gi"}


def test_member_limits_bound_the_pod_and_the_defaults() -> None:
    container, pod = limits_of(PodLimits(cpu=build.MilliCpu(250), memory=build.gib(1), accelerators=None))
    assert pod == {"type": "Pod", "max": {"cpu": "250m", "memory": "1Gi"}}
    assert container["default"] == {"cpu": "250m", "memory": "1Gi"}
    assert container["defaultRequest"] == {"cpu": "250m", "memory": "1Gi"}


def defaults_of(given: ContainerDefaults, most: PodLimits) -> tuple[Body, Body]:
    team = build.team("nlp", container_defaults=given, member_limits=most)
    container = find(rendered(build.platform(teams=[team])), "LimitRange", "allotment-limits", "nlp")["spec"]["limits"][
        0
    ]
    return container["defaultRequest"], container["default"]


@pytest.mark.parametrize(
    ("requests", "limits", "most", "wanted"),
    [
        (None, None, None, ("500m", "1")),
        (2000, None, None, ("2", "2")),
        (100, None, None, ("100m", "1")),
        (None, 250, None, ("250m", "250m")),
        (None, 8000, None, ("500m", "8")),
        (2000, 4000, 4000, ("2", "4")),
        (None, 4000, 250, ("250m", "250m")),
        (None, None, 250, ("250m", "250m")),
    ],
)
def test_declared_defaults_hold_and_the_others_follow_them(
    requests: int | None, limits: int | None, most: int | None, wanted: tuple[str, str]
) -> None:
    def cpu(amount: int | None) -> MilliCpu | None:
        return None if amount is None else MilliCpu(amount)

    given = ContainerDefaults(Compute(cpu=cpu(requests)), Compute(cpu=cpu(limits)))
    bounds = PodLimits(cpu=cpu(most), memory=None, accelerators=None)
    asked, allowed = defaults_of(given, bounds)
    assert (asked["cpu"], allowed["cpu"]) == wanted
    assert (asked["memory"], allowed["memory"]) == ("1Gi", "2Gi")


def test_policies_read_the_same_defaults() -> None:
    given = ContainerDefaults(Compute(memory=build.gib(4)), Compute(memory=build.gib(8)))
    namespace = find(rendered(build.platform(teams=[build.team("nlp", container_defaults=given)])), "Namespace", "nlp")
    limits = namespace["metadata"]["annotations"][labels.LIMITS_ANNOTATION].split(",")
    assert {"request.cpu=500m", "request.memory=4Gi", "limit.cpu=1", "limit.memory=8Gi"} <= set(limits)


def test_a_limit_on_devices_is_no_default_of_devices() -> None:
    """Kueue 0.19 would take a default of 0 for what a Job requests that names its devices as limits only."""
    [container] = limits_of(PodLimits(cpu=None, memory=None, accelerators=2))
    assert set(container["default"]) == set(container["defaultRequest"]) == {"cpu", "memory"}


def test_a_leaving_team_has_no_limit_range() -> None:
    manifests = rendered(build.platform(teams=[build.team("nlp", offboarding=LEAVING)]))
    assert not [manifest for manifest in manifests if manifest.key.kind == "LimitRange"]
