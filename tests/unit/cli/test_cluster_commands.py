"""plan, apply, drift and prove through the command line, against the API server in memory."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from allotment import wiring
from allotment.adapters.files.tree import read_tree
from allotment.adapters.kube.fake import Call, FakeKube
from allotment.errors import UnreachableError
from allotment.model.manifest import ObjectKey
from allotment.ports.kube import AccessRefusedError, RefusedError
from allotment.spec.load import load_platform
from tests.unit import nodes
from tests.unit.cli.conftest import Run
from tests.unit.kueue_webhooks import kueue_webhooks
from tests.unit.operations.world import held

HERE = ("my-platform", "--cluster", "dev-eastus")
QUOTA = ObjectKey("", "ResourceQuota", "cv", "allotment-quota")


@pytest.fixture
def kube(acme: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKube:
    """Every context leads to this server."""
    server = FakeKube()
    platform = load_platform(read_tree(acme)).platform
    cluster = platform.cluster("dev-eastus")
    assert cluster is not None
    server.put(*nodes.declared(platform, cluster), *kueue_webhooks())

    @contextmanager
    def connect(_kubeconfig: str, _context: str) -> Iterator[FakeKube]:
        yield server

    monkeypatch.setattr(wiring, "connect", connect)
    return server


@pytest.fixture
def applied(run: Run, kube: FakeKube, servers: dict[str, FakeKube]) -> FakeKube:
    """That server after the first apply: one for all tests, of which each goes on with its own."""
    if "applied" in servers:
        kube.hold(servers["applied"])
    else:
        run("apply", *HERE, "--yes").ok()
        servers["applied"] = FakeKube()
        servers["applied"].hold(kube)
    return kube


def test_plan_apply_plan(run: Run, acme: Path, kube: FakeKube) -> None:
    first = run("plan", *HERE, "--exit-code")
    assert first.code == 2
    assert "to create" in first.out
    assert "allot apply my-platform --cluster dev-eastus" in first.err
    done = run("apply", *HERE, "--yes").ok()
    assert done.startswith("done: dev-eastus at fake://kube (context fake): ")
    again = run("plan", *HERE, "--exit-code")
    assert again.code == 0
    assert again.out.startswith("no changes: dev-eastus at fake://kube (context fake) is as acme declares")
    assert run("apply", *HERE).ok().startswith("nothing to do")
    assert run("drift", *HERE).code == 0


def test_another_cluster_s_mark_needs_its_name_and_yes_is_not_enough(run: Run, acme: Path, applied: FakeKube) -> None:
    there = ("my-platform", "--cluster", "training-eastus", "--context", "dev-eastus")
    before = applied.existing
    for words in (("plan",), ("apply", "--yes"), ("prove",), ("drift", "--repair", "--yes")):
        ran = run(words[0], *there, *words[1:])
        assert ran.code == 6, words
        assert "this is the cluster acme/dev-eastus, not acme/training-eastus" in ran.out + ran.err
    assert run("apply", *there, "--yes", "--override-identity", "acme/training-eastus").code == 6
    assert applied.existing == before
    told = run("plan", *there, "--override-identity", "acme/dev-eastus").ok()
    assert "Plan for training-eastus (acme) at fake://kube (context fake)" in told


def test_server_and_context_are_shown(run: Run, acme: Path, kube: FakeKube) -> None:
    assert "(acme) at fake://kube (context fake): " in run("plan", *HERE).ok()
    document = run("plan", *HERE, "-o", "json").json()
    assert (document["server"], document["context"]) == ("fake://kube", "fake")
    assert "done: dev-eastus at fake://kube (context fake): " in run("apply", *HERE, "--yes").ok()
    assert "dev-eastus at fake://kube (context fake): in sync" in run("drift", *HERE).out


def test_history_lists_what_was_applied(run: Run, acme: Path, kube: FakeKube) -> None:
    assert "no apply or adoption is on record" in run("history", *HERE).err
    run("apply", *HERE, "--yes").ok()
    (record,) = run("history", *HERE, "-o", "json").json()["items"]
    assert (record["by"], record["cluster"], record["ended"]) == ("engineer", "dev-eastus", "complete")
    assert len(record["directoryDigest"]) == 64
    assert "engineer" in run("history", *HERE).ok()


def test_a_change_is_shown_with_old_and_new_value(run: Run, acme: Path, applied: FakeKube) -> None:
    file = acme / "teams" / "cv.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("displayName: Computer vision", "displayName: Vision"), encoding="utf-8")
    file.write_text(file.read_text(encoding="utf-8").replace("cc-4522", "cc-9999"), encoding="utf-8")
    told = run("plan", *HERE).ok()
    assert "cc-4522 -> cc-9999" in told
    document = run("plan", *HERE, "-o", "json").json()
    assert document["kind"] == "PlanSummary"
    assert document["summary"]["update"] == len(document["changes"]) > 0
    fields = [field for change in document["changes"] for field in change["fields"]]
    assert {"old": "cc-4522", "new": "cc-9999"}.items() <= fields[0].items()
    assert run("plan", *HERE, "-o", "name", "-l", "kind=Namespace").ok() == "Namespace cv\n"


def test_apply_asks_and_a_no_input_says_how_to_answer(run: Run, acme: Path, kube: FakeKube) -> None:
    ran = run("apply", *HERE)
    assert ran.code == 2
    assert "--yes" in ran.err
    assert not [call for call in kube.calls if call.verb in ("apply", "create") and not call.dry_run]


@pytest.mark.parametrize("mode", ["client", "server"])
def test_a_dry_run_writes_nothing(run: Run, acme: Path, kube: FakeKube, mode: str) -> None:
    ran = run("apply", *HERE, "--dry-run", mode)
    assert "to create" in ran.ok()
    assert "nothing was changed" in ran.err
    assert not [call for call in kube.calls if call.verb in ("apply", "create", "delete") and not call.dry_run]


def test_a_saved_plan_is_private_and_applied_as_it_is(run: Run, acme: Path, kube: FakeKube) -> None:
    run("plan", *HERE, "--out", "changes.plan").ok()
    saved = Path("changes.plan")
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert run("apply", "changes.plan", "--yes").ok().startswith("done")
    assert run("plan", *HERE, "--exit-code").code == 0
    stale = run("apply", "changes.plan", "--yes")
    assert stale.code == 6
    assert "stale" in stale.err


def test_a_saved_plan_of_another_directory_state_is_refused(run: Run, acme: Path, kube: FakeKube) -> None:
    run("plan", *HERE, "--out", "changes.plan").ok()
    run(
        "team", "add", "robotics", "--platform", "my-platform", "--cluster", "dev-eastus", "--group", "g",
        "--cpu", "4", "--memory", "8Gi",
    ).ok()  # fmt: skip
    assert run("apply", "changes.plan", "--yes", "--platform", "my-platform").code == 6


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"kind": "Plan"}', "\x00", '{"kind": "Plan", "apiVersion": "v9"}']
)
def test_a_file_that_is_no_plan_is_refused(run: Run, acme: Path, kube: FakeKube, content: str) -> None:
    Path("x.plan").write_text(content, encoding="utf-8")
    ran = run("apply", "x.plan", "--yes")
    assert ran.code == 1
    assert "Traceback" not in ran.err


def test_one_refused_object_does_not_stop_the_rest(run: Run, acme: Path, kube: FakeKube) -> None:
    def refuse(call: Call) -> None:
        if call.verb == "apply" and call.key == QUOTA and not call.done and not call.dry_run:
            raise RefusedError("refused", status=422, reason="Invalid", message="spec.hard: no")

    kube.hook = refuse
    ran = run("apply", *HERE, "--yes")
    assert ran.code == 1
    assert "incomplete" in ran.out
    assert "spec.hard: no" in ran.out
    kube.hook = lambda _call: None
    assert run("apply", *HERE, "--yes").ok().startswith("done")
    assert run("plan", *HERE, "--exit-code").code == 0


def test_fields_of_others_are_shown_and_left_alone(run: Run, acme: Path, applied: FakeKube) -> None:
    applied.merge_patch("v1", QUOTA, {"spec": {"hard": {"pods": "7"}}})
    planned = run("plan", *HERE)
    assert "! ResourceQuota cv/allotment-quota" in planned.out
    assert "--force-conflicts" in planned.err
    left = run("apply", *HERE, "--yes")
    assert left.code == 6
    assert "--force-conflicts" in left.out
    drifted = run("drift", *HERE)
    assert drifted.code == 1
    assert "is 7, declared 50" in drifted.out
    told = json.loads(run("drift", *HERE, "-o", "json").out)
    (found,) = told["clusters"][0]["objects"]
    assert found["drift"] == "changed"
    assert found["object"]["name"] == "allotment-quota"
    assert found["fields"][0]["live"] == "7"
    assert run("apply", *HERE, "--yes", "--force-conflicts").ok().startswith("done")
    assert run("drift", *HERE).code == 0


def test_drift_is_repaired_after_asking(run: Run, acme: Path, applied: FakeKube) -> None:
    binding = ObjectKey(
        "admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", "", "labels-required.allotment.dev"
    )
    applied.delete("admissionregistration.k8s.io/v1", binding)
    assert run("drift", *HERE).code == 1
    assert run("drift", *HERE, "--repair").code == 2
    fixed = run("drift", *HERE, "--repair", "--yes")
    assert fixed.ok().startswith("done")
    assert run("drift", *HERE).code == 0
    assert run("drift", *HERE, "--repair").ok().startswith("nothing to repair")


def test_what_is_not_ours_is_named_and_left_alone_by_a_repair(run: Run, acme: Path, applied: FakeKube) -> None:
    applied.put({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "second", "namespace": "cv"}})
    drifted = run("drift", *HERE)
    assert drifted.code == 1
    assert "foreign   LimitRange cv/second" in drifted.out
    (found,) = json.loads(run("drift", *HERE, "-o", "json").out)["clusters"][0]["objects"]
    assert found["drift"] == "foreign"
    repaired = run("drift", *HERE, "--repair", "--yes")
    assert repaired.code == 1
    assert "dev-eastus: left alone, because not ours: 1 object" in repaired.out
    told = json.loads(run("drift", *HERE, "--repair", "--yes", "-o", "json").out)
    assert [each["object"]["name"] for each in told["leftAlone"]] == ["second"]
    entry = "kind: Platform\naccepted: [{kind: LimitRange, namespace: cv, name: second, reason: agreed}]\n"
    file = acme / "platform.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("kind: Platform\n", entry), encoding="utf-8")
    assert run("drift", *HERE).code == 0


def test_a_kind_that_we_may_not_look_at_is_said(run: Run, acme: Path, applied: FakeKube) -> None:
    def refuse(call: Call) -> None:
        if call.verb == "list" and call.key.kind == "Secret":
            raise AccessRefusedError("refused", status=403, reason="Forbidden", message="no secrets for you")

    applied.hook = refuse
    assert "not looked at: Secret (no secrets for you)" in run("drift", *HERE).ok()
    (cluster,) = json.loads(run("drift", *HERE, "-o", "json").ok())["clusters"]
    assert cluster["notLookedAt"] == [{"kind": "Secret", "why": "no secrets for you"}]


def test_one_cluster_that_does_not_answer_does_not_hide_the_others(
    run: Run, acme: Path, applied: FakeKube, monkeypatch: pytest.MonkeyPatch
) -> None:
    reachable = wiring.connect

    def connect(kubeconfig: str, context: str):
        if context.startswith("prod"):
            raise UnreachableError(f"{context} does not answer", why="timeout", fix="check the network")
        return reachable(kubeconfig, context) if context == "dev-eastus" else nullcontext(FakeKube())

    monkeypatch.setattr(wiring, "connect", connect)
    ran = run("drift", "my-platform", "-o", "json")
    assert ran.code == 9
    told = json.loads(ran.out)
    assert told["degraded"] == ["prod-inference-eastus", "prod-inference-westeu"]
    assert {each["name"] for each in told["clusters"]} >= {"dev-eastus", "training-eastus"}
    assert run("drift", "my-platform", "--context", "x").code == 2


def test_a_namespace_is_deleted_only_when_its_name_is_given(run: Run, acme: Path, applied: FakeKube) -> None:
    (acme / "teams" / "cv.yaml").unlink()
    shown = run("plan", *HERE).ok()
    assert "- Namespace cv" in shown
    refused = run("apply", *HERE, "--yes")
    assert refused.code == 2
    assert "--delete-namespace cv" in refused.err
    assert applied.get("v1", ObjectKey("", "Namespace", "", "cv")) is not None
    assert run("apply", *HERE, "--yes", "--delete-namespace", "nlp").code == 2
    run("apply", *HERE, "--yes", "--delete-namespace", "cv").ok()
    assert applied.get("v1", ObjectKey("", "Namespace", "", "cv")) is None


def test_the_name_is_asked_too_where_the_data_are_kept(run: Run, acme: Path, kube: FakeKube) -> None:
    run("team", "remove", "cv", "--keep-data-until", "2099-01-31", "--platform", "my-platform", "--yes").ok()
    run("apply", *HERE, "--yes").ok()
    (acme / "teams" / "cv.yaml").unlink()
    run("apply", *HERE, "--yes")  # what the leaving team still had goes with the first of them
    kube.put({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "late", "namespace": "cv"}})
    refused = run("apply", *HERE, "--yes")
    assert refused.code == 2
    assert "--delete-namespace cv" in refused.err
    assert "emptied of its work and closed" in refused.err
    assert run("apply", *HERE, "--yes", "--delete-namespace", "cv").code == 6
    assert ObjectKey("", "Namespace", "", "cv") in kube.existing


def test_prove_reports_every_probe_and_writes_evidence(run: Run, acme: Path, applied: FakeKube) -> None:
    ran = run(
        "prove", *HERE, "--team", "nlp", "--guardrail", "resource-quota", "--evidence", "evidence.md", "-o", "json"
    )
    told = json.loads(ran.out)
    assert told["kind"] == "ProofReport"
    assert {probe["guardrail"] for probe in told["probes"]} == {"resource-quota"}
    assert {probe["team"] for probe in told["probes"]} <= {"nlp", ""}
    assert told["proved"] is (ran.code == 0)
    assert "dev-eastus" in Path("evidence.md").read_text(encoding="utf-8")
    assert run("prove", *HERE, "--guardrail", "no-such").code == 3
    assert run("prove", *HERE, "--team", "no-such").code == 3


class TestNodes:
    """Labels removed by hand are seen by plan, drift and prove, and put back by an act of its own."""

    HERE = ("--platform", "my-platform", "--cluster", "dev-eastus", "--pool", "t4-spot")

    @pytest.fixture
    def bare(self, run: Run, applied: FakeKube) -> FakeKube:
        label, mine = "allotment.dev/capacity-type", {"key": "mine", "effect": "PreferNoSchedule"}
        for name in ("t4-spot-0", "t4-spot-1"):
            key = ObjectKey("", "Node", "", name)
            applied.edit(key, lambda body: {**body, "spec": {"taints": [mine]}})
            applied.merge_patch("v1", key, {"metadata": {"labels": {label: None}}})
        return applied

    def test_plan_drift_and_prove_say_so(self, run: Run, bare: FakeKube) -> None:
        told = "pool t4-spot (t4-spot-0, t4-spot-1): label allotment.dev/capacity-type is missing"
        plan = run("plan", *HERE, "--exit-code")
        assert plan.code == 0, "no step puts it right"
        assert plan.out.startswith("no changes")
        assert told in plan.out
        assert "nodes" in {warning["code"] for warning in run("plan", *HERE, "-o", "json").json()["warnings"]}
        drift = run("drift", *HERE)
        assert drift.code == 1
        assert told in drift.out
        proof = run("prove", *HERE, "--guardrail", "nodes")
        assert proof.code == 1
        assert told in proof.out

    def test_a_repair_leaves_them_and_says_so(self, run: Run, bare: FakeKube) -> None:
        repair = run("drift", *HERE, "--repair", "--yes")
        assert repair.code == 1
        assert "nodes and uncounted work are left as they are" in repair.out

    def test_labelling_shows_asks_and_puts_it_right(self, run: Run, bare: FakeKube) -> None:
        nodes = ("t4-spot-0", "t4-spot-1")
        shown = run("nodes", "label", *self.HERE, *nodes, "--dry-run=client").ok()
        assert "+ allotment.dev/capacity-type: spot" in shown
        assert "+ taint nvidia.com/gpu=present:NoSchedule" in shown
        asked = run("nodes", "label", *self.HERE, *nodes)
        assert asked.code == 2
        assert "--yes" in asked.err
        run("nodes", "label", *self.HERE, *nodes, "--dry-run=server").ok()
        assert run("drift", *HERE).code == 1
        done = run("nodes", "label", *self.HERE, "--selector", "allotment.dev/node-pool=t4-spot", "--yes").ok()
        assert done.startswith("done: 2 nodes of pool t4-spot")
        assert run("drift", *HERE).code == 0
        assert run("prove", *HERE, "--guardrail", "nodes").code == 0
        again = run("nodes", "label", *self.HERE, *nodes).ok()
        assert again.startswith("nothing to do: 2 nodes")
        body = bare.get("v1", ObjectKey("", "Node", "", "t4-spot-0"))
        assert body is not None
        assert {"key": "mine", "effect": "PreferNoSchedule"} in body["spec"]["taints"]

    def test_a_node_with_other_devices_is_refused_unless_asked(self, run: Run, kube: FakeKube) -> None:
        refused = run("nodes", "label", *self.HERE[:4], "--pool", "t4-spot", "system-0", "--yes")
        assert refused.code == 7
        assert "system-0 offers no devices, the pool declares 4 nvidia.com/gpu" in refused.err
        assert "--force" in refused.err
        body = kube.get("v1", ObjectKey("", "Node", "", "system-0"))
        assert body is not None
        assert body["metadata"]["labels"]["allotment.dev/node-pool"] == "system"
        forced = run("nodes", "label", *self.HERE[:4], "--pool", "t4-spot", "system-0", "--yes", "--force").ok()
        assert "it offers 0 nvidia.com/gpu, the pool declares 4" in forced

    def test_pods_that_do_not_tolerate_a_new_taint_are_named(self, run: Run, bare: FakeKube) -> None:
        bare.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "web"}})
        for number in range(7):
            metadata = {"namespace": "web", "name": f"web-{number}"}
            bare.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": "t4-spot-0"}})
        shown = run("nodes", "label", *self.HERE, "t4-spot-0", "t4-spot-1", "--dry-run=client").ok()
        assert "Node t4-spot-0: pods do not tolerate what is added (web/web-0" in shown
        assert "and 2 more); they run on, and what replaces them is not placed here" in shown
        assert "Node t4-spot-1: pods" not in shown

    def test_who_may_not_list_pods_is_told(self, run: Run, bare: FakeKube) -> None:
        def forbid(call: Call) -> None:
            if (call.verb, call.key.kind) == ("list", "Pod"):
                raise AccessRefusedError("no", status=403, reason="Forbidden", message="pods is forbidden")

        bare.hook = forbid
        shown = run("nodes", "label", *self.HERE, "t4-spot-0", "--dry-run=client").ok()
        assert "whether pods there tolerate the taints is not known: pods is forbidden" in shown

    def test_a_call_without_nodes_says_which_they_can_be(self, run: Run, kube: FakeKube) -> None:
        like = next(iter(kube.list("v1", "Node", labels="allotment.dev/node-pool=t4-spot")))
        kube.put({**like, "metadata": {"name": "bare"}})
        said = run("nodes", "label", *self.HERE[:4], "--pool", "t4-spot").err
        assert "by devices, CPU and memory, nodes without a pool can be t4-spot's" in said
        command = next(line for line in said.splitlines() if "fix:" in line).split("`")[1]
        assert command == f"allot nodes label --pool t4-spot bare {' '.join(self.HERE[:4])}"
        run(*command.split()[1:], "--yes").ok()

    @pytest.mark.parametrize(
        ("words", "code", "says"),
        [
            (("--pool", "t5", "t4-spot-0"), 3, "its pools are"),
            (("--pool", "t4-spot", "nobody"), 3, "there is no node nobody"),
            (("--pool", "t4-spot"), 2, "no node without a pool has the devices, CPU and memory of t4-spot"),
            (("--pool", "t4-spot", "--selector", "a=b"), 3, "no node matches a=b"),
        ],
    )
    def test_what_cannot_be(self, run: Run, kube: FakeKube, words: tuple[str, ...], code: int, says: str) -> None:
        ran = run("nodes", "label", *self.HERE[:4], *words, "--yes")
        assert ran.code == code
        assert says in ran.err

    def test_who_may_not_list_nodes_is_told_and_not_stopped(self, run: Run, applied: FakeKube) -> None:
        def forbid(call: Call) -> None:
            if (call.verb, call.key.kind) in {("list", "Node"), ("list", "Workload")}:
                raise AccessRefusedError("no", status=403, reason="Forbidden", message="nodes is forbidden")

        applied.hook = forbid
        assert "nodes were not compared with the declared pools: nodes is forbidden" in run("plan", *HERE).ok()
        drift = run("drift", *HERE)
        assert drift.code == 0
        assert "note: nodes were not compared" in drift.out
        assert "note: running work was not compared" in drift.out
        proof = run("prove", *HERE, "--guardrail", "nodes", "-o", "json").json()
        assert [result["verdict"] for result in proof["probes"]] == ["not-provable"]


def test_work_that_its_queue_does_not_count_is_drift_and_disproved(run: Run, acme: Path, applied: FakeKube) -> None:
    applied.put(held("a100-old", queue="nlp"))
    drift = run("drift", *HERE)
    assert drift.code == 1
    assert "does not count what runs: 4 nvidia.com/gpu in a100-old by cv/train (1 pod)" in drift.out
    proof = run("prove", *HERE, "--guardrail", "queues")
    assert "ClusterQueue.kueue.x-k8s.io nlp does not count 4 nvidia.com/gpu in a100-old" in proof.out


THERE = ("--platform", *HERE)
SYSTEM = ObjectKey("", "Namespace", "", "allotment-system")


def system_space(kube: FakeKube, *inside: dict[str, Any]) -> None:
    """Somebody else has made the platform's own namespace."""
    kube.apply_as("kubectl-create", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "allotment-system"}})
    for body in inside:
        kube.put(body)


