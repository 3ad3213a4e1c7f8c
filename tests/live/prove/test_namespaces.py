"""Teams with namespaces of other names, and with several: every guardrail in each, one queue for all, nothing left."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from allotment.adapters.clock import SystemClock
from allotment.adapters.files.tree import read_tree
from allotment.model.manifest import Body, ObjectKey
from allotment.model.source import SourceTree
from allotment.operations.change.apply import apply_plan
from allotment.operations.change.planning import PlanSettings, make_plan
from allotment.operations.directory import teams
from allotment.plan.changes import Action, Blocked, Plan, WarningCode
from allotment.ports.kube import AccessQuestion, Identity, RefusedError
from allotment.ports.sandboxes import Sandbox, SandboxSpec
from allotment.prove import bodies
from allotment.prove.scene import DeclaredCluster, Scene
from allotment.prove.verdicts import Verdict
from allotment.render.manifests import render
from allotment.spec.load import load_platform
from tests.live.prove.conftest import CLUSTER, Acme, acme_on
from tests.live.training import member, owner

# By day tests/live/prove/test_prove.py and the README's own steps prove the reference platform.
pytestmark = [pytest.mark.live, pytest.mark.nightly, pytest.mark.timeout(900)]

BOTH = ("nlp", "nlp-notebooks")
WORKLOADS = ("kueue.x-k8s.io/v1beta2", "Workload")
QUEUE = ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", "nlp")
CPU_ONLY = f"""\
kind: Team
name: web
costCenter: cc-4530
groups: {{owners: [acme-web-leads], members: [acme-web]}}
placements:
  {CLUSTER}: {{cpu: 2, memory: 4Gi}}
"""


def declared(**namespaces: tuple[str, ...]) -> SourceTree:
    """examples/acme: one team with several namespaces, one with one of another name, and one without accelerators."""
    tree = read_tree(Path("examples/acme"))
    chosen = {"nlp": BOTH, "data-science": ("science",)} | namespaces
    files = {name: f"teams/{name}.yaml" for name in chosen}
    changed = {
        files[name]: f"{tree.files[files[name]]}namespaces: [{', '.join(spaces)}]\n" for name, spaces in chosen.items()
    }
    return tree.with_changes({**changed, "teams/web.yaml": CPU_ONLY})


@pytest.fixture(scope="module")
def live(new_sandbox: Callable[[SandboxSpec], Sandbox]) -> Iterator[Acme]:
    with acme_on(new_sandbox, declared()) as found:
        yield found


def planned(live: Acme, tree: SourceTree) -> Plan:
    platform = load_platform(tree).platform
    cluster = platform.cluster(CLUSTER)
    assert cluster is not None
    return make_plan(render(platform, cluster), live.kube, PlanSettings(platform.name, SystemClock().now().date()))


def applied(live: Acme, tree: SourceTree) -> None:
    report = apply_plan(planned(live, tree), live.kube, SystemClock())
    assert report.complete, [(str(item.change.key), item.message) for item in report.remaining]


def until(what: str, check: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.3)


def refusal(live: Acme, body: Body, team: str) -> str:
    try:
        live.kube.create(body, dry_run=True, identity=member(team))
    except RefusedError as error:
        return error.message
    return ""


def scenes(live: Acme) -> dict[str, Scene]:
    here = DeclaredCluster(live.platform, live.cluster, live.manifests)
    return {scene.namespace: scene for scene in here.scenes(["nlp"])}


def job(scene: Scene) -> dict[str, Any]:
    """A Job that holds a device until it is deleted."""
    body = bodies.job(scene, bodies.pod_spec(scene, devices=1))
    body["metadata"]["name"] = "train"
    body["spec"]["template"]["metadata"]["annotations"] = {"allotment.dev/run-for": "1h"}
    return body


def charged(live: Acme) -> int:
    """Devices that the team's queue counts."""
    queue = live.kube.get(WORKLOADS[0], QUEUE)
    assert queue is not None
    return sum(
        int(resource["total"])
        for flavor in queue.get("status", {}).get("flavorsReservation") or ()
        for resource in flavor["resources"]
        if resource["name"] == "nvidia.com/gpu"
    )


def test_a_second_plan_is_empty(live: Acme) -> None:
    plan = planned(live, declared(nlp=BOTH[::-1]))
    assert plan.empty, [str(change.key) for change in plan.changes]


