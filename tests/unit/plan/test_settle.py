"""From what was found to the plan: every kind of step, every reason not to take one."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from allotment.model import labels
from allotment.model.manifest import Family, Manifest, Manifests, ObjectKey
from allotment.plan.changes import Action, Blocked, Conflict, Delete, Drain, Plan, Update, WarningCode
from allotment.plan.circumstances import Circumstances
from allotment.plan.settle import digest_of, plan
from allotment.plan.survey import survey
from allotment.plan.verdict import Accepted, Disputed, Refused, Verdict
from tests.unit.plan import objects
from tests.unit.plan.objects import PLATFORM

TODAY = dt.date(2026, 11, 22)
NAMESPACE = ObjectKey("", "Namespace", "", "cv")


def live(manifest: Manifest, *, ours: bool = True, owned: bool = True, **changed: Any) -> dict[str, Any]:
    """The live state of an object as our apply leaves it, or somebody else's object of that name."""
    body: dict[str, Any] = {**manifest.body, **changed}
    metadata = dict(body["metadata"])
    if not ours:
        metadata.pop("labels", None)
    entry = {"manager": "allotment" if ours and owned else "kubectl", "operation": "Apply", "fieldsV1": tree(body)}
    metadata |= {"uid": "u1", "resourceVersion": "7", "managedFields": [entry]}
    return {**body, "metadata": metadata}


def tree(value: Any, *, top: bool = True) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {}
    skipped = {"apiVersion", "kind", "name", "namespace"} if top else set()
    return {f"f:{key}": tree(item, top=top and key == "metadata") for key, item in value.items() if key not in skipped}


def made(
    desired: Manifests, *bodies: dict[str, Any], verdicts: dict[ObjectKey, Verdict] | None = None, **around: Any
) -> Plan:
    circumstances = Circumstances(around.pop("today", TODAY), verdicts=verdicts or {}, **around)
    return plan(desired, survey(desired, bodies, PLATFORM), PLATFORM, circumstances)


def test_everything_is_created_in_an_empty_cluster() -> None:
    desired = objects.platform("cv", "nlp")
    found = made(desired)
    assert found.counts[Action.CREATE] == len(desired.objects) == len(found.changes)
    assert not found.empty
    assert found.digest == digest_of(desired)


def test_nothing_to_do() -> None:
    desired = objects.platform("cv")
    found = made(desired, *(live(manifest) for manifest in desired))
    assert found.empty
    assert found.unchanged == len(desired.objects)


def test_an_object_applied_by_another_tool_from_the_same_tree_is_as_desired() -> None:
    desired = objects.platform("cv")
    assert made(desired, *(live(manifest, owned=False) for manifest in desired)).empty


def test_the_digest_tells_platforms_apart() -> None:
    assert digest_of(objects.platform("cv")) != digest_of(objects.platform("nlp"))
    assert digest_of(objects.platform("cv")) == digest_of(objects.platform("cv"))


def test_update_shows_old_and_new_and_who_set_the_old() -> None:
    desired = objects.manifests(objects.namespace("cv"), objects.quota("cv", gpus=8))
    quota = next(item for item in desired if item.key.kind == "ResourceQuota")
    hard = {**quota.body["spec"]["hard"], "pods": "99"}
    body = live(quota, spec={"hard": hard})
    body["metadata"]["managedFields"].append(
        {
            "manager": "kubectl-edit", "operation": "Update", "time": "2026-11-21T10:00:00Z",
            "fieldsV1": {"f:spec": {"f:hard": {"f:pods": {}}}},
        }
    )  # fmt: skip
    found = made(desired, live(objects.namespace("cv")), body, verdicts={quota.key: Accepted(live(quota), ())})
    (change,) = found.changes
    assert isinstance(change, Update)
    (field,) = change.fields
    assert (field.field, field.old, field.new) == (".spec.hard.pods", "99", "50")
    assert (field.by, field.since) == ("kubectl-edit", "2026-11-21T10:00:00Z")


