"""Jobs that were submitted, and the server that runs them, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from allotment.model.jobs.job import Job
from allotment.model.jobs.native import native_shown
from allotment.model.jobs.use import IdleMark, UseSummary, percent_at
from allotment.model.moments import written
from allotment.model.policy import IdleMode
from allotment.operations.run.reporting import FamilyReport, JobReport
from allotment.operations.run.trials_there import trials_there
from allotment.operations.run.using import measured_so_far
from allotment.ports.backends import EndOfRun
from allotment.ports.job_service import ForeseenJob, ServedBackend, ServerStatus
from allotment.ports.log_lines import FoundLine
from allotment.ports.stored_jobs import JobAttempt, JobRow, StoredJob
from allotment.reports.documents.form import seconds


def job_row_document(row: JobRow, now: int, unheard_since: int | None = None) -> Mapping[str, Any]:
    """A job as listings have it.

    Args:
        row: the job.
        now: milliseconds since the epoch, up to which what goes on is counted.
        unheard_since: the same, since when nothing was heard of its back end; None where that answers.
    """
    return {
        "id": row.id,
        "name": row.name,
        "team": row.team,
        "project": row.project or None,
        "owner": row.owner,
        "backend": row.backend,
        "native": native_shown(row.native) or None,
        "priority": row.priority,
        "accelerator": row.accelerator or None,
        "devices": row.devices,
        "state": row.state.value,
        "cause": row.cause.value,
        "message": row.said or None,
        "unheardSince": _moment(unheard_since),
        "attempt": row.attempt,
        "memberOf": row.parent or None,
        "number": row.number if row.parent else None,
        "metric": row.metric,
        "submitted": written(row.submitted),
        "started": _moment(row.started),
        "ended": _moment(row.ended),
        "secondsSinceSubmission": seconds((row.ended or now) - row.submitted),
    }


def stored_job_document(
    job: StoredJob, members: Sequence[Mapping[str, Any]] = (), unheard_since: int | None = None
) -> Mapping[str, Any]:
    """Everything that is known of a job; of secrets only the references, and of variables only the names.

    Args:
        job: of which.
        members: of a sweep or a schedule, as listings have them.
        unheard_since: milliseconds since the epoch, since when nothing was heard of its back end; None where that
            answers.
    """
    wanted = job.job
    wish = wanted.needs.accelerators
    return {
        "kind": "Job",
        "id": job.id,
        "name": wanted.name,
        "team": wanted.team,
        "project": wanted.project or None,
        "labels": wanted.labels,
        "owner": job.owner,
        "backend": job.backend,
        "unheardSince": _moment(unheard_since),
        "native": native_shown(job.native) or None,
        "type": wanted.type.value,
        "priority": wanted.priority,
        "argv": wanted.program.argv,
        "image": wanted.program.image or None,
        "variables": sorted(wanted.program.environment),
        "replicas": wanted.replicas,
        "gang": wanted.gang,
        "perReplica": {
            "milliCPU": wanted.needs.cpu,
            "memoryBytes": wanted.needs.memory,
            "accelerators": 0 if wish is None else wish.count,
            "accelerator": None if wish is None else wish.said,
        },
        "maxRunTimeSeconds": wanted.run_time,
        "retries": {"limit": wanted.retries.limit, "safe": wanted.retries.safe},
        "state": job.state.value,
        "supersedes": job.supersedes or None,
        "submitted": written(job.submitted),
        "started": _moment(job.started),
        "ended": _moment(job.ended),
        "attempts": [_attempt(each) for each in job.attempts],
        "history": [
            {
                "at": written(each.at),
                "state": each.state.value,
                "cause": each.cause.value,
                "attempt": each.attempt,
                "message": each.said or None,
            }
            for each in job.history.moves
        ],
        "waits": [
            {"since": written(each.since), "until": _moment(each.until), "message": each.said} for each in job.waits
        ],
        "events": [{"at": written(each.at), "kind": each.kind, "message": each.said} for each in job.events],
        **_family(job, members),
    }


def _family(job: StoredJob, members: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What a job has because it has members, or is one."""
    found: dict[str, Any] = {}
    sweep, schedule, standing, metric = job.job.sweep, job.job.schedule, job.standing, job.metric
    if job.parent:
        found |= {"memberOf": job.parent, "number": job.number}
    if metric is not None:
        found["metric"] = {"reports": metric.reports, "last": metric.last, "best": metric.best}
    if sweep is not None:
        found["sweep"] = {"trials": sweep.trials, "atOnce": sweep.at_once}
    if schedule is not None:
        found["schedule"] = {
            "cron": schedule.cron,
            "timeZone": schedule.time_zone,
            "startingDeadlineSeconds": schedule.starting_deadline,
            "leftOut": 0 if standing is None else standing.left_out,
        }
    if standing is not None:
        found["progress"] = standing.said
    if sweep is not None or schedule is not None:
        found["members"] = members
    if sweep is not None and not members and job.attempts:
        found["trials"] = [
            {
                "number": each.number,
                "state": each.state,
                "node": each.node or None,
                "exitCode": each.code,
                "arguments": each.arguments,
            }
            for each in trials_there(job)
        ]
    return found


