"""A `Job` as the text of a job file that means it: every default written out, so that it says the same anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, Final

from allotment.model.jobs.job import AcceleratorWish, Job, JobVolume, Program, StagedData, Sweep, SweptParameter
from allotment.model.quantity import Bytes, format_bytes, format_cpu
from allotment.spec.jobs.schema import RangeScale
from allotment.spec.writing import block

_EXACT: Final = Context(prec=200)
"""Digits of a decimal: what a job file may write of a number has far fewer."""


def job_text(job: Job) -> str:
    """One document of YAML."""
    return "\n".join(block(job_document(job))) + "\n"


def job_document(job: Job) -> dict[str, Any]:
    """The fields of a job file, in the order in which its documentation tells of them."""
    return {
        "kind": "Job",
        "name": job.name,
        "team": job.team,
        "type": job.type.value,
        "run": _run(job.program),
        "code": None
        if job.program.code is None
        else {
            "folder": job.program.code.folder,
            "ignoreFile": job.program.code.ignore_file,
            "most": _bytes(job.program.code.most),
        },
        "resources": {
            "accelerators": None if job.needs.accelerators is None else _wish(job.needs.accelerators),
            "cpu": format_cpu(job.needs.cpu),
            "memory": _bytes(job.needs.memory),
            "sharedMemory": _bytes(job.needs.shared_memory),
            "ephemeralStorage": _bytes(job.needs.ephemeral_storage),
        },
        "replicas": job.replicas,
        "gang": job.gang,
        "nearness": None
        if job.nearness is None
        else {"within": job.nearness.within.value, "required": job.nearness.required},
        "priority": job.priority,
        "spot": job.spot,
        "maxRunTime": _seconds(job.run_time),
        "deadline": job.deadline or None,
        "checkpoint": None
        if job.checkpoint is None
        else {
            "directory": job.checkpoint.directory,
            "interval": _seconds(job.checkpoint.interval),
            "grace": _seconds(job.checkpoint.grace),
        },
        "retries": {"limit": job.retries.limit, "safe": job.retries.safe},
        "volumes": {each.name: _volume(each) for each in job.volumes},
        "data": [_staged(each) for each in job.data],
        "sweep": None if job.sweep is None else _sweep(job.sweep),
        "schedule": None
        if job.schedule is None
        else {
            "cron": job.schedule.cron,
            "timeZone": job.schedule.time_zone,
            "startingDeadline": _seconds(job.schedule.starting_deadline),
        },
        "after": [{"job": each.job, "is": each.must_have.value} for each in job.after],
        "project": job.project or None,
        "costCenter": job.cost_center or None,
        "environment": job.environment or None,
        "labels": dict(job.labels),
    }


def _run(program: Program) -> Mapping[str, Any]:
    return {
        "command": list(program.argv),
        "image": program.image or None,
        "env": dict(program.environment),
        "secrets": {each.variable: {"secret": each.secret, "key": each.key} for each in program.secrets},
        "workingDirectory": program.working_directory or None,
        "port": program.port,
    }


def _wish(wish: AcceleratorWish) -> Mapping[str, Any]:
    return {
        "count": wish.count,
        "class": None if wish.any_class else list(wish.classes),
        "memory": None if wish.least_memory is None else f">={_bytes(wish.least_memory)}",
        "vendor": None if wish.vendor is None else wish.vendor.value,
        "interconnect": wish.interconnect or None,
        "architecture": wish.architecture or None,
        "capacityType": wish.capacity_type or None,
    }


def _volume(volume: JobVolume) -> Mapping[str, Any]:
    return {
        "use": volume.use.value,
        "claim": volume.claim or None,
        "folder": volume.folder or None,
        "path": volume.path,
        "size": _bytes(volume.size),
    }


def _staged(data: StagedData) -> Mapping[str, Any]:
    return {
        "source": data.source,
        "volume": data.volume,
        "path": data.path,
        "when": data.when.value,
        "size": _bytes(data.size),
        "image": data.image or None,
        "command": list(data.argv),
    }


def _sweep(sweep: Sweep) -> Mapping[str, Any]:
    ranges = {each.name: _range(each) for each in sweep.parameters if not each.values}
    return {
        "grid": {each.name: list(each.values) for each in sweep.parameters if each.values},
        "random": ranges,
        "trials": sweep.trials if ranges else None,
        "seed": sweep.seed,
        "atOnce": sweep.at_once,
        "earlyStop": None
        if sweep.early_stop is None
        else {
            "metric": sweep.early_stop.metric,
            "maximise": sweep.early_stop.maximise,
            "after": sweep.early_stop.after,
        },
    }


def _range(parameter: SweptParameter) -> Mapping[str, Any]:
    return {
        "from": number_text(parameter.low or Fraction(0)),
        "to": number_text(parameter.high or Fraction(0)),
        "scale": (RangeScale.LOG if parameter.logarithmic else RangeScale.LINEAR).value,
        "whole": parameter.whole,
    }


def number_text(number: Fraction) -> str:
    """A number that a job file wrote, in decimals again; exact."""
    plain = _EXACT.divide(Decimal(number.numerator), Decimal(number.denominator)).normalize(_EXACT)
    return str(plain).replace("E+", "e").replace("E", "e")


def _seconds(amount: int | None) -> str | None:
    return None if amount is None else f"{amount}s"


def _bytes(amount: int | None) -> str | None:
    """An amount of memory, which always has a unit: bytes that are no whole Ki stand behind the point of kilobytes."""
    if amount is None:
        return None
    text = format_bytes(Bytes(amount))
    if not text.isdigit() or amount == 0:
        return text
    return f"{amount // 1000}.{amount % 1000:03d}k"