def test_the_servers_verdict_wins_over_ours() -> None:
    desired = objects.manifests(objects.namespace("cv"), objects.quota("cv"))
    quota = next(item for item in desired if item.key.kind == "ResourceQuota")
    body = live(quota, spec={"hard": {"pods": "1"}})
    found = made(desired, live(objects.namespace("cv")), body, verdicts={quota.key: Accepted(body, ("careful",))})
    assert found.empty
    assert [warning.message for warning in found.warnings] == ["careful"]


def test_a_field_given_up_that_stays_by_another_owner_is_an_update() -> None:
    desired = objects.manifests(objects.namespace("cv"))
    before = live(objects.namespace("cv", more={"extra": "x"}))
    after = live(objects.namespace("cv", more={"extra": "x"}))
    del after["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"]["f:labels"]["f:extra"]
    found = made(desired, before, verdicts={NAMESPACE: Accepted(after, ())})
    (change,) = found.changes
    assert isinstance(change, Update)
    assert [(field.field, field.old, field.new) for field in change.fields] == [(".metadata.labels.extra", "x", "x")]


def test_conflicts_name_manager_field_and_both_values() -> None:
    desired = objects.manifests(objects.namespace("cv"))
    body = live(objects.namespace("cv", more={labels.TEAM: "x"}))
    changed = {**body["metadata"]["labels"], labels.TEAM: "theirs"}
    body["metadata"]["labels"] = changed
    body["metadata"]["managedFields"].append(
        {
            "manager": "kubectl-label", "operation": "Update", "time": "2026-11-20T08:00:00Z",
            "fieldsV1": {"f:metadata": {"f:labels": {f"f:{labels.TEAM}": {}}}},
        }
    )  # fmt: skip
    del body["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"]["f:labels"][f"f:{labels.TEAM}"]
    name = f".metadata.labels.{labels.TEAM}"
    found = made(desired, body, verdicts={NAMESPACE: Disputed((("kubectl-label", name),))})
    (change,) = found.changes
    assert isinstance(change, Conflict)
    (contested,) = change.contested
    assert contested.manager == "kubectl-label"
    assert contested.since == "2026-11-20T08:00:00Z"
    assert (contested.field, contested.live, contested.desired) == (name, "theirs", "cv")


def test_what_the_server_refuses_is_blocked_with_its_words() -> None:
    desired = objects.manifests(objects.namespace("cv"), objects.claim("cv", size="5Gi"))
    claim = next(item for item in desired if item.key.kind == "PersistentVolumeClaim")
    verdict = Refused(
        "Forbidden", "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"
    )
    found = made(desired, live(objects.namespace("cv")), live(objects.claim("cv")), verdicts={claim.key: verdict})
    (change,) = found.changes
    assert isinstance(change, Blocked)
    assert change.wanted is Action.UPDATE
    assert change.why == verdict.message
    assert "by hand" in change.fix


def test_kinds_that_the_cluster_does_not_know_are_blocked() -> None:
    desired = objects.manifests(objects.flavor(), objects.priority_class())
    found = made(desired, unserved=frozenset({("kueue.x-k8s.io/v1beta2", "ResourceFlavor")}))
    assert {type(change).__name__ for change in found.changes} == {"Blocked", "Create"}
    (blocked,) = found.of(Action.BLOCKED)
    assert isinstance(blocked, Blocked)
    assert "install Kueue" in blocked.fix