def job_report_document(report: JobReport) -> Mapping[str, Any]:
    """What a job asked for beside what it used."""
    job, use = report.job, report.use
    return {
        "kind": "JobReport",
        "id": job.id,
        "name": job.job.name,
        "team": job.job.team,
        "backend": job.backend,
        "state": job.state.value,
        "attempts": len(job.attempts),
        "waitedSeconds": seconds(report.waited_ms),
        "asked": {
            "milliCPU": job.job.needs.cpu,
            "memoryBytes": job.job.needs.memory,
            "replicas": job.job.replicas,
            "devices": job.job.devices,
            "seconds": job.job.run_time,
        },
        "used": None if use is None else _use(use),
        "measured": _measured(job),
        "advice": report.advice,
        **({} if report.family is None else {"family": _family_report(report.family)}),
    }


def _measured(job: StoredJob) -> Mapping[str, Any] | None:
    """What is known of its devices, of a job that runs so far; None where nobody measured."""
    found = measured_so_far(job)
    if not found.samples:
        return None
    return {
        "samples": found.samples,
        "devicesBusyPercent": _busy(found),
        "deviceMemoryBytes": found.device_memory,
        "idleMarks": [_mark(each) for each in found.marks],
    }


def _family_report(family: FamilyReport) -> Mapping[str, Any]:
    best = family.best
    return {
        "members": {state.value: number for state, number in sorted(family.states.items())},
        "best": None
        if best is None
        else {"metric": best.metric, "value": best.value, "trial": best.trial, "arguments": best.arguments},
    }


def _use(use: UseSummary) -> Mapping[str, Any]:
    return {
        "runSeconds": seconds(use.run_ms),
        "heldDeviceSeconds": seconds(use.held_ms),
        "stagingDeviceSeconds": None if use.staging_ms is None else seconds(use.staging_ms),
        "idleDeviceSeconds": None if use.idle_ms is None else seconds(use.idle_ms),
        "idleAfterDeviceSeconds": None if use.idle_after_ms is None else seconds(use.idle_after_ms),
        "unmeasuredDeviceSeconds": None if use.unmeasured_ms is None else seconds(use.unmeasured_ms),
        "devicesBusyPermille": use.busy_permille,
        "devicesBusyPercent": _busy(use),
        "deviceMemoryBytes": use.device_memory,
        "milliCPU": use.cpu,
        "memoryBytes": use.memory,
        "displaced": use.displaced,
        "costMicros": use.cost,
        "pricedAs": use.priced_as or None,
    }


def _busy(use: UseSummary) -> Mapping[str, int | None] | None:
    """How busy a device was at most for half the time, for 95 % of it, and ever."""
    if not use.by_percent:
        return None
    return {name: percent_at(use.by_percent, each) for name, each in (("p50", 500), ("p95", 950), ("max", 1000))}


