"""What is handed in and is no job file, or no script: each is told with what can be typed in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from allotment.cli.commands.run.foreign import check_script
from allotment.cli.shell.session import Session
from allotment.spec.jobs.foreign import slurm_options
from tests.unit.cli.conftest import Run, home, run

__all__ = ["home", "run"]  # fixtures

BATCH = """#!/bin/bash
#SBATCH --job-name="My Run" -t 1-02:30:00
#SBATCH --gres=gpu:a100:2 # two of them
#SBATCH -c 8 --mem=64000 --partition short
#SBATCH --array=0-7%2
#SBATCH -N4 --mem-per-cpu=2G --mail-user=me
#SBATCH --nodes=\x1b[31m --time=soon
srun python train.py
#SBATCH --gpus=8
"""
SAID = [
    "--job-name=My Run → name: my-run",
    "--time=1-02:30:00 → maxRunTime: 26h30m",
    "--gres=gpu:a100:2 → resources.accelerators.count: 2, resources.accelerators.class: a100",
    "--cpus-per-task=8 → resources.cpu: 8",
    "--mem=64000 → resources.memory: 64000Mi",
    "--partition=short → not taken over; which work goes first is `priority`, a rung of the platform's ladder",
    "--array=0-7%2 → sweep: {grid: {NAME: [VALUE, …]}, atOnce: 2}, 8 values in place of SLURM_ARRAY_TASK_ID",
    "--nodes=4 → replicas: 4",
    "--mem-per-cpu=2G → resources.memory: this times resources.cpu",
    "--mail-user=me → no field says this",
    "--nodes=\\x1b[31m → write it by hand",
    "--time=soon → write it by hand",
]
RUN = "chmod +x x.sbatch && allot run x.sbatch"
FLAGS = "--name my-run --max-run-time 26h30m --gpus 2 --accelerator a100"


def test_each_option_of_a_batch_script_has_its_field() -> None:
    assert [f"{each.written} → {each.said}" for each in slurm_options(BATCH)] == SAID


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("90", "1h30m"), ("90:30", "1h30m30s"), ("2:00:00", "2h"), ("2-0", "48h"), ("0", ""), ("1:2:3:4", ""),
    ],
)  # fmt: skip
def test_times_of_slurm(value: str, said: str) -> None:
    (found,) = slurm_options(f"#!/bin/sh\n#SBATCH --time={value}\n")
    assert found.said == (f"maxRunTime: {said}" if said else "write it by hand")


CALLS = [
    (("submit", "x.sbatch"), 1, RUN),
    (("run", "x.sbatch", "--team", "nlp"), 1, f"{RUN} --team nlp {FLAGS}"),
    (("submit", "n.ipynb"), 1, "jupyter nbconvert --to script n.ipynb && allot run n.py"),
    (("run", "n.ipynb"), 1, "jupyter nbconvert --to script n.ipynb && allot run n.py"),
    (("run", "job.yaml"), 2, "allot submit job.yaml"),
    (("submit", "l2.py"), 1, "allot run l2.py"),
    (("run", "python3", "l2.py", "7"), 3, "allot run l2.py -- 7"),
    (("run", "my tool"), 1, "chmod +x 'my tool' && allot run 'my tool'"),
    (("run", "gone.py"), 3, "name the script"),
]


@pytest.mark.parametrize(("call", "code", "says"), CALLS, ids=[" ".join(each[0]) for each in CALLS])
def test_what_is_no_job_and_no_script(run: Run, home: Path, call: tuple[str, ...], code: int, says: str) -> None:
    texts = {"x.sbatch": BATCH, "n.ipynb": '{"nbformat": 4}', "job.yaml": "kind: Job\n", "l2.py": "", "my tool": "x"}
    for name, text in texts.items():
        Path(name).write_text(text, encoding="utf-8")
    done = run(*call)
    assert done.code == code
    assert says in done.err
    assert "\x1b[31m" not in done.err
    if "x.sbatch" in call:
        assert all(f"  {line}\n" in f"{done.err}\n" for line in SAID)


def test_what_can_be_executed_runs_and_its_options_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "x.sbatch"
    script.write_text(BATCH, encoding="utf-8")
    script.chmod(0o755)
    check_script(Session({}), "x.sbatch", (), script)
    assert SAID[0] in capsys.readouterr().err
