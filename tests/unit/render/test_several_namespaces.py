"""A team with several namespaces: everything that guards one guards each, and what a team has once it has once."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest

from allotment.model import labels
from allotment.model.cluster import QueueLayout
from allotment.model.manifest import Manifest, Manifests
from allotment.model.platform import Platform
from allotment.model.team import Claim, Isolation, Offboarding, PodSecurityException, PodSecurityLevel
from allotment.render.policies.identities import exempt_namespaces
from tests.unit import builders as build
from tests.unit.render.looking import find, of_kind, rendered

SPACES = ("nlp", "nlp-serving")
LEAVING = Offboarding(dt.date(2027, 1, 31))


def declared(
    spaces: tuple[str, ...] = SPACES, layout: QueueLayout = QueueLayout.PER_TEAM, leaving: Offboarding | None = None
) -> Platform:
    teams = [build.team("nlp", namespaces=spaces, offboarding=leaving), build.team("cv")]
    return build.platform(clusters=[build.cluster(queue_layout=layout)], teams=teams)


def inside(manifests: Manifests, namespace: str) -> Counter[tuple[str, str]]:
    return Counter((item.key.kind, item.key.name) for item in manifests if item.key.namespace == namespace)


@pytest.mark.parametrize("leaving", [None, LEAVING], ids=["staying", "leaving"])
def test_each_namespace_is_like_the_only_one(leaving: Offboarding | None) -> None:
    alone = rendered(declared(("nlp",), leaving=leaving))
    both = rendered(declared(leaving=leaving))
    assert inside(both, "nlp") == inside(both, "nlp-serving") == inside(alone, "nlp")
    assert ("PersistentVolumeClaim", "datasets") in inside(alone, "nlp")


def test_in_which_order_they_are_named_changes_nothing() -> None:
    assert rendered(declared(SPACES)) == rendered(declared(SPACES[::-1]))


def test_a_claim_can_be_for_one_of_them() -> None:
    claim = Claim("cache", build.gib(10), "block", "ReadWriteOnce", ("nlp-serving",))
    manifests = rendered(build.platform(teams=[build.team("nlp", namespaces=SPACES, claims=[claim])]))
    made = [item.key.namespace for item in of_kind(manifests, "PersistentVolumeClaim")]
    assert made == ["nlp-serving"]


@pytest.mark.parametrize("layout", list(QueueLayout))
def test_quota_is_the_teams_and_not_the_namespaces(layout: QueueLayout) -> None:
    def resources(platform: Platform) -> dict[str, object]:
        return {item.key.name: item.body["spec"]["resourceGroups"] for item in queues(rendered(platform))}

    assert resources(declared(layout=layout)) == resources(declared(("nlp",), layout))


def queues(manifests: Manifests) -> list[Manifest]:
    return of_kind(manifests, "ClusterQueue")


@pytest.mark.parametrize("layout", list(QueueLayout))
def test_what_others_can_have_is_not_counted_twice(layout: QueueLayout) -> None:
    def limits(platform: Platform, namespace: str) -> str:
        found: str = find(rendered(platform), "Namespace", namespace)["metadata"]["annotations"][
            labels.LIMITS_ANNOTATION
        ]
        return found

    for namespace in ("nlp", "cv"):
        assert limits(declared(layout=layout), namespace) == limits(declared(("nlp",), layout), namespace)
    assert limits(declared(layout=layout), "nlp-serving") == limits(declared(layout=layout), "nlp")


def test_one_queue_takes_work_from_all_of_them_and_from_no_other() -> None:
    manifests = rendered(declared())
    assert find(manifests, "ClusterQueue", "nlp")["spec"]["namespaceSelector"] == {
        "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(SPACES)}]
    }
    for namespace in SPACES:
        assert find(manifests, "LocalQueue", "default", namespace)["spec"]["clusterQueue"] == "nlp"
        assert find(manifests, "Namespace", namespace)["metadata"]["labels"][labels.TENANT] == "nlp"


def test_a_cluster_of_ones_own_is_shown_once() -> None:
    team = build.team("nlp", namespaces=SPACES, isolation=Isolation.CLUSTER)
    bound = [item.key.name for item in of_kind(rendered(build.platform(teams=[team])), "ClusterRoleBinding")]
    assert sorted(bound) == ["allotment-own-cluster-viewer", "allotment-reader", "allotment-word-reader-nlp"]


def test_no_namespace_of_a_team_is_trusted_whatever_the_platform_lists() -> None:
    team = build.team("nlp", namespaces=("nlp", "monitoring"))
    platform = build.platform(teams=[team])
    assert "monitoring" in platform.exempt_namespaces
    assert "monitoring" not in exempt_namespaces(platform, platform.clusters[0])


def test_an_exception_can_be_for_one_of_them() -> None:
    given = PodSecurityException(PodSecurityLevel.BASELINE, "an old image", dt.date(2027, 1, 31), ("nlp-serving",))
    manifests = rendered(build.platform(teams=[build.team("nlp", namespaces=SPACES, pod_security=given)]))
    enforced = {
        name: find(manifests, "Namespace", name)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for name in SPACES
    }
    assert enforced == {"nlp": "restricted", "nlp-serving": "baseline"}
    told = find(manifests, "Namespace", "nlp")["metadata"]["annotations"]
    assert labels.POD_SECURITY_EXCEPTION not in told
