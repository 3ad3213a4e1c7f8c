"""Drift put right, cluster by cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from allotment.cli.commands.change.applying import Consent, ask, refuse_unable, run_plan
from allotment.cli.commands.change.drift_view import drift_listing, drift_text, repair_listing, repair_text
from allotment.cli.shell.options import OutputOptions
from allotment.cli.shell.output import show
from allotment.cli.shell.session import Session
from allotment.reports.documents.drift import repair_document

if TYPE_CHECKING:
    from allotment.operations.change.apply import ApplyReport
    from allotment.operations.change.drift import DriftReport
    from allotment.ports.kube import KubePort


def repair_all(
    session: Session,
    report: DriftReport,
    connect: Callable[[str], KubePort],
    output: OutputOptions,
    consent: Consent,
) -> int:
    """Ask for every cluster that has drifted, repair it, report; the exit code.

    Everything is asked before anything is done, so that a no changes nothing anywhere.

    Raises:
        UsageError: nobody can answer.
        ForbiddenError: this account may not do it.
        AllotmentError: the user said no.
    """
    drifted = [(each.cluster, each.plan) for each in report.clusters if each.plan is not None and not each.plan.empty]
    if output.format == "table":
        session.note(drift_text(report, drift_listing(report).rows))
    for _, plan in drifted:
        allowed = tuple(name for name in consent.deletable if name in plan.abandoned_namespaces)
        refuse_unable(plan)
        ask(session, plan, replace(consent, deletable=allowed))
    done: list[ApplyReport] = []
    for cluster, plan in drifted:
        done.append(run_plan(session, plan, connect(cluster), force=True))
        if done[-1].interrupted:
            session.note(f"interrupted: not begun: {', '.join(name for name, _ in drifted[len(done) :]) or 'none'}")
            break
    show(
        session,
        output,
        repair_listing(done),
        human=lambda rows: repair_text(report, done, rows),
        whole=lambda rows: repair_document(report, done, rows),
    )
    unreachable = next((each.error for each in report.clusters if each.error is not None), None)
    codes = [each.exit_code for each in done if each.exit_code] + ([unreachable.exit_code] if unreachable else [])
    left = any(each.beyond_apply for each in report.clusters)
    return codes[0] if codes else int(left)
