"""What is wanted of a cluster that lives: policies start in warn beside work from before, and stay as they are then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allotment.adapters.clock import FixedClock
from allotment.adapters.kube.fake import Call, FakeKube
from allotment.model import labels
from allotment.model.manifest import ObjectKey
from allotment.model.platform import Platform
from allotment.model.policy import Mode, PolicyName
from allotment.model.team import Offboarding
from allotment.operations.change.apply import ApplySettings, apply_plan
from allotment.operations.change.drift import DriftTarget, find_drift
from allotment.operations.change.living import Wanted, wanted_of
from allotment.operations.change.planning import PlanSettings, make_plan
from allotment.plan.changes import Action, Plan, PlanWarning, WarningCode
from allotment.plan.strangers.grounds import grounds
from allotment.ports.kube import AccessRefusedError
from allotment.render.manifests import render
from tests.unit.builders import cluster, platform, policies, team
from tests.unit.operations.world import START, TODAY

OUTSIDE = f"{PolicyName.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES}.{labels.DOMAIN}"
WORK = f"{PolicyName.QUEUE_REQUIRED}.{labels.DOMAIN}"


def space(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def pod(namespace: str, name: str, devices: int = 0) -> dict[str, Any]:
    asked = {"nvidia.com/gpu": str(devices)} if devices else {"cpu": "1"}
    containers = [{"name": "main", "image": "train", "resources": {"limits": asked}}]
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers}}


def cron_job(namespace: str, devices: int) -> dict[str, Any]:
    template = {"spec": pod(namespace, "x", devices)["spec"]}
    spec = {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": template}}}
    metadata = {"name": "nightly", "namespace": namespace}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec}


class Town:
    """A cluster with work in it, and a platform that comes to it."""

    def __init__(self, *bodies: dict[str, Any], warn: tuple[str, ...] = (), mode: Mode = Mode.ENFORCE) -> None:
        self.kube = FakeKube()
        self.looking = False
        for body in bodies:
            self.kube.create(body)
        self.declared = self.declare(*warn, mode=mode)

    def declare(self, *warn: str, mode: Mode = Mode.ENFORCE) -> Platform:
        place = replace(cluster(), warn_namespaces=warn, declared_in="clusters/dev.yaml")
        return platform(clusters=(place,), teams=(team("nlp"),), guardrails=policies((place,), mode=mode))

    @property
    def wanted(self) -> Wanted:
        return wanted_of(self.declared, self.declared.clusters[0], self.kube, workers=1)

    def plan(self) -> Plan:
        self.looking = True
        wanted = self.wanted
        self.looking = False
        return wanted.said_with(make_plan(wanted.manifests, self.kube, PlanSettings("acme", TODAY, workers=1)))

    def apply(self) -> None:
        apply_plan(self.plan(), self.kube, FixedClock(START), ApplySettings(workers=1))

    def warned(self, policy: str = OUTSIDE) -> list[str]:
        """Namespaces of the second binding of a policy, as it is live."""
        key = ObjectKey("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", "", f"{policy}-warn")
        body = self.kube.get("admissionregistration.k8s.io/v1", key)
        if body is None:
            return []
        expressions = body["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
        return next(list(one["values"]) for one in expressions if one["operator"] == "In")

    def said(self, code: WarningCode = WarningCode.IN_USE) -> list[PlanWarning]:
        return [warning for warning in self.plan().warnings if warning.code is code]


def busy(**more: Any) -> Town:
    return Town(space("legacy"), pod("legacy", "serve", 2), space("web"), pod("web", "page"), **more)


def test_the_first_apply_leaves_policies_in_warn_beside_older_work_and_the_second_plan_is_empty() -> None:
    town = busy()
    (said,) = town.said()
    assert (said.key.name, "Pod serve" in said.message) == ("legacy", True)
    assert "warnNamespaces: [legacy] in clusters/dev.yaml" in said.message
    town.apply()
    assert town.warned() == town.warned(WORK) == ["legacy"]
    assert town.plan().empty
    assert town.said(), "it is said until somebody decides"


def test_work_that_comes_later_softens_nothing() -> None:
    town = busy()
    town.apply()
    town.kube.create(pod("web", "train", 4))
    town.kube.create(pod("nlp", "train"))
    assert town.plan().empty
    assert town.warned() == ["legacy"]


def test_a_nightly_cron_job_counts_as_work() -> None:
    town = Town(space("legacy"), cron_job("legacy", 4))
    town.apply()
    assert town.warned() == ["legacy"]


def test_once_the_work_is_gone_they_refuse() -> None:
    town = busy()
    town.apply()
    town.kube.delete("v1", ObjectKey("", "Pod", "legacy", "serve"))
    assert not town.said()
    town.apply()
    assert town.warned() == []
    assert town.plan().empty


def test_the_edit_makes_it_explicit_and_taking_the_name_out_makes_them_refuse() -> None:
    town = busy()
    town.apply()
    town.declared = town.declare("legacy")
    town.apply()
    assert town.warned() == ["legacy"]
    assert town.plan().empty
    assert not town.said()
    town.declared = town.declare()
    (said,) = town.said()
    assert said.message.startswith("from now on policies refuse here")
    town.apply()
    assert town.warned() == []
    assert town.plan().empty


def test_a_teams_namespace_that_was_there_before_is_kept_with_all_its_work() -> None:
    town = Town(space("nlp"), pod("nlp", "page"))
    (said,) = town.said()
    assert said.key.name == "nlp"
    town.apply()
    assert town.warned(WORK) == ["nlp"]


def test_a_namespace_that_the_platform_made_is_never_softened_though_bindings_were_taken_away() -> None:
    town = Town()
    town.apply()
    town.kube.create(pod("nlp", "page"))
    for key in list(town.kube.existing):
        if key.kind == "ValidatingAdmissionPolicyBinding":
            town.kube.delete("admissionregistration.k8s.io/v1", key)
    assert not town.said()
    assert not [change for change in town.plan().changes if change.key.name.endswith("-warn")]


def test_where_no_policy_refuses_nothing_is_looked_for() -> None:
    town = busy(mode=Mode.WARN)
    assert not town.said()
    assert ("list", "Pod") not in {(call.verb, call.key.kind) for call in town.kube.calls}


def test_in_the_steady_state_no_work_is_read() -> None:
    town = Town()
    town.apply()
    town.kube.calls.clear()
    town.plan()
    assert ("list", "Pod") not in {(call.verb, call.key.kind) for call in town.kube.calls}


def test_of_a_team_that_leaves_nothing_is_kept_in_warn() -> None:
    town = Town()
    town.apply()
    town.kube.create(pod("nlp", "train", 4))
    place = town.declared.clusters[0]
    gone = team("nlp", offboarding=Offboarding(TODAY))
    town.declared = platform(clusters=(place,), teams=(gone,), guardrails=policies((place,)))
    for key in list(town.kube.existing):
        if key.kind == "ValidatingAdmissionPolicyBinding":
            town.kube.delete("admissionregistration.k8s.io/v1", key)
    assert not town.said()


def test_what_could_be_read_counts_though_something_could_not() -> None:
    town = busy()

    def forbid(call: Call) -> None:
        if (call.verb, call.key.kind) == ("list", "RayJob"):
            raise AccessRefusedError("listing", status=403, reason="Forbidden", message="you may not list rayjobs")

    town.kube.hook = forbid
    assert [one.key.name for one in town.said()] == ["legacy"]
    assert len(town.said(WarningCode.UNVERIFIED)) == 1


@pytest.mark.parametrize("kind", ["Pod", "Namespace"])
def test_who_may_not_read_work_keeps_what_was_kept_and_is_told(kind: str) -> None:
    town = busy()
    town.apply()

    def forbid(call: Call) -> None:
        if (call.verb, call.key.kind) == ("list", kind) and town.looking:
            raise AccessRefusedError("listing", status=403, reason="Forbidden", message="you may not list them")

    town.kube.hook = forbid
    assert town.plan().empty
    assert [one.message for one in town.said(WarningCode.UNVERIFIED)] == [
        "not all work that was there before the policies was looked at, and may be refused: you may not list them"
    ]


@pytest.mark.parametrize("warn", [(), ("legacy",)])
def test_drift_and_the_plan_agree_and_drift_says_where_policies_only_warn(warn: tuple[str, ...]) -> None:
    town = busy(warn=warn)
    town.apply()
    place = town.declared.clusters[0]
    manifests = render(town.declared, place)
    target = DriftTarget(
        manifests,
        lambda: town.kube,
        grounds=grounds(town.declared, place, manifests, TODAY),
        wanted=lambda kube: wanted_of(town.declared, place, kube, workers=1),
    )
    (found,) = find_drift([target], PlanSettings("acme", TODAY, workers=1), FixedClock(START)).clusters
    assert not [one for one in found.objects if "Webhook" not in one.key.kind]
    more = "" if warn else " (in use before them)"
    assert found.notes == (f"policies about work only warn in legacy{more}",)


def priority_class(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name, "annotations": {"meta.helm.sh/release-name": "base"}},
        "value": 500,
        "globalDefault": True,
    }


def test_a_foreign_default_class_is_named_and_ours_is_made_without_the_mark() -> None:
    town = Town(priority_class("standard"))
    (said,) = town.said(WarningCode.FOREIGN_DEFAULT)
    assert said.key.name == "standard"
    assert "by Helm release base" in said.message
    town.apply()
    ours = ObjectKey("scheduling.k8s.io", "PriorityClass", "", "exploratory")
    assert (town.kube.get("scheduling.k8s.io/v1", ours) or {})["globalDefault"] is False
    assert town.plan().empty
    town.kube.delete("scheduling.k8s.io/v1", ObjectKey("scheduling.k8s.io", "PriorityClass", "", "standard"))
    town.apply()
    assert (town.kube.get("scheduling.k8s.io/v1", ours) or {})["globalDefault"] is True


DEFAULTS = (ObjectKey("", "LimitRange", "nlp", "allotment-limits"), ObjectKey("", "ServiceAccount", "nlp", "default"))


def test_a_team_that_is_put_on_the_list_keeps_the_defaults_that_its_work_relies_on() -> None:
    town = Town()
    town.apply()
    town.declared = town.declare("nlp")
    plan = town.plan()
    assert plan.counts[Action.DELETE] == 0
    assert not [change for change in plan.changes if change.key in DEFAULTS]
    town.apply()
    assert town.plan().empty
    assert set(DEFAULTS) <= town.kube.existing


def test_one_that_came_with_its_work_gets_none_before_it_is_taken_off() -> None:
    town = Town(warn=("nlp",))
    town.apply()
    assert not set(DEFAULTS) & town.kube.existing
    town.declared = town.declare()
    town.apply()
    assert set(DEFAULTS) <= town.kube.existing


def test_drift_knows_of_them() -> None:
    town = Town()
    town.apply()
    town.declared = town.declare("nlp")
    town.apply()
    assert render(town.declared, town.declared.clusters[0]) != town.wanted.manifests
    place = town.declared.clusters[0]
    target = DriftTarget(
        render(town.declared, place),
        lambda: town.kube,
        wanted=lambda kube: wanted_of(town.declared, place, kube, workers=1),
    )
    (found,) = find_drift([target], PlanSettings("acme", TODAY, workers=1), FixedClock(START)).clusters
    assert not [each for each in found.objects if each.key in DEFAULTS]
