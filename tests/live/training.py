"""examples/acme's training cluster on a sandbox of its own: the world in which tenants try things.

One team, cv, has no bound on the devices of a pod: what a LimitRange says then is another thing to count right by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from allotment.adapters.clock import SystemClock
from allotment.adapters.files.tree import read_tree
from allotment.adapters.kube.client import KubeClient, connect
from allotment.model.cluster import Cluster, Feature
from allotment.model.manifest import Body
from allotment.model.platform import Platform
from allotment.model.source import SourceTree
from allotment.operations.change.apply import ApplyReport, apply_plan
from allotment.operations.change.planning import PlanSettings, make_plan
from allotment.operations.foresee.sandboxing import frameworks_of, nodes_of
from allotment.ports.kube import Identity, RefusedError
from allotment.ports.sandboxes import KueueOptions, Sandbox, SandboxSpec
from allotment.render.manifests import render
from allotment.spec.load import load_platform
from tests.live.in_force import wait_until_in_force

CLUSTER = "training-eastus"
UNBOUNDED_TEAM = "cv"
_MUTATION = "admissionregistration.k8s.io/v1/mutatingadmissionpolic"
WITHOUT_MUTATION = {
    "feature-gates": "MutatingAdmissionPolicy=false",
    "runtime-config": f"{_MUTATION}ies=false,{_MUTATION}ybindings=false",
}
"""Flags of an API server as old ones are."""

AUTHENTICATED = "system:authenticated"
TEAMS = ("nlp", "cv", "recsys", "data-science")


def member(team: str, user: str = "") -> Identity:
    return Identity(user or f"member@{team}", (f"acme-{team}", AUTHENTICATED))


def owner(team: str, user: str = "") -> Identity:
    return Identity(user or f"owner@{team}", (f"acme-{team}-leads", AUTHENTICATED))


OWNER = owner("nlp")
VIEWER = Identity("vera", ("acme-product", AUTHENTICATED))
DEBUGGER = Identity("dana", ("acme-nlp-oncall", AUTHENTICATED))
STRANGER = Identity("stan", (AUTHENTICATED,))
PEOPLE: Mapping[str, Identity] = {
    "member": member("nlp"),
    "owner": OWNER,
    "viewer": VIEWER,
    "exec": DEBUGGER,
    "cvmember": member("cv"),
    "dsmember": member("data-science"),
    "recmember": member("recsys"),
    "stranger": STRANGER,
}


@dataclass(frozen=True)
class Training:
    """The live cluster, and what was declared for it.

    Attributes:
        mutating: whether the API server has MutatingAdmissionPolicy.
    """

    kube: KubeClient
    sandbox: Sandbox
    platform: Platform
    cluster: Cluster
    mutating: bool

    def refusal(self, body: Body, who: Identity) -> str:
        """Why the server would refuse to create it, or nothing."""
        return refusal(lambda: self.kube.create(body, dry_run=True, identity=who))

    def apply(self, platform: Platform | None = None) -> None:
        """Bring the cluster to the platform, or to another version of it."""
        report = self.brought(platform)
        assert report.complete, [(str(item.change.key), item.message) for item in report.remaining]

    def brought(self, platform: Platform | None = None) -> ApplyReport:
        """The same; what has become of it."""
        declared, clock = platform or self.platform, SystemClock()
        cluster = declared.cluster(self.cluster.name)
        assert cluster is not None
        plan = make_plan(render(declared, cluster), self.kube, PlanSettings(declared.name, clock.now().date()))
        return apply_plan(plan, self.kube, clock)


def refusal(act: Callable[[], object]) -> str:
    """The server's words, or nothing if it agreed."""
    try:
        act()
    except RefusedError as error:
        return error.message
    return ""


def declared_tree(*, mutating: bool = True, further: Sequence[Feature] = ()) -> SourceTree:
    """examples/acme, with one team whose pods are not bounded in devices.

    Args:
        mutating: whether its cluster has mutating policies.
        further: features that it has beside its own.
    """
    tree = read_tree(Path("examples/acme"))
    team, cluster = f"teams/{UNBOUNDED_TEAM}.yaml", f"clusters/{CLUSTER}.yaml"
    bound, features = "  accelerators: 8\n", "features:"
    assert bound in tree.files[team]
    assert features in tree.files[cluster]
    flag = f"mutatingPolicies: {str(mutating).lower()}\n"
    added = "".join(f"{feature.value}, " for feature in further)
    changed = tree.files[cluster].replace("features: [", f"features: [{added}", 1)
    return tree.with_changes(
        {
            team: tree.files[team].replace(bound, "", 1),
            cluster: changed.replace(features, flag + features, 1),
        }
    )


@contextmanager
def training_on(
    start: Callable[[SandboxSpec], Sandbox],
    name: str,
    *,
    mutating: bool,
    further: Sequence[Feature] = (),
    flags: Mapping[str, str] | None = None,
) -> Iterator[Training]:
    """The platform applied to a sandbox of that name with all nodes of its pools, policies in force.

    Args:
        start: brings it up.
        name: of the sandbox.
        mutating: whether its API server has mutating policies.
        further: features that it has beside its own.
        flags: of its API server besides.
    """
    platform = load_platform(declared_tree(mutating=mutating, further=further)).platform
    cluster = platform.cluster(CLUSTER)
    assert cluster is not None
    nodes = tuple(nodes_of(platform, cluster))
    kueue = KueueOptions(frameworks=frameworks_of(cluster), fair_sharing=cluster.fair_sharing)
    asked = {**({} if mutating else WITHOUT_MUTATION), **(flags or {})}
    extensions = tuple(feature.value for feature in further)
    sandbox = start(SandboxSpec(name, nodes, kueue, apiserver_flags=asked, extensions=extensions))
    with connect(sandbox.kubeconfig) as kube:
        training = Training(kube, sandbox, platform, cluster, mutating)
        training.apply()
        wait_until_in_force(kube)
        yield training
