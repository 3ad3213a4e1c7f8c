"""`allot explain FIELD|CODE`."""

from __future__ import annotations

from typing import Final

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import format_flag, global_flags
from allotment.cli.shell.session import Session
from allotment.errors import NotFoundError

_MOST_NAMED: Final = 6


def _fields(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    from allotment.diagnose.causes import BY_CODE, BY_ID
    from allotment.spec.explaining import paths_under
    from allotment.spec.jobs.lint import RULES
    from allotment.spec.jobs.schema import every_kind

    words = (*BY_CODE, *BY_ID, *(rule.word for rule in RULES))
    causes = [word for word in words if incomplete and word.lower().startswith(incomplete.lower())]
    return [*paths_under(every_kind(), incomplete), *causes]


@click.command(cls=Command)
@click.argument("field", required=False, default="", shell_complete=_fields)
@format_flag
@global_flags
@click.pass_obj
def explain(session: Session, field: str) -> None:
    """What a field of the platform directory or of a job file means, or a cause of waiting.

    FIELD begins with a kind, such as team.placements or job.resources: its type, its default and what stands below it.
    Without it the kinds are listed.

    A code or id that `allot why` tells, such as ALT-1201 or queue-missing: what it means, how it is seen by hand, its
    fix, and which of several causes is told first.

    A word that `allot job check` warns by, such as few-cpus: what the trap is, and why it hurts.
    """
    if _may_be_a_cause(field):
        from allotment.diagnose.pages import names_a_cause

        if names_a_cause(field):
            _explain_cause(session, field)
            return
        if _explained_as_a_trap(session, field):
            return
    from allotment.cli.commands.reference.explain_view import text
    from allotment.cli.shell.output import write_document
    from allotment.reports.documents.explanation import explanation_document
    from allotment.spec.explaining import explanation
    from allotment.spec.jobs.schema import every_kind

    try:
        found = explanation(every_kind(), field)
    except NotFoundError as error:
        raise _or_a_cause(error, field) from None
    form = session.value("output")
    if form in ("json", "yaml"):
        write_document(session, form, explanation_document(found))
    elif form == "name":
        session.out("\n".join(found.children_paths))
    else:
        session.out(text(found, session.text_width))


def _or_a_cause(error: NotFoundError, word: str) -> NotFoundError:
    """The same, with the cause or trap that is spelled nearly so, or the causes in whose names the word is."""
    from allotment.diagnose.causes import BY_ID
    from allotment.model.spelling import did_you_mean
    from allotment.spec.jobs.lint import RULES

    meant = did_you_mean(word, (*BY_ID, *(each.word for each in RULES)), "") if "-" in word else ""
    if meant:
        return NotFoundError(error.what, fix=meant)
    named = [each for each in BY_ID if word and word.lower() in each][:_MOST_NAMED]
    if "." in word or not named:
        return error
    return NotFoundError(error.what, why=f"causes have it in their names: {', '.join(named)}", fix="name one of them")


def _may_be_a_cause(word: str) -> bool:
    """Whether a word names no field: fields begin with a kind, and no cause is called like one."""
    if "-" in word.partition(".")[0]:
        return True
    from allotment.spec.jobs.load import KIND
    from allotment.spec.schema import KINDS

    return bool(word) and "." not in word and word.lower() not in {kind.lower() for kind in (*KINDS, KIND)}


def _explained_as_a_trap(session: Session, word: str) -> bool:
    """Tell of the trap that a word names; False where it names none."""
    from allotment.spec.jobs.lint import RULES

    rule = next((each for each in RULES if each.word == word), None)
    if rule is None:
        return False
    from allotment.cli.shell.output import write_document
    from allotment.reports.documents.job_files import trap_document

    form = session.value("output")
    if form in ("json", "yaml"):
        write_document(session, form, {"kind": "Trap", **trap_document(rule)})
    elif form == "name":
        session.out(rule.word)
    else:
        session.out(f"{click.style(rule.word, bold=True)}: {rule.title}\n\n{rule.reason}")
    return True


def _explain_cause(session: Session, word: str) -> None:
    from allotment.cli.commands.reference.explain_view import page_text
    from allotment.cli.shell.output import write_document
    from allotment.diagnose.pages import cause_named, page_of
    from allotment.reports.documents.causes import cause_page_document

    entry = cause_named(word)
    form = session.value("output")
    if form in ("json", "yaml"):
        write_document(session, form, cause_page_document(entry, page_of(entry)))
    elif form == "name":
        session.out(entry.code)
    else:
        session.out(page_text(entry, page_of(entry)))
