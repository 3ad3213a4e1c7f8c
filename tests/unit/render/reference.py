"""The platform behind the golden files: small, and with every feature that rendering knows at least once.

Cluster `training`: a queue each, in cohorts. nlp is plain, cv has a pool and a hierarchy of its own, old is leaving.
Cluster `shared`: one queue for nlp and cv's CPU work, Kueue v1beta1, no fair sharing.
Cluster `regulated`: secure has it to itself.
"""

from __future__ import annotations

import datetime as dt

from allotment.model.accelerator import CapacityType
from allotment.model.cluster import Cluster, Environment, KueueApi, Purpose, QueueLayout
from allotment.model.platform import Platform
from allotment.model.policy import Direction, Port, SharedService
from allotment.model.quantity import MilliCpu
from allotment.model.team import (
    AccessRule,
    Claim,
    Compute,
    ContainerDefaults,
    ExtraRules,
    Groups,
    Isolation,
    Offboarding,
    PodLimits,
    PodSecurityException,
    PodSecurityLevel,
    Project,
    Team,
)
from tests.unit import builders as build

OPENINGS = (
    *build.shared_services(),
    SharedService(
        name="artefacts",
        direction=Direction.EGRESS,
        namespace=None,
        pod_labels={},
        cidrs=("10.20.0.0/16", "0.0.0.0/0"),
        ports=(Port("TCP", 443),),
        description="Object storage",
    ),
)


def reference() -> Platform:
    """The platform."""
    return build.platform(
        "reference",
        clusters=(_training(), _shared(), _regulated()),
        teams=(_nlp(), _cv(), _old(), _secure()),
        accelerators=(
            build.accelerator("a100"),
            build.accelerator("h100"),
            build.accelerator(
                "a100-1g-10gb", resource_name="nvidia.com/mig-1g.10gb", partition_of="a100", partitions=7
            ),
        ),
        services=OPENINGS,
    )


def _training() -> Cluster:
    return build.cluster(
        "training",
        purpose=Purpose.TRAINING,
        environment=Environment.PRODUCTION,
        kubernetes="1.29.4",
        flavors=(
            build.flavor("h100-on-demand", accelerator="h100", capacity_type=CapacityType.ON_DEMAND, capacity=8),
            build.flavor("a100-spot", capacity=32),
            build.flavor("a100-1g-10gb-spot", accelerator="a100-1g-10gb", capacity=14),
            build.flavor("a100-reserved-cv", capacity_type=CapacityType.RESERVED, capacity=8, dedicated_to="cv"),
            build.cpu_flavor(),
        ),
        cohorts=(
            build.cohort(
                "all", quota=build.quota(memory_gib=64, accelerators={"a100-1g-10gb-spot": 7, "a100-spot": 8})
            ),
            build.cohort("vision", parent="all", weight=1500),
        ),
    )


def _shared() -> Cluster:
    return build.cluster(
        "shared",
        kueue_api=KueueApi.V1BETA1,
        queue_layout=QueueLayout.SHARED,
        fair_sharing=False,
        flavors=(build.flavor(capacity=8), build.cpu_flavor()),
        cohorts=(),
    )


def _regulated() -> Cluster:
    return build.cluster("regulated", environment=Environment.PRODUCTION, cohorts=())


def _nlp() -> Team:
    return build.team(
        "nlp",
        extra_rules=ExtraRules(member=(AccessRule(("ray.io",), ("rayservices",), ("get", "list", "create")),)),
        member_limits=PodLimits(cpu=MilliCpu(32_000), memory=build.gib(1), accelerators=2),
        projects=(Project("chat", "cc-4521"), Project("search", "cc-7000")),
        placements=(
            build.placement(
                "training",
                environment=Environment.PRODUCTION,
                weight=2000,
                accelerators={
                    "h100-on-demand": 2,
                    "a100-spot": build.allowance(8, borrowing=16, lending=4),
                    "a100-1g-10gb-spot": 7,
                },
                quota=build.namespace_quota(
                    accelerators={"nvidia.com/gpu": 26, "nvidia.com/mig-1g.10gb": 7}, pods=2000
                ),
            ),
            build.placement("shared", cohort=None, accelerators={"a100-spot": 6}),
        ),
    )


def _cv() -> Team:
    return build.team(
        "cv",
        namespaces=("cv", "cv-serving"),
        isolation=Isolation.NODE_POOL,
        container_defaults=ContainerDefaults(Compute(memory=build.gib(4)), Compute(cpu=MilliCpu(2000))),
        pod_security=PodSecurityException(
            PodSecurityLevel.BASELINE, "images are built as root", dt.date(2027, 1, 31), ("cv-serving",)
        ),
        groups=Groups(owners=("cv-owners",), members=("cv-members", "interns"), viewers=(), exec=()),
        image_pull_secrets=(),
        placements=(
            build.placement(
                "training",
                environment=Environment.PRODUCTION,
                cohort="vision",
                cpu=build.allowance(1500, borrowing=0),
                accelerators={"a100-reserved-cv": build.allowance(8, lending=0)},
            ),
        ),
    )


def _old() -> Team:
    return build.team(
        "old",
        claims=(Claim("archive", build.gib(512), "", "ReadWriteOnce"),),
        placements=(build.placement("training", environment=Environment.PRODUCTION),),
        offboarding=Offboarding(dt.date(2027, 1, 31)),
    )


def _secure() -> Team:
    return build.team(
        "secure",
        isolation=Isolation.SUBSCRIPTION,
        placements=(build.placement("regulated", environment=Environment.PRODUCTION),),
    )