def _mark(mark: IdleMark) -> Mapping[str, Any]:
    return {
        "rule": mark.rule,
        "wouldHave": mark.action,
        "mode": IdleMode.SHADOW.value,
        "at": written(mark.at),
        "heldDeviceSecondsSince": seconds(mark.held_ms),
        "busyDeviceSecondsSince": seconds(mark.busy_ms),
    }


def _attempt(attempt: JobAttempt) -> Mapping[str, Any]:
    return {
        "number": attempt.number,
        "started": _moment(attempt.started),
        "ended": _moment(attempt.ended),
        "places": [
            {
                "rank": each.rank,
                "node": each.node,
                "devices": each.devices,
                "folder": each.folder or None,
                "accelerator": None if each.given is None else each.given.accelerator,
                "accelerators": each.held,
                "capacityType": None if each.given is None else each.given.capacity,
            }
            for each in attempt.places
        ],
        "end": None if attempt.end is None else _end(attempt.end),
    }


def _end(end: EndOfRun) -> Mapping[str, Any]:
    return {"exitCode": end.code, "rank": end.rank, "displaced": end.displaced, "message": end.said or None}


def refused_job_document(job: Job, job_id: str, error: Mapping[str, Any]) -> Mapping[str, Any]:
    """A job that was not taken.

    Args:
        job: of whom.
        job_id: empty where it has none.
        error: why, as the document of an error.
    """
    why = {name: value for name, value in error.items() if name != "apiVersion"}
    return {"job": job.name, "team": job.team, "id": job_id or None, **why}


def foreseen_document(each: ForeseenJob) -> Mapping[str, Any]:
    """What would become of a job."""
    return {
        "name": each.job.name,
        "team": each.job.team,
        "devices": each.job.devices,
        "startsNow": each.start.now,
        "waitsFor": each.start.waits_for or None,
        "displaces": [{"id": one.id, "name": one.job.name, "team": one.job.team} for one in each.displaces],
        "displacesOthers": each.start.others,
        "displacesMoreOthers": each.start.more_others,
        "notTold": each.start.untold or None,
        "earliestSeconds": None if each.start.within is None else seconds(each.start.within[0]),
        "latestSeconds": None if each.start.within is None else seconds(each.start.within[1]),
        "pricePerHourMicros": each.price,
        "notes": each.told,
    }


def server_document(status: ServerStatus) -> Mapping[str, Any]:
    """A server."""
    return {
        "kind": "Server",
        "version": status.version,
        "pid": status.pid,
        "since": written(status.since),
        "platform": status.platform,
        "directory": status.directory or None,
        "listens": status.listens or None,
        "demo": status.demo or None,
        "teams": status.teams,
        "backends": [backend_document(each) for each in status.backends],
        "jobs": {state.value: number for state, number in sorted(status.jobs.items())},
        "notes": status.told,
    }


def backend_document(each: ServedBackend) -> Mapping[str, Any]:
    """A back end of a server."""
    return {
        "name": each.name,
        "backendKind": each.offer.kind,
        "accelerators": each.offer.accelerators,
        "notes": each.offer.told,
        "unreachable": each.unreachable or None,
        "silentSince": _moment(each.silent_since),
    }


def _moment(ms: int | None) -> str | None:
    return None if ms is None else written(ms)


def found_lines_document(
    job_id: str, text: str, lines: Sequence[FoundLine], matches: int, looked_at: int
) -> Mapping[str, Any]:
    """Lines of a log that hold a text.

    Args:
        job_id: whose log it is.
        text: that was looked for.
        lines: that are told.
        matches: how many there are.
        looked_at: how many lines the log has.
    """
    return {
        "kind": "FoundLines",
        "job": job_id,
        "text": text,
        "matches": matches,
        "lookedAt": looked_at,
        "lines": [
            {"number": each.number, "rank": each.rank, "at": _moment(each.at), "text": each.text} for each in lines
        ],
    }
