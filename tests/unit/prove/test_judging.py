"""Who refused, and what that is worth."""

from __future__ import annotations

import pytest

from allotment.prove.judging import NOWHERE, Allowed, Denied, Found, NotTried, Outcome, judge
from allotment.prove.probes import (
    OURSELVES,
    Expectation,
    MayPass,
    MustAccept,
    MustHold,
    MustRefuse,
    MustWarn,
    OnlyWarns,
    Persona,
    Post,
    Probe,
)
from allotment.prove.refusers import Refuser, RefuserKind, forbids_impersonation, refuser_of
from allotment.prove.verdicts import Verdict

POLICY = "labels-required.allotment.dev"
BY_POLICY = (
    f"pods \"x\" is forbidden: ValidatingAdmissionPolicy '{POLICY}' with binding '{POLICY}' denied request: no team"
)
WARNING = f"Validation failed for ValidatingAdmissionPolicy '{POLICY}' with binding '{POLICY}': no team"
WORK_FITS = "work-fits.allotment.dev"
BY_WORK_FITS = f"{BY_POLICY.replace(POLICY, WORK_FITS)}; {NOWHERE}"
BY_QUOTA = (
    'pods "x" is forbidden: exceeded quota: allotment-quota, requested: requests.storage=2Ti,'
    " used: requests.storage=0, limited: requests.storage=1Ti"
)
BY_POD_SECURITY = 'pods "x" is forbidden: violates PodSecurity "restricted:v1.36": privileged'
BY_RBAC = (
    'configmaps is forbidden: User "allotment-prove:nlp:member" cannot create resource "configmaps" in API group ""'
    ' in the namespace "cv"'
)
BY_ESCALATION = (
    'rolebindings.rbac.authorization.k8s.io "x" is forbidden: user "o" (groups=["a"]) is attempting to grant RBAC'
    " permissions not currently held:"
)
BY_LIMITS = 'pods "x" is forbidden: maximum cpu usage per Pod is 4, but limit is 5'
BY_WEBHOOK = 'admission webhook "mjob.kb.io" denied the request: Job.batch "x" not found'
BY_VALIDATION = 'Pod "x" is invalid: spec.nodeName: Forbidden: cannot be set'
MEMBER = Persona("a member of nlp", "allotment-prove:nlp:member", ("nlp-members",))


@pytest.mark.parametrize(
    ("message", "refuser"),
    [
        (BY_POLICY, Refuser(RefuserKind.POLICY, POLICY)),
        (BY_QUOTA, Refuser(RefuserKind.QUOTA, "allotment-quota")),
        (
            'pods "x" is forbidden: failed quota: allotment-quota: must specify limits.cpu',
            Refuser(RefuserKind.QUOTA, "allotment-quota"),
        ),
        (BY_POD_SECURITY, Refuser(RefuserKind.POD_SECURITY, '"restricted:v1.36"')),
        (BY_RBAC, Refuser(RefuserKind.RBAC, '"configmaps"')),
        (BY_ESCALATION, Refuser(RefuserKind.ESCALATION)),
        (BY_LIMITS, Refuser(RefuserKind.LIMIT_RANGE, "cpu")),
        (BY_WEBHOOK, Refuser(RefuserKind.WEBHOOK, "mjob.kb.io")),
        (BY_VALIDATION, Refuser(RefuserKind.VALIDATION)),
        ("", Refuser(RefuserKind.VALIDATION)),
    ],
)
def test_the_servers_words_name_who_refused(message: str, refuser: Refuser) -> None:
    assert refuser_of(message) == refuser


def test_our_own_missing_right_is_told_apart() -> None:
    own = 'groups "x" is forbidden: User "me" cannot impersonate resource "groups" in API group "" at the cluster scope'
    assert forbids_impersonation(own)
    assert not forbids_impersonation(BY_RBAC)


SOFTENED = OnlyWarns(POLICY, "legacy")


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Allowed({}, (WARNING,)), Verdict.NOT_PROVABLE),
        (Allowed({}), Verdict.FAILED),
        (Denied(BY_POLICY), Verdict.FAILED),
        (Denied(BY_QUOTA), Verdict.NOT_PROVABLE),
        (Denied('namespaces "legacy" not found'), Verdict.NOT_PROVABLE),
    ],
)
def test_a_policy_that_only_warns_in_a_namespace_is_neither_broken_nor_proved(
    outcome: Outcome, verdict: Verdict
) -> None:
    probe = Probe("create a pod", POLICY, MEMBER, Post({}), SOFTENED)
    found, said = judge(probe, outcome)
    assert found is verdict
    assert verdict is Verdict.FAILED or "nothing is refused yet in namespace legacy" in said


def fine(_body: object) -> str:
    return ""


def faulty(_body: object) -> str:
    return "no default"


POLICY_REFUSES = MustRefuse(RefuserKind.POLICY, POLICY)

