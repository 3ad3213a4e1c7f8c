"""Who applies is one of the platform's engineers: the policies bind everybody else, from the first apply on."""

from __future__ import annotations

from typing import Final

from allotment.errors import ForbiddenError
from allotment.model.cluster import Cluster
from allotment.model.manifest import ObjectKey
from allotment.model.platform import Platform
from allotment.model.policy import Mode, PolicyName
from allotment.plan.changes import Plan, PlanWarning, WarningCode
from allotment.ports.kube import Identity, KubePort
from allotment.render.policies.identities import binds, engineer_groups

_GUARDS: Final = (PolicyName.MANAGED_OBJECTS_PROTECTED, PolicyName.NO_NAMESPACE_ADOPTION)
"""Policies that keep everybody else from what is ours: enforced, they refuse the next apply."""
_ACCOUNT: Final = "system:serviceaccount:"
_SYSTEMS: Final = "system:"


def lockout(platform: Platform, cluster: Cluster, kube: KubePort) -> tuple[PlanWarning, ...]:
    """A warning where the policies, as they are declared, would bind whoever asks; else nothing."""
    modes = {policy.name: policy.modes.get(cluster.name) for policy in platform.policies}
    enforced = [name for name in _GUARDS if modes.get(name) is Mode.ENFORCE]
    if not enforced:
        return ()
    us = kube.whoami()
    if not binds(platform, cluster, us.user, us.groups):
        return ()
    policy = ObjectKey("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", "", f"{enforced[0]}.allotment.dev")
    said = f"{us.user} is no platform engineer: once these policies are in force, they refuse it every further apply"
    return (PlanWarning(WarningCode.LOCKED_OUT, policy, f"{said}; {way_in(platform, us)}"),)


def way_in(platform: Platform, us: Identity) -> str:
    """What makes an account one that may go on applying."""
    known = " or ".join(engineer_groups(platform))
    own = [group for group in us.groups if not group.startswith(_SYSTEMS)]
    if us.user.startswith(_ACCOUNT):
        namespace = us.user.removeprefix(_ACCOUNT).partition(":")[0]
        return (
            f"apply as somebody in {known}; or, if no policy shall bind any account of the namespace {namespace}, "
            "name that in exemptNamespaces of the Platform document"
        )
    if own:
        return f"write one of its groups ({', '.join(own)}) into adminGroups of the Platform document, or use {known}"
    return f"it is in no group that adminGroups of the Platform document could name: use an account in {known}"


def refuse_locked_out(plan: Plan) -> None:
    """An apply after which its own account could apply nothing more is not begun.

    Raises:
        ForbiddenError: it is such a one.
    """
    found = plan.lockout
    if found is not None and not plan.empty:
        what, _, fix = found.message.partition("; ")
        raise ForbiddenError("this apply would lock its own account out, and nothing was changed", why=what, fix=fix)


def require_engineer(platform: Platform, kube: KubePort) -> None:
    """Taking over and giving back is an engineer's, in person; a policy holds that, and may not be in force yet.

    Raises:
        ForbiddenError: the caller is none, or a service account.
    """
    us = kube.whoami()
    groups = engineer_groups(platform)
    if {*groups} & {*us.groups} and not us.user.startswith(_ACCOUNT):
        return
    raise ForbiddenError(
        "only a platform engineer takes something over or gives it back, and nothing was changed",
        why=f"{us.user} is {'a service account' if us.user.startswith(_ACCOUNT) else 'in none of their groups'}",
        fix=f"use the account of a person in {' or '.join(groups)}",
    )
