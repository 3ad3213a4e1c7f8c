"""Example jobs, for a newcomer whose first look would find nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, shown
from allotment.model.grammar import count
from allotment.model.quantity import SLOTS
from allotment.ports.backends import LOCAL

if TYPE_CHECKING:
    from allotment.model.jobs.job import Job
    from allotment.ports.job_service import JobService, ServerStatus

PREFIX: Final = "example-"
"""How their names begin."""
_FILE: Final = "jobs.yaml"


def wants_first_jobs(service: JobService, status: ServerStatus) -> bool:
    """Whether there is nothing that could be confused with them, and slots that cost nobody anything.

    Args:
        service: of a server that was just started.
        status: of it.
    """
    from allotment.ports.store import JobFilter

    here = next((each.offer.accelerators for each in status.backends if each.name == LOCAL), {})
    return not status.directory and SLOTS in here and not service.page(JobFilter(), limit=1).rows


def submit_first_jobs(session: Session, service: JobService) -> tuple[Job, ...]:
    """Hand in the examples that come along; those that were taken. They are told of, and how they are ended.

    Args:
        session: of the command.
        service: of a server of the example platform.
    """
    from allotment import wiring
    from allotment.cli.commands.run.reading import JobTexts, loaded_jobs
    from allotment.cli.commands.run.serving import served_platform
    from allotment.cli.commands.run.submitting import WantedJobs, handed_in
    from allotment.wiring import running

    folder: Path = running.first_jobs()
    name = str(folder / _FILE)
    try:
        texts = JobTexts({name: wiring.files().read_text(folder / _FILE)}, {name: folder})
        documents = loaded_jobs(session, served_platform(session, ""), texts)
        wanted = WantedJobs(documents, texts.folders, LOCAL, running.new_job_id())
        answers = [each for some in handed_in(service, wanted, lambda _: None) for each in some]
    except AllotmentError as error:  # nobody has asked for them: what was started is there all the same
        session.note(f"there are no example jobs: {shown(error.line)}")
        return ()
    jobs = tuple(document.job for document, answer in answers if answer.receipt is not None)
    if jobs:
        names = " ".join(each.name for each in jobs)
        session.note(f"{count(len(jobs), 'example job')} came along; `{session.call} stop {names}` ends them")
    return jobs