class TestAdoption:
    """Attack row 2: nothing that is not ours is taken over."""

    def test_a_namespace_of_somebody_else(self) -> None:
        desired = objects.manifests(*objects.team_objects("cv"))
        found = made(desired, live(objects.namespace("cv"), ours=False))
        namespaced = [change for change in found.changes if change.key.namespace == "cv" or change.key == NAMESPACE]
        assert len(namespaced) == len(desired.objects) - 1  # the ClusterQueue lies outside
        assert all(isinstance(change, Blocked) for change in namespaced)
        assert "not ours" in next(change.what for change in namespaced if isinstance(change, Blocked))

    def test_an_object_of_another_platform(self) -> None:
        desired = objects.manifests(objects.namespace("cv"))
        body = live(objects.namespace("cv"))
        body["metadata"]["labels"] = {**body["metadata"]["labels"], labels.PLATFORM: "rival"}
        found = made(desired, body)
        (change,) = found.changes
        assert isinstance(change, Blocked)
        assert "rival" in change.why

    @pytest.mark.parametrize("value", [None, "evil"])
    def test_an_object_of_ours_whose_label_was_changed_stays_ours(self, value: str | None) -> None:
        quota = objects.quota("cv")
        desired = objects.manifests(objects.namespace("cv"), quota)
        body = live(quota)
        found_labels = {key: item for key, item in body["metadata"]["labels"].items() if key != labels.PLATFORM}
        body["metadata"]["labels"] = found_labels | ({labels.PLATFORM: value} if value else {})
        del body["metadata"]["managedFields"][0]["fieldsV1"]["f:metadata"]["f:labels"][f"f:{labels.PLATFORM}"]
        found = made(desired, live(objects.namespace("cv")), body, verdicts={quota.key: Accepted(live(quota), ())})
        (change,) = found.changes
        assert isinstance(change, Update)

    @pytest.mark.parametrize("value", [None, "evil"])
    def test_but_no_namespace_without_the_label_whoever_applied_fields_of_it(self, value: str | None) -> None:
        """`kubectl apply --server-side --field-manager=allotment` writes in our name what anybody wants."""
        body = live(objects.namespace("cv"))
        own = {labels.PLATFORM: value} if value else {}
        body["metadata"] |= {"labels": own, "annotations": {"note": "mine"}}
        metadata = {"f:annotations": {"f:note": {}}, **({"f:labels": {f"f:{labels.PLATFORM}": {}}} if own else {})}
        body["metadata"]["managedFields"][0]["fieldsV1"] = {"f:metadata": metadata}
        (change,) = made(objects.manifests(objects.namespace("cv")), body).changes
        assert isinstance(change, Blocked)
        assert change.what == "Namespace cv exists and is not ours"
        assert value is not None or "allot adopt namespace/cv" in change.fix

    def test_the_default_service_account_of_our_namespace_is_taken(self) -> None:
        desired = objects.manifests(objects.namespace("cv"), objects.service_account("cv"))
        account = next(item for item in desired if item.key.kind == "ServiceAccount")
        bare = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "cv"}}
        verdicts: dict[ObjectKey, Verdict] = {account.key: Accepted(live(account), ())}
        found = made(desired, live(objects.namespace("cv")), bare, verdicts=verdicts)
        (change,) = found.changes
        assert isinstance(change, Update)

    def test_the_default_service_account_of_a_foreign_namespace_is_not(self) -> None:
        desired = objects.manifests(objects.namespace("cv"), objects.service_account("cv"))
        account = next(item for item in desired if item.key.kind == "ServiceAccount")
        bare = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "cv"}}
        verdicts: dict[ObjectKey, Verdict] = {account.key: Accepted(live(account), ())}
        found = made(desired, live(objects.namespace("cv"), ours=False), bare, verdicts=verdicts)
        assert {change.key.kind for change in found.changes} == {"Namespace", "ServiceAccount"}
        assert all(isinstance(change, Blocked) for change in found.changes)

    def test_a_namespace_that_is_being_deleted(self) -> None:
        desired = objects.manifests(objects.namespace("cv"), objects.quota("cv"))
        body = live(objects.namespace("cv"))
        body["metadata"]["deletionTimestamp"] = "2026-11-22T00:00:00Z"
        found = made(desired, body)
        assert all(isinstance(change, Blocked) for change in found.changes)
        assert len(found.changes) == 2


