"""Apply on the command line: show, ask, act, report."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from allotment.cli.commands.change.apply_view import outcome_listing, report_text
from allotment.cli.commands.change.diffs import next_steps
from allotment.cli.commands.change.plan_view import plan_listing, plan_text
from allotment.cli.shell.options import OutputOptions
from allotment.cli.shell.output import show
from allotment.cli.shell.progress import ProgressLine
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, ConflictError, ForbiddenError, UsageError
from allotment.plan.changes import Action, Plan
from allotment.reports.documents.apply import report_document
from allotment.reports.documents.plan import plan_document

if TYPE_CHECKING:
    from allotment.cli.shell.hints import Way
    from allotment.operations.change.apply import ApplyReport, Outcome
    from allotment.ports.kube import KubePort


@dataclass(frozen=True, slots=True)
class Consent:
    """What the user said in advance.

    Attributes:
        yes: do not ask before applying.
        deletable: namespaces whose deletion needs no further question.
        dry_run: ``client`` or ``server``: stop after the plan.
        force: take contested fields over.
    """

    yes: bool = False
    deletable: tuple[str, ...] = ()
    dry_run: str | None = None
    force: bool = False


def carry_out(session: Session, plan: Plan, kube: KubePort, output: OutputOptions, consent: Consent, way: Way) -> int:
    """Show the plan, ask, apply, report; the exit code.

    Raises:
        UsageError: a question that nobody can answer.
        AllotmentError: the user said no.
    """
    if consent.dry_run is not None:
        show_plan(session, plan, output, way)
        session.note(f"dry run ({consent.dry_run}): nothing was changed")
        return _dry_run_code(plan)
    refuse_unable(plan)
    if not plan.empty:
        # The plan is not the result: it goes beside it, so that -o json stays one document.
        if output.format == "table":
            session.note(way.told(plan_text(plan, plan_listing(plan).rows, session.text_width)))
        _ask_or_change_nothing(session, plan, consent)
    report = run_plan(session, plan, kube, force=consent.force)
    show(
        session,
        output,
        outcome_listing(report),
        human=lambda rows: way.told(report_text(report, rows)),
        whole=lambda rows: report_document(report, rows),
    )
    steps = way.adoptions(outcome.change for outcome in report.remaining)
    if steps and output.format == "table":
        session.note(f"\n{next_steps(steps, session.call)}")
    return report.exit_code


def refuse_unable(plan: Plan) -> None:
    """An apply that would stop half-way is not begun.

    Raises:
        ForbiddenError: rights are missing that the plan has come upon.
        ConflictError: the cluster cannot get our mark.
    """
    from allotment.operations.change.attended import refuse_unmarked
    from allotment.operations.change.engineers import refuse_locked_out

    if plan.missing:
        raise ForbiddenError(
            "this account may not apply the plan, and nothing was changed",
            why=f"not allowed: {', '.join(map(str, plan.missing))}",
            fix="apply with another account; `allot preflight --rights apply -o yaml` prints what apply needs",
        )
    refuse_unmarked(plan)
    refuse_locked_out(plan)


def _ask_or_change_nothing(session: Session, plan: Plan, consent: Consent) -> None:
    try:
        ask(session, plan, consent)
    except (click.Abort, KeyboardInterrupt):
        session.note("\nnothing was changed")
        raise


def show_plan(session: Session, plan: Plan, output: OutputOptions, way: Way) -> None:
    """The plan as the result."""
    show(
        session,
        output,
        plan_listing(plan),
        human=lambda rows: way.told(plan_text(plan, rows, session.text_width)),
        whole=lambda rows: plan_document(plan, rows),
    )


def _dry_run_code(plan: Plan) -> int:
    held = any(change.action in (Action.BLOCKED, Action.CONFLICT) for change in plan.changes)
    return ConflictError.exit_code if held else 0


def ask(session: Session, plan: Plan, consent: Consent) -> None:
    """Get the user's consent to a plan.

    Raises:
        UsageError: nobody can answer, or the consent given in advance does not fit the plan.
        AllotmentError: the user said no.
    """
    _ask_which_cluster(session, plan, consent)
    for namespace in plan.abandoned_namespaces:
        lost = "deleted with all its data"
        if namespace in plan.emptied_namespaces:
            lost = "emptied of its work and closed; only its data stay for now"
        if namespace not in consent.deletable and not session.typed(
            f"Namespace {namespace} of {plan.place} would be {lost}. Type its name to allow that",
            namespace,
            flag=f"--delete-namespace {namespace}",
        ):
            raise AllotmentError(
                f"namespace {namespace} is left as it is, and nothing was changed",
                why="its name was not typed",
                fix=f"keep it in the directory, or apply again with --delete-namespace {namespace}",
            )
    unknown = [name for name in consent.deletable if name not in plan.abandoned_namespaces]
    if unknown:
        raise UsageError(
            f"the plan does not delete the namespace {unknown[0]}",
            why=f"it deletes {', '.join(plan.abandoned_namespaces) or 'none'}",
            fix="leave that --delete-namespace out",
        )
    if not consent.yes and not session.confirm(f"Apply this to {plan.place}?", flag="--yes"):
        raise AllotmentError("nothing was changed", why="you said no", fix="run it again when you are ready")


def _ask_which_cluster(session: Session, plan: Plan, consent: Consent) -> None:
    """Where the cluster carries no mark and looks like another one, its name has to be said; --yes does not say it."""
    from allotment.model.mark import Mark
    from allotment.operations.change.identity import require_word

    mark, said = Mark(plan.platform, plan.cluster), "; ".join(one.message for one in plan.doubts)
    word = session.override
    if plan.doubted and word != str(mark) and not (consent.yes or session.no_input):
        question = f"This may be another cluster than {mark}: {said}\nType {mark} to say that {plan.place} is it"
        word = str(mark) if session.typed(question, str(mark), flag=f"--override-identity {mark}") else ""
    require_word(plan.doubted, mark, word, said)


def run_plan(session: Session, plan: Plan, kube: KubePort, *, force: bool) -> ApplyReport:
    """Carry a plan out, with progress."""
    from allotment import wiring
    from allotment.operations.change.apply import ApplySettings
    from allotment.operations.change.attended import apply_attended

    total = len(plan.changes)
    done = 0
    lock = threading.Lock()
    with ProgressLine(session) as progress:

        def tell(outcome: Outcome) -> None:
            nonlocal done
            with lock:
                done += 1
                number = done
            progress.tell(f"{number}/{total} {outcome.status.value} {outcome.change.key}")

        clock, settings = wiring.clock(), ApplySettings(force=force, on_outcome=tell)
        return apply_attended(plan, kube, clock, settings, wiring.this_run(clock.now()))
