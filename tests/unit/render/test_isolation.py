"""Each isolation level renders differently, and each has a negative test: what it must not let through."""

from __future__ import annotations

import json

import pytest

from allotment.errors import InputError
from allotment.model import labels
from allotment.model.platform import Platform
from allotment.model.reading import READER, WORD_READER
from allotment.model.team import Isolation, Team
from tests.unit import builders as build
from tests.unit.render.looking import find, of_kind, rendered

OWN_CLUSTER = (Isolation.CLUSTER, Isolation.SUBSCRIPTION)


def secure(level: Isolation) -> Team:
    return build.team("secure", isolation=level)


def two_pools() -> Platform:
    cluster = build.cluster(
        flavors=[build.flavor(), build.flavor("a100-spot-cv", dedicated_to="cv", capacity=8), build.cpu_flavor()]
    )
    cv = build.team("cv", isolation=Isolation.NODE_POOL, placements=[build.placement(accelerators={"a100-spot-cv": 8})])
    return build.platform(clusters=[cluster], teams=[build.team("nlp"), cv])


def test_each_level_marks_its_namespace() -> None:
    for level in Isolation:
        namespace = find(rendered(build.platform(teams=[secure(level)])), "Namespace", "secure")
        assert namespace["metadata"]["labels"][labels.ISOLATION] == level.value


class TestNodePool:
    def test_the_pools_flavor_carries_the_teams_mark(self) -> None:
        spec = find(rendered(two_pools()), "ResourceFlavor", "a100-spot-cv")["spec"]
        assert spec["nodeLabels"][labels.DEDICATED] == "cv"
        assert {"key": labels.DEDICATED, "value": "cv", "effect": "NoSchedule"} in spec["nodeTaints"]

    def test_even_where_the_declaration_left_it_out(self) -> None:
        bare = build.flavor("a100-spot-cv", capacity=8)
        flavor = type(bare)(
            bare.name, bare.accelerator, bare.capacity_type, bare.node_labels, bare.taints, bare.capacity, "cv"
        )
        platform = build.platform(
            clusters=[build.cluster(flavors=[build.flavor(), flavor, build.cpu_flavor()])], teams=[build.team("nlp")]
        )
        spec = find(rendered(platform), "ResourceFlavor", "a100-spot-cv")["spec"]
        assert spec["nodeLabels"][labels.DEDICATED] == "cv"
        assert spec["tolerations"][-1] == {
            "key": labels.DEDICATED,
            "operator": "Equal",
            "value": "cv",
            "effect": "NoSchedule",
        }

    def test_no_other_teams_queue_offers_it(self) -> None:
        # Negative: without the flavor in its queue, Kueue never hands another team the toleration.
        assert "a100-spot-cv" not in json.dumps(find(rendered(two_pools()), "ClusterQueue", "nlp"))


@pytest.mark.parametrize("level", OWN_CLUSTER)
class TestOwnCluster:
    def test_a_second_team_in_the_cluster_is_refused(self, level: Isolation) -> None:
        platform = build.platform(teams=[build.team("nlp"), secure(level)])
        with pytest.raises(InputError, match=f"isolated by {level.value} but shares cluster dev with nlp") as caught:
            rendered(platform)
        assert "a cluster of its own" in caught.value.fix

    def test_the_queue_stands_alone(self, level: Isolation) -> None:
        manifests = rendered(build.platform(teams=[secure(level)]))
        assert "cohortName" not in find(manifests, "ClusterQueue", "secure")["spec"]

    def test_its_people_see_their_whole_cluster_and_change_nothing_of_it(self, level: Isolation) -> None:
        manifests = rendered(build.platform(teams=[secure(level)]))
        role = find(manifests, "ClusterRole", "allotment-own-cluster-viewer")
        assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
        assert "secrets" not in {resource for rule in role["rules"] for resource in rule["resources"]}


@pytest.mark.parametrize("level", [Isolation.NAMESPACE, Isolation.NODE_POOL])
def test_in_a_cluster_with_others_nobody_sees_the_whole_of_it(level: Isolation) -> None:
    manifests = rendered(build.platform(teams=[secure(level), build.team("nlp")]))
    given = {item.key.name: item.body["roleRef"]["name"] for item in of_kind(manifests, "ClusterRoleBinding")}
    mine = {f"{WORD_READER}-{name}": WORD_READER for name in ("secure", "nlp")}
    assert given == {READER: READER, **mine}
