"""A submission → the arguments of sbatch; every value stands in one argument together with its option."""

from __future__ import annotations

from collections.abc import Iterator

from allotment.model.slurm.submission import SlurmSubmission


def options_of(asked: SlurmSubmission, now: int) -> tuple[str, ...]:
    """Of sbatch; the script comes from its standard input, the job's environment from a descriptor.

    Limits of our own process (ulimit) are not handed on to the job.

    Args:
        asked: what is handed in.
        now: seconds since 1970; times are given as seconds from it, which no time zone changes.
    """
    return tuple(f"--{name}={value}" if value else f"--{name}" for name, value in _pairs(asked, now))


def _pairs(asked: SlurmSubmission, now: int) -> Iterator[tuple[str, str]]:
    yield "parsable", ""
    yield "propagate", "NONE"
    yield "job-name", asked.job_name
    yield "chdir", asked.directory
    yield "input", "/dev/null"
    yield "output", asked.output
    yield "open-mode", "append" if asked.append else "truncate"
    yield "requeue" if asked.requeue else "no-requeue", ""
    yield "nodes", str(asked.nodes)
    yield "ntasks", str(asked.tasks)
    yield "cpus-per-task", str(asked.cpus_per_task)
    optional = {
        "ntasks-per-node": str(asked.tasks_per_node or ""),
        "error": asked.errors,
        "account": asked.account,
        "partition": ",".join(asked.partitions),
        "qos": asked.qos,
        "reservation": asked.reservation,
        "constraint": "&".join(asked.features),
        "gres": ",".join(map(str, asked.gres)),
        "mem": f"{asked.memory_mib}M" if asked.memory_mib else "",
        "time": str(asked.minutes or ""),
        "signal": str(asked.warning or ""),
        "array": str(asked.array or ""),
        "dependency": ",".join(map(str, asked.dependencies)),
        "begin": f"now+{max(0, asked.begin - now)}seconds" if asked.begin else "",
        "deadline": f"now+{max(1, asked.deadline - now)}seconds" if asked.deadline else "",
        "nice": str(asked.nice or ""),
        "container": "" if asked.steps else asked.container,
        "comment": asked.comment,
    }
    yield from ((name, value) for name, value in optional.items() if value)
    if asked.hold:
        yield "hold", ""
    if asked.exclusive:
        yield "exclusive", ""
