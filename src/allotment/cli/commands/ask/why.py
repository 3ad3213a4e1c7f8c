"""`allot why`."""

from __future__ import annotations

import click

from allotment.cli.commands.ask.source_options import SourceOptions, again, snapshot_of, source_flags
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags
from allotment.cli.shell.session import Session


@click.command(cls=Command)
@click.argument("subject", required=False, default="")
@click.option("--no-remedies", is_flag=True, help="The cause alone, at once: nothing that would help is tried.")
@source_flags
@output_flags
@global_flags
@click.pass_obj
def why(session: Session, subject: str, *, no_remedies: bool, source: SourceOptions, output: OutputOptions) -> None:
    """Why a job, a pod or anything that makes pods does not run, and what would help.

    SUBJECT is KIND/NAME as kubectl has it (job/train, deployment/web, cronjob/nightly, workload/…), or a name that is
    searched. Without it: all that wait in the namespace, grouped by cause, those first that wait longest.

    Without -n the context's namespace is meant; in a file, all of them.

    Each remedy was tried on the twins of Kueue and kube-scheduler: what does not help is not shown. Remedies stand
    cheapest first, with who can do them. Of a list only the causes are told, without remedies.

    Labels for -l: the subject's own.
    """
    from allotment.cli.commands.ask.why_view import why_all_text, why_listing, why_text
    from allotment.cli.shell.output import show
    from allotment.operations.ask.explaining import why as why_one
    from allotment.operations.ask.explaining import why_all
    from allotment.reports.documents.explanation_of_waiting import explanation_of_waiting, explanations_document

    snapshot = snapshot_of(session, source)
    namespace = source.scope(snapshot)
    if subject:
        one = why_one(snapshot, subject, namespace, with_remedies=not no_remedies)
        show(
            session,
            output,
            why_listing((one,)),
            human=lambda _rows: why_text(one, session.text_width, session.table_width),
            whole=lambda _rows: explanation_of_waiting(one),
        )
        return
    found = why_all(snapshot, namespace)
    show(
        session,
        output,
        why_listing(found.waiting),
        human=lambda rows: why_all_text(found, rows, session.text_width, again(session, source)),
        whole=lambda rows: explanations_document(found, rows),
    )
