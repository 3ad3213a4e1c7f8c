"""Work of every kind, with pods in any state and refused submissions, as raw objects from terse arguments."""

from __future__ import annotations

from typing import Any

from allotment.diagnose.case import Case
from allotment.diagnose.chain import dominant, findings
from allotment.diagnose.finding import Finding
from allotment.diagnose.subjects import find_case
from allotment.model.observed.base import Reference
from allotment.model.observed.snapshot import Snapshot, Source, Submission
from allotment.observe.gathering import Gathered
from allotment.observe.reading import kind_of_raw, read_object

NOW = "2026-11-22T06:00:00Z"
BEFORE = "2026-11-22T05:00:00Z"
NS = "team-a"
Raw = dict[str, Any]
_FIELDS = {"jobs": "job", "cron_jobs": "cron_job", "replicas": "replicas", "pods": "pod", "owners": "owner"}


def raw(version: str, kind: str, name: str, namespace: str = NS, **rest: Any) -> Raw:
    """Any object; `meta` goes into its metadata."""
    meta = {"name": name, "uid": f"uid-{kind}-{name}", "creationTimestamp": BEFORE, **rest.pop("meta", {})}
    if namespace:
        meta["namespace"] = namespace
    return {"apiVersion": version, "kind": kind, "metadata": meta, **rest}


def container(name: str = "main", gpus: int = 1, **rest: Any) -> Raw:
    """A container with GPUs."""
    amounts = {"cpu": "4", "memory": "16Gi", **({"nvidia.com/gpu": str(gpus)} if gpus else {})}
    resources = rest.pop("resources", {"requests": amounts, "limits": amounts})
    return {"name": name, "image": "registry.example/train:1", "resources": resources, **rest}


def pod_spec(*containers: Raw, **rest: Any) -> Raw:
    """What a pod asks for; one container with a GPU where none is given."""
    return {"containers": list(containers) or [container()], "restartPolicy": "Never", **rest}


def job(name: str = "train", spec: Raw | None = None, labels: Raw | None = None, **rest: Any) -> Raw:
    """A Job; `rest` goes into its spec, `status` beside it."""
    status = rest.pop("status", {})
    body = {"parallelism": 1, "completions": 1, "template": {"metadata": {}, "spec": spec or pod_spec()}, **rest}
    return raw("batch/v1", "Job", name, meta={"labels": labels or {}}, spec=body, status=status)


def replicas(kind: str = "Deployment", name: str = "serve", spec: Raw | None = None, **rest: Any) -> Raw:
    """A Deployment or StatefulSet."""
    status = rest.pop("status", {})
    meta = rest.pop("meta", {})
    whole = spec or {**pod_spec(), "restartPolicy": "Always"}
    body = {"replicas": 1, "template": {"metadata": {}, "spec": whole}, **rest}
    return raw("apps/v1", kind, name, meta=meta, spec=body, status=status)


def owned(by: Raw) -> Raw:
    """Metadata of what an object made."""
    meta = by["metadata"]
    owner = {"apiVersion": by["apiVersion"], "kind": by["kind"], "name": meta["name"], "uid": meta["uid"]}
    return {"ownerReferences": [{**owner, "controller": True}]}


def pod(name: str, by: Raw | None = None, node: str = "n1", spec: Raw | None = None, **rest: Any) -> Raw:
    """A pod of somebody's template; on a node unless that is empty. `status` as given."""
    meta = {**(owned(by) if by is not None else {}), **rest.pop("meta", {})}
    whole = dict(spec or (by["spec"]["template"]["spec"] if by is not None else pod_spec()))
    if node:
        whole["nodeName"] = node
    return raw("v1", "Pod", name, meta=meta, spec=whole, status=rest.pop("status", {"phase": "Pending"}))


def ready(by: Raw | None = None, name: str = "p", **rest: Any) -> Raw:
    """A pod that does its work."""
    return pod(name, by, status={"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}, **rest)


def waits(reason: str, message: str = "", name: str = "main", **rest: Any) -> Raw:
    """Status of a pod whose container waits."""
    state = {"waiting": {"reason": reason, "message": message}}
    return {"phase": "Pending", "containerStatuses": [{"name": name, "ready": False, "state": state, **rest}]}


def ended(code: int, reason: str = "Error", **rest: Any) -> Raw:
    """Status of a pod in a crash loop."""
    last = {"terminated": {"exitCode": code, "reason": reason}}
    unready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}
    return {**waits("CrashLoopBackOff", restartCount=3, lastState=last, **rest), **unready}


def node(name: str = "n1", gpus: int = 8, zone: str = "z1", **rest: Any) -> Raw:
    """A machine that is ready."""
    amounts = {"cpu": "64", "memory": "512Gi", "pods": "110", "nvidia.com/gpu": str(gpus)}
    condition = {"type": "Ready", "status": rest.pop("ready", "True")}
    labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone}
    status = {"allocatable": amounts, "capacity": amounts, "conditions": [condition]}
    return raw("v1", "Node", name, "", meta={"labels": labels}, spec=rest, status=status)


def event(about: Raw, reason: str, message: str, at: str = NOW) -> Raw:
    """An event of an object."""
    meta = about["metadata"]
    involved = {"apiVersion": about["apiVersion"], "kind": about["kind"], "uid": meta["uid"]}
    involved |= {"name": meta["name"], "namespace": meta.get("namespace", "")}
    name = f"{meta['name']}.{reason}.{len(message)}"
    return raw("v1", "Event", name, involvedObject=involved, reason=reason, message=message, lastTimestamp=at)


def namespace(name: str = NS, **labels: str) -> Raw:
    """A namespace with labels."""
    return raw("v1", "Namespace", name, "", meta={"labels": labels})


def snapshot(*objects: Raw, now: str = NOW, refused: Submission | None = None) -> Snapshot:
    """All of it at one moment."""
    gathered = Gathered()
    gathered.take_any(list(objects))
    source = Source(name="test", observed_at=now, objects=gathered.objects(), gaps=gathered.gaps)
    return Snapshot(taken_at=now, sources=(source,), submissions=(refused,) if refused else ())


def case(subject: Raw, *objects: Raw, now: str = NOW) -> Case:
    """A case of an object that is there."""
    name = f"{subject['kind']}/{subject['metadata']['name']}"
    return find_case(snapshot(subject, *objects, now=now), name, subject["metadata"]["namespace"])


def refusal(sent: Raw, code: int, message: str, *objects: Raw) -> Case:
    """A case of an object whose creation was refused."""
    kind = kind_of_raw(sent)
    assert kind is not None
    meta = sent["metadata"]
    names = {"namespace": meta["namespace"], "name": meta["name"]}
    subject = Reference(api_version=sent["apiVersion"], kind=sent["kind"], **names)
    fresh = {**sent, "metadata": {key: value for key, value in meta.items() if key not in {"uid", "creationTimestamp"}}}
    manifest: Any = read_object(kind, fresh).value
    attempt = Submission(subject=subject, user="kim", code=code, message=message, **{_FIELDS[kind.field]: manifest})
    return find_case(snapshot(*objects, refused=attempt), f"{sent['kind']}/{meta['name']}", meta["namespace"])


def dominant_of(of: Case) -> Finding | None:
    """What the whole chain says first."""
    found = dominant(findings(of))
    return found[1] if found is not None else None


def said(of: Case) -> str:
    """Id of that; empty if nothing holds."""
    found = dominant_of(of)
    return found.cause if found is not None else ""