class TestHandover:
    """A namespace of one team that the directory gives to another one."""

    def moved(self) -> Manifests:
        """cv's namespace and a guardrail in it, as team nlp's."""
        found = objects.platform("cv").objects
        inside = [item for item in found if "cv" in (item.key.namespace, item.key.name)]
        return objects.manifests(*(self.of_nlp(item) for item in inside if item.key.kind != "ClusterQueue"))

    def of_nlp(self, item: Manifest) -> Manifest:
        metadata = item.body["metadata"]
        own = {key: "nlp" if value == "cv" else value for key, value in metadata["labels"].items()}
        return Manifest(item.family, "nlp", {**item.body, "metadata": {**metadata, "labels": own}})

    def accepted(self, desired: Manifests) -> dict[ObjectKey, Verdict]:
        return {item.key: Accepted(live(item), ()) for item in desired}

    def test_it_is_blocked_with_all_that_would_go_into_it(self) -> None:
        desired = self.moved()
        found = made(desired, *map(live, objects.platform("cv").objects), verdicts=self.accepted(desired))
        inside = {change.key: change for change in found.changes if "cv" in (change.key.namespace, change.key.name)}
        assert {item.key for item in desired} <= inside.keys()
        assert all(isinstance(inside[item.key], Blocked) for item in desired)
        blocked = inside[NAMESPACE]
        assert isinstance(blocked, Blocked)
        assert blocked.what == "Namespace cv is one of team cv, and would go to team nlp"
        assert "write `id: cv` in its document, as `allot team rename` does" in blocked.fix
        assert "deletes" not in blocked.fix
        assert not found.doomed_namespaces

    def test_nothing_of_a_team_that_has_perhaps_another_name_goes_or_comes_twice(self) -> None:
        queue = next(item for item in objects.platform("cv").objects if item.key.kind == "ClusterQueue")
        desired = objects.manifests(*self.moved(), self.elsewhere(self.of_nlp(queue)))
        other = self.elsewhere(objects.namespace("cv"))
        refused = Refused("Invalid", "spec.clusterQueue: field is immutable")
        verdicts = self.accepted(desired) | {item.key: refused for item in desired if item.key.kind == "LocalQueue"}
        found = made(
            desired,
            *map(live, (*objects.platform("cv").objects, other)),
            verdicts=verdicts,
            running={"elsewhere": {"Pod": 3}},
        )
        of_teams = [change for change in found.changes if not (isinstance(change, Delete) and not change.team)]
        assert of_teams
        assert [change for change in of_teams if not isinstance(change, Blocked)] == []
        assert {"cv", "elsewhere"} <= {change.key.name for change in found.changes if change.key.kind == "ClusterQueue"}
        assert not any("delete" in change.fix for change in found.changes if change.key.kind == "LocalQueue")

    def test_while_the_first_team_stays_the_other_one_needs_a_namespace_of_its_own(self) -> None:
        desired = objects.manifests(*self.moved(), *map(self.elsewhere, objects.platform("cv").objects))
        found = made(desired, *map(live, objects.platform("cv").objects), verdicts=self.accepted(desired))
        blocked = next(change for change in found.changes if change.key == NAMESPACE)
        assert isinstance(blocked, Blocked)
        assert blocked.fix.startswith("name another namespace for team nlp")

    def elsewhere(self, item: Manifest) -> Manifest:
        """The same object under another name."""
        metadata = item.body["metadata"]
        return Manifest(item.family, item.team, {**item.body, "metadata": {**metadata, "name": "elsewhere"}})

    @pytest.mark.parametrize(
        ("manager", "step"),
        [("kubectl-label", Update), ("argocd-controller", Blocked), ("kubectl-client-side-apply", Blocked)],
    )
    def test_a_label_that_somebody_wrote_over_ours_is_put_right(self, manager: str, step: type) -> None:
        """Argo CD's default is no server-side apply: what its tree declares is an update by its controller."""
        desired = objects.manifests(objects.namespace("cv"))
        body = live(self.of_nlp(objects.namespace("cv")))
        written = {"manager": manager, "operation": "Update", "fieldsV1": tree(body)}
        own = live(objects.namespace("cv"))["metadata"]["managedFields"][0]
        del own["fieldsV1"]["f:metadata"]["f:labels"][f"f:{labels.TENANT}"]
        body["metadata"]["managedFields"] = [own, written]
        [change] = made(desired, body, verdicts=self.accepted(desired)).changes
        assert isinstance(change, step)


