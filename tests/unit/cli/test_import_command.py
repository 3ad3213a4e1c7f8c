"""A cluster in use that two teams share, through import, plan and adopt on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from allotment import wiring
from allotment.adapters.kube.fake import FakeKube
from tests.unit.cli.conftest import Run

KUEUE = "kueue.x-k8s.io/v1beta2"
GPU = "nvidia.com/gpu"
HERE = ("--cluster", "onprem")


def body(api_version: str, kind: str, name: str, space: str = "", **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": space} if space else {}), **fields.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def node(name: str, **spec: Any) -> dict[str, Any]:
    labels = {"nvidia.com/gpu.product": "Tesla-T4"}
    allocatable = {"cpu": "16", "memory": "64Gi", "pods": "110", GPU: "4"}
    return body("v1", "Node", name, metadata={"labels": labels}, spec=spec, status={"allocatable": allocatable})


def of_team(space: str, team: str) -> list[dict[str, Any]]:
    rbac = "rbac.authorization.k8s.io"
    return [
        body("v1", "Namespace", space, metadata={"labels": {"team": team}}),
        body(KUEUE, "LocalQueue", "main", space, spec={"clusterQueue": "shared"}),
        body(
            f"{rbac}/v1", "RoleBinding", "people", space,
            roleRef={"apiGroup": rbac, "kind": "ClusterRole", "name": "edit"},
            subjects=[{"kind": "Group", "name": f"grp-{team}", "apiGroup": rbac}],
        ),
    ]  # fmt: skip


AMOUNTS = [{"name": name, "nominalQuota": amount} for name, amount in ((GPU, "8"), ("cpu", "16"), ("memory", "64Gi"))]
QUEUE = body(
    KUEUE, "ClusterQueue", "shared",
    spec={
        "namespaceSelector": {},
        "resourceGroups": [
            {"coveredResources": [GPU, "cpu", "memory"], "flavors": [{"name": "t4-flavor", "resources": AMOUNTS}]}
        ],
    },
)  # fmt: skip
WORKLOAD = body(
    KUEUE, "Workload", "train", "ml-genomics",
    status={
        "admission": {
            "clusterQueue": "shared",
            "podSetAssignments": [
                {"name": "main", "count": 1, "flavors": {"cpu": "t4-flavor"}, "resourceUsage": {"cpu": "4"}}
            ],
        }
    },
)  # fmt: skip


@pytest.fixture
def kube(home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKube:
    server = FakeKube()

    @contextmanager
    def connect(_kubeconfig: str, _context: str) -> Iterator[FakeKube]:
        yield server

    monkeypatch.setattr(wiring, "connect", connect)
    odd = [{"key": "maintenance", "effect": "NoSchedule"}]
    flavor = body(KUEUE, "ResourceFlavor", "t4-flavor", spec={"nodeLabels": {"nvidia.com/gpu.product": "Tesla-T4"}})
    nodes = [node("a"), node("b", taints=odd), node("c"), node("d")]
    for one in (*nodes, flavor, QUEUE, *of_team("ml-genomics", "genomics"), *of_team("ml-vision", "vision"), WORKLOAD):
        server.apply_as("kubectl", one)
    return server


def test_no_group_gets_into_a_namespace_of_others_and_import_says_what_would_stop(run: Run, kube: FakeKube) -> None:
    ran = run("import", "found", *HERE)
    ran.ok()
    told = " ".join(ran.err.split())
    assert "IMPORT.md: warning: teams shared and ml-vision: ml-genomics and ml-vision share ClusterQueue shared" in told
    assert "IMPORT.md: warning: pool t4: 1 of its 4 nodes (b) carries the taint maintenance:NoSchedule" in told
    assert "IMPORT.md: warning: ClusterQueue shared: the directory counts otherwise" in told
    written = Path("found/IMPORT.md").read_text(encoding="utf-8")
    assert "what would stop\n\n- **teams shared and ml-vision**: ml-genomics and ml-vision share" in written
    run("validate", "found").ok()
    plan = run("plan", "found", *HERE, "-o", "json").json()
    assert [one for one in plan["warnings"] if one["code"] == "access-gained"] == []
    items = run("adopt", "--platform", "found", *HERE, "-o", "json").json()["items"]
    (reasons,) = (one["hindrances"] for one in items if one["object"]["kind"] == "ClusterQueue")
    (fix,) = (one["fix"] for one in reasons if "4 cpu in t4-flavor" in one["why"])
    assert fix.startswith("wait until that work has ended, and hold new work meanwhile: `kubectl patch clusterqueue")


def test_who_makes_one_team_of_them_by_hand_is_told_who_gets_in(run: Run, kube: FakeKube) -> None:
    run("import", "found", *HERE).ok()
    Path("found/teams/ml-vision.yaml").unlink()
    file = Path("found/teams/shared.yaml")
    text = file.read_text(encoding="utf-8").replace("namespaces: [ml-genomics]", "namespaces: [ml-genomics, ml-vision]")
    file.write_text(text, encoding="utf-8")
    said = [
        one for one in run("plan", "found", *HERE, "-o", "json").json()["warnings"] if one["code"] == "access-gained"
    ]
    assert [one["message"].partition(";")[0] for one in said] == [
        "Group grp-genomics gets into the namespace ml-vision, in which no binding names them now"
    ]
    notes = " ".join(run("adopt", "namespace/ml-vision", "--platform", "found", *HERE, "--dry-run=client").out.split())
    assert "lets others in: Group grp-genomics gets RoleBinding allotment-member" in notes
    drift = " ".join(run("drift", "found", *HERE).out.split())
    assert "take the namespace over first, with `allot adopt namespace/ml-vision`: it is kept then" in drift
