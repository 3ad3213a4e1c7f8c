"""A platform comes to a cluster in use, on a real control plane: what ran before goes on, what is new is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from allotment.adapters.clock import SystemClock
from allotment.model.manifest import ObjectKey
from allotment.model.platform import Platform
from allotment.operations.change.living import wanted_of
from allotment.operations.change.planning import PlanSettings, make_plan
from allotment.operations.prove.proving import Selection, prove
from allotment.plan.changes import Action, Plan, WarningCode
from allotment.ports.kube import Identity, RefusedError
from allotment.prove.verdicts import Verdict
from tests.live.apply.conftest import TODAY, Cluster
from tests.live.apply.test_uncounted import until
from tests.unit import builders

pytestmark = pytest.mark.live

_GROUPS = ("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated")
CRON = Identity("system:serviceaccount:kube-system:cronjob-controller", _GROUPS)
REPLICAS = Identity("system:serviceaccount:kube-system:replicaset-controller", _GROUPS)
OUTSIDE, QUEUE, NAME = "accelerators-only-in-team-namespaces", "queue-required", "submitter-kept"
STANDARD = ObjectKey("scheduling.k8s.io", "PriorityClass", "", "standard")
SPACES = ("legacy", "later")


def pod_template() -> dict[str, Any]:
    """As somebody wrote it who knew of no platform, but for what Pod Security asks."""
    asked = {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "1"}
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {"name": "main", "image": "train", "resources": {"limits": asked}, "securityContext": security}
    spec = {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return {"metadata": {"annotations": {"allotment.dev/run-for": "1h"}}, "spec": spec}


def job(namespace: str, name: str = "train") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": pod_template()}}


def cron_job(namespace: str) -> dict[str, Any]:
    metadata = {"name": "nightly", "namespace": namespace}
    spec = {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": pod_template()}}}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec}


def pod(namespace: str, name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_template()["spec"]}


@pytest.fixture
def in_use(cluster: Cluster) -> Iterator[Cluster]:
    """Namespaces of nobody and a team's own, all with running work; a default class of somebody's."""
    kube = cluster.kube
    kube.create(
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": STANDARD.name},
            "value": 7,
            "globalDefault": True,
        }
    )
    for name in SPACES:
        key = ObjectKey("", "Namespace", "", name)
        until(f"{name} of the test before is gone", lambda key=key: kube.get("v1", key) is None)
        kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    kube.create(job("legacy"))
    kube.create(cron_job("legacy"))
    yield cluster
    kube.delete("scheduling.k8s.io/v1", STANDARD)
    for name in SPACES:
        kube.delete("v1", ObjectKey("", "Namespace", "", name))


class Comer:
    """A platform that comes to the cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.kube = cluster, cluster.kube
        self.declared = self.declare()

    def declare(self, *warn: str) -> Platform:
        place = replace(builders.cluster(name="sandbox"), warn_namespaces=warn, declared_in="clusters/sandbox.yaml")
        placed = builders.placement(cluster="sandbox")
        return builders.platform(clusters=(place,), teams=(builders.team("nlp", placements=(placed,)),))

    def plan(self) -> Plan:
        wanted = wanted_of(self.declared, self.declared.clusters[0], self.kube)
        return wanted.said_with(make_plan(wanted.manifests, self.kube, PlanSettings("acme", TODAY)))

    def settle(self) -> None:
        report = self.cluster.carry_out(self.plan())
        assert report.complete, [(str(one.change.key), one.status, one.message) for one in report.remaining]

    def pods(self, namespace: str) -> set[str]:
        return {one["metadata"]["uid"] for one in self.kube.list("v1", "Pod", namespace=namespace)}

    def lose(self, *namespaces: str) -> dict[str, set[str]]:
        """Pods of running Jobs are lost; their controller makes others in ten seconds."""
        lost = {}
        for namespace in namespaces:
            (found,) = list(self.kube.list("v1", "Pod", namespace=namespace))
            self.kube.delete("v1", ObjectKey("", "Pod", namespace, found["metadata"]["name"]))
            lost[namespace] = {found["metadata"]["uid"]}
        return lost

    def replaced(self, lost: dict[str, set[str]]) -> bool:
        return all(self.pods(namespace) - old for namespace, old in lost.items())

    def refuses(self, body: dict[str, Any], identity: Identity = REPLICAS) -> bool:
        try:
            self.kube.create(body, dry_run=True, identity=identity)
        except RefusedError as error:
            return f"{OUTSIDE}.allotment.dev" in error.message
        return False