class TestPrune:
    def test_only_what_carries_both_labels(self) -> None:
        surplus = live(objects.flavor("old"))
        strangers = []
        for index, missing in enumerate((labels.PLATFORM, labels.MANAGED_BY)):
            body = live(objects.flavor(f"kept-{index}"))
            body["metadata"]["labels"] = {
                key: value for key, value in body["metadata"]["labels"].items() if key != missing
            }
            strangers.append(body)
        rival = live(objects.flavor("rival"))
        rival["metadata"]["labels"] = {**rival["metadata"]["labels"], labels.PLATFORM: "rival"}
        found = made(objects.manifests(), surplus, *strangers, rival)
        (change,) = found.changes
        assert isinstance(change, Delete)
        assert change.key.name == "old"
        assert change.seen.uid == "u1"

    @pytest.mark.parametrize(
        ("manager", "operation", "deleted"),
        [
            ("kube-controller-manager", "Update", False),
            ("manager", "Update", False),
            ("allotment", "Update", True),
            ("argocd-controller", "Update", True),
            ("kubectl-client-side-apply", "Update", True),
            ("kustomize-controller", "Apply", True),
        ],
    )
    def test_only_what_somebody_applied(self, manager: str, operation: str, deleted: bool) -> None:
        """The claim of a tenant's StatefulSet may look like ours, and holds the tenant's data."""
        body = live(objects.claim("cv"))
        body["metadata"]["managedFields"][0] |= {"manager": manager, "operation": operation}
        found = made(objects.manifests(), body)
        assert [change.key.kind for change in found.of(Action.DELETE)] == ["PersistentVolumeClaim"] * deleted
        code = WarningCode.DATA_DELETED if deleted else WarningCode.DISGUISED
        assert [warning.code for warning in found.warnings] == [code]

    def test_what_is_being_deleted_already_is_no_change(self) -> None:
        body = live(objects.flavor("old"))
        body["metadata"]["deletionTimestamp"] = "2026-11-22T00:00:00Z"
        found = made(objects.manifests(), body)
        assert found.empty
        assert [warning.code for warning in found.warnings] == [WarningCode.BEING_DELETED]


