"""The right cluster and the right rights, on a real API server: mark, lease, records, accounts with printed roles."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from allotment.adapters.clock import SystemClock
from allotment.adapters.files.tree import read_tree
from allotment.adapters.kube.client import KubeClient, connect
from allotment.adapters.processes import this_run
from allotment.errors import ConflictError, ForbiddenError
from allotment.model.cluster import Cluster as Declared
from allotment.model.manifest import ObjectKey
from allotment.model.mark import Mark
from allotment.model.platform import Platform
from allotment.operations.change.apply import ApplyReport, ApplySettings
from allotment.operations.change.attended import apply_attended
from allotment.operations.change.cluster_plan import PlanWishes, live_plan
from allotment.operations.change.history import history
from allotment.operations.change.lease import Holder, acquire
from allotment.operations.change.preflight import look
from allotment.operations.change.rights import Task, rights_for, role_objects
from allotment.operations.prove.proving import Selection, prove
from allotment.plan.changes import Plan
from allotment.plan.preflight import Readiness
from allotment.ports.kube import Identity, RefusedError
from allotment.ports.sandboxes import Sandbox
from allotment.prove.verdicts import ProofReport, Verdict
from allotment.spec.load import load_platform
from tests.live.apply.conftest import Cluster
from tests.unit.cli.conftest import ROOT

pytestmark = pytest.mark.live

RBAC = "rbac.authorization.k8s.io"
CLOCK = SystemClock()


@pytest.fixture(scope="module")
def declared() -> tuple[Platform, Declared]:
    platform = load_platform(read_tree(ROOT / "examples" / "minimal")).platform
    return platform, platform.clusters[0]


ACCOUNTS = "system:serviceaccount:"


def pod(namespace: str) -> dict[str, object]:
    container = {"name": "x", "image": "x"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "x", "namespace": namespace},
        "spec": {"containers": [container]},
    }


Account = Callable[[Task], KubeClient]


@pytest.fixture
def account(
    cluster: Cluster, apply_sandbox: Sandbox, declared: tuple[Platform, Declared], tmp_path: Path
) -> Iterator[Account]:
    """Sign in as a service account of the system that has exactly the printed roles."""
    opened: list[KubeClient] = []

    def sign_in(task: Task) -> KubeClient:
        name = f"only-{task.value}"
        token = {"kubernetes.io/service-account.name": name}
        for body in (
            *role_objects(task, *declared, f"serviceaccount:kube-system/{name}"),
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "kube-system"}},
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "kubernetes.io/service-account-token",
                "metadata": {"name": name, "namespace": "kube-system", "annotations": token},
            },
        ):
            cluster.kube.apply(body)
        kube = connect(_kubeconfig(apply_sandbox.kubeconfig, _token(cluster.kube, name), tmp_path / name))
        opened.append(kube)
        return kube

    yield sign_in
    for kube in opened:
        kube.close()


def _token(kube: KubeClient, name: str) -> str:
    end = time.monotonic() + 30
    while True:
        data = (kube.get("v1", ObjectKey("", "Secret", "kube-system", name)) or {}).get("data") or {}
        if "token" in data:
            return base64.b64decode(data["token"]).decode()
        assert time.monotonic() < end, "no token"
        time.sleep(0.1)


def _kubeconfig(template: Path, token: str, target: Path) -> Path:
    config = yaml.safe_load(template.read_text(encoding="utf-8"))
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    target.write_text(json.dumps(config), encoding="utf-8")
    return target


def plan(declared: tuple[Platform, Declared], kube: KubeClient, *, partial: bool = False) -> Plan:
    return live_plan(*declared, kube, CLOCK.now().date(), PlanWishes(partial=partial))


def apply(declared: tuple[Platform, Declared], kube: KubeClient) -> None:
    report = attended(plan(declared, kube), kube)
    assert report.complete, [(str(one.change.key), one.message) for one in report.remaining]


def attended(seen: Plan, kube: KubeClient, *, force: bool = False) -> ApplyReport:
    return apply_attended(seen, kube, CLOCK, ApplySettings(force=force), this_run(CLOCK.now()))


def refused_by_policy(kube: KubeClient, body: Mapping[str, object], identity: Identity) -> str:
    """What the policies say, once they and the right to try are in force."""
    end, said = time.monotonic() + 30, ""
    while time.monotonic() < end and "ValidatingAdmissionPolicy" not in said:
        try:
            kube.create(body, dry_run=True, identity=identity)
        except RefusedError as error:
            said = error.message
        time.sleep(0.2)
    return said


def outline(found: Plan) -> list[object]:
    return [
        (change.action, change.key, sorted(each.field for each in getattr(change, "contested", ())))
        for change in found.changes
    ]


def does_not_own_the_cluster(declared: tuple[Platform, Declared], kube: KubeClient) -> None:
    """What is printed for prove is enough to act as a controller where teams are, and for nothing beyond."""
    report = prove(*declared, kube, CLOCK, selection=Selection(guardrails=["queue-required"], work=False))
    as_controller = {result.verdict for result in report.results if "controller" in result.persona}
    assert as_controller == {Verdict.PROVED}, report.results
    namespace = next(name for team, _ in declared[0].teams_in(declared[1].name) for name in team.namespaces)
    owner = Identity(f"{ACCOUNTS}kube-system:replicaset-controller", ())
    masters = Identity(f"allotment-prove:{declared[0].teams[0].name}:member", ("system:masters",))
    for attempt in (
        lambda: list(kube.list("v1", "Secret", namespace="kube-system")),
        lambda: list(kube.list("v1", "Secret")),
        lambda: kube.create(pod("kube-system"), dry_run=True),
        lambda: kube.create(pod("default"), dry_run=True),
        lambda: kube.create(pod("default"), dry_run=True, identity=owner),
        lambda: kube.create(pod("kube-system"), dry_run=True, identity=owner),
        lambda: kube.delete("v1", ObjectKey("", "Pod", namespace, "x"), dry_run=True, identity=owner),
        lambda: kube.create(pod(namespace), dry_run=True, identity=replace(owner, user=f"{ACCOUNTS}kube-system:x")),
        lambda: kube.create(pod(namespace), dry_run=True, identity=Identity("allotment-prove:x", ())),
        lambda: kube.create(pod(namespace), dry_run=True, identity=masters),
        lambda: kube.merge_patch("v1", ObjectKey("", "Namespace", "", "kube-system"), {}, dry_run=True),
    ):
        with pytest.raises(RefusedError) as caught:
            attempt()
        assert 'User "system:serviceaccount:kube-system:only-prove" cannot' in caught.value.message


@pytest.mark.nightly  # by day each role is tried by itself
def test_a_cluster_s_whole_life_with_printed_roles(
    cluster: Cluster, declared: tuple[Platform, Declared], account: Account
) -> None:
    # Before anything marks it, only its node tells that it is not one of the reference platform's.
    acme = load_platform(read_tree(ROOT / "examples" / "acme")).platform
    (strange,) = (each for each in acme.clusters if each.name == "training-eastus")
    assert [one.code.value for one in live_plan(acme, strange, cluster.kube, CLOCK.now().date()).doubts] == [
        "another-cluster"
    ]
    assert not plan(declared, cluster.kube).doubted, "its pool may be empty"

    # The role for apply is enough for a first apply, and the account is on record.
    applier = account(Task.APPLY)
    apply(declared, applier)
    assert plan(declared, applier).empty
    assert not plan(declared, applier).doubts
    (record,) = history(applier)
    assert (record.by, record.ending.value) == ("system:serviceaccount:kube-system:only-apply", "complete")

    # Whatever rights somebody gives a tenant in the system namespace, he writes nothing there.
    binding = {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "mistake", "namespace": "allotment-system"},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"apiGroup": RBAC, "kind": "Group", "name": "tenants"}],
    }
    tenant = Identity("mallory", ("tenants", "system:authenticated"))
    cluster.kube.create(binding)
    forged = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "forged", "namespace": "allotment-system"}}
    assert "managed-objects-protected.allotment.dev" in refused_by_policy(cluster.kube, forged, tenant)

    # Another cluster of the platform is refused, whoever asks.
    other = replace(declared[1], name="production")
    with pytest.raises(ConflictError, match=f"this is the cluster minimal/{declared[1].name}"):
        plan((declared[0], other), cluster.kube)

    # A reader sees what the server would say.
    reader = account(Task.PLAN)
    assert plan(declared, reader, partial=True).empty
    quota = next(iter(cluster.kube.list("v1", "ResourceQuota", labels="allotment.dev/platform=minimal")))
    key = ObjectKey("", "ResourceQuota", quota["metadata"]["namespace"], quota["metadata"]["name"])
    cluster.kube.merge_patch("v1", key, {"spec": {"hard": {"pods": "3"}}})
    seen = plan(declared, reader, partial=True)
    assert outline(seen) == outline(plan(declared, applier))
    assert [str(right) for right in seen.missing] == ["patch resourcequotas"]
    with pytest.raises(ForbiddenError, match="nothing was changed"):
        attended(seen, reader, force=True)
    told = {
        check.subject: check.readiness
        for check in look(*declared, reader, CLOCK.now().date()).checks
        if check.topic == "rights"
    }
    assert (told["plan"], told["apply"]) == (Readiness.OK, Readiness.WARNING)

    # One apply at a time.
    held = acquire(cluster.kube, CLOCK, Holder("somebody else"), Mark(declared[0].name, declared[1].name))
    with pytest.raises(ConflictError, match="another apply") as caught:
        attended(plan(declared, applier), applier, force=True)
    assert "somebody else holds" in caught.value.why
    held.release()
    report = attended(plan(declared, applier), applier, force=True)
    assert report.complete
    assert [each.ending.value for each in history(applier)] == ["complete", "complete"]

    does_not_own_the_cluster(declared, account(Task.PROVE))


@pytest.mark.nightly
def test_the_printed_roles_are_enough_to_prove(
    cluster: Cluster, declared: tuple[Platform, Declared], account: Account
) -> None:
    apply(declared, cluster.kube)

    def proven(kube: KubeClient, *guardrails: str) -> ProofReport:
        return prove(*declared, kube, CLOCK, selection=Selection(guardrails=guardrails or None, work=False))

    everything = proven(account(Task.PROVE))
    assert not everything.missing
    assert not [result for result in everything.results if result.verdict is Verdict.ERROR]
    # Only what a controller does where no team is cannot be tried by these rights.
    untried = [result for result in everything.results if "not tried" in result.got and "--no-work" not in result.got]
    assert {result.guardrail for result in untried} <= {"accelerators-only-in-team-namespaces"}
    # A reader tries nothing as somebody else, and says so.
    reader = proven(account(Task.PLAN), "roles", "labels-required")
    assert reader.untried
    assert "impersonate groups" in reader.missing


def test_resources_are_called_as_the_server_calls_them(cluster: Cluster, declared: tuple[Platform, Declared]) -> None:
    """A made-up plural would be a right to nothing."""
    found = cluster.kube._discover()
    served = {(api_version.rpartition("/")[0], resource.plural) for (api_version, _), resource in found.items()}
    groups = {group for group, _ in served}
    for task in Task:
        for grant in rights_for(task, *declared):
            if grant.group in groups and not grant.verb.startswith("impersonate"):
                assert (grant.group, grant.resource) in served, grant
