"""Probes of the admission policies: what violates one is refused by it, and what leaves something out is filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Final

from allotment.model import labels
from allotment.model.manifest import Body
from allotment.model.policy import Mode, PolicyName
from allotment.model.team import PodSecurityLevel
from allotment.prove import bodies
from allotment.prove.bodies import Json
from allotment.prove.probes import (
    Attempt,
    Expectation,
    MayPass,
    MustAccept,
    MustRefuse,
    MustWarn,
    OnlyWarns,
    Persona,
    Post,
    Probe,
    Right,
)
from allotment.prove.refusers import RefuserKind
from allotment.prove.rights import needed
from allotment.prove.scene import DEFAULTS_OBJECT, DeclaredCluster, Scene, policy_object, warning_object
from allotment.prove.violations import (
    IN_TEAM,
    LIMITS,
    ON_PLATFORM,
    fills,
    job_with,
    outside_teams,
    without_label,
    without_requests,
)

LeftOut = tuple[str, Json, Callable[[Body], str]]
"""What is tried, the object that leaves something out, and what is wrong with the object that comes back."""


def in_team(name: PolicyName, scene: Scene) -> Iterator[Probe]:
    """Probes of one policy in a team's namespace."""
    mode = scene.here.mode(name)
    violations = IN_TEAM.get(name)
    if mode is None or violations is None or scene.leaving:
        return
    for tried, persona, attempt, right in violations(scene):
        if scene.here.only_warns(name, scene.namespace):
            yield _softened(name, scene.namespace, tried, (persona, attempt), right)
        else:
            yield _probe(name, mode, tried, (persona, attempt), right)


def filled_in(scene: Scene) -> Iterator[Probe]:
    """Work that leaves out what has only one right answer: it is admitted, and the answer stands in it."""
    persona = scene.worker
    if persona is None or scene.leaving or not scene.fills_in:
        return
    for what, body, fault in chain.from_iterable(left_out(scene) for left_out in _FILLED):
        yield Probe(
            tried=f"create {what}",
            object=f"MutatingAdmissionPolicy {DEFAULTS_OBJECT}",
            persona=persona,
            attempt=Post(body),
            expected=MustAccept("admitted, and filled in", fault),
            needs=needed("create", body["kind"], scene.namespace),
        )


def on_platform(name: PolicyName, here: DeclaredCluster) -> Iterator[Probe]:
    """Probes of one policy outside the teams' namespaces."""
    mode = here.mode(name)
    violations = ON_PLATFORM.get(name)
    if mode is None or violations is None:
        return
    for tried, persona, attempt, right in violations(here):
        yield _probe(name, mode, tried, (persona, attempt), right)
    if name is PolicyName.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES and mode is Mode.ENFORCE:
        for namespace in here.warned_outside_teams:
            if here.only_warns(name, namespace):
                tried, persona, attempt, right = outside_teams(here, namespace)
                yield _softened(name, namespace, tried, (persona, attempt), right)


def _softened(
    name: PolicyName, namespace: str, tried: str, who_how: tuple[Persona, Attempt], right: Right | None
) -> Probe:
    persona, attempt = who_how
    title = f"ValidatingAdmissionPolicyBinding {warning_object(name)} (warn, in namespace {namespace})"
    return Probe(tried, title, persona, attempt, OnlyWarns(policy_object(name), namespace), right)


def _probe(name: PolicyName, mode: Mode, tried: str, who_how: tuple[Persona, Attempt], right: Right | None) -> Probe:
    persona, attempt = who_how
    title = f"ValidatingAdmissionPolicy {policy_object(name)} ({mode.value})"
    return Probe(tried, title, persona, attempt, _expected(policy_object(name), mode), right)


def _expected(policy: str, mode: Mode) -> Expectation:
    if mode is Mode.ENFORCE:
        return MustRefuse(RefuserKind.POLICY, policy)
    return MustWarn(policy) if mode is Mode.WARN else MayPass(policy)


def _labels_filled(scene: Scene) -> Iterator[LeftOut]:
    for key in labels.BILLING_LABELS:
        if fills(scene, key):
            yield (
                f"a {scene.unit} without the label {key}",
                without_label(scene, key),
                partial(_has_label, key, scene.labels[key]),
            )


def _has_label(key: str, wanted: str, body: Body) -> str:
    got = (body["metadata"].get("labels") or {}).get(key)
    return "" if got == wanted else f"the label {key} is {got}, not {wanted}"


def _requests_filled(scene: Scene) -> Iterator[LeftOut]:
    yield "a Job whose containers have limits and no requests", without_requests(scene), _requests_its_limits


def _requests_its_limits(body: Body) -> str:
    # What is asked of devices need not be said twice.
    got = _container_of(body).get("resources", {}).get("requests") or {}
    return "" if got.items() >= LIMITS.items() else f"requests are {got}, not {LIMITS}"


def _container_of(job: Body) -> Body:
    found: Body = job["spec"]["template"]["spec"]["containers"][0]
    return found


def _security_filled(scene: Scene) -> Iterator[LeftOut]:
    if scene.pod_security is PodSecurityLevel.RESTRICTED:
        yield "a Job without a security context", job_with(scene, securityContext={}), _is_restricted


def _is_restricted(body: Body) -> str:
    wanted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    got = _container_of(body).get("securityContext")
    return "" if got == wanted else f"the security context is {got}, not {wanted}"


def _signed(scene: Scene) -> Iterator[LeftOut]:
    persona = scene.worker
    if persona is not None:
        yield "a Job without a name", bodies.job(scene, bodies.pod_spec(scene)), partial(_is_signed, persona.user)


def _is_signed(user: str, body: Body) -> str:
    got = (body["metadata"].get("annotations") or {}).get(labels.SUBMITTER)
    return "" if got == user else f"it says it was submitted by {got}, not by {user}"


_FILLED: Final[tuple[Callable[[Scene], Iterator[LeftOut]], ...]] = (
    _labels_filled,
    _requests_filled,
    _security_filled,
    _signed,
)