class TestOffboarding:
    def test_a_vanished_team_is_drained_then_deleted_namespace_last(self) -> None:
        bodies = [live(manifest) for manifest in objects.team_objects("cv")]
        found = made(objects.manifests(), *bodies, running={"cv": {"Job": 2, "Pod": 3}})
        kinds = [(type(change).__name__, change.key.kind) for change in found.changes]
        assert kinds[0] == ("Drain", "Namespace")
        assert kinds[-1] == ("Delete", "Namespace")
        drain = found.changes[0]
        assert isinstance(drain, Drain)
        assert drain.running == (("Job", 2), ("Pod", 3))
        assert found.doomed_namespaces == ("cv",)
        assert WarningCode.DATA_DELETED in {warning.code for warning in found.warnings}

    def test_a_namespace_that_a_staying_team_gives_up_is_said_to_be_no_renaming(self) -> None:
        other = Manifest(
            Family.NAMESPACES,
            "cv",
            {**(was := objects.namespace("cv")).body, "metadata": {**was.body["metadata"], "name": "cv-serving"}},
        )
        found = made(objects.manifests(other), live(was), running={"cv": {"Pod": 1}})
        assert [type(change).__name__ for change in found.changes] == ["Create", "Drain", "Drain", "Delete"]
        assert found.doomed_namespaces == ("cv",)
        [warning] = found.warnings
        assert warning.code is WarningCode.DATA_DELETED
        assert "Team cv stays, but nothing moves to another namespace of it" in warning.message

    def test_where_another_team_is_new_it_is_perhaps_the_same_under_another_name(self) -> None:
        desired = objects.manifests(objects.namespace("vision"))
        found = made(desired, live(objects.namespace("cv")))
        [warning] = [each for each in found.warnings if each.code is WarningCode.DATA_DELETED]
        assert warning.message.endswith(
            "If team vision is team cv under another name, write `id: cv` in its document, as `allot team rename` "
            "does: then nothing goes"
        )

    def test_every_namespace_of_a_leaving_team_is_emptied(self) -> None:
        def space(name: str) -> Manifest:
            body = self.leaving("2027-01-31").body
            return Manifest(Family.NAMESPACES, "cv", {**body, "metadata": {**body["metadata"], "name": name}})

        desired = objects.manifests(space("cv"), space("cv-serving"))
        bodies = [live(item) for item in desired]
        found = made(desired, *bodies, running={"cv": {"Pod": 1}, "cv-serving": {"Job": 1}})
        drained = [
            (change.namespace, change.team, change.again) for change in found.changes if isinstance(change, Drain)
        ]
        assert sorted(drained) == [(name, "cv", again) for name in ("cv", "cv-serving") for again in (False, True)]

    def leaving(self, until: str) -> Manifest:
        return objects.namespace("cv", annotations={labels.KEEP_DATA_UNTIL: until}, more={labels.OFFBOARDING: "true"})

    def test_a_leaving_team_keeps_namespace_claims_and_guardrails(self) -> None:
        desired = objects.manifests(self.leaving("2027-01-31"), objects.claim("cv"), *objects.guardrails("cv"))
        bodies = [live(item) for item in objects.team_objects("cv") if item.key != NAMESPACE]
        found = made(desired, live(self.leaving("2027-01-31")), *bodies, running={"cv": {"Pod": 1}})
        assert isinstance(found.changes[0], Drain)
        deleted = {change.key.kind for change in found.of(Action.DELETE)}
        assert deleted == {"RoleBinding", "Role", "LocalQueue", "ClusterQueue"}

    def test_a_leaving_team_loses_an_opening_that_is_no_longer_declared_but_no_claim(self) -> None:
        desired = objects.manifests(self.leaving("2027-01-31"))
        bodies = [live(self.leaving("2027-01-31")), live(objects.network_policy("cv")), live(objects.claim("cv"))]
        found = made(desired, *bodies)
        assert {change.key.kind for change in found.of(Action.DELETE)} == {"NetworkPolicy"}

    def test_a_claim_that_a_staying_team_gives_up_goes_with_a_warning(self) -> None:
        desired = objects.manifests(objects.namespace("cv"))
        found = made(desired, live(objects.namespace("cv")), live(objects.claim("cv")))
        assert [change.key.kind for change in found.of(Action.DELETE)] == ["PersistentVolumeClaim"]
        assert [warning.code for warning in found.warnings] == [WarningCode.DATA_DELETED]

    def test_once_a_leaving_team_is_gone_the_plan_is_empty(self) -> None:
        desired = objects.manifests(self.leaving("2027-01-31"), objects.claim("cv"))
        assert made(desired, *(live(manifest) for manifest in desired), running={"cv": {}}).empty

    def test_work_that_appears_later_is_drained_again(self) -> None:
        desired = objects.manifests(self.leaving("2027-01-31"))
        found = made(desired, *(live(manifest) for manifest in desired), running={"cv": {"Pod": 1}})
        assert [type(change).__name__ for change in found.changes] == ["Drain", "Drain"]

    @pytest.mark.parametrize(
        ("until", "kept"), [("2026-11-23", True), ("2026-11-22", True), ("2026-11-21", False), ("soon", True)]
    )
    def test_data_of_a_team_taken_out_too_early(self, until: str, kept: bool) -> None:
        bodies = [
            live(self.leaving(until)),
            live(objects.claim("cv")),
            live(objects.quota("cv")),
            live(objects.role("cv")),
        ]
        found = made(objects.manifests(), *bodies)
        deleted = {change.key.kind for change in found.of(Action.DELETE)}
        blocked = {change.key.kind for change in found.of(Action.BLOCKED)}
        if kept:
            assert deleted == {"Role"}
            assert blocked == {"Namespace"}
        else:
            assert deleted == {"Role", "ResourceQuota", "PersistentVolumeClaim", "Namespace"}
            assert blocked == set()


