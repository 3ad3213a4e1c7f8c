"""Plan, apply, drift, prune on a real API server: conflicts, adoption, faults, offboarding."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from allotment.adapters.clock import SystemClock
from allotment.adapters.kube.client import KubeClient
from allotment.adapters.kube.transport import Patience
from allotment.errors import UnreachableError
from allotment.model import labels
from allotment.model.manifest import Manifests, ObjectKey
from allotment.operations.change.apply import Status
from allotment.operations.change.drift import DriftKind, DriftState, DriftTarget, find_drift
from allotment.operations.change.planning import PlanSettings
from allotment.operations.change.saved_plans import plan_from_text, plan_to_text, refuse_stale
from allotment.plan.changes import Action, Blocked, Conflict, WarningCode
from tests.live.apply.conftest import TODAY, Cluster
from tests.unit.plan import objects

pytestmark = pytest.mark.live

QUOTA = ObjectKey("", "ResourceQuota", "cv", "team")
SPACE = ObjectKey("", "Namespace", "", "cv")


@pytest.fixture
def edit(cluster: Cluster, tools: Mapping[str, Path]) -> Any:
    """Change the quota of team cv as somebody else would."""

    def run(patch: str, manager: str = "somebody-else") -> None:
        subprocess.run(
            [str(tools["kubectl"]), f"--kubeconfig={cluster.config}", "-n", "cv", "patch", "resourcequota", "team",
             "--type=merge", f"--field-manager={manager}", "-p", patch],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip

    return run


class TestConflicts:
    def test_they_are_listed_with_the_managers_name_and_never_forced(self, cluster: Cluster, edit: Any) -> None:
        desired = objects.platform("cv")
        cluster.settle(desired)
        edit('{"spec":{"hard":{"pods":"99"}}}')
        (change,) = cluster.plan(desired).changes
        assert isinstance(change, Conflict)
        (contested,) = change.contested
        assert (contested.manager, contested.field) == ("somebody-else", ".spec.hard.pods")
        assert (contested.live, contested.desired) == ("99", "50")
        assert contested.since
        report = cluster.carry_out(cluster.plan(desired))
        assert [outcome.status for outcome in report.outcomes] == [Status.CONFLICT], [
            (outcome.change, outcome.message) for outcome in report.outcomes
        ]
        assert cluster.body(QUOTA)["spec"]["hard"]["pods"] == "99"
        assert cluster.apply(desired, force=True).complete
        assert cluster.body(QUOTA)["spec"]["hard"]["pods"] == "50"
        assert cluster.plan(desired).empty

    def test_a_label_that_others_added_is_left_alone(self, cluster: Cluster, edit: Any) -> None:
        desired = objects.platform("cv")
        cluster.settle(desired)
        edit('{"metadata":{"labels":{"theirs":"x"}}}')
        assert cluster.plan(desired).empty
        assert cluster.body(QUOTA)["metadata"]["labels"]["theirs"] == "x"

    def test_what_others_added_to_a_spec_is_contested_and_taken_out_by_force(self, cluster: Cluster, edit: Any) -> None:
        desired = objects.platform("cv")
        cluster.settle(desired)
        edit('{"spec":{"hard":{"count/secrets":"10"}}}')
        (change,) = cluster.plan(desired).changes
        assert isinstance(change, Conflict)
        assert [(each.manager, each.field) for each in change.contested] == [
            ("somebody-else", ".spec.hard.count/secrets")
        ]
        assert cluster.apply(desired, force=True).complete
        assert "count/secrets" not in cluster.body(QUOTA)["spec"]["hard"]
        assert cluster.plan(desired).empty
        # Whoever removes leaves no owner behind: a later apply meets nobody.
        assert cluster.apply(desired).complete


class TestDrift:
    def test_found_with_who_and_when_beside_an_unreachable_cluster_and_repaired(
        self, cluster: Cluster, edit: Any
    ) -> None:
        desired = objects.platform("cv")
        cluster.settle(desired)
        edit('{"spec":{"hard":{"pods":"99"}}}')
        cluster.kube.delete("v1", ObjectKey("", "LimitRange", "cv", "team"))

        def nowhere() -> KubeClient:
            return KubeClient(httpx.Client(base_url="https://127.0.0.1:1"), Patience(attempts=1))

        targets = [
            DriftTarget(Manifests("live", desired.objects), lambda: cluster.kube),
            DriftTarget(Manifests("gone", desired.objects), nowhere),
        ]
        report = find_drift(targets, PlanSettings("acme", TODAY), SystemClock())
        live, gone = report.clusters
        assert (live.state, gone.state) == (DriftState.DRIFTED, DriftState.UNREACHABLE)
        assert isinstance(gone.error, UnreachableError)
        found = {item.key.kind: item for item in live.objects}
        assert {kind: item.kind for kind, item in found.items()} == {
            "ResourceQuota": DriftKind.CHANGED, "LimitRange": DriftKind.MISSING,
        }  # fmt: skip
        (field,) = found["ResourceQuota"].fields
        assert (field.field, field.live, field.declared, field.by) == (".spec.hard.pods", "99", "50", "somebody-else")
        assert field.since.startswith("20")
        assert cluster.apply(desired, force=True).complete
        assert find_drift(targets[:1], PlanSettings("acme", TODAY), SystemClock()).in_sync


class TestWhatIsNotOurs:
    def test_a_namespace_is_not_adopted(self, cluster: Cluster) -> None:
        cluster.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "taken"}})
        try:
            report = cluster.apply(objects.platform("taken", "cv"))
            plan_steps = {outcome.change.key: outcome for outcome in report.outcomes}
            taken = plan_steps[ObjectKey("", "Namespace", "", "taken")]
            assert isinstance(taken.change, Blocked)
            for key, outcome in plan_steps.items():
                inside = key.namespace == "taken" or (key.name == "taken" and key.kind == "Namespace")
                assert outcome.done is not inside, (key, outcome.message)
            live = cluster.body(ObjectKey("", "Namespace", "", "taken"))
            assert labels.PLATFORM not in live["metadata"].get("labels", {})
            assert "allotment" not in {entry["manager"] for entry in live["metadata"]["managedFields"]}
        finally:
            cluster.kube.delete("v1", ObjectKey("", "Namespace", "", "taken"))

    def test_prune_takes_only_what_carries_the_inventory(self, cluster: Cluster) -> None:
        cluster.settle(objects.platform("cv", "nlp"))
        strangers = []
        for index, found in enumerate(
            ({}, {labels.MANAGED_BY: "allotment"}, {labels.PLATFORM: "acme"},
             {labels.PLATFORM: "rival", labels.MANAGED_BY: "allotment"})
        ):  # fmt: skip
            body = {
                "apiVersion": "v1",
                "kind": "ResourceQuota",
                "metadata": {"name": f"stranger-{index}", "namespace": "cv", "labels": found},
                "spec": {"hard": {"pods": "100"}},
            }
            strangers.append(cluster.kube.create(body).body["metadata"]["uid"])
        cluster.settle(objects.platform("cv"))
        left = {body["metadata"]["uid"] for body in cluster.kube.list("v1", "ResourceQuota", namespace="cv")}
        assert left >= set(strangers)
        plan = cluster.plan(objects.platform("cv"))
        assert plan.empty

    def test_a_claim_that_a_controller_made_is_not_pruned_for_its_labels(self, cluster: Cluster) -> None:
        """It comes from somebody's template, and holds somebody's data."""
        desired = objects.platform("cv")
        cluster.settle(desired)
        storage = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        body = {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "store", "namespace": "cv"},
            "spec": {
                "selector": {"matchLabels": {"app": "store"}},
                "template": {
                    "metadata": {"labels": {"app": "store"}},
                    "spec": {"containers": [{"name": "main", "image": "store"}]},
                },
                "volumeClaimTemplates": [{"metadata": {"name": "data", "labels": objects.INVENTORY}, "spec": storage}],
            },
        }
        cluster.kube.create(body)
        claim = ObjectKey("", "PersistentVolumeClaim", "cv", "data-store-0")
        deadline = time.monotonic() + 20
        while cluster.kube.get("v1", claim) is None:
            assert time.monotonic() < deadline, "the controller made no claim"
            time.sleep(0.2)
        found = cluster.plan(desired)
        assert found.empty
        assert (WarningCode.DISGUISED, claim) in {(warning.code, warning.key) for warning in found.warnings}


class TestSavedPlans:
    def test_fresh_is_applied_and_stale_refused(self, cluster: Cluster, edit: Any) -> None:
        cluster.settle(objects.platform("cv"))
        desired = objects.manifests(
            *(item for item in objects.platform("cv") if item.key != QUOTA), objects.quota("cv", gpus=4)
        )
        saved = plan_from_text(plan_to_text(cluster.plan(desired)))
        assert saved.counts[Action.UPDATE] == 1
        time.sleep(2)
        refuse_stale(saved, cluster.kube)
        edit('{"spec":{"hard":{"pods":"99"}}}')
        with pytest.raises(Exception, match="stale") as caught:
            refuse_stale(saved, cluster.kube)
        assert "ResourceQuota cv/team has changed" in str(caught.value)


class TestImmutable:
    def test_a_shrunk_claim_is_blocked_in_the_servers_words(self, cluster: Cluster) -> None:
        cluster.settle(objects.platform("cv"))
        desired = objects.manifests(
            *(item for item in objects.platform("cv") if item.key.kind != "PersistentVolumeClaim"),
            objects.claim("cv", size="5Gi"),
        )
        (change,) = cluster.plan(desired).changes
        assert isinstance(change, Blocked)
        assert change.key.kind == "PersistentVolumeClaim"
        assert change.wanted is Action.UPDATE
        assert change.why


class TestTrouble:
    def test_busy_servers_and_cut_connections_are_sat_out(self, cluster: Cluster) -> None:
        # By count and not by chance: how many requests there are depends on who comes first.
        kinds, sent, answered = itertools.cycle(["429", "503", "cut", "500"]), itertools.count(1), itertools.count(1)
        injected: Counter[str] = Counter()

        def trouble(request: httpx.Request) -> httpx.Response | None:
            if next(sent) % 5:
                return None
            kind = next(kinds)
            injected[kind] += 1
            if kind == "cut":
                raise httpx.ReadError("cut off")
            return httpx.Response(int(kind), headers={"Retry-After": "0"} if kind == "429" else {}, request=request)

        def lost_answer(request: httpx.Request) -> None:
            if request.method != "POST" and next(answered) % 15 == 0:
                injected["lost"] += 1
                raise httpx.ReadError("the answer was lost")

        desired = objects.platform("cv", "nlp")
        cluster.wire.trouble, cluster.wire.after = trouble, lost_answer
        for _ in range(5):
            # A create that may have happened is not repeated: such a namespace is taken up by the next run.
            if cluster.apply(desired).complete:
                break
        cluster.wire.calm()
        assert set(injected) == {"429", "503", "500", "cut", "lost"}
        assert min(injected.values()) > 1, injected
        assert cluster.plan(desired).empty

    def test_one_refused_object_does_not_stop_the_rest(self, cluster: Cluster) -> None:
        def trouble(request: httpx.Request) -> httpx.Response | None:
            if request.method == "PATCH" and "/cv/persistentvolumeclaims/" in request.url.path:
                status = {"kind": "Status", "reason": "Forbidden", "message": "exceeded quota"}
                return httpx.Response(403, json=status, request=request)
            return None

        cluster.wire.trouble = trouble
        report = cluster.apply(objects.platform("cv", "nlp"))
        assert [(one.change.key.kind, one.status, one.message) for one in report.remaining] == [
            ("PersistentVolumeClaim", Status.REFUSED, "exceeded quota")
        ]
        cluster.wire.calm()
        cluster.settle(objects.platform("cv", "nlp"))


class TestOffboarding:
    """Attack row 21 on real controllers, with faults in between."""

    def work(self, cluster: Cluster) -> None:
        pod = {
            "metadata": {"labels": {"team": "cv"}},
            "spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 1,
                "containers": [
                    {"name": "main", "image": "train", "resources": {
                        "limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}}}
                ],
            },
        }  # fmt: skip
        metadata = {"name": "train", "namespace": "cv", "labels": {labels.KUEUE_QUEUE: "none"}}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "free", "namespace": "cv"}}
        cluster.kube.create({**job, "spec": {"parallelism": 2, "completions": 2, "template": pod}})
        deployment_pod = {**pod, "spec": {**pod["spec"], "restartPolicy": "Always"}}  # type: ignore[dict-item]
        selector = {"matchLabels": {"team": "cv"}}
        cluster.kube.create(
            {
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
                "spec": {"replicas": 2, "selector": selector, "template": deployment_pod},
            }
        )  # fmt: skip

    def pods(self, cluster: Cluster) -> list[Any]:
        return list(cluster.kube.list("v1", "Pod", namespace="cv"))

    def await_pods(self, cluster: Cluster) -> None:
        deadline = time.monotonic() + 60
        while len(self.pods(cluster)) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.3)

    def test_workloads_first_policies_last(self, cluster: Cluster) -> None:
        cluster.settle(objects.platform("cv", "nlp"))
        self.work(cluster)
        self.await_pods(cluster)
        guarded: list[int] = []

        def after(request: httpx.Request) -> None:
            if request.method == "DELETE" and any(
                part in request.url.path for part in ("networkpolicies", "resourcequotas", "limitranges")
            ):
                guarded.append(1)

        def trouble(request: httpx.Request) -> httpx.Response | None:
            guardrail = any(part in request.url.path for part in ("networkpolicies", "resourcequotas", "limitranges"))
            if request.method == "DELETE" and guardrail and not guarded:
                assert self.pods(cluster) == []
            return None

        cluster.wire.trouble, cluster.wire.after = trouble, after
        cluster.wire.requests.clear()
        cluster.settle(objects.platform("nlp"))
        assert guarded
        order = [path.split("/") for path in cluster.wire.deletions]
        plurals = [parts[-2] for parts in order]
        first = plurals.index
        assert first("deployments") < first("rolebindings") < first("localqueues") < first("clusterqueues")
        assert first("clusterqueues") < first("networkpolicies")
        assert plurals[-1] == "namespaces"
        cluster.wire.calm()
        deadline = time.monotonic() + 60
        while cluster.kube.get("v1", SPACE) is not None:
            assert time.monotonic() < deadline
            time.sleep(0.3)
        assert cluster.plan(objects.platform("nlp")).empty

    def test_with_faults_on_the_way(self, cluster: Cluster) -> None:
        """Each attempt meets a refusal at another kind; guardrails are there as long as a pod is; the last succeeds.

        Every kind of deletion has its fault in the unit tests, on the fake.
        """
        cluster.settle(objects.platform("cv"))
        self.work(cluster)
        self.await_pods(cluster)
        for kind in ("deployments", "namespaces"):

            def trouble(request: httpx.Request, kind: str = kind) -> httpx.Response | None:
                if request.method == "DELETE" and request.url.path.split("/")[-2] == kind:
                    status = {"kind": "Status", "reason": "Forbidden", "message": "injected"}
                    return httpx.Response(403, json=status, request=request)
                return None

            cluster.wire.trouble = trouble
            report = cluster.apply(objects.manifests(*objects.shared_objects()))
            assert "injected" in {outcome.message for outcome in report.remaining}, kind
            cluster.wire.calm()
            if self.pods(cluster):
                policies = list(cluster.kube.list("networking.k8s.io/v1", "NetworkPolicy", namespace="cv"))
                assert policies, f"guardrails fell before the workloads when {kind} was refused"
        cluster.settle(objects.manifests(*objects.shared_objects()))

    def test_kept_data(self, cluster: Cluster) -> None:
        cluster.settle(objects.platform("cv"))
        claim = ObjectKey("", "PersistentVolumeClaim", "cv", "home")
        uid = cluster.body(claim)["metadata"]["uid"]
        leaving = objects.namespace(
            "cv", annotations={labels.KEEP_DATA_UNTIL: "2027-01-31"}, more={labels.OFFBOARDING: "true"}
        )
        desired = objects.manifests(*objects.shared_objects(), leaving, objects.claim("cv"), *objects.guardrails("cv"))
        self.work(cluster)
        cluster.settle(desired)
        assert self.pods(cluster) == []
        assert cluster.body(claim)["metadata"]["uid"] == uid
        assert list(cluster.kube.list("rbac.authorization.k8s.io/v1", "RoleBinding", namespace="cv")) == []
        assert cluster.plan(desired).empty
        blocked = cluster.plan(objects.manifests(*objects.shared_objects()))
        assert [change.key for change in blocked.of(Action.BLOCKED)] == [SPACE]
        assert not [change for change in blocked.of(Action.DELETE) if change.key == claim]
        # So that the next test can clean up:
        cluster.kube.merge_patch("v1", SPACE, {"metadata": {"annotations": {labels.KEEP_DATA_UNTIL: None}}})


def test_many_objects_come_in_pages(cluster: Cluster) -> None:
    cluster.settle(objects.manifests(*objects.shared_objects(), objects.namespace("cv")))
    flavors = [objects.flavor(f"f-{index}") for index in range(520)]
    desired = objects.manifests(*objects.shared_objects(), objects.namespace("cv"), *flavors)
    cluster.settle(desired)
    cluster.wire.calm()
    assert cluster.plan(desired).empty
    pages = [path for method, path, _ in cluster.wire.requests if path.endswith("/resourceflavors")]
    assert len(pages) == 2
    assert len(list(itertools.islice(cluster.kube.list("kueue.x-k8s.io/v1beta2", "ResourceFlavor"), 600))) >= 521