def test_nothing_is_applied_before_the_platforms_own_namespace_is_its_own(run: Run, acme: Path, kube: FakeKube) -> None:
    system_space(kube)
    before = kube.existing
    assert "allot adopt namespace/allotment-system" in run("plan", *HERE).ok()
    assert run("apply", *HERE, "--dry-run=client").code == 6
    refused = run("apply", *HERE, "--yes")
    assert refused.code == 6
    assert "Namespace allotment-system exists and is not ours, and nothing was changed" in refused.err
    assert kube.existing == before

    files = {path: path.read_text(encoding="utf-8") for path in acme.rglob("*.yaml")}
    run("adopt", "namespace/allotment-system", *THERE, "--yes").ok()
    assert {path: path.read_text(encoding="utf-8") for path in acme.rglob("*.yaml")} == files
    run("apply", *HERE, "--yes").ok()
    marks = (kube.get("v1", SYSTEM) or {})["metadata"]["labels"]
    assert marks["allotment.dev/cluster"] == "dev-eastus"
    assert "complete" in run("history", *HERE).ok()

    run("adopt", "--undo", "namespace/allotment-system", *THERE, "--yes").ok()
    assert "allotment.dev/cluster" not in ((kube.get("v1", SYSTEM) or {})["metadata"].get("labels") or {})
    assert run("apply", *HERE, "--yes").code == 6


@pytest.mark.parametrize(
    "inside",
    [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "mine", "namespace": "allotment-system"}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "mine", "namespace": "allotment-system"}},
    ],
    ids=["an account", "a pod"],
)
def test_nobody_else_stays_in_it(run: Run, acme: Path, kube: FakeKube, inside: dict[str, Any]) -> None:
    """Policies bind nobody who acts from there."""
    system_space(kube, inside)
    held = run("adopt", "namespace/allotment-system", *THERE, "--yes")
    assert held.code == 6
    assert f"others have something in it: {inside['kind']} allotment-system/mine" in held.out
    assert "allotment.dev/platform" not in (kube.get("v1", SYSTEM) or {})["metadata"]["labels"]