class TestCautions:
    def test_a_quota_below_use_with_numbers(self) -> None:
        desired = objects.manifests(objects.namespace("cv"), objects.quota("cv", gpus=4))
        quota = next(item for item in desired if item.key.kind == "ResourceQuota")
        used = {"requests.nvidia.com/gpu": "6", "pods": "3", "requests.cpu": "8"}
        body = live(objects.quota("cv", gpus=8), status={"used": used})
        found = made(desired, live(objects.namespace("cv")), body, verdicts={quota.key: Accepted(live(quota), ())})
        (warning,) = found.warnings
        assert warning.code is WarningCode.QUOTA_BELOW_USE
        for part in ("requests.nvidia.com/gpu", "8 → 4", "in use 6", "what runs stays", "refused"):
            assert part in warning.message

    def test_a_raised_quota_that_is_still_below_use_is_no_news(self) -> None:
        desired = objects.manifests(objects.namespace("cv"), objects.quota("cv", gpus=4))
        quota = next(item for item in desired if item.key.kind == "ResourceQuota")
        body = live(objects.quota("cv", gpus=2), status={"used": {"requests.nvidia.com/gpu": "6"}})
        found = made(desired, live(objects.namespace("cv")), body, verdicts={quota.key: Accepted(live(quota), ())})
        assert found.warnings == ()

    def test_a_team_that_leaves_is_told_once_that_its_work_is_ended(self) -> None:
        space = objects.namespace("cv", more={labels.OFFBOARDING: "true"})
        desired = objects.manifests(space, objects.quota("cv", gpus=0), objects.cluster_queue("cv", gpus=0))
        quota, queue = (
            next(item for item in desired if item.key.kind == kind) for kind in ("ResourceQuota", "ClusterQueue")
        )
        used = {"requests.nvidia.com/gpu": "6", "pods": "3"}
        reserved = {"flavorsReservation": [{"name": "a100", "resources": [{"name": "nvidia.com/gpu", "total": "6"}]}]}
        found = made(
            desired,
            live(objects.namespace("cv")),
            live(objects.quota("cv", gpus=8), status={"used": used}),
            live(objects.cluster_queue("cv", gpus=8), status=reserved),
            verdicts={item.key: Accepted(live(item), ()) for item in (quota, queue, space)},
            running={"cv": {"Job": 1}},
        )
        assert found.of(Action.DRAIN)
        assert found.of(Action.UPDATE)
        assert found.warnings == ()

    def test_a_nominal_quota_below_what_is_reserved(self) -> None:
        desired = objects.manifests(objects.cluster_queue("cv", gpus=4))
        (queue,) = desired
        reserved = [{"name": "a100", "resources": [{"name": "nvidia.com/gpu", "total": "6"}]}]
        body = live(objects.cluster_queue("cv", gpus=8), status={"flavorsReservation": reserved})
        found = made(desired, body, verdicts={queue.key: Accepted(live(queue), ())})
        (warning,) = found.warnings
        assert "nvidia.com/gpu in a100" in warning.message
        assert "8 → 4" in warning.message
        assert "reserved 6" in warning.message
