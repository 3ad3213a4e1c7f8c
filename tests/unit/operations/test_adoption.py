"""Taking over and giving back, against the fake server: what is shown, written, held back, and put back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from allotment.adapters.kube.fake import Call
from allotment.errors import InputError, NotFoundError, UnreachableError, UsageError
from allotment.model import labels
from allotment.model.manifest import Family, Manifest, Manifests, ObjectKey, key_of
from allotment.model.mark import MARK
from allotment.operations.adopt.giving_back import give_back, look_back
from allotment.operations.adopt.looking import AdoptionLook, look
from allotment.operations.adopt.taking_over import Fate, Handled, take_over
from allotment.operations.change.planning import PlanSettings
from allotment.plan.adoption.adopting import Adoption
from allotment.plan.adoption.record import LONGEST
from allotment.plan.adoption.words import word, word_of
from allotment.plan.changes import Action, Blocked
from allotment.ports.kube import RefusedError
from tests.unit.operations.world import TODAY, World, failing, held, job, pod
from tests.unit.plan import objects
from tests.unit.plan.objects import PLATFORM
from tests.unit.plan.strangers.bodies import body, bound, group, role, rule, token

SPACE = ObjectKey("", "Namespace", "", "cv")
QUOTA = ObjectKey("", "ResourceQuota", "cv", "team")
QUEUE = ObjectKey("kueue.x-k8s.io", "ClusterQueue", "", "cv")
KUEUE = "kueue.x-k8s.io/v1beta2"
HELM = {
    "labels": {"app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "queues-1.2.0"},
    "annotations": {"meta.helm.sh/release-name": "queues", "meta.helm.sh/release-namespace": "infra"},
}


(FLAVOR,) = (item for item in objects.platform("cv") if item.key.kind == "ResourceFlavor")


def namespace(**marks: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "cv", "labels": {"owner": "jane", **marks}}}


def quota(**hard: str) -> dict[str, Any]:
    metadata = {"name": "team", "namespace": "cv"}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}}


def queue(gpus: str = "6") -> dict[str, Any]:
    resources = [{"name": "nvidia.com/gpu", "nominalQuota": gpus}]
    groups = [{"coveredResources": ["nvidia.com/gpu"], "flavors": [{"name": "a100", "resources": resources}]}]
    spec = {"namespaceSelector": {}, "resourceGroups": groups}
    return {"apiVersion": KUEUE, "kind": "ClusterQueue", "metadata": {"name": "cv", **HELM}, "spec": spec}


class Live(World):
    """A cluster with a namespace, its quota and its queue, made by others."""

    def __init__(self) -> None:
        super().__init__()
        self.kube.apply_as("kubectl-create", namespace())
        self.kube.apply_as("kubectl-create", quota(pods="60", **{"count/secrets": "10"}))
        self.kube.apply_as("helm", queue())
        self.kube.apply(FLAVOR.body)
        self.forget()

    def look(self, *words: str, desired: Manifests | None = None, **more: Any) -> AdoptionLook:
        settings = PlanSettings(PLATFORM, TODAY, workers=1)
        return look(desired or objects.platform("cv"), self.kube, settings, [word(text) for text in words], **more)

    def adopt(self, *words: str) -> dict[ObjectKey, Handled]:
        return {each.key: each for each in take_over(self.look(*words).adoptions, self.kube, self.clock)}

    def undo(self, *words: str) -> dict[ObjectKey, Handled]:
        returns = look_back(self.kube, PLATFORM, [word(text) for text in words])
        return {each.key: each for each in give_back(returns, self.kube)}

    def spec(self, key: ObjectKey) -> Any:
        body = self.kube.get("v1", key)
        assert body is not None
        return body["spec"]

    def marks(self, key: ObjectKey) -> dict[str, str]:
        body = self.kube.get("v1", key)
        assert body is not None
        return dict(body["metadata"].get("labels") or {})

    def notes(self, key: ObjectKey) -> dict[str, str]:
        body = self.kube.get("v1", key)
        assert body is not None
        return dict(body["metadata"].get("annotations") or {})


def one(found: AdoptionLook, key: ObjectKey) -> Adoption:
    return next(each for each in found.adoptions if each.key == key)


def test_accounts_of_the_platforms_own_namespace_are_made_anew() -> None:
    live = Live()
    marks = {labels.PLATFORM: PLATFORM, labels.MANAGED_BY: labels.MANAGED_BY_VALUE}
    own = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": MARK.name, "labels": marks}}
    live.kube.apply_as("kubectl-create", {**own, "metadata": {"name": MARK.name}})
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": MARK.name}}
    live.kube.apply_as("kubectl-create", account)
    desired = Manifests(objects.CLUSTER, (Manifest(Family.NAMESPACES, None, own),))
    found = live.look("namespace/allotment-system", desired=desired)
    (handled,) = take_over(found.adoptions, live.kube, live.clock)
    assert handled.fate is Fate.ADOPTED
    assert live.kube.get("v1", key_of(account)) is None, "tokens of it are good for nothing; the server makes another"


def test_without_names_everything_is_listed_and_nothing_written() -> None:
    live = Live()
    found = live.look()
    assert {each.key for each in found.adoptions} == {SPACE, QUOTA, QUEUE}
    assert not found.chosen
    assert not live.writes()


def test_a_queue_waits_for_flavors_that_apply_has_yet_to_make() -> None:
    live = Live()
    live.kube.delete(FLAVOR.api_version, FLAVOR.key)
    hindrance = one(live.look("clusterqueue/cv"), QUEUE).hindrance
    assert hindrance is not None
    assert "which is not there yet" in hindrance.why


def test_what_was_taken_over_is_given_back_and_not_deleted() -> None:
    live = Live()
    live.adopt("namespace/cv")
    live.adopt("clusterqueue/cv")
    without = Manifests("dev", tuple(item for item in objects.platform("cv") if item.key != QUEUE))
    (step,) = (change for change in live.plan(without).changes if change.key == QUEUE)
    assert isinstance(step, Blocked)
    assert (step.wanted, "`allot adopt --undo clusterqueue/cv`" in step.fix) == (Action.DELETE, True)


def test_the_plan_names_the_command() -> None:
    live = Live()
    blocked = {change.key: change for change in live.plan(objects.platform("cv")).of(Action.BLOCKED)}
    queue_block = blocked[QUEUE]
    assert isinstance(queue_block, Blocked)
    assert "`allot adopt clusterqueue/cv`" in queue_block.fix


def test_it_says_from_whom_what_changes_and_what_is_at_stake() -> None:
    live = Live()
    live.kube.put(
        pod("cv"), job("cv"), {**objects.claim("cv").body, "metadata": {"name": "genomes", "namespace": "cv"}}
    )
    live.kube.put({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": "cv"}})
    found = live.look("namespace/cv")
    space = one(found, SPACE)
    assert [str(origin) for origin in space.origins] == ["field manager kubectl-create since 2026-01-01T00:00:00Z"]
    assert space.facts.stake == ("1 Job, 1 Pod", "one claim with its data: genomes (10Gi)", "1 Secrets")
    assert {field.field for field in space.fields} >= {f".metadata.labels.{labels.TENANT}"}
    assert [cut.name for cut in space.facts.cuts] == ["default"]
    changes = {field.field: (field.old, field.new) for field in one(found, QUOTA).fields}
    assert changes[".spec.hard.pods"] == ("60", "50")
    origin = one(live.look("clusterqueue/cv", "namespace/cv"), QUEUE).origins[0]
    assert str(origin) == "Helm release infra/queues"
    assert "helm uninstall" in origin.goes_on


LYING_THERE = (
    body("kueue.x-k8s.io/v1beta2", "LocalQueue", "main", "cv", spec={"clusterQueue": "cv"}),
    bound("theirs", "edit", group("genomics"), namespace="cv"),
    bound("viewers", "viewer", group("genomics"), namespace="cv", role_kind="Role"),
    body("v1", "ServiceAccount", "robot", "cv"),
    body("v1", "ServiceAccount", "default", "cv"),
    body("v1", "ResourceQuota", "compute", "cv", spec={"hard": {}}),
    {**token("cv"), "type": "kubernetes.io/service-account-token"},
    {**token("cv", "config"), "type": "Opaque"},
    body("v1", "LimitRange", "ours", "cv", metadata={"labels": {labels.PLATFORM: "acme"}}),
    role("viewer", rule("pods", "get"), namespace="cv"),
)


def is_of_next_apply(remark: str) -> bool:
    return remark.startswith("the next apply ")


def test_it_lists_what_will_stay_in_the_namespace_as_it_is() -> None:
    live = Live()
    live.kube.put(*LYING_THERE)
    remarks = [text for text in one(live.look("namespace/cv"), SPACE).facts.remarks if not is_of_next_apply(text)]
    assert [text.partition(" stays as it is")[0] for text in remarks] == [
        "ResourceQuota compute", "Role viewer", "RoleBinding theirs, viewers", "ServiceAccount robot", "Secret tok",
        "LocalQueue main",
    ]  # fmt: skip
    assert all(text.endswith("drift and prove name it as kept until you take it away") for text in remarks)


RBAC_GROUP = "rbac.authorization.k8s.io"
STAYING = (
    "ResourceQuota/compute", f"Role.{RBAC_GROUP}/viewer", f"RoleBinding.{RBAC_GROUP}/theirs",
    f"RoleBinding.{RBAC_GROUP}/viewers", "ServiceAccount/robot", "Secret/tok", "LocalQueue.kueue.x-k8s.io/main",
)  # fmt: skip


def test_what_stays_is_written_down_with_the_claim() -> None:
    live = Live()
    live.kube.put(*LYING_THERE)
    live.adopt("namespace/cv")
    (claim,) = (call.body for call in live.kube.calls if call.done and call.verb == "patch" and _claims(call.body))
    record = json.loads(claim["metadata"]["annotations"][labels.ADOPTED])
    assert record["kept"].keys() == set(STAYING)
    assert {len(value) for value in record["kept"].values()} == {64}
    other = Live()
    other.kube.put(*(each for each in LYING_THERE if each["kind"] != "Role"))
    other.adopt("namespace/cv")
    without = json.loads(other.notes(SPACE)[labels.ADOPTED])["kept"]
    assert {name for name in STAYING if without.get(name) != record["kept"][name]} == {STAYING[1], STAYING[3]}
    assert "kept" not in json.loads(live.notes(QUOTA)[labels.ADOPTED])
    assert live.undo("namespace/cv")[SPACE].fate is Fate.GIVEN_BACK
    assert labels.ADOPTED not in live.notes(SPACE)


def _claims(patch: Any) -> bool:
    return labels.TENANT in (patch["metadata"].get("labels") or {})


UNREADABLE = {
    "Role": ({STAYING[1], STAYING[3]}, ["what there is of Role could not be read", "bindings to Roles count as not"]),
    "RoleBinding": ({STAYING[2], STAYING[3]}, ["what there is of RoleBinding could not be read"]),
    "Secret": ({STAYING[5]}, ["what there is of Secret could not be read"]),
}


@pytest.mark.parametrize(("kind", "lacks", "says"), [(kind, *what) for kind, what in UNREADABLE.items()])
def test_what_cannot_be_read_is_not_written_down_and_that_is_said(kind: str, lacks: set[str], says: list[str]) -> None:
    def hook(call: Call) -> None:
        if call.verb == "list" and (call.key.kind, call.key.namespace) == (kind, "cv"):
            raise RefusedError("no", status=403, reason="Forbidden", message=f"you may not list {kind}")

    live = Live()
    live.kube.put(*LYING_THERE)
    live.kube.hook = hook
    facts = one(live.look("namespace/cv"), SPACE).facts
    assert set(STAYING) - facts.kept.keys() == lacks
    told = [text for text in facts.remarks if "stays as it is" not in text and not is_of_next_apply(text)]
    assert [text[: len(start)] for text, start in zip(told, says, strict=True)] == says


def test_what_the_record_has_no_room_for_is_said_and_not_kept() -> None:
    live = Live()
    robots = [body("v1", "ServiceAccount", f"{number:04}-{'x' * 200}", "cv") for number in range(1000)]
    live.kube.put(*LYING_THERE, *robots)
    found = live.look("namespace/cv")
    facts = one(found, SPACE).facts
    (said,) = (text for text in facts.remarks if "has no room" in text or "too little" in text)
    lacking = 1000 + len(STAYING) - len(facts.kept)
    assert f" and {lacking - 5} more: drift and prove will name these as not ours" in said
    assert "ServiceAccount/0999-" not in " ".join(facts.kept)
    assert set(STAYING[:4]) < facts.kept.keys()
    take_over(found.adoptions, live.kube, live.clock)
    size = len(live.notes(SPACE)[labels.ADOPTED].encode())
    assert LONGEST - 300 < size <= LONGEST


@pytest.mark.parametrize(("text", "key"), [("namespace/cv", SPACE), ("clusterqueue/cv", QUEUE)], ids=str)
def test_it_says_where_a_quota_that_stays_allows_less_than_the_queue_promises(text: str, key: ObjectKey) -> None:
    live = Live()
    live.kube.put(body("v1", "ResourceQuota", "compute", "cv", spec={"hard": {"requests.nvidia.com/gpu": "2"}}))
    remarks = " ".join(one(live.look(text), key).remarks)
    assert "ResourceQuota cv/compute stays, and allows less than ClusterQueue cv promises: 2 GPUs" in remarks


def test_it_says_what_a_queue_may_borrow_from_then_on() -> None:
    assert any("may borrow from cohort all" in remark for remark in one(Live().look("clusterqueue/cv"), QUEUE).remarks)


def test_a_namespace_brings_what_is_declared_in_it_and_the_plan_knows_them_as_ours() -> None:
    live = Live()
    fates = live.adopt("namespace/cv")
    assert {key: each.fate for key, each in fates.items()} == {SPACE: Fate.ADOPTED, QUOTA: Fate.ADOPTED}
    assert live.marks(SPACE)[labels.TENANT] == "cv"
    assert live.marks(SPACE)["owner"] == "jane"
    assert labels.CONSENT not in live.notes(SPACE)
    assert live.spec(QUOTA)["hard"] == objects.quota("cv").body["spec"]["hard"]
    desired = objects.platform("cv")
    blocked = {change.key for change in live.plan(desired).changes if isinstance(change, Blocked)}
    assert blocked == {QUEUE, objects.local_queue("cv").key}, "what rests on the queue waits with it"
    assert not list(live.plan(desired).of(Action.CONFLICT))
    live.adopt("clusterqueue/cv")
    live.settle(desired)
    assert live.plan(desired).empty


def test_the_word_comes_before_the_claim_and_goes_with_it() -> None:
    live, seen = Live(), []

    def watch(call: Call) -> None:
        if call.done and call.verb == "patch" and call.key == SPACE and not call.dry_run:
            seen.append(live.notes(SPACE).get(labels.CONSENT, ""))

    live.kube.hook = watch
    uid = (live.kube.get("v1", SPACE) or {})["metadata"]["uid"]
    live.adopt("namespace/cv")
    assert seen == [f"cv/{uid}", ""]


@pytest.mark.parametrize("after", [False, True], ids=["refused", "killed"])
def test_a_claim_that_fails_leaves_no_word_behind(after: bool) -> None:
    live = Live()

    def claims(call: Call) -> bool:
        return call.key == SPACE and labels.TENANT in str(call.body) and call.verb == "patch"

    error = RefusedError("x", status=403, reason="Forbidden", message="no") if not after else UnreachableError("gone")
    live.kube.hook = failing(claims, error, after=after)
    fates = live.adopt("namespace/cv")
    live.kube.hook = lambda call: None
    assert fates[SPACE].fate is (Fate.UNREACHABLE if after else Fate.REFUSED)
    assert fates[QUOTA].fate is Fate.SKIPPED, "what lies in it waits"
    assert labels.CONSENT not in live.notes(SPACE)


def test_only_what_was_shown_is_taken_over() -> None:
    live = Live()
    found = live.look("clusterqueue/cv")
    live.edit(QUEUE, lambda body: {**body, "spec": {**queue("8")["spec"]}})
    (handled,) = take_over(found.adoptions, live.kube, live.clock)
    assert handled.fate is Fate.REFUSED
    assert "has changed since it was shown" in handled.message
    assert labels.PLATFORM not in live.marks(QUEUE)


def test_a_status_written_meanwhile_is_no_hindrance() -> None:
    live = Live()
    found = live.look("clusterqueue/cv")
    live.edit(QUEUE, lambda body: {**body, "status": {"pendingWorkloads": 1}}, manager="kueue")
    (handled,) = take_over(found.adoptions, live.kube, live.clock)
    assert handled.fate is Fate.ADOPTED


def relabelled(live: Live) -> None:
    live.edit(QUEUE, lambda body: {**body, "metadata": {**body["metadata"], "labels": {labels.PLATFORM: "dev"}}})


def in_another_flavor(live: Live) -> None:
    resources = [{"name": "nvidia.com/gpu", "nominalQuota": "4"}]
    groups = [{"flavors": [{"name": "h100", "resources": resources}]}]
    live.edit(QUEUE, lambda body: {**body, "spec": {"resourceGroups": groups}})
    live.kube.put(held("h100"))


HELD = {
    "below-use": (
        lambda live: live.edit(QUOTA, lambda body: {**body, "status": {"used": {"pods": "55"}}}),
        "namespace/cv",
        QUOTA,
        "pods: 60 → 50, in use 55",
    ),
    "another-platform": (
        relabelled,
        "clusterqueue/cv",
        QUEUE,
        "it belongs to the platform dev",
    ),
    "in-a-namespace-that-is-not-ours": (
        lambda live: None,
        "resourcequota/cv/team",
        QUOTA,
        "it lies in the namespace cv, which is not ours",
    ),
    "uncounted": (
        in_another_flavor,
        "clusterqueue/cv",
        QUEUE,
        "4 nvidia.com/gpu in h100 by cv/train",
    ),
    "shut-out": (
        lambda live: live.kube.put(objects.kueue("LocalQueue", "main", {"clusterQueue": "cv"}, space="cv").body),
        "clusterqueue/cv",
        QUEUE,
        "takes no work of cv, whose LocalQueues lead to it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HELD, ids=str)
def test_what_would_hurt_is_held_back_and_said(case: str) -> None:
    prepare, text, key, says = HELD[case]
    live = Live()
    prepare(live)
    found = one(live.look(text), key)
    assert found.hindrance is not None
    assert says in found.hindrance.why
    assert found.hindrance.fix
    before = live.state()[key]
    assert live.adopt(text)[key].fate is Fate.HELD
    assert live.state()[key] == before


def test_all_reasons_are_told_at_once() -> None:
    live = Live()
    live.kube.apply_as("helm", FLAVOR.body)
    live.kube.delete(FLAVOR.api_version, FLAVOR.key)
    in_another_flavor(live)
    HELD["shut-out"][0](live)
    found = one(live.look("clusterqueue/cv"), QUEUE)
    said = [hindrance.why for hindrance in found.hindrances]
    assert [next(word for word in _REASONS if word in why) for why in said] == list(_REASONS)
    message = live.adopt("clusterqueue/cv")[QUEUE].message
    assert all(why in message for why in said)


_REASONS = ("takes no work of cv", "which is not there yet", "would no longer count what runs")


def test_what_rests_on_somebody_else_s_is_taken_over_together_with_it() -> None:
    live = Live()
    live.kube.delete(FLAVOR.api_version, FLAVOR.key)
    live.kube.apply_as("helm", {**FLAVOR.body, "metadata": {"name": FLAVOR.key.name}})
    (hindrance,) = one(live.look("clusterqueue/cv"), QUEUE).hindrances
    _, _, command = hindrance.fix.partition("`allot adopt ")
    words = command.rstrip("`").split()
    assert words == [f"resourceflavor/{FLAVOR.key.name}", "clusterqueue/cv"]
    assert {handled.fate for handled in live.adopt(*words).values()} == {Fate.ADOPTED}


def test_an_account_without_the_right_is_told_so() -> None:
    live = Live()
    message = 'resourcequotas "team" is forbidden: User "ci" cannot patch resource "resourcequotas" in API group ""'
    live.kube.hook = refusing_dry_runs(message)
    found = one(live.look("namespace/cv"), QUOTA)
    assert found.hindrance is not None
    assert "cannot patch resource" in found.hindrance.why
    assert "with another account" in found.hindrance.fix


def refusing_dry_runs(message: str) -> Callable[[Call], None]:
    def hook(call: Call) -> None:
        if call.dry_run and call.verb == "apply" and not call.done:
            raise RefusedError("x", status=403, reason="Forbidden", message=message)

    return hook


def test_a_quota_that_apply_would_set_below_use_holds_the_namespace_back() -> None:
    live = Live()
    live.kube.delete("v1", QUOTA)
    for number in range(51):
        live.kube.put(pod("cv", f"p{number}"))
    found = one(live.look("namespace/cv"), SPACE)
    assert found.hindrance is not None
    assert "pods 50, in use 51" in found.hindrance.why


def test_what_lies_in_a_namespace_waits_with_it() -> None:
    live = Live()
    live.edit(SPACE, lambda body: {**body, "metadata": {**body["metadata"], "labels": {labels.PLATFORM: "other"}}})
    found = live.look("namespace/cv")
    assert not found.possible
    assert "Namespace cv is held back" in str(one(found, QUOTA).hindrance)


def test_policies_that_would_refuse_there_hold_the_namespace_back() -> None:
    live, desired = Live(), objects.platform("cv")
    live.settle(objects.manifests(*objects.shared_objects()))
    binding = next(item for item in desired if item.key.kind == "ValidatingAdmissionPolicyBinding")
    selector = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["cv"]}]}
    spec = {**binding.body["spec"], "matchResources": {"namespaceSelector": selector}}
    softened = type(binding)(binding.family, None, {**binding.body, "spec": spec})
    warned = Manifests(desired.cluster, tuple(softened if item is binding else item for item in desired))
    assert not one(live.look("namespace/cv", desired=warned), SPACE).hindrances, "nothing works there"
    live.kube.put(pod("cv", "train"))
    found = one(live.look("namespace/cv", desired=warned), SPACE)
    assert found.hindrance is not None
    assert "with warnNamespaces: [cv] in the cluster's document, run `allot apply`" in found.hindrance.fix
    assert one(live.look("namespace/cv", desired=warned, enforce=True), SPACE).hindrance is None


def test_undo_gives_the_earlier_values_back_and_lets_go() -> None:
    live = Live()
    before = live.state()
    live.adopt("clusterqueue/cv")
    assert live.spec(QUEUE) != before[QUEUE]["spec"]
    assert live.undo("clusterqueue/cv")[QUEUE].fate is Fate.GIVEN_BACK
    after = live.state()[QUEUE]
    assert after["spec"] == before[QUEUE]["spec"]
    assert after["metadata"]["labels"] == HELM["labels"]
    assert after["metadata"]["annotations"] == HELM["annotations"]
    assert {change.key for change in live.plan(objects.platform("cv")).of(Action.BLOCKED)} >= {QUEUE}


def test_undo_keeps_what_others_changed_since() -> None:
    live = Live()
    live.adopt("namespace/cv")
    live.edit(QUOTA, lambda body: {**body, "spec": {"hard": {**body["spec"]["hard"], "pods": "99"}}}, manager="helm")
    live.undo("namespace/cv")
    assert live.spec(QUOTA)["hard"]["pods"] == "99"
    assert live.spec(QUOTA)["hard"]["count/secrets"] == "10", "what was taken out comes back"


def test_undo_of_a_namespace_takes_out_what_apply_made_and_keeps_claims() -> None:
    live, desired = Live(), objects.platform("cv")
    before = live.state()
    live.adopt("namespace/cv", "clusterqueue/cv")
    live.settle(desired)
    live.undo("clusterqueue/cv")
    fates = live.undo("namespace/cv")
    claim = objects.claim("cv").key
    account = objects.service_account("cv").key
    assert fates[claim].fate is Fate.RELEASED
    assert fates[account].fate is Fate.RELEASED, "tokens of running pods would go with it"
    assert list(fates)[-1] == SPACE
    after = live.state()
    assert {key for key in after if key.namespace == "cv"} - {claim, account} == {QUOTA}
    assert "automountServiceAccountToken" not in after[account]
    assert after[SPACE]["metadata"]["labels"] == before[SPACE]["metadata"]["labels"]
    assert after[QUOTA]["spec"] == before[QUOTA]["spec"]
    assert labels.PLATFORM not in after[claim]["metadata"]["labels"]
    assert not [change.key for change in live.plan(objects.manifests(*objects.shared_objects())).of(Action.DELETE)]


def test_a_kind_alone_means_what_was_taken_over_and_nothing_that_apply_made() -> None:
    live = Live()
    live.kube.delete(FLAVOR.api_version, FLAVOR.key)
    desired = objects.manifests(*objects.shared_objects(), objects.flavor("h100"))
    live.kube.apply_as("helm", {**objects.flavor().body, "metadata": {"name": "a100"}})
    live.apply(desired)
    found = live.look("resourceflavor", desired=desired)
    take_over(found.adoptions, live.kube, live.clock)
    assert set(live.undo("resourceflavor")) == {objects.flavor().key}
    assert objects.flavor("h100").key in live.kube.existing


def test_a_record_that_somebody_spoilt_holds_up_no_other() -> None:
    live = Live()
    live.adopt("namespace/cv")
    live.adopt("clusterqueue/cv")
    spoilt = {"metadata": {"annotations": {labels.ADOPTED: "x"}}}
    live.kube.merge_patch("v1", SPACE, spoilt)
    assert live.undo("clusterqueue/cv")[QUEUE].fate is Fate.GIVEN_BACK
    with pytest.raises(InputError, match="Namespace cv cannot be read"):
        live.undo("namespace/cv")


def test_a_namespace_stays_ours_while_something_in_it_cannot_be_undone() -> None:
    live = Live()
    live.adopt("namespace/cv")
    error = RefusedError("x", status=403, reason="Forbidden", message="no")
    live.kube.hook = failing(lambda call: call.key == QUOTA, error)
    fates = live.undo("namespace/cv")
    assert (fates[QUOTA].fate, fates[SPACE].fate) == (Fate.REFUSED, Fate.SKIPPED)


def test_the_record_is_no_drift_and_apply_keeps_it() -> None:
    live, desired = Live(), objects.platform("cv")
    live.adopt("namespace/cv", "clusterqueue/cv")
    live.settle(desired)
    assert labels.ADOPTED in live.notes(SPACE)
    assert labels.ADOPTED in live.notes(QUEUE)
    assert live.plan(desired).empty


@pytest.mark.parametrize(
    ("texts", "error", "says"),
    [
        (("namespace/cv", "namespace/nlp"), UsageError, "one at a time"),
        (("namespaces",), UsageError, "one at a time"),
        (("deployment/web",), UsageError, "no kind"),
        (("quota/",), UsageError, "names no object"),
        (("clusterqueue/nlp",), NotFoundError, "declares no clusterqueue/nlp"),
        (("resourceflavor/a100",), NotFoundError, "is the platform's already"),
        (("localqueue/cv/default",), NotFoundError, "is not there"),
    ],
)
def test_words_that_mean_nothing_are_refused(texts: tuple[str, ...], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        Live().look(*texts)


def test_what_was_not_taken_over_is_not_given_back() -> None:
    live = Live()
    with pytest.raises(NotFoundError, match="was not taken over"):
        live.undo("clusterqueue/cv")


def test_whom_an_undo_concerns_besides_is_said() -> None:
    live = Live()
    live.kube.delete(FLAVOR.api_version, FLAVOR.key)
    live.kube.apply_as("helm", {**FLAVOR.body, "metadata": {"name": FLAVOR.key.name}})
    live.adopt(word_of(FLAVOR.key), "namespace/cv", "clusterqueue/cv")

    def remarks(*texts: str) -> dict[str, str]:
        returns = look_back(live.kube, PLATFORM, [word(text) for text in texts])
        return {each.key.kind: " ".join(each.remarks) for each in returns if each.remarks}

    assert "for all queues of the platform that use it: cv" in remarks(word_of(FLAVOR.key))["ResourceFlavor"]
    assert "give it back first, `allot adopt --undo clusterqueue/cv`" in remarks("namespace/cv")["Namespace"]
    assert set(remarks(word_of(FLAVOR.key), "namespace/cv", "clusterqueue/cv")) == {"ClusterQueue"}


def test_where_the_flavor_has_its_name_already_the_fix_is_to_hold_the_queue_and_wait() -> None:
    def memory_in_the_devices_flavor(found: dict[str, Any]) -> dict[str, Any]:
        flavors = [{"name": FLAVOR.key.name, "resources": [{"name": "memory", "nominalQuota": 8}]}]
        more = {"coveredResources": ["memory"], "flavors": flavors}
        return {**found, "spec": {**found["spec"], "resourceGroups": [*found["spec"]["resourceGroups"], more]}}

    live = Live()
    live.edit(QUEUE, memory_in_the_devices_flavor, manager="helm")
    live.kube.put(held(FLAVOR.key.name, resource="memory"))
    (hindrance,) = one(live.look("clusterqueue/cv"), QUEUE).hindrances
    assert hindrance.why.startswith("it would no longer count what runs: 4 memory in a100")
    assert hindrance.fix.startswith("wait until that work has ended, and hold new work meanwhile: `kubectl patch")
    assert "names:" not in hindrance.fix
    other = Live()
    in_another_flavor(other)
    (hindrance,) = one(other.look("clusterqueue/cv"), QUEUE).hindrances
    assert "names: {flavors: {USUAL: ITS-NAME}}" in hindrance.fix


def test_a_queue_that_takes_no_work_of_another_team_s_namespace_does_not_send_to_its_adoption() -> None:
    live = Live()
    live.kube.put(body("v1", "Namespace", "lab"))
    live.kube.put(objects.kueue("LocalQueue", "main", {"clusterQueue": "cv"}, space="lab").body)
    (hindrance,) = one(live.look("clusterqueue/cv"), QUEUE).hindrances
    assert "takes no work of lab" in hindrance.why
    assert hindrance.fix.startswith("move the work of lab to a queue of its own team, and delete its LocalQueues")
    assert "allot adopt" not in hindrance.fix


def test_who_gets_in_and_what_is_limited_by_the_next_apply_is_said() -> None:
    def said(*there: dict[str, Any]) -> list[str]:
        live = Live()
        live.kube.put(*there)
        live.kube.delete("v1", QUOTA)
        return [text for text in one(live.look("namespace/cv"), SPACE).facts.remarks if is_of_next_apply(text)]

    lets_in, limits = said()
    assert lets_in.startswith("the next apply lets others in: Group cv-members gets RoleBinding member")
    assert limits.startswith("the next apply limits it by ResourceQuota team to pods=50, requests.cpu=64")
    subjects = [{"kind": "Group", "name": "cv-members"}]
    known = body("rbac.authorization.k8s.io/v1", "RoleBinding", "theirs", "cv", subjects=subjects)
    quota = body("v1", "ResourceQuota", "theirs", "cv", spec={"hard": {"pods": "10", "cpu": "64"}})
    (limits,) = said(known, quota)
    assert "pods" not in limits
    assert "cpu" not in limits


def waiting(name: str, queue: str = "default") -> dict[str, Any]:
    """A Workload that Kueue has not admitted."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": "1", "controller": True}
    metadata = {"name": f"job-{name}", "namespace": "cv", "ownerReferences": [owner]}
    return {"apiVersion": KUEUE, "kind": "Workload", "metadata": metadata, "spec": {"queueName": queue}}


