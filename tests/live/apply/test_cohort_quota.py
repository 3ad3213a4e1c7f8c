"""Quota of a cohort's own on a real Kueue: nobody's guarantee, borrowed by a team that has none of its own."""

from __future__ import annotations

import pytest

from allotment.model.cluster import Cluster as Declared
from allotment.model.manifest import Family, Manifests
from allotment.render.manifests import render
from tests.live.apply.conftest import Cluster
from tests.live.apply.test_uncounted import API, JOB, until
from tests.unit import builders as build
from tests.unit.plan import objects

pytestmark = [pytest.mark.live, pytest.mark.nightly]


def desired() -> Manifests:
    """Kueue's objects as rendered, and the team's namespace without guardrails."""
    flavor = build.flavor(capacity=8)
    cluster: Declared = build.cluster(
        flavors=(flavor, build.cpu_flavor()),
        cohorts=(build.cohort("shared", quota=build.quota(accelerators={flavor.name: 4})),),
    )
    team = build.team("cv", placements=[build.placement(cohort="shared", accelerators={flavor.name: 0})])
    platform = build.platform("acme", clusters=(cluster,), teams=(team,))
    return objects.manifests(objects.namespace("cv"), *render(platform, cluster).of(Family.KUEUE))


def test_a_team_without_a_guarantee_borrows_it_and_no_more(cluster: Cluster) -> None:
    cluster.settle(desired())
    cluster.kube.create(JOB)
    too_many = {**JOB, "metadata": {**JOB["metadata"], "name": "second"}}
    cluster.kube.create(too_many)

    def admitted() -> list[bool]:
        found = list(cluster.kube.list(API, "Workload", namespace="cv"))
        return sorted("admission" in body.get("status", {}) for body in found)

    until("the first job is admitted, the second waits", lambda: admitted() == [False, True])
