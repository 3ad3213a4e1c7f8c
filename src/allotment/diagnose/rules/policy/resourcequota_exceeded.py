"""A ResourceQuota of the namespace is used up: the object, or the next of its pods, is refused."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from allotment.diagnose.amending import amended, changed_pods, containers_patch, scaled, sent_again
from allotment.diagnose.case import Case, PodsToCome, reference_of
from allotment.diagnose.emptied import with_flavors
from allotment.diagnose.finding import Deferred, Finding, Proposal
from allotment.diagnose.reach import RefusedAttempt, missing_pods, refusals, sureness
from allotment.diagnose.releases import SERVICES, service_of
from allotment.diagnose.rules.policy.amounts import amount, written
from allotment.diagnose.rules.policy.defaults import admitted, ranges_of
from allotment.diagnose.rules.policy.quota_use import Excess, excesses, quotas_of, use_of, users_of
from allotment.diagnose.rules.policy.quota_words import told, words_of
from allotment.diagnose.rules.scheduler.placing import flavors_of, placing_of
from allotment.diagnose.rules.scheduler.smaller import fits_alone, fits_now, most_of
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.index import kind_of
from allotment.model.observed.pods import Pod, PodSpec, PodTemplate
from allotment.model.observed.work import Job, Replicas


def find(case: Case) -> Finding | None:
    """Recomputed from the pods of the namespace; where objects of other kinds are counted, from the refusal."""
    said = next((each for each in refusals(case) if words_of(each) is not None), None)
    for part in case.to_come if quotas_of(case) else ():
        # Of what was refused only a pod is itself what the quota counts.
        sent = case.submission.manifest if case.submission is not None and case.subject is None else None
        pods = (1 if isinstance(sent, Pod) and said is not None else 0) if case.subject is None else missing_pods(case)
        spec = admitted(case.index, case.namespace, part.template.spec)
        found = excesses(case, spec, pods) if pods else []
        if found:
            return _finding(case, part, spec, found, pods, said)
    return told(case, said) if said is not None else None


def _finding(
    case: Case, part: PodsToCome, spec: PodSpec, found: list[Excess], pods: int, said: RefusedAttempt | None
) -> Finding:
    first = _binding(found)
    target = reference_of(first.quota)
    hard, used, needed = (written(first.resource, each) for each in (first.hard, first.used, first.needed))
    never = first.needed > first.hard
    own = sum((_uses(pod.spec, first.resource) for pod in case.pods if not pod.ended), Fraction(0))
    itself = own > 0 and own + first.needed * pods > first.hard and service_of(case) is not None
    what = "pod" if (hard, first.resource) == ("1", "pods") else first.resource
    waits = not never and case.subject is not None and not itself
    evidence = [
        Evidence(target, f"spec.hard[{first.resource}]", hard, f"{used} is used, {needed} more is needed for a pod")
    ]
    if said is not None:
        evidence.append(Evidence(said.object, said.field, said.message))
    return Finding(
        "resourcequota-exceeded",
        CauseVerdict.WAITING if waits else CauseVerdict.MISCONFIGURED,
        f"the ResourceQuota {first.quota.name} allows {hard} {what}{_of_whom(first)} in namespace {case.namespace}: "
        f"{used} {'is' if used == '1' else 'are'} used and {f'each of {pods} pods' if pods > 1 else 'a pod'} needs "
        f"{needed}{_by_default(case, part, first)}"
        f"{'; its own pods alone need more, and do not end' if itself and not never else ''}",
        facts={
            "resource_quota": first.quota.name,
            "namespace": case.namespace,
            "resource": first.resource,
            "hard": hard,
            "used": used,
            "requested": needed,
            "missing_pods": pods,
        },
        evidence=tuple(evidence),
        # What even an empty namespace refuses is so, whenever its pods are made.
        confidence=Confidence.SURE if never or (said is not None and not said.by_event) else sureness(case),
        proposals=Deferred(_helping(case, part, spec, found, pods)),
        never=never,
    )


def _helping(case: Case, part: PodsToCome, spec: PodSpec, found: list[Excess], pods: int) -> Iterator[Proposal]:
    first = _binding(found)
    yield from _smaller(case, part, spec, found, pods)
    yield from _fewer(case, first, pods)
    if first.needed <= first.hard:
        yield from _waited(case, first, pods)
    yield from _of_no_class(case, part, first)
    yield _raised(case, found, pods)


def _of_whom(first: Excess) -> str:
    """Which pods the quota counts, in words; empty where it counts all."""
    selector = first.quota.spec.scope_selector
    said = [each for each in first.quota.spec.scopes if each != "PriorityClass"]
    for each in selector.match_expressions if selector is not None else ():
        values = ", ".join(each.values)
        name = "priority class" if each.scope_name == "PriorityClass" else each.scope_name
        said.append(f"{name}{' other than' if each.operator == 'NotIn' else ''} {values}".rstrip())
    return f" for pods of {' and '.join(said)}" if said else ""


def _by_default(case: Case, part: PodsToCome, first: Excess) -> str:
    """Which LimitRanges have a pod ask for it, where its author wrote nothing of it."""
    name = first.resource.removeprefix("requests.").removeprefix("limits.")
    written_by = (each.resources for each in part.template.spec.containers)
    if all(name in {**own.requests, **own.limits} for own in written_by):
        return ""
    ranges = [
        each.name
        for each in ranges_of(case.index, case.namespace)
        if any(name in {**item.default, **item.default_request, **item.max, **item.min} for item in each.spec.limits)
    ]
    return f", for what it does not say comes from the LimitRange {', '.join(ranges)}" if ranges else ""


def _of_no_class(case: Case, part: PodsToCome, first: Excess) -> Iterator[Proposal]:
    """A quota for some priority classes does not count the pods of others."""
    selector = first.quota.spec.scope_selector
    expressions = selector.match_expressions if selector is not None else ()
    named = bool(part.template.spec.priority_class_name)
    if named and any((each.scope_name, each.operator) == ("PriorityClass", "In") for each in expressions):
        body = {"priorityClassName": None, "priority": None}
        what = "name no priority class: the quota counts only pods of that one"
        yield changed_pods(RemedyKind.OTHER, what, case, body, 4)


def _binding(found: list[Excess]) -> Excess:
    return max(found, key=lambda each: (each.needed > each.hard, "gpu" in each.resource, each.resource))


def _smaller(case: Case, part: PodsToCome, spec: PodSpec, found: list[Excess], pods: int) -> list[Proposal]:
    """Less of each for every pod, so that all that are missing fit: one container must have all of it."""
    shares: dict[str, Fraction] = {}
    for each in found:
        kind, _, name = each.resource.partition(".")
        if each.resource in {"pods", "count/pods"}:
            return []
        name = name if kind in {"requests", "limits"} else each.resource
        share = (each.hard - each.used) / max(1, pods)
        whole = "cpu" not in name
        share = Fraction(int(share)) if whole else Fraction(int(share * 1000), 1000)
        if "memory" in name or "storage" in name:
            share = Fraction(int(share) >> 30 << 30)
        if share <= 0:
            return []
        shares[name] = min(share, shares.get(name, share))
    changes: dict[str, dict[str, dict[str, str]]] = {}
    said = []
    for name, share in _on_nodes(case, part, spec, shares, pods).items():
        having = [one for one in spec.containers if name in {**one.resources.requests, **one.resources.limits}]
        if len(having) != 1:
            return []
        own = having[0].resources
        change = changes.setdefault(having[0].name, {"requests": {}, "limits": {}})
        for listed, values in (("requests", own.requests), ("limits", own.limits)):
            if name in values and amount(values[name]) > share:
                change[listed][name] = written(name, share)
        said.append(f"{written(name, share)} {name}")
    bodies = {
        name: {"resources": {listed: values for listed, values in change.items() if values}}
        for name, change in changes.items()
    }
    target, patch = amended(case, containers_patch(bodies))
    each_pod = " each" if part.count > 1 else ""
    return [Proposal(RemedyKind.REDUCE_REQUEST, Doer.USER, f"ask for {', '.join(said)}{each_pod}", target, patch)]


def _on_nodes(
    case: Case, part: PodsToCome, spec: PodSpec, shares: dict[str, Fraction], pods: int
) -> dict[str, Fraction]:
    """The same, and no more than nodes have for all of them: now, or else with nobody else there."""
    flavors = {} if case.workload is None else flavors_of(case, case.workload)
    template = with_flavors(case.index, PodTemplate(part.template.metadata, spec), flavors.get(part.name, ()))
    it = placing_of(case, [f"{case.reference.name}-more-{number}" for number in range(pods)], template)
    asked = it.pods[0].requests if it.pods else {}
    wanted = {name: int(share * 1000) if name == "cpu" else int(share) for name, share in shares.items()}
    wanted = {name: most for name, most in wanted.items() if asked.get(name, 0) > most}
    for fits in (fits_now(it), fits_alone(it)) if wanted else ():
        fitting = wanted if fits is None or fits(wanted) else most_of(wanted, fits)
        if fitting is not None:
            found = {name: Fraction(most, 1000 if name == "cpu" else 1) for name, most in fitting.items()}
            return {**shares, **found}
    return shares


def _fewer(case: Case, first: Excess, pods: int) -> list[Proposal]:
    """Fewer pods at a time, where some have room."""
    room = int((first.hard - first.used) / first.needed)
    work = case.work
    running = sum(1 for pod in case.pods if not pod.ended)
    if room + running < 1 or pods <= room:
        return []
    fits = room + running
    target = case.reference if work is None or case.subject is None else reference_of(work)
    if isinstance(work, Job):
        body: dict[str, object] = {"parallelism": fits}
        if work.spec.completion_mode != "Indexed" and work.spec.completions == work.spec.parallelism:
            body["completions"] = work.spec.completions
        # The pods of a Job that no queue has let in can be made fewer where it stands: nothing that runs is lost.
        stands = case.subject is not None and case.workload is None
        patch = Patch(PatchOp.MERGE if stands else PatchOp.RESUBMIT, {"spec": body})
    elif isinstance(work, Replicas):
        patch = scaled(work, fits)
    else:
        return []
    what = f"ask for {fits} pod{'s' if fits > 1 else ''} at a time"
    return [Proposal(RemedyKind.REDUCE_REQUEST, Doer.USER, what, target, patch, cost=1)]


def _waited(case: Case, first: Excess, pods: int) -> list[Proposal]:
    """What has to end first: the smallest of the namespace's users that is enough."""
    lacking = first.used + first.needed * max(1, pods) - first.hard
    # A service runs until somebody ends it.
    users = [pod for pod in users_of(case, first.quota) if kind_of(case.index.top(pod)) not in SERVICES]
    enough = [pod for pod in users if _uses(pod.spec, first.resource) >= lacking]
    if not enough:
        return []
    pod = min(enough, key=lambda each: (_uses(each.spec, first.resource), each.name))
    above = case.index.top(pod)
    again = "" if case.subject is not None else ", then submit again"
    return [
        Proposal(
            RemedyKind.WAIT_FOR_QUOTA,
            Doer.USER,
            f"wait for {kind_of(above)} {above.name} to end, which uses the quota{again}",
            reference_of(above),
            Patch(PatchOp.WAIT, {"until": "completed"}),
            cost=2,
        )
    ]


def _uses(spec: PodSpec, resource: str) -> Fraction:
    return use_of(spec).get(resource, Fraction(0))


def _raised(case: Case, found: list[Excess], pods: int) -> Proposal:
    quota = found[0].quota
    hard = {
        each.resource: written(each.resource, each.used + each.needed * max(1, pods))
        for each in found
        if each.quota is quota
    }
    said = ", ".join(f"{name} {value}" for name, value in hard.items())
    return Proposal(
        RemedyKind.RAISE_NAMESPACE_QUOTA,
        Doer.PLATFORM,
        f"raise the ResourceQuota {quota.name} to {said}",
        reference_of(quota),
        Patch(PatchOp.MERGE, {"spec": {"hard": hard}}),
        effect=sent_again(case),
    )
