"""Routes of what became of a job: its course in plain words, and what it asked for beside what it used."""

from __future__ import annotations

from fastapi import Response

from allotment.api.bodies import value_answer
from allotment.api.contract import JsonValue
from allotment.api.routes import Routes
from allotment.api.visits import Asked
from allotment.model.access.permission import Permission
from allotment.operations.run.course import JobCourse, course_of
from allotment.operations.run.reporting import JobReport, family_report_of, has_members, report_of
from allotment.ports.clock import Clock, epoch_ms


def add_course_routes(routes: Routes, clock: Clock) -> None:
    """Both are made of what is kept of the job, as somebody may see it.

    Args:
        routes: to add to.
        clock: up to which what goes on is counted.
    """

    @routes.add("GET", "/api/v1/jobs/{reference}/course", Permission.READ, gives=JsonValue("course", JobCourse))
    def course(asked: Asked, reference: str) -> Response:
        return value_answer("course", course_of(asked.jobs.find(reference)))

    @routes.add("GET", "/api/v1/jobs/{reference}/report", Permission.READ, gives=JsonValue("report", JobReport))
    def report(asked: Asked, reference: str) -> Response:
        job, now = asked.jobs.find(reference), epoch_ms(clock)
        found = family_report_of(job, asked.jobs.family(job.id), now) if has_members(job) else report_of(job, now)
        return value_answer("report", found)
