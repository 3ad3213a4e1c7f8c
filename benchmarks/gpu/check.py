"""What jobs do on a machine with GPUs, looked at from outside: in under five minutes, on one device or on several.

    python -m benchmarks.gpu.check [--stand-in N]

A server of its own runs `program.py`, which needs NVIDIA's driver and nothing else, and says itself what it did:

- one that asks for a device waits while another has all of them, and one that asks for none sees none;
- with several devices two jobs see one each, and not the other's;
- use is sampled, and the report's figures are those of the program: memory, how long it worked, how long it idled;
- a job of a higher rung displaces another, whose memory is free before it starts; the other runs again after it.

Without a GPU it says why it does nothing. With ``--stand-in N`` it builds `stand_in.c` in place of the driver, of N
devices, and runs all of it on that: the server, NVML's real binding and the program are real, and nothing computes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from allotment.adapters.clock import SystemClock
from allotment.adapters.local.devices import LocalDevices
from allotment.adapters.server.process import ServerProcess
from allotment.model.jobs.job import AcceleratorWish, Job, JobType, Program, ReplicaNeeds, RetryPolicy
from allotment.model.jobs.run import JobState
from allotment.model.jobs.use import percent_at
from allotment.model.quantity import Bytes, MilliCpu
from allotment.operations.directory.loading import load
from allotment.operations.run.local.recognising import recognised
from allotment.operations.run.reporting import report_of
from allotment.operations.run.starting import bring_down, bring_up
from allotment.ports.devices import MachineInventory
from allotment.ports.job_service import JobService, JobSubmission
from allotment.ports.stored_jobs import StoredJob
from allotment.wiring import directory, running

HERE = Path(__file__).parent
MIB = 1 << 20
TEAM, LOW, HIGH = "lab", "low", "high"
HELD = 2048
"""MiB that a program holds."""
CONTEXT = 1536
"""MiB that CUDA may need besides."""
BUSY, IDLE = 25.0, 15.0
LATE = 7.0
"""Seconds by which what is sampled every five may differ from what was done."""


class WrongError(AssertionError):
    """Something is not as it should be."""


@dataclass
class Scene:
    """A server, and the devices that it has.

    Attributes:
        further: variables that programs need to find the stand-in.
    """

    service: JobService
    devices: tuple[str, ...]
    kind: str
    folder: Path
    further: Mapping[str, str] = field(default_factory=dict)
    made: int = 0

    def submit(self, devices: int, *words: str, rung: str = LOW) -> str:
        """A job of the program."""
        self.made += 1
        wish = AcceleratorWish(devices, (self.kind,)) if devices else None
        job = Job(
            name=f"gpu-{self.made}",
            team=TEAM,
            type=JobType.TRAINING,
            program=Program((sys.executable, str(HERE / "program.py"), *words), environment=dict(self.further)),
            needs=ReplicaNeeds(MilliCpu(200), Bytes(512 * MIB), wish),
            priority=rung,
            retries=RetryPolicy(limit=1, safe=True),
            run_time=240,
        )
        return self.service.submit(JobSubmission(job, "local")).job.id

    def job(self, job_id: str) -> StoredJob:
        """As the server has it."""
        return self.service.find(job_id)

    def until(self, wanted: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait for something."""
        end = time.monotonic() + seconds
        while not wanted():
            if time.monotonic() > end:
                raise WrongError(f"not within {seconds:g} s: {what}")
            time.sleep(0.1)

    def over(self, job_id: str, seconds: float = 90.0) -> StoredJob:
        """Wait for its end."""
        self.until(lambda: self.job(job_id).state.over, seconds, f"the end of {job_id}")
        job = self.job(job_id)
        if job.state is not JobState.SUCCEEDED:
            raise WrongError(f"{job_id} is {job.state.value}: {job.history.moves[-1].said}; {self.told(job_id)}")
        return job

    def told(self, job_id: str) -> dict[str, Any]:
        """What its program said."""
        found: dict[str, Any] = {}
        for line in self.service.log(job_id):
            if line is not None and line.text.startswith(b"{"):
                found |= json.loads(line.text)
        return found

    def runs(self, job_id: str) -> bool:
        """Whether its program has memory of a device."""
        return "began" in self.told(job_id) if self.job(job_id).state is JobState.RUNNING else False


