"""What steps used, in the words of a real Slurm 22.05 (sacct, and slurmrestd v0.0.38)."""

from __future__ import annotations

import pytest

from allotment.adapters.slurm.used import (
    STEP_FIELDS,
    cpu_ms_of,
    ended_by_of_answer,
    ended_by_of_row,
    step_of_answer,
    step_of_row,
)
from allotment.model.slurm.used import SlurmUse, used_by

MAX = "cpu=00:00:03,energy=0,fs/disk=46021,mem=102694912,pages=1,vmem=108572672"
ROWS = (
    ("1", "00:12.229", "", "", "CANCELLED by 0"),
    ("1.batch", "00:05.542", "cpu=00:00:04,energy=0,mem=221294592,pages=4", "cpu=00:00:04,mem=221294592", "CANCELLED"),
    ("1.extern", "00:00.001", "mem=999999999999", "", "COMPLETED"),
    ("1.0", "00:06.687", f"{MAX},gres/gpumem=5368709120,gres/gpuutil=93", f"{MAX},gres/gpuutil=41", "CANCELLED"),
)


def test_of_sacct_all_steps_count_but_the_one_that_slurm_adds() -> None:
    steps = [step_of_row(dict(zip(STEP_FIELDS, row, strict=True))) for row in ROWS]
    use = used_by(each for each in steps if each is not None)
    assert use == SlurmUse(memory=221294592, cpu_ms=12_229, gpu_percent=41, gpu_memory=5 << 30)


def test_who_cancelled_a_job() -> None:
    rows = [dict(zip(STEP_FIELDS, row, strict=True)) for row in ROWS]
    assert [ended_by_of_row(each) for each in rows] == ["root", "", "", ""]
    assert ended_by_of_row({**rows[0], "State": "CANCELLED by 4294967294"}) == "4294967294"
    assert ended_by_of_row({**rows[0], "State": "COMPLETED"}) == ""
    killed = {"state": {"current": "CANCELLED", "reason": "None"}, "kill_request_user": "root"}
    assert ended_by_of_answer(killed) == "root"
    assert ended_by_of_answer({**killed, "state": {"current": ["COMPLETED"]}}) == ""


def test_over_rest_it_is_the_same() -> None:
    def step(name: str, memory: int, micro: int, **gpu: int) -> dict[str, object]:
        resources = [{"type": "mem", "name": None, "count": memory}]
        resources += [{"type": "gres", "name": kind, "count": count} for kind, count in gpu.items()]
        return {
            "step": {"job_id": 1, "id": name, "name": name},
            "tres": {"requested": {"max": resources, "average": resources}},
            "time": {"total": {"seconds": 5, "microseconds": micro}},
        }

    found = [step("batch", 221294592, 542109), step("0", 102694912, 687_000, gpuutil=41, gpumem=7)]
    assert used_by(map(step_of_answer, found)) == SlurmUse(221294592, 11_229, 41, 7)
    assert used_by([step_of_answer({})]) == SlurmUse()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("00:05.542", 5542), ("01:02:03", 3_723_000), ("2-00:00:01", 172_801_000), ("", None), ("INVALID", None)],
)
def test_times_of_slurm(text: str, wanted: int | None) -> None:
    assert cpu_ms_of(text) == wanted
