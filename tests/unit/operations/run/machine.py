"""A machine of fakes: processes under a clock that tests set, a store in memory, folders that are only names."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from allotment.adapters.local.fake import FakeJobProcesses, FakeProgram
from allotment.adapters.store.fake import MemoryStore
from allotment.errors import InputError
from allotment.model.jobs.job import AcceleratorWish, Job, JobType, Program, ReplicaNeeds, RetryPolicy
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.model.platform import Platform
from allotment.model.policy import USUAL_IDLE, IdlePolicy
from allotment.model.quantity import Bytes, MilliCpu
from allotment.operations.run.families import FamilyKeeper, FamilyKeeping
from allotment.operations.run.local.backend import LocalBackend
from allotment.operations.run.local.launching import LocalStorage
from allotment.operations.run.local.recognising import RecognisedMachine
from allotment.operations.run.local.shares import MachineSize
from allotment.operations.run.reconciling import Reconciler
from allotment.ports.devices import MachineDevices
from allotment.ports.store import JobsStore
from allotment.ports.stored_jobs import StoredJob
from tests.unit import builders

GIB = 1 << 30
PROGRAMS: Mapping[str, FakeProgram] = {
    "quick": FakeProgram(output=b"hello\nworld", seconds=10.0),
    "fails": FakeProgram(seconds=1.0, exit_code=3),
    "long": FakeProgram(seconds=None, on_term=0),
    "stubborn": FakeProgram(seconds=None, heeds=False),
    "deaf": FakeProgram(seconds=None, unheard=1),
    "deafer": FakeProgram(seconds=None, unheard=2),
    "immortal": FakeProgram(seconds=None, unheard=3),
}


@dataclass
class TestClock:
    """Time that stands until it is told to go on."""

    __test__ = False
    at: dt.datetime = dt.datetime(2026, 11, 28, tzinfo=dt.UTC)

    def now(self) -> dt.datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += dt.timedelta(seconds=seconds)


class NamedFolders:
    """Folders that are only names."""

    def __init__(self) -> None:
        self.cleared: list[str] = []
        self.links: dict[str, str] = {}
        self.written: set[str] = set()
        """Ids of jobs that have written checkpoints."""

    def working_copy(self, job_id: str, attempt: int, packed: str) -> str:
        return f"/work/{job_id}/{attempt}"

    def checkpoint(self, job_id: str) -> str:
        return f"/checkpoints/{job_id}"

    def hand_on(self, job_id: str, new_id: str) -> bool:
        if job_id in self.written:
            self.written ^= {job_id, new_id}
        return new_id in self.written

    def claim(self, name: str) -> str:
        return f"/claims/{name}"

    def scratch(self, job_id: str, attempt: int, volume: str) -> str:
        return f"/scratch/{job_id}/{attempt}/{volume}"

    def link(self, folder: str, inner: str, target: str) -> None:
        self.links[f"{folder}/{inner}"] = target

    def clear(self, job_id: str, last: int) -> None:
        self.cleared.append(f"{job_id}/{last}")


class NamedSecrets:
    """One secret, whose value may be asked for where `given` says so."""

    def __init__(self, *, given: bool = True) -> None:
        self.given = given
        self.there = True

    def path(self, team: str, secret: str, key: str) -> str:
        if secret != "hub" or not self.there:
            raise InputError(f"there is no secret {secret}")
        return f"/secrets/{team}/{secret}/{key}"

    def value(self, team: str, secret: str, key: str) -> str:
        assert self.given, "a value is read by the node alone"
        return f"value of {self.path(team, secret, key)}"


class TwinBackend:
    """A machine's back end under another name, as if it were a cluster."""

    def __init__(self, backend: Any, name: str) -> None:
        self._backend = backend
        self.name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


def acme() -> Platform:
    teams = [
        builders.team(name, placements=[builders.placement(accelerators={"a100-spot": 2})]) for name in ("nlp", "cv")
    ]
    return builders.platform(teams=teams)


def job(program: str = "quick", *, team: str = "nlp", devices: int = 1, **more: object) -> Job:
    wish = AcceleratorWish(devices, ("a100",)) if devices else None
    plain = Job(
        name="train",
        team=team,
        type=JobType.TRAINING,
        program=Program((program,)),
        needs=ReplicaNeeds(MilliCpu(1000), Bytes(GIB), wish),
        priority="exploratory",
    )
    return replace(plain, **more)  # type: ignore[arg-type]


@dataclass
class Machine:
    """A server's life, over a store and processes that survive it."""

    clock: TestClock = field(default_factory=TestClock)
    store: JobsStore = field(default_factory=MemoryStore)
    folders: NamedFolders = field(default_factory=NamedFolders)
    secrets: NamedSecrets = field(default_factory=NamedSecrets)
    devices: int = 4
    taken: int = 0
    beside: Callable[[Callable[[], None]], None] = lambda work: work()
    asked: MachineDevices | None = None
    idle: tuple[IdlePolicy, ...] = (USUAL_IDLE,)

    def __post_init__(self) -> None:
        self.processes = FakeJobProcesses(self.clock, PROGRAMS)
        self.restart()

    def restart(self) -> None:
        """A new server over what the one before has left."""
        names = tuple(f"GPU-{number}" for number in range(self.devices))
        size = MachineSize(MilliCpu(16_000), Bytes(64 * GIB), {"a100": self.devices})
        found = RecognisedMachine(size, {"a100": names}, (), self.asked)
        storage = LocalStorage(self.folders, self.secrets, lambda name: name != "aws")
        self.backend = LocalBackend(
            replace(acme(), idle=self.idle), found, self.processes, storage, self.clock, {}, self.beside
        )
        keeping = FamilyKeeping(
            sweeps=True, schedules=True, logs=self.backend.logs, clear=lambda family: self.folders.clear(family, 1)
        )
        self.reconciler = Reconciler(
            self.store, self.backend, self.backend.watched, self.backend, has_members=keeping.keeps
        )
        self.families = FamilyKeeper(self.store, self.reconciler, keeping)
        self.reconciler.recover(self.now)

    @property
    def now(self) -> int:
        return int(self.clock.now().timestamp() * 1000)

    def submit(self, wanted: Job, code: str = "") -> str:
        self.taken += 1
        history = JobHistory().become(Move(self.now, JobState.SUBMITTED, MoveCause.SUBMITTED))
        return self.reconciler.take(StoredJob(f"j{self.taken}", wanted, "ada", "local", history, code=code)).id

    def step(self) -> None:
        self.families.step(self.now)
        self.backend.advance()
        self.reconciler.step(self.now)

    def run(self, seconds: float = 0.0, *, every: float = 0.5) -> None:
        """Passes until nothing is new, then so much time with passes in it."""
        for _ in range(3):
            self.step()
        until = self.clock.at + dt.timedelta(seconds=seconds)
        while self.clock.at < until:
            self.clock.sleep(every)
            self.step()
            self.step()

    def states(self, job_id: str) -> list[str]:
        return [f"{each.state.value}:{each.cause.value}" for each in self.store.get(job_id).history.moves]


SAFE = RetryPolicy(limit=2, safe=True)
