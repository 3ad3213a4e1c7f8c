"""What our own guardrails would undo is not started, and what they let somebody do is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allotment.adapters.kube.fake import FakeKube
from allotment.jobs.kubernetes.kinds import WorkKind
from allotment.model.cluster import Cluster, Feature
from allotment.model.jobs.job import Job
from allotment.model.platform import Platform
from allotment.model.policy import Mode, Policy, PolicyName
from allotment.operations.run.kubernetes.backend import KubernetesBackend
from allotment.operations.run.kubernetes.making import ClusterAccess
from allotment.ports.backends import JobRefusedError, JobToStart
from tests.unit.jobs.kubernetes.work import gang, job, program, service, world

POLICY = PolicyName.QUEUE_MARKS_PROTECTED
REGISTRIES = PolicyName.TRUSTED_REGISTRIES
POD, JOBSET, LWS = Feature.POD_INTEGRATION, Feature.JOBSET, Feature.LEADERWORKERSET
BOTH = ("JobSet", "LeaderWorkerSet")


def cluster_in_memory() -> FakeKube:
    kube = FakeKube()
    kube.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nlp"}})
    return kube


def backend(platform: Platform, cluster: Cluster, kube: FakeKube | None = None) -> KubernetesBackend:
    kube = kube or cluster_in_memory()
    return KubernetesBackend("training", ClusterAccess(kube, ("nlp",)), platform, cluster, lambda _: b"")


def changed(name: PolicyName, platform: Platform, **changes: Any) -> Platform:
    """The platform with one of its policies changed."""
    guardrails = (replace(each, **changes) if each.name is name else each for each in platform.policies)
    return replace(platform, policies=tuple[Policy, ...](guardrails))


def undeclared(*features: Feature, **changes: Any) -> tuple[Platform, Cluster]:
    """The cluster serves JobSet and LeaderWorkerSet, and its file names these features alone."""
    platform, cluster = world(features=(POD, *features))
    return changed(POLICY, platform, **changes), cluster


def soft() -> tuple[Platform, Cluster]:
    platform, cluster = undeclared()
    cluster = replace(cluster, warn_namespaces=("nlp",))
    return replace(platform, clusters=(cluster,)), cluster


def exempt() -> tuple[Platform, Cluster]:
    platform, cluster = undeclared()
    spared = (*platform.exempt_namespaces, "jobset-system", "lws-system")
    return replace(platform, exempt_namespaces=spared), cluster


def without_policy() -> tuple[Platform, Cluster]:
    platform, cluster = undeclared()
    return replace(platform, policies=tuple(each for each in platform.policies if each.name is not POLICY)), cluster


@pytest.mark.parametrize(
    ("at", "kinds"),
    [
        (undeclared(), ("Job", "Deployment")),
        (undeclared(JOBSET), ("JobSet", "Deployment")),
        (undeclared(LWS), ("Job", "LeaderWorkerSet")),
        (undeclared(JOBSET, LWS), BOTH),
        (undeclared(modes={world()[1].name: Mode.WARN}), BOTH),
        (undeclared(exempt_namespaces=("nlp",)), BOTH),
        (soft(), BOTH),
        (exempt(), BOTH),
        (without_policy(), BOTH),
    ],
)
def test_a_kind_whose_controller_is_bound_by_our_policy_is_not_started(
    at: tuple[Platform, Cluster], kinds: tuple[str, str]
) -> None:
    there = backend(*at)

    def order(asked: Job) -> JobToStart:
        return JobToStart("k7x2", asked, "jane", 1)

    gang_as, set_as = kinds
    work = there.rendered(order(gang()))
    assert work.main["kind"] == gang_as
    told = " ".join(there.told(order(gang())))
    assert ("does not name the feature jobset" in told) is (gang_as == "Job")
    assert ("adds jobset to `features` in the cluster's file, then plans and applies it" in told) is (gang_as == "Job")
    if set_as == "LeaderWorkerSet":
        assert there.rendered(order(service(replicas=2))).main["kind"] == set_as
        return
    with pytest.raises(JobRefusedError) as caught:
        there.rendered(order(service(replicas=2)))
    assert "does not name the feature leaderworkerset" in caught.value.why
    assert "adds leaderworkerset to `features`" in caught.value.fix


def test_the_offer_tells_what_is_not_started_of_what_is_served() -> None:
    offer = backend(*undeclared(JOBSET)).offer()
    assert offer.starts == ("Job", "JobSet", "CronJob", "Deployment")
    (told,) = (each for each in offer.told if "refuses all that" in each)
    assert "LeaderWorkerSet" in told
    assert not any(WorkKind.RAY_JOB in each or WorkKind.TRAIN_JOB in each for each in offer.told)


def test_what_was_made_stays_what_it_is_whatever_would_be_chosen_now() -> None:
    kube, order = cluster_in_memory(), JobToStart("k7x2", gang(), "jane", 1)
    shown = backend(*undeclared(JOBSET), kube).start(order)
    made = set(kube.existing)
    assert backend(*undeclared(), kube).start(replace(order, taken=True, native=shown.native)).native == shown.native
    assert set(kube.existing) == made


@pytest.mark.parametrize(
    ("image", "changes", "told"),
    [
        ("docker.example/a:1", {}, True),
        ("registry.example.com.evil.test/a:1", {}, True),
        ("registry.example.com/../b/a:1", {}, True),
        ("registry.example.com/a:1", {}, False),
        ("docker.example/a:1", {"modes": {world()[1].name: Mode.WARN}}, False),
        ("docker.example/a:1", {"exempt_namespaces": ("nlp",)}, False),
        ("docker.example/a:1", {"registries": ()}, False),
    ],
)
def test_who_is_let_past_the_policy_on_images_is_told(image: str, changes: dict[str, Any], told: bool) -> None:
    platform, cluster = world()
    platform = changed(REGISTRIES, platform, **{"registries": ("registry.example.com",), **changes})
    there = backend(platform, cluster)
    found = " ".join(there.told(JobToStart("k7x2", job(program=program(image=image)), "jane", 1)))
    assert ("refuses it from members of the team and does not bind platform engineers" in found) is told