def test_undo_says_what_waits_in_a_queue_that_goes() -> None:
    live = Live()
    live.adopt("namespace/cv", "clusterqueue/cv")
    live.settle(objects.platform("cv"))
    live.kube.put(waiting("train"), waiting("other", "main"), job("cv"))
    returns = {each.key.kind: each for each in look_back(live.kube, PLATFORM, [word("namespace/cv")])}
    assert returns["LocalQueue"].stake == ("waiting: Job train",)
    assert "name another LocalQueue first" in " ".join(returns["LocalQueue"].remarks)
    assert returns["Namespace"].stake == ("1 Job",)


def test_undo_says_nothing_of_a_queue_in_which_nothing_is() -> None:
    live = Live()
    live.adopt("namespace/cv", "clusterqueue/cv")
    live.settle(objects.platform("cv"))
    (door,) = (each for each in look_back(live.kube, PLATFORM, [word("namespace/cv")]) if each.key.kind == "LocalQueue")
    assert (door.stake, door.remarks) == ((), ())


def test_undo_holds_a_queue_back_that_would_no_longer_count_what_runs() -> None:
    live = Live()
    live.edit(QUEUE, lambda found: {**found, "spec": {**found["spec"], "resourceGroups": []}}, manager="helm")
    live.adopt("clusterqueue/cv")
    adopted = live.spec(QUEUE)
    live.kube.put(held("a100"))
    handled = live.undo("clusterqueue/cv")[QUEUE]
    assert (handled.fate, live.spec(QUEUE)) == (Fate.HELD, adopted)
    assert "it would no longer count what runs: 4 nvidia.com/gpu in a100 by cv/train (1 pod)" in handled.message
    live.kube.delete(KUEUE, ObjectKey("kueue.x-k8s.io", "Workload", "cv", "train"))
    assert live.undo("clusterqueue/cv")[QUEUE].fate is Fate.GIVEN_BACK


