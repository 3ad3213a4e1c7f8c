"""Allotment comes to a cluster in use, by the commands a user types: import, plan, adopt, GitOps, accounts, undo.

The steps build on each other and run in order; each is a test of its own so that a failure names its step.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.live.e2e.test_story import CLUSTER, Stage, eventually, gpu_job, staged

pytestmark = [pytest.mark.live, pytest.mark.nightly, pytest.mark.timeout(900)]

KUEUE = "kueue.x-k8s.io/v1beta2"
HELM = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {"meta.helm.sh/release-name": "queues", "meta.helm.sh/release-namespace": "infra"},
}
AT = ("--platform", "acme", "--cluster", CLUSTER)


def body(api_version: str, kind: str, name: str, namespace: str = "", **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **fields.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def pods(gpus: int, *, restart: str = "Never") -> dict[str, Any]:
    resources = {"requests": {"cpu": "4", "memory": "8Gi"}, "limits": {"nvidia.com/gpu": str(gpus)}}
    return {
        "metadata": {"annotations": {"allotment.dev/run-for": "2h"}},
        "spec": {
            "restartPolicy": restart,
            "nodeSelector": {"allotment.dev/accelerator": "a100", "allotment.dev/capacity-type": "on-demand"},
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "main", "image": "fold:3", "resources": resources}],
        },
    }


def offered(resource: str, flavor: str, amount: str) -> dict[str, Any]:
    quota = [{"name": resource, "nominalQuota": amount}]
    return {"coveredResources": [resource], "flavors": [{"name": flavor, "resources": quota}]}


BEFORE = (
    body("v1", "Namespace", "nlp", metadata={"labels": {"owner": "jane"}}),
    body("v1", "Namespace", "legacy"),
    body("v1", "ResourceQuota", "compute", "nlp", spec={"hard": {"requests.nvidia.com/gpu": "24"}}),
    body(
        "v1", "PersistentVolumeClaim", "genomes", "nlp",
        spec={
            "storageClassName": "nfs",
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": "1Ti"}},
        },
    ),
    body(KUEUE, "ResourceFlavor", "cpu", metadata=HELM, spec={}),
    body(KUEUE, "ResourceFlavor", "a100-on-demand", metadata=HELM, spec={}),
    body(
        KUEUE, "ClusterQueue", "nlp", metadata=HELM,
        spec={
            "namespaceSelector": {},
            "resourceGroups": [
                {
                    "coveredResources": ["cpu", "memory"],
                    "flavors": [
                        {
                            "name": "cpu",
                            "resources": [
                                {"name": "cpu", "nominalQuota": "200"},
                                {"name": "memory", "nominalQuota": "2Ti"},
                            ],
                        }
                    ],
                },
                offered("nvidia.com/gpu", "a100-on-demand", "12"),
            ],
        },
    ),
    body(KUEUE, "LocalQueue", "main", "nlp", spec={"clusterQueue": "nlp"}),
    body(
        "batch/v1", "Job", "alphafold", "nlp", metadata={"labels": {"kueue.x-k8s.io/queue-name": "main"}},
        spec={"suspend": True, "parallelism": 2, "completions": 2, "template": pods(2)},
    ),
    body(
        "batch/v1", "CronJob", "nightly", "legacy",
        spec={"schedule": "0 2 * * *", "jobTemplate": {"spec": {"template": pods(1)}}},
    ),
)  # fmt: skip
READER = (
    body("v1", "ServiceAccount", "ci", "kube-system"),
    body(
        "v1", "Secret", "ci", "kube-system", type="kubernetes.io/service-account-token",
        metadata={"annotations": {"kubernetes.io/service-account.name": "ci"}},
    ),
    body(
        "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "ci",
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "allotment-plan"},
        subjects=[{"kind": "ServiceAccount", "name": "ci", "namespace": "kube-system"}],
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def stage(tools: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("coming") / "acme", tools["kubectl"]) as stage:
        stage.kubectl("apply", "-f", "-", stdin=listed(BEFORE))
        eventually("the Job runs", lambda: len(running(stage)) == 2)
        yield stage


def listed(bodies: tuple[Mapping[str, Any], ...]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(bodies)})


def running(stage: Stage) -> set[str]:
    """Pods of the Job from before, by their uids."""
    found = stage.items("pods", "-n", "nlp", "-l", "job-name=alphafold")
    return {pod["metadata"]["uid"] for pod in found if pod["status"].get("phase") == "Running"}


def live(stage: Stage) -> dict[str, Any]:
    """What others declared, as it stands."""
    found = (
        stage.kubectl("get", item["kind"].lower(), item["metadata"]["name"], "-o", "json",
                      *(("-n", item["metadata"]["namespace"]) if "namespace" in item["metadata"] else ()))
        for item in BEFORE
    )  # fmt: skip
    return {f"{item['kind']}/{item['metadata']['name']}": item.get("spec") for item in map(json.loads, found)}


def allot(stage: Stage, *arguments: str, expect: int = 0) -> str:
    """With the directory in the place of its name."""
    return stage.allot(*(str(stage.directory) if word == "acme" else word for word in arguments), expect=expect)


def test_01_a_directory_of_what_is_there(stage: Stage, tmp_path: Path) -> None:
    before = live(stage)
    allot(stage, "import", str(tmp_path / "found"), "--cluster", CLUSTER, "--context", CLUSTER)
    allot(stage, "validate", str(tmp_path / "found"))
    plan = json.loads(allot(stage, "plan", str(tmp_path / "found"), "--context", CLUSTER, "-o", "json"))
    assert not [each for each in plan["changes"] if each["action"] in ("update", "delete", "conflict")]
    assert live(stage) == before


def test_02_the_first_apply_breaks_nothing(stage: Stage) -> None:
    before, pods_before = live(stage), running(stage)
    plan = allot(stage, "plan", "acme", "--cluster", CLUSTER)
    assert "`allot adopt namespace/nlp" in plan
    assert "CronJob nightly" in plan
    assert "warnNamespaces: [legacy, nlp]" in plan
    allot(stage, "apply", "acme", "--cluster", CLUSTER, "--yes", expect=6)
    assert live(stage) == before
    assert running(stage) == pods_before
    (gone, _stays) = sorted(pods_before)
    names = {pod["metadata"]["uid"]: pod["metadata"]["name"] for pod in stage.items("pods", "-n", "nlp")}
    stage.kubectl("delete", "pod", "-n", "nlp", names[gone], "--wait=false")
    eventually("another takes its place", lambda: len(running(stage) - {gone}) == 2)
    stage.kubectl("create", "job", "-n", "legacy", "--from=cronjob/nightly", "now")


def test_03_taken_over(stage: Stage) -> None:
    before = running(stage)
    held = allot(stage, "adopt", "namespace/nlp", *AT, "--yes", expect=6)
    assert "Pod Security would refuse the pods that replace those there" in held
    until = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=60)).isoformat()
    team = stage.directory / "teams" / "nlp.yaml"
    exception = f"podSecurity: {{level: baseline, reason: work from before, namespaces: [nlp], until: {until}}}"
    team.write_text(f"{team.read_text()}{exception}\n")
    allot(stage, "adopt", "namespace/nlp", *AT, "--yes")
    # What the plan keeps in warn is written down: a tree in Git knows nothing of the cluster.
    cluster = stage.directory / "clusters" / f"{CLUSTER}.yaml"
    assert "warnNamespaces: [nlp]" in cluster.read_text()
    cluster.write_text(cluster.read_text().replace("warnNamespaces: [nlp]", "warnNamespaces: [legacy, nlp]"))
    allot(stage, "adopt", "resourceflavor", "clusterqueue", *AT, "--yes")
    allot(stage, "apply", "acme", "--cluster", CLUSTER, "--yes")
    allot(stage, "plan", "acme", "--cluster", CLUSTER, "--exit-code")
    assert running(stage) == before
    stage.kubectl("get", "pvc", "-n", "nlp", "genomes")


def test_04_a_member_runs_a_job(stage: Stage) -> None:
    stage.submit("nlp", gpu_job("nlp", "train", project="search", cost_center="cc-4530", gpus=1, run_for="1s"))
    eventually("it ends", lambda: _ended(stage, "train"))


def _ended(stage: Stage, name: str) -> bool:
    job = json.loads(stage.kubectl("get", "job", "-n", "nlp", name, "-o", "json"))
    return bool(job["status"].get("succeeded"))


def test_05_argo_cd_applies_the_same(stage: Stage, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    allot(stage, "render", "acme", "--out", str(tree))
    synced = stage.kubectl("kustomize", str(tree / "clusters" / CLUSTER))
    stage.kubectl(
        "apply", "--server-side", "--field-manager=argocd-controller", "--force-conflicts", "-f", "-", stdin=synced
    )
    allot(stage, "plan", "acme", "--cluster", CLUSTER, "--exit-code")
    # What the adoption left is named, and is neither drift nor a broken guardrail.
    drift = json.loads(allot(stage, "drift", "acme", "--cluster", CLUSTER, "-o", "json"))["clusters"][0]
    assert {(each["drift"], each["object"]["kind"], each["object"]["name"]) for each in drift["objects"]} == {
        ("kept", "LocalQueue", "main"), ("kept", "ResourceQuota", "compute"),
    }  # fmt: skip
    proof = json.loads(allot(stage, "prove", "acme", "--cluster", CLUSTER, "--team", "nlp", "--no-work", "-o", "json"))
    assert proof["broken"] == []
    assert "surroundings" in proof["keptByAdoption"]


def test_06_an_account_that_may_only_read(stage: Stage, tmp_path: Path) -> None:
    role = allot(stage, "preflight", "acme", "--cluster", CLUSTER, "--rights", "plan", "-o", "yaml")
    stage.kubectl("apply", "-f", "-", stdin=role)
    stage.kubectl("apply", "-f", "-", stdin=listed(READER))
    eventually("the token is there", lambda: "token" in _secret(stage))
    config = yaml.safe_load(stage.kubeconfig.read_text())
    token = stage.kubectl(
        "get", "secret", "-n", "kube-system", "ci", "-o", "go-template={{.data.token | base64decode}}"
    )
    config["users"] = [{"name": each["name"], "user": {"token": token}} for each in config["users"]]
    (tmp_path / "ci").write_text(yaml.safe_dump(config))
    (tmp_path / "ci").chmod(0o600)
    reader = Stage(stage.sandbox, stage.directory, tmp_path / "ci", stage.kubectl_path)
    allot(reader, "plan", "acme", "--cluster", CLUSTER, "--exit-code")
    stage.kubectl("patch", "clusterqueue", "nlp", "--type=merge", "-p", '{"spec": {"stopPolicy": "Hold"}}')
    plan = reader.allot("plan", str(stage.directory), "--cluster", CLUSTER, "--exit-code", expect=2)
    assert "stop policy" in plan
    stage.kubectl("patch", "clusterqueue", "nlp", "--type=merge", "-p", '{"spec": {"stopPolicy": "None"}}')


def _secret(stage: Stage) -> Mapping[str, Any]:
    data: Mapping[str, Any] = json.loads(stage.kubectl("get", "secret", "-n", "kube-system", "ci", "-o", "json"))
    return data.get("data") or {}


def test_07_the_wrong_cluster(stage: Stage) -> None:
    before = live(stage)
    allot(stage, "apply", "acme", "--cluster", "dev-eastus", "--context", CLUSTER, "--yes", expect=6)
    assert live(stage) == before


def test_08_given_back(stage: Stage) -> None:
    before = running(stage)
    allot(stage, "adopt", "--undo", "clusterqueue", "resourceflavor", *AT, "--yes")
    allot(stage, "adopt", "--undo", "namespace/nlp", *AT, "--yes")
    assert running(stage) == before
    stage.kubectl("get", "pvc", "-n", "nlp", "genomes")
    namespace = json.loads(stage.kubectl("get", "namespace", "nlp", "-o", "json"))
    assert not [key for key in namespace["metadata"]["labels"] if "allotment.dev" in key]
    queue = json.loads(stage.kubectl("get", "clusterqueue", "nlp", "-o", "json"))
    assert len(queue["spec"]["resourceGroups"]) == 2