def waiting_and_none(scene: Scene) -> None:
    """All devices are taken: the next one waits; who asks for none sees none."""
    gone = scene.folder / "gone"
    first = scene.submit(len(scene.devices), "--mib", "256", "--busy", "0", "--until", str(gone))
    scene.until(lambda: scene.runs(first), 60, "the first job runs")
    second = scene.submit(1, "--mib", "256", "--busy", "0")
    none = scene.submit(0)
    scene.over(none)
    must(scene.told(none)["sees"] == [], f"a job of no device sees {scene.told(none)['sees']}")
    must(scene.job(second).state is JobState.QUEUED, f"the second job is {scene.job(second).state.value}")
    seen = scene.told(first)["sees"]
    must(sorted(seen) == sorted(scene.devices), f"a job of all devices sees {seen}")
    gone.touch()
    scene.over(second)
    scene.over(first)
    must(scene.told(second)["began"] >= scene.told(first)["ended"], "the second began before the first had ended")


def two_apart(scene: Scene) -> None:
    """Two jobs, a device each: neither sees the other's."""
    gone = scene.folder / "apart"
    two = [scene.submit(1, "--mib", "256", "--busy", "0", "--until", str(gone)) for _ in range(2)]
    for each in two:
        scene.until(lambda each=each: scene.runs(each), 60, f"{each} runs")  # type: ignore[misc]
    seen = [scene.told(each)["sees"] for each in two]
    gone.touch()
    for each in two:
        scene.over(each)
    must(all(len(each) == 1 for each in seen), f"they see {seen}")
    must(seen[0] != seen[1], f"both see {seen[0]}")


def figures(scene: Scene) -> None:
    """The report says what the program did."""
    one = scene.submit(1, "--mib", str(HELD), "--busy", str(BUSY), "--idle", str(IDLE))
    job, told = scene.over(one), scene.told(one)
    use = job.use
    must(use is not None and use.samples > 0, "nothing was measured")
    assert use is not None
    busy = sum(ms for percent, ms in use.by_percent if percent >= 50) / 1000
    print(f"  the program: {told['mib']} MiB, worked {BUSY:g} s, then idled {IDLE:g} s")
    memory, after = (use.device_memory or 0) // MIB, (use.idle_after_ms or 0) / 1000
    unseen = (use.unmeasured_ms or 0) / 1000
    print(
        f"  measured: {memory} MiB, busy {busy:g} s, then idle {after:g} s; {unseen:g} s not seen, {use.samples} looks"
    )
    must(HELD <= memory <= HELD + CONTEXT, "its memory is another")
    must(abs(busy - BUSY) <= LATE, "the time that it worked is another")
    must(abs(after - IDLE) <= LATE, "the time that it idled after its work is another")
    must((percent_at(use.by_percent, 1000) or 0) >= 50, "it was never seen at work")
    for line in report_of(job, job.ended or 0).lines:
        print(f"    {line.what}: {line.used}")


def memory_comes_back(scene: Scene, devices: LocalDevices) -> None:
    """Who is displaced has nothing of a device any more when the other starts, and runs again after it."""
    low = scene.submit(len(scene.devices), "--mib", str(HELD), "--busy", "20")
    scene.until(lambda: scene.runs(low), 60, "the low one runs")
    before = used(devices)
    must(before >= HELD, f"{before} MiB are in use while {HELD} are held")
    high = scene.submit(len(scene.devices), "--mib", "256", "--busy", "6", rung=HIGH)
    scene.until(lambda: scene.runs(high), 60, "the high one runs")
    after = used(devices)
    print(f"  {before} MiB in use before it was displaced, {after} MiB beside the other's 256 afterwards")
    must(after <= 256 + CONTEXT and after < before, "the memory of the displaced job did not come back")
    scene.over(high)
    found = scene.over(low)
    must(len(found.attempts) == 2, "the displaced job did not run again")
    end = found.attempts[0].end
    must(end is not None and end.displaced, "its first attempt was not displaced")


