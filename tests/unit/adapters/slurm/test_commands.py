"""Slurm's commands as they may answer, and what they are called with."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.slurm import tables
from allotment.adapters.slurm.commands import Ran, SlurmCommands, command_line
from allotment.adapters.slurm.tables import Separator, minutes_of
from allotment.errors import CapacityError, NotFoundError, UnreachableError
from allotment.ports.slurm import SlurmRefusedError
from tests.unit.model.test_slurm_submission import asked


class Commands:
    """Answers by program; what it was called with is kept."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[tuple[str, ...], str, bytes | None]] = []

    def __call__(self, argv: tuple[str, ...], stdin: str, variables: bytes | None) -> Ran:
        self.calls.append((argv, stdin, variables))
        found = self.answers.get(argv[0], Ran(0, "", ""))
        if callable(found):
            found = found(argv)
        if isinstance(found, Exception):
            raise found
        return found


def port(**answers: Any) -> tuple[SlurmCommands, Commands]:
    commands = Commands(**{"squeue": Ran(0, '{"jobs": []}', ""), **answers})
    return SlurmCommands(commands, user="ann"), commands


def test_no_value_of_the_environment_stands_in_an_argument() -> None:
    slurm, commands = port(sbatch=Ran(0, "17;hpc\n", ""))
    receipt = slurm.submit(asked(environment=(("TOKEN", "s3cret\nB=c"),), argv=("echo", "a'b\n#SBATCH -A x")))
    assert receipt.job_id == 17
    (argv, script, variables) = commands.calls[-1]
    assert variables is not None
    assert b"\0TOKEN=s3cret\nB=c\0" in variables
    assert "s3cret" not in f"{argv}{script}"
    assert not any("echo" in each for each in argv)


def test_a_lost_answer_is_looked_for() -> None:
    jobs: list[Any] = []

    def sbatch(_: tuple[str, ...]) -> Exception:
        jobs.append({"job_id": 9, "name": "train.allot-job-1", "user_name": "ann", "job_state": "PENDING"})
        return UnreachableError("late")

    slurm, commands = port(sbatch=sbatch, squeue=lambda _: Ran(0, json.dumps({"jobs": jobs}), ""))
    assert slurm.submit(asked()).job_id == 9
    assert slurm.submit(asked()).again
    assert [argv[0] for argv, _, _ in commands.calls].count("sbatch") == 1


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("sbatch: error: Batch job submission failed: Requested node configuration is not available", CapacityError),
        ("sbatch: error: Invalid account or account/partition combination specified", SlurmRefusedError),
        ("sbatch: error: Unable to contact slurm controller (connect failure)", UnreachableError),
    ],
)
def test_refusals(said: str, error: type[Exception]) -> None:
    slurm, _ = port(sbatch=Ran(1, "", said))
    with pytest.raises(error):
        slurm.submit(asked())


def test_ending_what_is_over_is_nothing_and_what_is_not_there_is_told() -> None:
    port(scancel=Ran(0, "", "scancel: error: Kill job error on job id 3: Job/step already completing or completed"))[
        0
    ].cancel(3)
    with pytest.raises(NotFoundError):
        port(scancel=Ran(0, "", "scancel: error: Kill job error on job id 3: Invalid job id specified"))[0].cancel(3)


ODD = st.text(max_size=8) | st.sampled_from(["a\nb", "|", "", "\n", "17\n18", "x" * 26, "(null)"])


@given(st.lists(st.fixed_dictionaries({"Name": ODD, "Comment": ODD, "UserName": ODD}), max_size=4))
def test_a_table_is_read_whatever_stands_in_its_names(rows: list[dict[str, str]]) -> None:
    """No text of anybody's makes a row or a column: nobody knows the word between them."""
    between = Separator("x0123456789abcdef01234567x")
    whole = [{**dict.fromkeys(tables.JOB_FIELDS, "7"), **row} for row in rows]
    printed = "".join("".join(row[field] + between.word for field in tables.JOB_FIELDS) + "\n" for row in whole)
    found = list(between.rows(printed, tables.JOB_FIELDS))
    assert found == whole
    assert [tables.job_of(row).name for row in found] == [row["Name"] for row in rows]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Nodes_required_for_job_are_DOWN,_DRAINED", "ReqNodeNotAvail"),
        ("Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions", "Resources"),
    ],
)
def test_an_old_squeue_prints_tables(said: str, reason: str) -> None:
    def squeue(argv: tuple[str, ...]) -> Ran:
        if "--json" in argv:
            return Ran(1, "", "squeue: unrecognized option '--json'")
        columns = argv[argv.index("-O") + 1].split(",")
        values = {**dict.fromkeys(tables.JOB_FIELDS, "N/A"), "JobID": "5", "ArrayJobID": "5", "Name": "a\nb",
                  "State": "PENDING", "tres": "node=2", "tres-alloc": "node=2", "TimeLimit": "1-02:00:00",
                  "Reason": said}  # fmt: skip
        return Ran(0, "".join(values[name] + word for name, word in (each.split(":") for each in columns)) + "\n", "")

    slurm, commands = port(squeue=squeue)
    (job,) = slurm.jobs()
    assert (job.job_id, job.name, job.array_id, job.minutes, job.node_count) == (5, "a\nb", 0, 1560, 2)
    assert (job.reasons, job.said, job.allocated, job.gpus) == ((reason,), said, {}, 0)
    slurm.jobs()
    assert sum("--json" in argv for argv, _, _ in commands.calls) == 1


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("30:00", 30), ("5:00", 5), ("1:02:00", 62), ("2-03:00:00", 3060), ("UNLIMITED", None), ("", None), ("x", None)],
)
def test_durations(text: str, minutes: int | None) -> None:
    assert minutes_of(text) == minutes


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(SlurmRefusedError, match="no squeue") as lacking:
        command_line({"PATH": os.devnull}, lambda: "it stands in hpc.yaml").jobs()
    assert lacking.value.fix.endswith("or give the address of a slurmrestd; it stands in hpc.yaml")
