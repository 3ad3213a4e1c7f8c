"""A submission → the body that slurmrestd takes, in the shape of its version.

v0.0.38 takes texts for most: ``now``-like times are read in the server's time zone, so seconds since 1970 go as
``uts1795832000``, which Slurm's own reader knows. From v0.0.40 on numbers are {"set", "infinite", "number"} and an
environment is a list: written by the published schema, not tried on a real server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from allotment.adapters.slurm.script import script_of
from allotment.model.slurm.submission import SlurmFieldError, SlurmSubmission

VERSIONS: Final = ("v0.0.43", "v0.0.42", "v0.0.41", "v0.0.40", "v0.0.38")
"""That are spoken, the one that is asked for first at the beginning."""
OLD: Final = "v0.0.38"
PATH: Final = "/usr/local/bin:/usr/bin:/bin"
"""Where programs are looked for, where the environment does not say: the script needs `srun`."""


def body_of(asked: SlurmSubmission, version: str) -> dict[str, Any]:
    """What is posted to ``job/submit``.

    Raises:
        SlurmFieldError: this version has no word for a field.
    """
    job = _old(asked) if version == OLD else _new(asked)
    return {"script": script_of(asked), "job": {name: value for name, value in job.items() if value not in (None, "")}}


def named_job(job_id: int, task: int | None) -> str:
    """How a job, or a task of an array, is named to Slurm: ``17``, ``17_3``."""
    return f"{job_id}" if task is None else f"{job_id}_{task}"


def environment_of(asked: SlurmSubmission) -> dict[str, str]:
    """All variables of a job."""
    return {"PATH": PATH, **dict(asked.environment)}


def _common(asked: SlurmSubmission) -> dict[str, Any]:
    return {
        "name": asked.job_name,
        "account": asked.account,
        "partition": ",".join(asked.partitions),
        "qos": asked.qos,
        "reservation": asked.reservation,
        "constraints": "&".join(asked.features),
        "tasks": asked.tasks,
        "tasks_per_node": asked.tasks_per_node or None,
        "cpus_per_task": asked.cpus_per_task,
        "array": str(asked.array) if asked.array else "",
        "dependency": ",".join(map(str, asked.dependencies)),
        "requeue": asked.requeue,
        "comment": asked.comment,
        "current_working_directory": asked.directory,
        "standard_input": "/dev/null",
        "standard_output": asked.output,
        "standard_error": asked.errors,
        "container": "" if asked.steps else asked.container,
        "nice": asked.nice or None,
        # Only where it is so: a false one is an order to release, which others' plugins may look at.
        "hold": True if asked.hold else None,
    }


def _old(asked: SlurmSubmission) -> dict[str, Any]:
    if asked.warning is not None and asked.warning.shell:
        raise SlurmFieldError(
            "warning", asked.warning, "slurmrestd of v0.0.38 cannot warn the batch script alone", "warn its steps"
        )
    return {
        **_common(asked),
        "nodes": str(asked.nodes),
        "gres": ",".join(map(str, asked.gres)),
        "memory_per_node": asked.memory_mib or None,
        "time_limit": asked.minutes or None,
        "signal": str(asked.warning) if asked.warning else "",
        "begin_time": f"uts{asked.begin}" if asked.begin else "",
        "deadline": f"uts{asked.deadline}" if asked.deadline else "",
        "open_mode": "append" if asked.append else "truncate",
        "exclusive": "true" if asked.exclusive else "",
        "environment": environment_of(asked),
    }


def _new(asked: SlurmSubmission) -> dict[str, Any]:
    warning = asked.warning
    return {
        **_common(asked),
        "nodes": str(asked.nodes),
        "minimum_nodes": asked.nodes,
        "maximum_nodes": asked.nodes,
        "tres_per_node": ",".join(f"gres/{each}" for each in asked.gres),
        "memory_per_node": _set(asked.memory_mib),
        "time_limit": _set(asked.minutes),
        "kill_warning_signal": warning.signal if warning else "",
        "kill_warning_delay": _set(warning.seconds) if warning else None,
        "kill_warning_flags": ["BATCH_JOB"] if warning and warning.shell else None,
        "begin_time": _set(asked.begin),
        "deadline": asked.deadline or None,
        "open_mode": ["APPEND" if asked.append else "TRUNCATE"],
        "shared": ["none"] if asked.exclusive else None,
        "environment": [f"{name}={value}" for name, value in environment_of(asked).items()],
    }


def _set(number: int) -> Mapping[str, Any] | None:
    return {"set": True, "infinite": False, "number": number} if number else None