def used(devices: LocalDevices) -> int:
    """MiB in use on the device that has most."""
    return max((each.memory or 0) // MIB for each in devices.readings())


def must(fits: bool, what: str) -> None:  # noqa: FBT001 (it reads as a sentence)
    """Refuse what is not so."""
    if not fits:
        raise WrongError(what)


def built(folder: Path, devices: int) -> dict[str, str]:
    """The stand-in, and the variables by which programs find it."""
    libraries, state = folder / "lib", folder / "state"
    for each in (libraries, state):
        each.mkdir(mode=0o755)
    for name, words in (("libnvidia-ml.so.1", ("-DNVML",)), ("libcuda.so.1", ())):
        line = ("cc", "-O1", "-shared", "-fPIC", *words, "-o", str(libraries / name), str(HERE / "stand_in.c"))
        subprocess.run(line, check=True)
    return {"LD_LIBRARY_PATH": str(libraries), "STAND_IN_GPU": str(state), "STAND_IN_GPU_COUNT": str(devices)}


def platform_of_one_team(folder: Path, kind: str) -> Path:
    """A platform of one team, which has all of the machine: its jobs displace each other by their rungs."""
    place = folder / "platform"
    place.mkdir()
    pool = f"{{name: gpus, accelerator: {kind}, acceleratorsPerNode: 8, cpu: 64, memory: 256Gi, maxNodes: 4}}"
    (place / "platform.yaml").write_text(
        "kind: Platform\nname: gpu-check\n---\nkind: Cluster\nname: dev\npurpose: development\nregion: local\n"
        f"nodePools: [{pool}]\n"
        f"---\nkind: Priority\nname: {HIGH}\nvalue: 100000\npreempts: true\n"
        f"---\nkind: Priority\nname: {LOW}\nvalue: 1000\ndefault: true\n"
        f"---\nkind: Team\nname: {TEAM}\ncostCenter: cc-1000\ngroups: {{members: [{TEAM}]}}\n"
        f"priorities: [{LOW}, {HIGH}]\nplacements: {{dev: {{cpu: 8, memory: 32Gi, accelerators: {{{kind}: 8}}}}}}\n"
    )
    return place


def found_kind(inventory: MachineInventory) -> tuple[str, tuple[str, ...], str]:
    """The class that jobs can ask for, its devices, and why there is none."""
    if inventory.virtual or not inventory.devices:
        return "", (), inventory.told
    platform = load(directory(running.example_platform()), SystemClock().now().date()).platform
    machine = recognised(running.machine().room(), inventory, platform.accelerators)
    if not machine.devices:
        return "", (), "; ".join(machine.told)
    kind, ids = max(machine.devices.items(), key=lambda each: len(each[1]))
    return kind, ids, ""


def checked(folder: Path, further: Mapping[str, str]) -> int:
    """All of it; the exit code."""
    devices = LocalDevices(0)
    kind, ids, why = found_kind(devices.inventory())
    if not kind:
        print(f"skipped: {why}")
        return 0
    print(f"{len(ids)} of {kind}{' (a STAND-IN: nothing computes)' if further else ''}")
    environment = {**os.environ, "XDG_STATE_HOME": str(folder / "home"), **further}
    environment = {name: value for name, value in environment.items() if not name.startswith("ALLOTMENT_")}
    server = ServerProcess(running.server_folder(environment), running.SOCKET, environment)
    began, wrong = time.monotonic(), 0
    bring_up(server, ("--platform", str(platform_of_one_team(folder, kind)), "--slots", "0"), SystemClock())
    try:
        scene = Scene(server.service, ids, kind, folder, {k: v for k, v in further.items() if k.startswith("STAND")})
        steps: list[tuple[str, Callable[[], None]]] = [
            ("all devices taken: the next one waits, one of no device sees none", lambda: waiting_and_none(scene)),
            ("use is sampled, and the report says what the program did", lambda: figures(scene)),
            ("who is displaced gives its memory back", lambda: memory_comes_back(scene, devices)),
        ]
        if len(ids) > 1:
            steps.insert(1, ("two jobs see a device each", lambda: two_apart(scene)))
        for name, step in steps:
            try:
                step()
            except WrongError as error:
                wrong += 1
                print(f"WRONG {name}: {error}")
            else:
                print(f"ok    {name}")
    finally:
        bring_down(server, SystemClock(), stop_jobs=True)
    print(f"{len(steps) - wrong} of {len(steps)} as they should be, in {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


def main() -> int:
    """Look, and say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stand-in", type=int, metavar="N", default=0, help="of N devices, where there is no driver")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.stand_in and "STAND_IN_GPU" not in os.environ:
            # Libraries are looked for where a process was told to when it began.
            further = built(folder, asked.stand_in)
            line = (sys.executable, "-m", "benchmarks.gpu.check", "--stand-in", str(asked.stand_in))
            return subprocess.run(line, check=False, env={**os.environ, **further}).returncode
        further = {n: os.environ[n] for n in ("STAND_IN_GPU", "STAND_IN_GPU_COUNT") if n in os.environ}
        return checked(folder, further)


if __name__ == "__main__":
    sys.exit(main())