def test_undo_says_what_a_queue_no_longer_shares() -> None:
    live = Live()
    live.adopt("clusterqueue/cv")
    (found,) = look_back(live.kube, PLATFORM, [word("clusterqueue/cv")])
    assert "from then on it borrows from nobody, and lends to nobody" in found.remarks


def test_undo_says_where_earlier_limits_lie_below_what_is_in_use() -> None:
    live = Live()
    live.edit(QUOTA, lambda found: {**found, "spec": {"hard": {"pods": "3"}}}, manager="kubectl-create")
    live.adopt("namespace/cv")
    live.edit(QUOTA, lambda found: {**found, "status": {"used": {"pods": "9"}}})
    (limit,) = (each for each in look_back(live.kube, PLATFORM, [word("namespace/cv")]) if each.key == QUOTA)
    assert any("new pods are refused until use is at most 3" in remark for remark in limit.remarks), limit.remarks


@pytest.mark.parametrize("but", [(), ("cv",)], ids=["refused", "only warned"])
def test_undo_says_where_policies_refuse_once_the_namespace_is_no_team_s(but: tuple[str, ...]) -> None:
    live = Live()
    live.adopt("namespace/cv")
    name = "accelerators-only-in-team-namespaces.allotment.dev"
    expressions = [
        {"key": labels.TENANT, "operator": "DoesNotExist"},
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", *but]},
    ]
    spec = {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchExpressions": expressions}},
    }
    metadata = {"name": name, "labels": {labels.PLATFORM: PLATFORM}}
    api_version = "admissionregistration.k8s.io/v1"
    live.kube.put(
        {"apiVersion": api_version, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": spec},
        job("cv"),
    )
    (space,) = (each for each in look_back(live.kube, PLATFORM, [word("namespace/cv")]) if each.key == SPACE)
    assert any("put cv into warnNamespaces" in remark for remark in space.remarks) is not bool(but)
