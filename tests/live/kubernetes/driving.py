"""A back end over a real control plane, and what drives it in tests."""

from __future__ import annotations

import copy
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from allotment.jobs.kubernetes.kinds import API_VERSIONS, WorkKind
from allotment.model import labels
from allotment.model.jobs.job import AcceleratorWish, Job, JobType, Program, ReplicaNeeds
from allotment.model.jobs.run import JobState
from allotment.model.manifest import Body
from allotment.model.quantity import Bytes, MilliCpu
from allotment.operations.run.kubernetes.backend import KubernetesBackend
from allotment.operations.run.kubernetes.making import ClusterAccess
from allotment.ports.backends import FollowedJob, JobToStart
from allotment.ports.kube import Answer, Identity, KubePort
from allotment.ports.sandboxes import FAIL_AFTER, RUN_FOR
from tests.live.training import Training, member, owner, refusal

NAMESPACE = "nlp"
FOREVER = "900s"
PATIENCE = 90.0
ENDED = {JobState.SUCCEEDED, JobState.FAILED, JobState.STOPPED}


class Paced:
    """The API server, where pods of the work that is made get a pace: KWOK's pods run as long as they say."""

    def __init__(self, kube: KubePort) -> None:
        self._kube = kube
        self.pace: Mapping[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kube, name)

    def create(self, body: Body, *, dry_run: bool = False, identity: Identity | None = None) -> Answer:
        paced = copy.deepcopy(dict(body))
        for pod in templates(paced):
            pod.setdefault("metadata", {}).setdefault("annotations", {}).update(self.pace)
        return self._kube.create(paced, dry_run=dry_run, identity=identity)


def templates(found: Any) -> Iterator[dict[str, Any]]:
    """Every pod template in a body."""
    if isinstance(found, dict):
        spec = found.get("spec")
        if isinstance(spec, dict) and "containers" in spec:
            yield found
        for value in found.values():
            yield from templates(value)
    elif isinstance(found, list):
        for value in found:
            yield from templates(value)


@dataclass
class Driver:
    """What a data scientist has: a back end that acts as a member of the team, and a look at the whole cluster."""

    live: Training
    paced: Paced = field(init=False)
    backend: KubernetesBackend = field(init=False)
    seen: dict[str, list[FollowedJob]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.paced = Paced(self.live.kube)
        self.backend = self.acting_as(member(NAMESPACE))
        self.owner = self.acting_as(owner(NAMESPACE))

    def acting_as(self, who: Identity) -> KubernetesBackend:
        access = ClusterAccess(self.paced, (NAMESPACE,), who)  # type: ignore[arg-type]
        return KubernetesBackend(
            "training", access, self.live.platform, self.live.cluster, lambda path: Path(path).read_bytes()
        )

    def start(self, asked: Job, pace: str = "1s", *, fails: bool = False, code: str = "") -> str:
        """Hand a job over; its pods run so long."""
        self.paced.pace = {FAIL_AFTER if fails else RUN_FOR: pace}
        job_id = f"j{secrets.token_hex(4)}"
        order = JobToStart(job_id, asked, "member", 1, code=code)
        backend = self.owner if asked.schedule is not None else self.backend
        backend.check(order)
        self.seen[job_id] = [backend.start(order)]
        if backend is not self.backend:
            # Who looks has to know where it is at home.
            self.backend.start(replace(order, taken=True))
        return job_id

    def look(self, job_id: str) -> FollowedJob | None:
        """One pass, as the server makes it."""
        self.backend.advance()
        found = next((each for each in self.backend.look() if each.id == job_id), None)
        if found is not None and found != self.seen[job_id][-1]:
            self.seen[job_id].append(found)
        return found

    def wait(self, job_id: str, *states: JobState, seconds: float = PATIENCE) -> FollowedJob:
        """Pass after pass until it stands so."""
        end = time.monotonic() + seconds
        while True:
            found = self.look(job_id)
            if found is not None and found.state in states:
                return found
            assert time.monotonic() < end, self.seen[job_id]
            assert found is None or found.state not in ENDED, self.seen[job_id]
            time.sleep(0.3)

    def stop(self, job_id: str) -> None:
        self.owner.stop(job_id, 1)
        self.backend.stop(job_id, 1)

    def states(self, job_id: str) -> list[JobState]:
        """The states that were seen, each once in a row."""
        found = [each.state for each in self.seen[job_id]]
        return [state for number, state in enumerate(found) if number == 0 or found[number - 1] is not state]

    def left(self, job_id: str) -> list[str]:
        """Everything in the cluster that still is of the job."""
        kinds = [*((API_VERSIONS[kind], kind.value) for kind in WorkKind), ("v1", "Pod"), ("v1", "ConfigMap")]
        return [
            f"{kind}/{body['metadata']['name']}"
            for api, kind in (*kinds, ("v1", "Service"))
            for body in self.live.kube.list(api, kind, namespace=NAMESPACE, labels=f"{labels.JOB}={job_id}")
        ]

    def gone(self, job_id: str, seconds: float = PATIENCE) -> None:
        """Until nothing is left of it."""
        until(lambda: not self.left(job_id), lambda: self.left(job_id), seconds)


def until(holds: Callable[[], bool], said: Callable[[], object], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, said()
        time.sleep(0.3)


def job(**changes: Any) -> Job:
    """One H100 of one pod, of which the team may have 16 and which few others want."""
    plain = Job(
        name="fine-tune",
        team=NAMESPACE,
        type=JobType.TRAINING,
        program=Program(argv=("python", "train.py"), image="registry.acme.example/train:1"),
        needs=ReplicaNeeds(MilliCpu(4000), Bytes(16 << 30), AcceleratorWish(1, ("h100",))),
        priority="exploratory",
        project="assistant",
        run_time=3600,
    )
    return replace(plain, **changes)


def devices(count: int) -> ReplicaNeeds:
    return replace(job().needs, accelerators=AcceleratorWish(count, ("h100",)))


def bind_claims(kube: KubePort) -> None:
    """Volumes behind the team's claims: no driver makes any here."""
    for name in ("datasets", "checkpoints"):
        spec = {
            "capacity": {"storage": "100Ti"},
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "shared-files",
            "hostPath": {"path": "/nowhere"},
            "claimRef": {"namespace": NAMESPACE, "name": name},
        }
        body = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"{NAMESPACE}-{name}"},
            "spec": spec,
        }
        assert refusal(lambda body=body: kube.create(body)) in {
            "",
            f'persistentvolumes "{NAMESPACE}-{name}" already exists',
        }  # type: ignore[misc]
