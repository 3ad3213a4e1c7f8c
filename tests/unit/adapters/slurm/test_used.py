"""What steps used, in the words of a real Slurm 22.05 (sacct, and slurmrestd v0.0.38)."""

from __future__ import annotations

import pytest

from allotment.adapters.slurm.used import (
    STEP_FIELDS,
    cpu_ms_of,
    ended_by_of_answer,
    ended_by_of_row,
    run_of_answer,
    runs_of_rows,
    step_of_answer,
    step_of_row,
    used_together,
)
from allotment.model.slurm.used import SlurmUse, used_by

MAX = "cpu=00:00:03,energy=0,fs/disk=46021,mem=102694912,pages=1,vmem=108572672"
ROWS = (
    ("1", "00:12.229", "", "", "CANCELLED by 0", "train.allot-x1", "9"),
    ("1.batch", "00:05.542", "cpu=00:00:04,energy=0,mem=221294592,pages=4", "cpu=00:00:04,mem=221294592", "CANCELLED",
     "batch", "9"),
    ("1.extern", "00:00.001", "mem=999999999999", "", "COMPLETED", "extern", "9"),
    ("1.0", "00:06.687", f"{MAX},gres/gpumem=5368709120,gres/gpuutil=93", f"{MAX},gres/gpuutil=41", "CANCELLED",
     "sh", "9"),
)  # fmt: skip


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


@pytest.mark.parametrize(
    ("runs", "wanted"),
    [
        ((), SlurmUse()),
        # As sacct --duplicates tells a job that was requeued.
        (
            (("4", "", "REQUEUED", 30), ("4.batch", "00:00.010", "FAILED", 30), ("4.0", "00:03.247", "FAILED", 30),
             ("4", "", "COMPLETED", 10), ("4.batch", "00:00.009", "COMPLETED", 10),
             ("4.0", "00:02.816", "COMPLETED", 10)),
            SlurmUse(memory=7, cpu_ms=6_082, gpu_percent=(30 * 30 + 10 * 10) // 40),
        ),
        ((("4", "", "CANCELLED by 0", 1), ("4", "", "COMPLETED", 10)), SlurmUse()),
        ((("4", "", "REQUEUED", 1), ("4", "", "CANCELLED by 0", 10)), SlurmUse(ended_by="root")),
        ((("4.0", "00:01.000", "FAILED", 1),), SlurmUse()),
    ],
)  # fmt: skip
def test_all_runs_of_a_requeued_job_count(runs: tuple[tuple[str, str, str, int], ...], wanted: SlurmUse) -> None:
    rows = [
        dict(zip(STEP_FIELDS, (raw, cpu, "mem=7", f"gres/gpuutil={elapsed}", state, "n", str(elapsed)), strict=True))
        for raw, cpu, state, elapsed in runs
    ]
    assert used_together(runs_of_rows(rows)) == wanted


def test_a_job_of_others_that_once_had_its_number_does_not_count() -> None:
    def run(name: str, seconds: int) -> dict[str, object]:
        step = {"step": {"id": "0"}, "time": {"total": {"seconds": seconds, "microseconds": 0}}}
        return {"name": name, "time": {"elapsed": 5}, "steps": [step]}

    found = [run("theirs", 100), run("train.allot-x1", 3), run("train.allot-x1", 2)]
    assert used_together(list(map(run_of_answer, found))) == SlurmUse(cpu_ms=5_000)
    assert used_together([run_of_answer({"steps": "none"}), run_of_answer({})]) == SlurmUse()


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
