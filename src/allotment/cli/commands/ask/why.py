"""`allot why`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from allotment.cli.commands.ask.known_jobs import asked_of_job
from allotment.cli.commands.ask.source_options import (
    SourceOptions,
    again,
    direction_of,
    followed,
    listed_again,
    snapshot_of,
    source_flags,
)
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, packed
from allotment.cli.shell.session import Session
from allotment.errors import NotFoundError

if TYPE_CHECKING:
    from allotment.model.observed.snapshot import Snapshot
    from allotment.operations.ask.explaining import ExplainedWaiting, WhyAll


@dataclass(frozen=True, slots=True)
class WhyOptions:
    """What is asked of `allot why`."""

    subject: str
    no_remedies: bool
    watch: bool


@click.command(cls=Command)
@click.argument("subject", required=False, default="")
@click.option("--no-remedies", is_flag=True, help="The cause alone, at once: nothing that would help is tried.")
@click.option("--watch", is_flag=True, help="Go on, and tell it again whenever the answer is another; Ctrl-C ends it.")
@source_flags
@output_flags
@global_flags
@click.pass_obj
@packed(WhyOptions)
def why(session: Session, asked: WhyOptions, *, source: SourceOptions, output: OutputOptions) -> None:
    """Why a job, a pod or anything that makes pods does not run, and what would help.

    SUBJECT is KIND/NAME as kubectl has it (job/train, deployment/web, cronjob/nightly, workload/…), or a name that is
    searched. Without it: all that wait in the namespace, grouped by cause, those first that wait longest.

    Without -n the context's namespace is meant; in a file, all of them. A job, a sweep or a schedule that the server of
    this machine knows needs no flag: by its name or id it is asked where it is, in its team's namespace.

    Each remedy was tried on the twins of Kueue and kube-scheduler: what does not help is not shown. Remedies stand
    cheapest first, with who can do them. Of a list only the causes are told, without remedies.

    With --watch everything is listed once and then followed; with -o json each answer is one line.

    Labels for -l: the subject's own.
    """

    def watched(there: SourceOptions, subject: str) -> None:
        _watch(session, replace(asked, subject=subject), there, output)

    def answered(there: SourceOptions, subject: str) -> tuple[SourceOptions, ExplainedWaiting | WhyAll]:
        return there, _answer(session, replace(asked, subject=subject), there, snapshot_of(session, there))

    if asked.watch:
        asked_of_job(session, source, asked.subject, watched)
    else:
        _tell(session, asked, output, *asked_of_job(session, source, asked.subject, answered))


def _answer(
    session: Session, asked: WhyOptions, source: SourceOptions, snapshot: Snapshot
) -> ExplainedWaiting | WhyAll:
    from allotment.operations.ask.directing import why_directed
    from allotment.operations.ask.explaining import why as why_one
    from allotment.operations.ask.explaining import why_all
    from allotment.operations.ask.places import check_place
    from allotment.operations.run.trials_in_cluster import told_of_trials

    check_place(snapshot, source.namespace)
    namespace = source.scope(snapshot)
    if not asked.subject:
        return why_all(snapshot, namespace)
    with listed_again(session, source):
        found = why_one(snapshot, asked.subject, namespace, with_remedies=not asked.no_remedies)
    return why_directed(told_of_trials(found, snapshot), direction_of(session, source, snapshot))


def _tell(
    session: Session,
    asked: WhyOptions,
    output: OutputOptions,
    source: SourceOptions,
    found: ExplainedWaiting | WhyAll,
    *,
    one_of_many: bool = False,
) -> None:
    from allotment.cli.commands.ask.why_view import why_all_text, why_listing, why_text
    from allotment.cli.shell.output import chosen, show
    from allotment.operations.ask.explaining import WhyAll
    from allotment.reports.documents.explanation_of_waiting import explanation_of_waiting, explanations_document

    if isinstance(found, WhyAll):
        every, listing = found, why_listing(found.waiting)
        total = len(chosen(replace(output, limit=None), listing))
        show(
            session,
            output,
            listing,
            human=lambda rows: why_all_text(every, rows, session.text_width, again(session, source), total),
            whole=lambda rows: explanations_document(every, rows),
            one_of_many=one_of_many,
        )
        return
    one = found
    show(
        session,
        output,
        why_listing((one,)),
        human=lambda _rows: why_text(one, session.text_width, session.table_width, tried=not asked.no_remedies),
        whole=lambda _rows: explanation_of_waiting(one),
        one_of_many=one_of_many,
    )


def _watch(session: Session, asked: WhyOptions, source: SourceOptions, output: OutputOptions) -> None:
    """Tell it, and again when it has changed, until Ctrl-C or until the subject is gone."""
    from allotment import wiring
    from allotment.operations.ask.answering_again import answered_again, gist_of

    told = 0
    with followed(session, source) as looks:
        answers = answered_again(
            looks, wiring.clock(), lambda snapshot: _answer(session, asked, source, snapshot), gist_of
        )
        try:
            for each in answers:
                if each.answer is None:
                    session.note(f"no answer at the moment: {each.error.what if each.error else ''}")
                    continue
                if told and output.format == "table":
                    session.out("")
                _tell(session, asked, output, source, each.answer, one_of_many=True)
                output = replace(output, no_headers=True)
                if not told:
                    session.note("watching; Ctrl-C ends it")
                told += 1
        except NotFoundError as error:
            if not told:
                raise
            session.note(f"{error.what}: it is gone")
