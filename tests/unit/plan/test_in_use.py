"""Work that was there before the policies: where they start in warn, where not, and what is said."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from allotment.model import labels
from allotment.plan.in_use import NOWHERE, Reach, Reached, kept_in_warn, reach_of, reached, warnings
from allotment.plan.work_found import Work, piece_of, told, works

DOMAINS = ("nvidia.com/",)
OUTSIDE = "accelerators-only-in-team-namespaces.allotment.dev"
TEAMS = "queue-required.allotment.dev"
NAME = "kubernetes.io/metadata.name"


def space(name: str, **marks: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": marks}}


OURS = {labels.TENANT: "nlp"}


def binding(policy: str, *expressions: Mapping[str, Any], actions: tuple[str, ...] = ("Deny", "Audit"), kept: str = ""):
    name = policy if "Deny" in actions else f"{policy}-warn"
    metadata = {"name": name, "annotations": {labels.KEPT_IN_WARN: kept} if kept else {}}
    spec = {
        "policyName": policy,
        "validationActions": list(actions),
        "matchResources": {"namespaceSelector": {"matchExpressions": list(expressions)}},
    }
    return {"kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": spec}


def among(*names: str) -> dict[str, Any]:
    return {"key": NAME, "operator": "In", "values": list(names)}


def but(*names: str) -> dict[str, Any]:
    return {"key": NAME, "operator": "NotIn", "values": list(names)}


NOT_TEAMS = {"key": labels.TENANT, "operator": "DoesNotExist"}
POLICIES = [{"metadata": {"name": TEAMS}}, {"metadata": {"name": OUTSIDE}}]


def after(*names: str, kept: str = "") -> Reach:
    """The policies stand; in these namespaces they only warn."""
    warn = [binding(OUTSIDE, NOT_TEAMS, among(*names), actions=("Warn", "Audit"), kept=kept)] if names else []
    return reach_of(POLICIES, [binding(OUTSIDE, NOT_TEAMS, but("kube-system", *names)), *warn])


def look(
    *spaces: dict[str, Any],
    reach: Reach = NOWHERE,
    teams: tuple[str, ...] = ("nlp",),
    listed: tuple[str, ...] = (),
) -> Reached:
    return reached(spaces, teams, ("kube-system",), listed, reach)


CASES: Mapping[str, tuple[Reached, set[str], set[str]]] = {
    "before the first apply every namespace is new": (
        look(space("nlp"), space("legacy"), space("kube-system")), {"nlp"}, {"legacy"},
    ),
    "what the directory names is settled": (
        look(space("nlp"), space("legacy"), listed=("legacy", "nlp")), set(), set(),
    ),
    "where policies refuse nothing is kept": (
        look(space("nlp", **OURS), space("legacy"), reach=after()), set(), set(),
    ),
    "a namespace that is about to become a team's is new": (look(space("nlp"), reach=after()), {"nlp"}, set()),
    "a binding that only warns refuses nobody": (
        look(space("legacy"), reach=reach_of(POLICIES, [binding(OUTSIDE, NOT_TEAMS, actions=("Warn", "Audit"))])),
        set(), {"legacy"},
    ),
    "a missing binding of a team's policies makes no namespace of a team new": (
        look(space("nlp", **OURS), reach=reach_of(POLICIES, [])), set(), set(),
    ),
    "one of ours that lost its team's label is not new": (
        look(space("nlp", **{labels.MANAGED_BY: labels.MANAGED_BY_VALUE}), reach=after()), set(), set(),
    ),
    "what was kept is looked at again": (
        look(space("legacy"), space("later"), reach=after("legacy", kept="legacy")), set(), {"legacy"},
    ),
    "a team that leaves, and one that nobody declares, are nobody's business": (
        look(space("old", **OURS), reach=after("old", kept="old")), set(), set(),
    ),
    "what was kept as nobody's and became a team's, too": (
        look(space("nlp", **OURS), reach=after("nlp", kept="nlp")), {"nlp"}, set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("found", "of_teams", "others"), CASES.values(), ids=CASES)
def test_which_namespaces_are_looked_at(found: Reached, of_teams: set[str], others: set[str]) -> None:
    assert (set(found.of_teams), set(found.others)) == (of_teams, others)


def job(namespace: str, devices: int = 0, pods: int = 1) -> Work:
    amounts = {"nvidia.com/gpu": Fraction(devices)} if devices else {}
    held = {name: amount * pods for name, amount in amounts.items()} if pods else {}
    return Work(namespace, "Job train", "Helm release research", pods, held, amounts)


def test_elsewhere_only_work_with_accelerators_counts_and_in_a_team_all_of_it() -> None:
    places = look(space("nlp"), space("legacy"), space("web"))
    assert kept_in_warn([job("nlp"), job("legacy", 4), job("web")], places) == ("legacy", "nlp")


def test_work_without_a_pod_counts_when_it_asks_for_accelerators() -> None:
    assert kept_in_warn([job("legacy", 4, pods=0)], look(space("legacy"))) == ("legacy",)


def test_once_the_work_is_gone_policies_refuse() -> None:
    assert kept_in_warn([], look(space("legacy"), reach=after("legacy", kept="legacy"))) == ()


def test_a_name_taken_off_the_list_is_refused_from_then_on_and_that_is_said() -> None:
    places = look(space("legacy"), reach=after("legacy"))
    assert kept_in_warn([job("legacy", 4)], places) == ()
    (said,) = warnings([job("legacy", 4)], places, ("old",), "c.yaml")
    assert said.message == (
        "from now on policies refuse here what only got a warning, replacement pods included: "
        "Job train (by Helm release research): 1 pod with 4 nvidia.com/gpu. For that work to go on, write "
        "warnNamespaces: [legacy, old] in c.yaml before you apply, and take the name out when it has ended"
    )


def test_what_is_kept_is_said_with_the_edit_that_makes_it_explicit() -> None:
    places = look(space("legacy"), space("nlp"), listed=("old",))
    one, two = warnings([job("legacy", 4), job("nlp")], places, ("old",), "clusters/dev.yaml")
    assert (one.key.name, two.key.name) == ("legacy", "nlp")
    edit = "write warnNamespaces: [legacy, nlp, old] in clusters/dev.yaml"
    assert edit in one.message
    assert edit in two.message
    assert "exemptNamespaces" in one.message
    assert "exemptNamespaces" not in two.message


def body(kind: str, name: str, spec: dict[str, Any], owner: str = "", **more: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": "legacy", "uid": f"uid-{name}", **more.pop("metadata", {})}
    if owner:
        metadata["ownerReferences"] = [
            {"uid": f"uid-{owner}", "kind": "Owner", "name": owner, "controller": True, "apiVersion": "v1"}
        ]
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec, **more}


def pod_spec(devices: str | None = "2", **more: Any) -> dict[str, Any]:
    asked = {"cpu": "1"} | ({"nvidia.com/gpu": devices} if devices else {})
    return {"containers": [{"name": "main", "resources": {"requests": asked, "limits": asked}}], **more}


def found(*bodies: dict[str, Any]) -> tuple[Work, ...]:
    return works(piece for item in bodies if (piece := piece_of(item, DOMAINS)) is not None)


def test_pods_stand_under_what_started_them() -> None:
    made = [
        body("CronJob", "nightly", {"jobTemplate": {"spec": {"template": {"spec": pod_spec()}}}}),
        body("Job", "nightly-1", {"template": {"spec": pod_spec()}}, owner="nightly"),
        body("Pod", "nightly-1-a", pod_spec(), owner="nightly-1"),
        body("Pod", "nightly-1-b", pod_spec(), owner="nightly-1"),
        body("Pod", "lone", pod_spec(), owner="somewhere"),
    ]
    assert [str(work) for work in found(*made)] == [
        "CronJob nightly: 2 pods with 4 nvidia.com/gpu",
        "Owner somewhere: 1 pod with 2 nvidia.com/gpu",
    ]


ASKING: Mapping[str, tuple[dict[str, Any], str]] = {
    "a Deployment scaled to none": (
        body("Deployment", "serve", {"replicas": 0, "template": {"spec": pod_spec()}}),
        "Deployment serve: no pod now, asks for 2 nvidia.com/gpu",
    ),
    "a suspended Job": (
        body("Job", "held", {"suspend": True, "template": {"spec": pod_spec()}}),
        "Job held: no pod now, asks for 2 nvidia.com/gpu",
    ),
    "a kind with several templates": (
        body("JobSet", "set", {"replicatedJobs": [{"template": {"spec": {"template": {"spec": pod_spec()}}}}] * 2}),
        "JobSet set: no pod now, asks for 4 nvidia.com/gpu",
    ),
    "a resource claim": (
        body("Pod", "claims", pod_spec(None, resourceClaims=[{"name": "gpu"}])),
        "Pod claims: 1 pod with 1 resource claim(s)",
    ),
    "an init container alone": (
        body("Pod", "init", {"containers": [{"name": "c"}], "initContainers": pod_spec()["containers"]}),
        "Pod init: 1 pod with 2 nvidia.com/gpu",
    ),
    "an amount of none": (body("Pod", "zero", pod_spec("0")), "Pod zero: 1 pod"),
    "a Helm release": (
        body("Pod", "chart", pod_spec(), metadata={"annotations": {"meta.helm.sh/release-name": "research"}}),
        "Pod chart (by Helm release research): 1 pod with 2 nvidia.com/gpu",
    ),
    "somebody with kubectl": (
        body(
            "Pod", "hand", pod_spec(),
            metadata={"managedFields": [
                {"manager": "kubelet", "time": "2026-01-01T00:00:00Z", "subresource": "status"},
                {"manager": "kubectl-create", "time": "2026-01-01T00:00:00Z"},
            ]},
        ),
        "Pod hand (by kubectl-create): 1 pod with 2 nvidia.com/gpu",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), ASKING.values(), ids=ASKING)
def test_what_work_asks_for_and_who_made_it(given: dict[str, Any], expected: str) -> None:
    assert told(found(given)) == expected


@pytest.mark.parametrize(
    "ended",
    [
        body("Pod", "done", pod_spec(), status={"phase": "Succeeded"}),
        body("Job", "done", {}, status={"conditions": [{"type": "Complete", "status": "True"}]}),
        body("Job", "done", {}, status={"conditions": [{"type": "Failed", "status": "True"}]}),
    ],
)
def test_what_has_ended_is_no_work(ended: dict[str, Any]) -> None:
    assert found(ended) == ()