CASES: dict[str, tuple[Expectation, Persona, Outcome, Verdict, str]] = {
    "refused as it should": (POLICY_REFUSES, MEMBER, Denied(BY_POLICY), Verdict.PROVED, BY_POLICY),
    "let through": (POLICY_REFUSES, MEMBER, Allowed({}), Verdict.FAILED, "admitted"),
    "only warned": (POLICY_REFUSES, MEMBER, Allowed({}, (WARNING,)), Verdict.FAILED, "with the warning"),
    "another policy": (
        MustRefuse(RefuserKind.POLICY, "other"), MEMBER, Denied(BY_POLICY), Verdict.FAILED, "refused, but by",
    ),
    "masked by the quota": (POLICY_REFUSES, MEMBER, Denied(BY_QUOTA), Verdict.FAILED, "but by resource quota"),
    "other words": (
        MustRefuse(RefuserKind.QUOTA, says="requested: pods"), MEMBER, Denied(BY_QUOTA), Verdict.FAILED, "refused, but",
    ),
    "right words": (
        MustRefuse(RefuserKind.QUOTA, "allotment-quota", "requested: requests.storage"), MEMBER, Denied(BY_QUOTA),
        Verdict.PROVED, "exceeded quota",
    ),
    "prove run by one whom policies bind": (
        MustRefuse(RefuserKind.QUOTA), OURSELVES, Denied(BY_POLICY), Verdict.ERROR, "by a platform engineer",
    ),
    "warned": (MustWarn(POLICY), MEMBER, Allowed({}, (WARNING,)), Verdict.PROVED, WARNING),
    "warned of something else": (MustWarn(POLICY), MEMBER, Allowed({}, ("old API",)), Verdict.FAILED, "without"),
    "refused instead of warned": (MustWarn(POLICY), MEMBER, Denied(BY_POLICY), Verdict.FAILED, BY_POLICY),
    "audited": (MayPass(POLICY), MEMBER, Allowed({}), Verdict.NOT_PROVABLE, "audit log"),
    "warned instead of audited": (MayPass(POLICY), MEMBER, Allowed({}, (WARNING,)), Verdict.FAILED, "audit mode"),
    "good work": (MustAccept("admitted", fine), MEMBER, Allowed({}), Verdict.PROVED, "admitted"),
    "good work, badly treated": (MustAccept("admitted", faulty), MEMBER, Allowed({}), Verdict.FAILED, "no default"),
    "good work, warned about": (MustAccept(), MEMBER, Allowed({}, (WARNING,)), Verdict.FAILED, WARNING),
    "good work, foreign warning": (MustAccept(), MEMBER, Allowed({}, ("old API",)), Verdict.PROVED, "admitted"),
    "good work refused": (MustAccept(), MEMBER, Denied(BY_POD_SECURITY), Verdict.FAILED, BY_POD_SECURITY),
    "good work, quota used up": (MustAccept(), MEMBER, Denied(BY_QUOTA), Verdict.NOT_PROVABLE, "used up"),
    "holds": (MustHold("x"), MEMBER, Found((), "3 of 3"), Verdict.PROVED, "3 of 3"),
    "holds, unproved": (MustHold("x", "stored only"), MEMBER, Found(()), Verdict.NOT_PROVABLE, "stored only"),
    "faults": (MustHold("x", "stored only"), MEMBER, Found(("a", "b")), Verdict.FAILED, "a; b"),
    "list refused": (MustHold("x"), MEMBER, Denied(BY_RBAC), Verdict.FAILED, BY_RBAC),
    "not tried": (POLICY_REFUSES, MEMBER, NotTried("no right"), Verdict.ERROR, "no right"),
    "work for no node": (POLICY_REFUSES, MEMBER, Denied(BY_WORK_FITS), Verdict.NOT_PROVABLE, NOWHERE),
    "good work for no node": (MustAccept(), MEMBER, Denied(BY_WORK_FITS), Verdict.NOT_PROVABLE, "can be tried here"),
    "no node, as it should be": (
        MustRefuse(RefuserKind.POLICY, WORK_FITS), MEMBER, Denied(BY_WORK_FITS), Verdict.PROVED, NOWHERE,
    ),
    "another policy for no node": (
        MustAccept(), MEMBER, Denied(BY_WORK_FITS.replace(WORK_FITS, POLICY)), Verdict.FAILED, NOWHERE,
    ),
    "queue is full": (MustHold("x"), MEMBER, NotTried("full", harmless=True), Verdict.NOT_PROVABLE, "full"),
}  # fmt: skip


@pytest.mark.parametrize(("expected", "persona", "outcome", "verdict", "says"), CASES.values(), ids=CASES.keys())
def test_judgement(expected: Expectation, persona: Persona, outcome: Outcome, verdict: Verdict, says: str) -> None:
    got, words = judge(Probe("t", "o", persona, Post({}), expected), outcome)
    assert got is verdict
    assert says in words


@pytest.mark.parametrize("expected", {str(case[0]): case[0] for case in CASES.values()}.values(), ids=str)
def test_an_expectation_says_what_it_is(expected: Expectation) -> None:
    assert str(expected)