@pytest.mark.nightly  # by day a cluster in use is taken over and given back
def test_what_ran_before_goes_on_and_what_comes_later_is_refused(in_use: Cluster) -> None:
    comer = Comer(in_use)
    kube = in_use.kube
    # As `allot adopt` leaves it: the platform's namespace, with work that knows of no platform.
    wanted = wanted_of(comer.declared, comer.declared.clusters[0], kube)
    space = next(item for item in wanted.manifests if item.key == ObjectKey("", "Namespace", "", "nlp"))
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "nlp"}})
    kube.create(job("nlp"))
    kube.apply(space.body)
    until("the jobs run", lambda: comer.pods("legacy") and comer.pods("nlp"))

    plan = comer.plan()
    said = {warning.key.name: warning.message for warning in plan.warnings if warning.code is WarningCode.IN_USE}
    assert set(said) == {"legacy", "nlp"}
    assert "Job train" in said["legacy"]
    assert "1 pod with 1 nvidia.com/gpu" in said["legacy"]
    assert "CronJob nightly" in said["legacy"]
    assert "warnNamespaces: [legacy, nlp] in clusters/sandbox.yaml" in said["nlp"]
    assert [one.key for one in plan.warnings if one.code is WarningCode.FOREIGN_DEFAULT] == [STANDARD]
    assert plan.counts[Action.BLOCKED] == 0

    comer.settle()
    until("policies refuse", lambda: comer.refuses(pod("later", "new")), seconds=90)
    lost = comer.lose("legacy", "nlp")
    assert comer.plan().empty
    assert not comer.refuses(job("legacy", "nightly-1"), CRON)
    assert not comer.refuses(pod("legacy", "nightly-1-a"))

    report = prove(
        comer.declared,
        comer.declared.clusters[0],
        kube,
        SystemClock(),
        selection=Selection(guardrails=(OUTSIDE, QUEUE, NAME), work=False),
    )
    assert not report.failed, [(one.tried, one.got) for one in report.results if one.verdict is Verdict.FAILED]
    softened = {one.object.split("namespace ")[1] for one in report.results if one.verdict is Verdict.NOT_PROVABLE}
    assert softened == {"legacy)", "nlp)"}
    refused = {one.guardrail for one in report.results if one.verdict is Verdict.PROVED and "refused" in one.expected}
    assert NAME in refused, "what is never softened refuses there, too"
    until("pods in place of those lost", lambda: comer.replaced(lost), seconds=90)


@pytest.mark.nightly
def test_a_name_on_the_list_only_warns_and_off_it_policies_refuse(in_use: Cluster) -> None:
    comer = Comer(in_use)
    comer.declared = comer.declare("legacy")
    assert not [one for one in comer.plan().warnings if one.code is WarningCode.IN_USE]
    comer.settle()
    until("policies refuse elsewhere", lambda: comer.refuses(pod("later", "new")), seconds=90)
    assert not comer.refuses(pod("legacy", "nightly-1-a"))
    comer.declared = comer.declare()
    (said,) = [one for one in comer.plan().warnings if one.code is WarningCode.IN_USE]
    assert said.message.startswith("from now on policies refuse here")
    comer.settle()
    until("policies refuse there, too", lambda: comer.refuses(pod("legacy", "nightly-1-a")), seconds=90)
    assert comer.plan().empty
