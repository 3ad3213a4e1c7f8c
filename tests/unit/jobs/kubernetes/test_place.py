"""Where a job may run, and the refusals before anything is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allotment.errors import AllotmentError, CapacityError, ForbiddenError, InputError, NotFoundError
from allotment.jobs.kubernetes.place import place_of
from allotment.model.accelerator import CapacityType, Vendor
from allotment.model.cluster import QueueLayout
from allotment.model.jobs.job import AcceleratorWish, CheckpointPolicy, Job, ReplicaNeeds
from allotment.model.team import PodLimits, Project
from tests.unit import builders as build
from tests.unit.jobs.kubernetes.work import job, place, world

AMPLE = ReplicaNeeds(build.cores(8), build.gib(64), AcceleratorWish(1, ("a100", "h100")))


def needs(**changes: Any) -> ReplicaNeeds:
    return replace(job().needs, **changes)


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        (job(team="nobody"), NotFoundError, ('no team "nobody"', "declared are")),
        (job(priority="production-inference"), ForbiddenError, ("may not use the priority", "exploratory")),
        (job(checkpoint=CheckpointPolicy("/c", 60, 1801)), ForbiddenError, ("1801 s", "1800 s", "maxGrace")),
        (job(environment="production"), InputError, ("environment", "development")),
        (job(project="secret"), InputError, ('no project "secret"', "nlp-core")),
        (job(needs=needs(accelerators=AcceleratorWish(1, ("mi300x",)))), CapacityError, ("no mi300x", "a100-spot")),
        (job(spot=False), CapacityError, ("no non-spot a100", "a100-spot", "set spot: true")),
        (job(needs=needs(accelerators=AcceleratorWish(9, ("a100",)))), CapacityError, ("no node", "9 devices")),
        (job(needs=needs(memory=build.gib(9000))), CapacityError, ("no node", "9000Gi")),
    ],
)
def test_what_can_never_run_there_is_refused(asked: Job, error: type[AllotmentError], words: tuple[str, ...]) -> None:
    with pytest.raises(error) as caught:
        place(asked)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert caught.value.fix


def test_a_team_that_is_elsewhere_runs_nothing_here() -> None:
    platform, _ = world()
    with pytest.raises(NotFoundError, match="runs nothing in elsewhere"):
        place_of(platform, build.cluster("elsewhere"), job())


def test_one_pod_has_no_more_than_one_pod_of_the_team_may_have() -> None:
    limited = build.team(member_limits=PodLimits(build.cores(4), None, 1))
    cluster = build.cluster()
    platform = build.platform(clusters=(cluster,), teams=(limited,))
    for asked, words in ((job(), "2 accelerators"), (job(needs=replace(AMPLE, accelerators=None)), "8 CPUs")):
        with pytest.raises(CapacityError, match=words):
            place_of(platform, cluster, asked)


@pytest.mark.parametrize(
    ("borrowing", "layout", "most"),
    [
        (4, QueueLayout.PER_TEAM, 6),
        (0, QueueLayout.PER_TEAM, 4),
        (None, QueueLayout.PER_TEAM, 0),
        (4, QueueLayout.SHARED, 0),
    ],
    ids=["with what it borrows", "it borrows nothing", "it borrows without end", "all share one queue"],
)
def test_a_job_is_refused_that_its_queue_can_never_hold_whole(
    borrowing: int | None, layout: QueueLayout, most: int
) -> None:
    """Of 8 devices that are its own; each replica has 2."""
    cluster = build.cluster(queue_layout=layout)
    shares = {"a100-spot": build.allowance(8, borrowing=borrowing)}
    team = build.team(placements=(build.placement(accelerators=shares),))
    platform = build.platform(clusters=(cluster,), teams=(team,))
    assert place_of(platform, cluster, job(replicas=most or 99)).resource
    if most:
        with pytest.raises(CapacityError, match=f"can never run .* {2 * most + 2} a100, all of them") as caught:
            place_of(platform, cluster, job(replicas=most + 1))
        assert f"may have {2 * most} there" in caught.value.why


def test_the_bill_is_the_projects() -> None:
    team = build.team(projects=(Project("first", "cc-1"), Project("second", "cc-2")))
    cluster = build.cluster()
    platform = build.platform(clusters=(cluster,), teams=(team,))
    billing = place_of(platform, cluster, job(project="second")).billing
    assert billing == {"team": "nlp", "project": "second", "cost-center": "cc-2", "environment": "development"}
    assert place_of(platform, cluster, job()).billing["project"] == "first"


def test_the_cpu_limit_is_as_far_above_as_the_quota_lets() -> None:
    assert place(job()).cpu_limit == build.cores(16)
    platform, cluster = world()
    softly = replace(cluster, warn_namespaces=("nlp",))
    assert place_of(platform, softly, job()).cpu_limit is None
    assert place_of(platform, replace(softly, with_defaults=("nlp",)), job()).cpu_limit == build.cores(16)
    bounded = build.platform(
        clusters=(cluster,), teams=(build.team(member_limits=PodLimits(build.cores(10), None, None)),)
    )
    assert place_of(bounded, cluster, job()).cpu_limit == build.cores(10)


def test_flavors_that_will_do_are_named_and_those_of_another_resource_are_not() -> None:
    h100 = build.flavor("h100", accelerator="h100", capacity_type=CapacityType.ON_DEMAND)
    mi300x = build.flavor("mi300x", accelerator="mi300x", capacity_type=CapacityType.ON_DEMAND)
    pools = (
        build.node_pool(),
        build.node_pool("h100-pool", accelerator="h100", flavor="h100"),
        build.node_pool("mi300x-pool", accelerator="mi300x", flavor="mi300x"),
    )
    cluster = build.cluster(node_pools=pools, flavors=(build.flavor(), h100, mi300x, build.cpu_flavor()))
    devices = {"a100-spot": 4, "mi300x": 4, "h100": 4}
    team = build.team(placements=(build.placement(accelerators=devices),))
    catalogue = {
        "a100": build.accelerator("a100"),
        "h100": build.accelerator("h100"),
        "mi300x": replace(build.accelerator("mi300x"), vendor=Vendor.AMD, resource_name="amd.com/gpu"),
    }
    platform = replace(build.platform(clusters=(cluster,), teams=(team,)), accelerators=catalogue)
    wish = AcceleratorWish(1, ("h100", "mi300x", "a100"))
    found = place_of(platform, cluster, job(needs=replace(AMPLE, accelerators=wish)))
    assert found.resource == "nvidia.com/gpu"
    assert [dict(nodes) for nodes in found.nodes] == [dict(build.flavor().node_labels), dict(h100.node_labels)]
    assert any("amd" not in said and "nvidia.com/gpu was chosen" in said for said in found.told)
    assert any("tries a100 before h100" in said for said in found.told)


def test_a_runtime_class_is_named_where_the_cluster_has_it() -> None:
    assert place(job()).runtime_class == "nvidia"
    assert place(job(), runtime_classes=()).runtime_class == ""
    assert place(job(needs=replace(AMPLE, accelerators=None))).runtime_class == ""
