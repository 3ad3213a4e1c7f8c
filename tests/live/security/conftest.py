"""A sandbox of its own with the whole reference platform's cluster `training` applied, policies in force.

nlp shares nodes, cv has a pool, old is being offboarded: see `tests/unit/render/reference.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from allotment.adapters.kube.client import KubeClient, connect
from allotment.adapters.sandbox.store import SandboxStore
from allotment.model.cluster import Cluster
from allotment.model.manifest import Body, Family, Manifest, Manifests
from allotment.model.platform import Platform
from allotment.ports.kube import AccessQuestion, Identity, RefusedError
from allotment.ports.sandboxes import KueueOptions, SandboxSpec
from allotment.render.manifests import render
from tests.live.conftest import told_to, unique_name
from tests.live.in_force import wait_until_in_force
from tests.unit.render.reference import reference

AUTHENTICATED = "system:authenticated"
OWNER = Identity("olga", ("nlp-owners", AUTHENTICATED))
MEMBER = Identity("max", ("nlp-members", AUTHENTICATED))
VIEWER = Identity("vera", ("nlp-viewers", AUTHENTICATED))
DEBUGGER = Identity("dana", ("nlp-debuggers", AUTHENTICATED))
NEIGHBOUR = Identity("nora", ("cv-owners", AUTHENTICATED))
LEAVER = Identity("lea", ("old-members", AUTHENTICATED))
STRANGER = Identity("stan", (AUTHENTICATED,))


@dataclass(frozen=True)
class Secured:
    """The server, and what was applied to it.

    Attributes:
        answers: what the server stored, beside what was sent.
    """

    kube: KubeClient
    platform: Platform
    cluster: Cluster
    manifests: Manifests
    answers: tuple[tuple[Manifest, Body], ...]

    def refusal(self, act: Callable[[], object]) -> str:
        """The server's words, or nothing if it agreed."""
        try:
            act()
        except RefusedError as error:
            return error.message
        return ""

    def create(self, body: Body, who: Identity) -> str:
        """Why the server would refuse to create it, or nothing."""
        return self.refusal(lambda: self.kube.create(body, dry_run=True, identity=who))

    def may(self, who: Identity, verb: str, resource: str, namespace: str = "nlp", group: str = "") -> bool:
        """One cell of the can-i matrix; `resource` may hold a subresource after a slash."""
        name, _, subresource = resource.partition("/")
        return self.kube.allowed(who, AccessQuestion(verb, group, name, subresource, namespace))


@pytest.fixture(scope="session")
def secured(sandbox_store: SandboxStore, request: pytest.FixtureRequest) -> Iterator[Secured]:
    platform = reference()
    cluster = platform.cluster("training")
    assert cluster is not None
    name = unique_name()
    try:
        spec = SandboxSpec(name, kueue=KueueOptions(frameworks=("batch/job",), fair_sharing=True))
        sandbox = sandbox_store.up(spec, progress=told_to(request))
        with connect(sandbox.kubeconfig) as kube:
            manifests = render(platform, cluster)
            answers = tuple((item, kube.apply(item.body).body) for item in sorted(manifests, key=_order))
            result = Secured(kube, platform, cluster, manifests, answers)
            wait_until_in_force(kube)
            yield result
    finally:
        sandbox_store.down(name)


def _order(manifest: Manifest) -> tuple[int, ...]:
    first = manifest.family is Family.NAMESPACES
    last = manifest.key.kind == "ValidatingAdmissionPolicyBinding"
    return (0 if first else 2 if last else 1,)