def test_all_guardrails_hold_in_every_namespace(live: Acme) -> None:
    report = live.prove()
    wrong = [
        (item.verdict.value, item.guardrail, item.team, item.tried, item.object, item.got)
        for item in report.results
        if item.verdict is not Verdict.PROVED and item.guardrail != "network-policies"
    ]
    assert wrong == []
    assert {item.team for item in report.results} == {"", "cv", "data-science", "nlp", "recsys", "web"}
    assert {space for space in BOTH if any(space in item.object.split() for item in report.results)} == set(BOTH)


def test_people_of_the_team_work_in_all_of_them_and_nobody_else_in_any(live: Acme) -> None:
    for namespace, scene in scenes(live).items():
        assert refusal(live, job(scene), "nlp") == ""
        assert "cannot create resource" in refusal(live, job(scene), "data-science")
        account = Identity(scene.account.user, scene.account.groups)
        for other in {*BOTH, "science"} - {namespace}:
            assert not live.kube.allowed(account, AccessQuestion("get", "", "pods", "", other)), (namespace, other)
    shared = bodies.role_binding(scenes(live)[BOTH[0]], "Role", "allotment-viewer", "")
    shared["subjects"] = [{"kind": "ServiceAccount", "name": "default", "namespace": BOTH[1]}]
    with pytest.raises(RefusedError, match="access-within-team"):
        live.kube.create(shared, dry_run=True, identity=owner("nlp"))


def test_work_in_each_is_charged_to_one_queue(live: Acme) -> None:
    for scene in scenes(live).values():
        live.kube.create(job(scene), identity=member("nlp"))
    until("both are charged", lambda: charged(live) == len(BOTH))
    held = [
        workload["status"]["admission"]["clusterQueue"]
        for namespace in BOTH
        for workload in live.kube.list(*WORKLOADS, namespace=namespace)
        # Not those of the proof before, which go by and by.
        if workload.get("status", {}).get("admission") and workload["metadata"]["ownerReferences"][0]["name"] == "train"
    ]
    assert held == ["nlp", "nlp"]


def test_a_namespace_does_not_change_hands(live: Acme) -> None:
    plan = planned(live, declared(nlp=("nlp",), **{"data-science": ("science", "nlp-notebooks")}))
    blocked = {change.key: change for change in plan.of(Action.BLOCKED) if isinstance(change, Blocked)}
    assert "is one of team nlp" in blocked[ObjectKey("", "Namespace", "", "nlp-notebooks")].what
    assert ObjectKey("", "ResourceQuota", "nlp-notebooks", "allotment-quota") in blocked
    assert not plan.doomed_namespaces


def test_one_that_is_taken_out_goes_with_its_work_and_the_other_works_on(live: Acme) -> None:
    plan = planned(live, declared(nlp=("nlp",)))
    assert plan.doomed_namespaces == ("nlp-notebooks",)
    assert WarningCode.DATA_DELETED in {warning.code for warning in plan.warnings}
    assert apply_plan(plan, live.kube, SystemClock()).complete
    until("its devices are free", lambda: charged(live) == 1)
    gone = ObjectKey("", "Namespace", "", "nlp-notebooks")
    until("it is gone", lambda: live.kube.get("v1", gone) is None)
    assert live.kube.get("batch/v1", ObjectKey("batch", "Job", "nlp", "train")) is not None
    applied(live, declared())
    assert planned(live, declared()).empty


def test_a_team_that_leaves_leaves_all_of_them(live: Acme) -> None:
    second = scenes(live)["nlp-notebooks"]
    live.kube.create(job(second), identity=member("nlp"))
    until("both are charged", lambda: charged(live) == len(BOTH))
    tree = declared()
    edit = teams.remove(tree, "nlp", dt.date(2099, 1, 31), SystemClock().now().date())
    applied(live, tree.with_changes(edit.changes))
    for namespace in BOTH:
        assert list(live.kube.list("v1", "Pod", namespace=namespace)) == []
        assert list(live.kube.list("rbac.authorization.k8s.io/v1", "RoleBinding", namespace=namespace)) == []
        claims = live.kube.list("v1", "PersistentVolumeClaim", namespace=namespace)
        assert sorted(body["metadata"]["name"] for body in claims) == ["checkpoints", "datasets"]
        assert not live.kube.allowed(member("nlp"), AccessQuestion("create", "batch", "jobs", "", namespace))
    queue = live.kube.get(WORKLOADS[0], QUEUE)
    assert queue is not None
    assert queue["spec"]["stopPolicy"] == "HoldAndDrain"
    until("nothing is charged", lambda: charged(live) == 0)
    assert planned(live, tree.with_changes(edit.changes)).empty
