"""Requests, what whoever decides is shown of them, and grants, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allotment.model.moments import written
from allotment.model.quantity import Bytes, format_bytes, format_cpu
from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.request import DecisionRecord, DemonstratedNeed, Effect, GrantRequest
from allotment.model.requests.team import NewTeam
from allotment.model.requests.terms import QuotaShare, Terms
from allotment.model.requests.timeline import TimelineStep
from allotment.ports.request_service import ForeseenChange, GrantStanding, ToldRequest


def request_document(request: GrantRequest) -> Mapping[str, Any]:
    """A request with all that was decided. Prices are in millionths of the platform's currency."""
    wish = request.wish
    return {
        "kind": "Request",
        "id": request.id or None,
        "for": wish.kind.value,
        "team": wish.team,
        "name": wish.subject or None,
        "environment": wish.environment or None,
        "newTeam": None if wish.new_team is None else _new_team(wish.new_team),
        "keepDataUntil": wish.keep_data_until or None,
        "size": format_bytes(Bytes(wish.size)) if wish.size else None,
        "clusters": list(wish.clusters),
        "workload": wish.workload.value,
        "justification": wish.justification,
        "requester": request.requester,
        "created": written(request.created),
        "state": request.state.value,
        "gate": request.gate or None,
        "route": request.route or None,
        "due": None if request.due is None else written(request.due),
        "extends": request.extends or None,
        "revision": request.revision,
        "beginsWhenGiven": request.begins_when_given,
        "terms": terms_document(request.terms),
        "asked": terms_document(request.asked),
        "decisions": [_decision(each) for each in request.decisions],
    }


def told_document(told: ToldRequest) -> Mapping[str, Any]:
    """A request with what whoever decides is shown of it now, or was when it was approved."""
    return {
        **request_document(told.request),
        "effects": [_effect(each) for each in told.effects],
        "unknown": told.unknown or None,
        "need": None if told.need is None else _need(told.need),
        "budgetLeft": told.budget_left,
        "budgetMonth": told.budget_month or None,
        "deciders": told.deciders or None,
        "youDecide": told.decides,
        "after": told.after or None,
        "warning": told.warning or None,
        "change": None if told.change is None else _change(told.change),
        "timeline": [_step(each) for each in told.timeline],
        "grant": None if told.grant is None else _standing(told.grant),
    }


def _standing(grant: GrantStanding) -> Mapping[str, Any]:
    return {"id": grant.id, "state": grant.state.value, "trouble": grant.trouble or None}


def _change(change: ForeseenChange) -> Mapping[str, Any]:
    return {
        "diff": change.diff,
        "made": [{"cluster": each.cluster, "kinds": dict(each.kinds)} for each in change.made],
        "warnings": list(change.warnings),
        "isolation": change.isolation or None,
    }


def _step(step: TimelineStep) -> Mapping[str, Any]:
    return {
        "step": step.name,
        "at": written(step.at),
        "outcome": step.outcome.value,
        "said": step.said or None,
        "tries": step.tries,
    }


def grant_document(grant: TeamGrant) -> Mapping[str, Any]:
    """What was granted."""
    return {
        "kind": "Grant",
        "id": grant.id,
        "for": grant.kind.value,
        "team": grant.team,
        "name": grant.subject or None,
        "requester": grant.requester,
        "state": grant.state.value,
        "terms": terms_document(grant.terms),
        "commit": grant.commit or None,
        "trouble": grant.trouble or None,
        "made": grant.made or None,
        "timeline": [_step(each) for each in grant.timeline],
        "revision": grant.revision,
    }


def terms_document(terms: Terms) -> Mapping[str, Any]:
    """Terms."""
    return {
        "gpus": [_share(each) for each in terms.shares],
        "takenFrom": [{"team": each.team, **_share(each.share)} for each in terms.taken],
        "from": written(terms.since),
        "until": None if terms.until is None else written(terms.until),
        "price": terms.price,
    }


def _new_team(new: NewTeam) -> Mapping[str, Any]:
    return {
        "owners": list(new.owners),
        "members": list(new.members),
        "clusters": list(new.clusters),
        "accelerators": dict(new.accelerators),
        "cpu": new.cpu,
        "memory": new.memory,
        "costCenter": new.cost_center or None,
        "monthlyBudget": new.budget,
        "needs": [each.value for each in new.needs],
    }


def _share(share: QuotaShare) -> Mapping[str, Any]:
    return {
        "cluster": share.cluster,
        "flavor": share.flavor,
        "devices": share.devices,
        "cpu": format_cpu(share.cpu),
        "memory": format_bytes(share.memory),
    }


def _decision(record: DecisionRecord) -> Mapping[str, Any]:
    return {
        "at": written(record.at),
        "act": record.act.value,
        "by": record.by or None,
        "from": record.whence,
        "gate": record.gate or None,
        "route": record.route or None,
        "terms": terms_document(record.terms),
        "reason": record.reason or None,
        "effects": [_effect(each) for each in record.effects],
        "unknown": record.unknown or None,
        "need": None if record.need is None else _need(record.need),
        "budgetLeft": record.budget_left,
        "forHimself": record.for_himself,
    }


def _effect(effect: Effect) -> Mapping[str, Any]:
    return {"team": effect.team, "work": effect.work or None, "before": effect.before, "after": effect.after}


def _need(need: DemonstratedNeed) -> Mapping[str, Any]:
    return {
        "days": need.days,
        "grantedDeviceSeconds": need.granted,
        "usedDeviceSeconds": need.used,
        "idleDeviceSeconds": need.idle,
        "median": need.half,
        "percentile95": need.most,
        "waitedDeviceSeconds": need.waited,
    }
