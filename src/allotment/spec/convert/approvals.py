"""Gates, routes, absences and budgets; the usual ones where the directory says nothing of them."""

from __future__ import annotations

from allotment.model.requests.gates import AT_ONCE, ApprovalGate, Approvals, ApproverAbsence, Budget, Route
from allotment.spec import defaults
from allotment.spec.declared import Declared
from allotment.spec.schema.approvals import AT_ONCE_WORD, ApprovalsSpec, GateSpec, RouteSpec


def approvals(declared: Declared, admin_groups: tuple[str, ...]) -> Approvals:
    """The model's approvals. Their references have been checked."""
    spec = next((entry.spec for entry in declared.approvals), None)
    if spec is None:
        return defaults.usual_approvals(admin_groups)
    return Approvals(
        gates=gates_of(spec),
        routes=routes_of(spec, admin_groups),
        absences=tuple(ApproverAbsence(each.user, each.delegate, each.since, each.until) for each in spec.absences),
        budgets=tuple(Budget(team, monthly) for team, monthly in spec.budgets.items()),
        otherwise=spec.otherwise,
        longest=spec.longest,
    )


def gates_of(spec: ApprovalsSpec) -> tuple[ApprovalGate, ...]:
    """The gates that hold where a document says this."""
    return defaults.USUAL_GATES if spec.gates is None else tuple(_gate(each) for each in spec.gates)


def routes_of(spec: ApprovalsSpec, admin_groups: tuple[str, ...]) -> tuple[Route, ...]:
    """The routes that there are where a document says this."""
    return defaults.usual_routes(admin_groups) if spec.routes is None else tuple(_route(each) for each in spec.routes)


def _gate(spec: GateSpec) -> ApprovalGate:
    return ApprovalGate(
        name=spec.name,
        kinds=spec.kinds,
        workloads=spec.workloads,
        environments=tuple(each.value for each in spec.environments),
        least_devices=spec.devices.least,
        most_devices=spec.devices.most,
        below_price=spec.below_price,
        undone_within=spec.undone_within,
        within_budget=spec.within_budget,
        most_standing=spec.most_standing,
        route=AT_ONCE if spec.route == AT_ONCE_WORD else spec.route,
    )


def _route(spec: RouteSpec) -> Route:
    return Route(
        name=spec.name,
        approvers=spec.approvers,
        users=spec.users,
        answer_within=spec.answer_within,
        escalates_to=spec.escalates_to or "",
        others_only=spec.others_only,
    )
