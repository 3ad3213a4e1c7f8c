"""The policies of a small platform on the shared sandbox, and people to try them with.

`JANE` holds every right RBAC can give, so that whatever refuses her is a policy.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from allotment.adapters.kube.client import KubeClient, connect
from allotment.model import labels
from allotment.model.cluster import Cluster, Feature
from allotment.model.manifest import Manifest, key_of
from allotment.model.platform import Platform
from allotment.model.policy import PolicyName
from allotment.model.team import Isolation, Team
from allotment.ports.kube import Identity, RefusedError
from allotment.ports.sandboxes import Sandbox
from allotment.render.namespaces import render_namespaces
from allotment.render.objects import site_of
from allotment.render.policies import render_policies
from allotment.render.priorities import render_priorities
from tests.live.in_force import wait_until_in_force
from tests.live.policies.bodies import OTHER, namespace
from tests.unit.builders import (
    GIB,
    allowance,
    cluster,
    flavor,
    namespace_quota,
    node_pool,
    placement,
    platform,
    team,
)

ALL_RIGHTS = "pol-all-rights"
CSI_DRIVER = "secrets-store.csi.k8s.io"
REGISTRIES = ("registry.acme.example", "ghcr.io/acme")
JANE = Identity("jane", (ALL_RIGHTS, "system:authenticated"))
ENGINEER = Identity("erin", ("platform-engineers", ALL_RIGHTS, "system:authenticated"))
REPLICA_SETS = Identity(
    "system:serviceaccount:kube-system:replicaset-controller",
    ("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"),
)
JOBS = Identity("system:serviceaccount:kube-system:job-controller", REPLICA_SETS.groups)


def small_platform(*, pod_integration: bool, mutating: bool = False) -> tuple[Platform, Cluster]:
    """Team pol-nlp shares nodes, team pol-cv has a pool of its own."""
    features = (Feature.POD_INTEGRATION,) if pod_integration else ()
    place = cluster(
        features=features,
        mutating_policies=mutating,
        runtime_classes=("gvisor",),
        # Large enough for the largest work that the cost test submits.
        node_pools=(
            node_pool(cpu=1000, memory_gib=2000, per_node=400),
            node_pool("cv-pool", dedicated_to="pol-cv", flavor="a100-cv"),
            replace(node_pool("cpu-pool", accelerator=None, flavor=labels.CPU_FLAVOR), labels={"generation": "7"}),
        ),
        flavors=(flavor(), flavor("a100-cv", dedicated_to="pol-cv")),
    )
    declared = platform(clusters=(place,), teams=_teams())
    policies = tuple(
        replace(
            policy,
            registries=REGISTRIES if policy.name is PolicyName.TRUSTED_REGISTRIES else (),
            csi_drivers=(CSI_DRIVER,) if policy.name is PolicyName.NO_SIDE_DOORS else (),
        )
        for policy in declared.policies
    )
    return replace(declared, policies=policies), place


def _teams() -> tuple[Team, Team]:
    large = placement(
        cpu=allowance(1_000_000),
        memory=allowance(2000 * GIB),
        accelerators={"a100-spot": 400},
        quota=namespace_quota(cpu=1000, memory_gib=2000, accelerators={"nvidia.com/gpu": 400}),
    )
    own = placement(accelerators={"a100-cv": 4})
    guests = ("gina", "cn=auditors,ou=acme")
    return team("pol-nlp", placements=(large,), guests=guests), team(
        "pol-cv", isolation=Isolation.NODE_POOL, placements=(own,)
    )


@pytest.fixture(scope="session")
def kube(sandbox: Sandbox) -> Iterator[KubeClient]:
    with connect(sandbox.kubeconfig) as client:
        yield client


@pytest.fixture(scope="session")
def tenants(kube: KubeClient) -> None:
    """Namespaces of both teams, one that is nobody's, and all rights for JANE."""
    declared, place = small_platform(pod_integration=False)
    for manifest in render_namespaces(site_of(declared, place)):
        kube.apply(manifest.body)
    kube.apply(namespace(OTHER, {}))
    kube.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": ALL_RIGHTS},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": ALL_RIGHTS}],
        }
    )


class Law:
    """All policies of the small platform in force, or none. What the next file needs as the last one left it stays.

    Files that need the same follow each other by their names: it takes the API server a quarter of a minute.
    """

    def __init__(self, kube: KubeClient) -> None:
        self._kube = kube
        self._asked: tuple[bool, bool] | None = None
        self._manifests: tuple[Manifest, ...] = ()

    def be(self, *, pod_integration: bool, mutating: bool = False) -> None:
        """Put all policies in force."""
        asked = (pod_integration, mutating)
        if asked == self._asked:
            return
        self.leave()
        declared, place = small_platform(pod_integration=pod_integration, mutating=mutating)
        self._manifests = (*render_priorities(site_of(declared, place)), *render_policies(declared, place))
        for manifest in self._manifests:
            self._kube.apply(manifest.body)
        wait_until_in_force(self._kube)
        self._asked = asked

    def leave(self) -> None:
        """Take all away."""
        for manifest in reversed(self._manifests):
            self._kube.delete(manifest.api_version, key_of(manifest.body))
        self._asked, self._manifests = None, ()


@pytest.fixture(scope="package")
def law(kube: KubeClient, tenants: None) -> Iterator[Law]:
    """Gone when the tests of this folder are through: others use the sandbox as well."""
    law = Law(kube)
    yield law
    law.leave()


def refusal(act: Callable[[], object]) -> str:
    """The server's words, or nothing if it agreed."""
    try:
        act()
    except RefusedError as error:
        return error.message
    return ""


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for the API server to have read what it was told."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the policies did not come into force"
        time.sleep(0.2)
