"""What-if of nodes: who has to leave, where each goes, who of those that wait starts, and what is not said."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.errors import AllotmentError, InputError, NotFoundError, UsageError
from allotment.model.observed.snapshot import Gap, Snapshot, Source
from allotment.observe.gathering import Gathered
from allotment.observe.view import seen_by
from allotment.operations.foresee.live.node_effects import NodeEffects
from allotment.operations.foresee.live.pod_fates import PodFate
from allotment.operations.foresee.live.whatif import LiveWhatIf, LiveWhatIfRequest, what_if_live
from tests.by_day import by_day
from tests.unit.simulation.live.cluster import GPU, ago, ended, node, queue, snapshot, work
from tests.unit.simulation.live.test_when import FEW, Ticking

Raw = dict[str, Any]
UNREACHABLE = "node.kubernetes.io/unreachable"


def asked(moment: Snapshot, *changes: str, namespace: str = "") -> LiveWhatIf:
    return what_if_live(moment, LiveWhatIfRequest(changes, namespace, FEW), Ticking())


def effects(moment: Snapshot, *changes: str, namespace: str = "") -> NodeEffects:
    found = asked(moment, *changes, namespace=namespace).nodes
    assert found is not None
    return found


def owned(kind: str, name: str, api_version: str = "apps/v1", **spec: Any) -> Raw:
    meta = {"name": name, "namespace": "nlp", "uid": f"uid-{name}"}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, "spec": spec}


def job(name: str, **spec: Any) -> Raw:
    return owned("Job", name, "batch/v1", **spec)


def pod(name: str, at: str = "", *, of: Raw | None = None, gpus: int = 0, where: str = "nlp", **more: Any) -> Raw:
    """A pod on a node, or one that waits; `of` = what made it."""
    labels = more.pop("labels", {})
    owner = (
        []
        if of is None
        else [{"kind": of["kind"], "name": of["metadata"]["name"], "uid": of["metadata"]["uid"], "controller": True}]
    )
    asks = {"cpu": "1", **({GPU: str(gpus)} if gpus else {})}
    meta = {"name": name, "namespace": where, "uid": f"pod-{name}", "ownerReferences": owner, "labels": labels}
    spec = {"containers": [{"name": "main", "resources": {"requests": asks}}], **({"nodeName": at} if at else {})}
    phase = more.pop("phase", "Running" if at else "Pending")
    meta["creationTimestamp"] = ago(more.pop("came", 30))
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {**spec, **more},
        "status": {"phase": phase},
    }


def budget(name: str, allowed: int, **labels: str) -> Raw:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": "nlp"},
        "spec": {"selector": {"matchLabels": labels}},
        "status": {"disruptionsAllowed": allowed},
    }


SERVES = owned("ReplicaSet", "serves", replicas=1)
KEEPS = owned("StatefulSet", "keeps", replicas=1)
AGENT = owned("DaemonSet", "agent")
ONCE = job("once", backoffLimit=0)
OVER = job("over")
OVER["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
TWICE = job("twice", backoffLimit=1)
IGNORED = {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]}
PATIENT = job("patient", backoffLimit=0, podFailurePolicy=IGNORED)
TOUCHY = job("touchy", podFailurePolicy={"rules": [{**IGNORED["rules"][0], "action": "FailJob"}]})
SET = owned("JobSet", "set", "jobset.x-k8s.io/v1alpha2")
IN_SET = job("in-set", backoffLimit=0)
IN_SET["metadata"]["ownerReferences"] = [{"kind": "JobSet", "name": "set", "uid": "uid-set", "controller": True}]
OWN = work("own", 4, came=50, got=50)
OWN["metadata"]["ownerReferences"] = [{"kind": "Pod", "name": "p", "uid": "pod-p", "controller": True}]
FOR_EVER = [{"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute"}]
A_WHILE = [{**FOR_EVER[0], "tolerationSeconds": 300}]
TWO = [node("a", 8), node("b", 4)]
CLAIM: dict[str, Any] = {"resourceClaims": [{"name": "gpu", "resourceClaimName": "mine"}]}

FATES: dict[str, tuple[str, list[Raw], dict[str, tuple[str, str]]]] = {
    "another node has room": ("drain:a", [SERVES, pod("p", "a", of=SERVES, gpus=4)], {"p": ("placed", "b")}),
    "no other has": ("drain:a", [SERVES, pod("p", "a", of=SERVES, gpus=5)], {"p": ("waits", "")}),
    "room for one of two": (
        "drop-node:a",
        [SERVES, pod("p", "a", of=SERVES, gpus=3), pod("q", "a", of=SERVES, gpus=3)],
        {"p": ("placed", "b"), "q": ("waits", "")},
    ),
    "the more important first": (
        "drop-node:a",
        [SERVES, pod("p", "a", of=SERVES, gpus=3), pod("q", "a", of=SERVES, gpus=3, priority=5)],
        {"p": ("waits", ""), "q": ("placed", "b")},
    ),
    "nobody makes it anew": ("drain:a", [pod("p", "a")], {"p": ("lost", "")}),
    "its Job has ended": ("drain:a", [OVER, pod("p", "a", of=OVER)], {"p": ("lost", "")}),
    "no failure allowed": ("drain:a", [ONCE, pod("p", "a", of=ONCE)], {"p": ("job-fails", "")}),
    "one failure allowed": ("drain:a", [TWICE, pod("p", "a", of=TWICE)], {"p": ("placed", "b")}),
    "one failure, two pods": (
        "drain:a",
        [TWICE, pod("p", "a", of=TWICE), pod("q", "a", of=TWICE)],
        {"p": ("job-fails", ""), "q": ("job-fails", "")},
    ),
    "disruptions do not count": ("drain:a", [PATIENT, pod("p", "a", of=PATIENT)], {"p": ("placed", "b")}),
    "disruptions fail it": ("drop-node:a", [TOUCHY, pod("p", "a", of=TOUCHY)], {"p": ("job-fails", "")}),
    "what stands above decides": ("drain:a", [SET, IN_SET, pod("p", "a", of=IN_SET)], {"p": ("placed", "b")}),
    "StatefulSet, drained": ("drain:a", [KEEPS, pod("p", "a", of=KEEPS)], {"p": ("placed", "b")}),
    "StatefulSet, node lost": ("node-down:a", [KEEPS, pod("p", "a", of=KEEPS)], {"p": ("awaits-node", "")}),
    "StatefulSet, node gone": ("drop-node:a", [KEEPS, pod("p", "a", of=KEEPS)], {"p": ("placed", "b")}),
    "tolerates it for ever": (
        "node-down:a",
        [SERVES, pod("p", "a", of=SERVES, tolerations=FOR_EVER)],
        {"p": ("stays", "")},
    ),
    "tolerates it for a while": (
        "node-down:a",
        [SERVES, pod("p", "a", of=SERVES, tolerations=A_WHILE)],
        {"p": ("placed", "b")},
    ),
    "a toleration keeps nobody from a drain": (
        "drain:a",
        [SERVES, pod("p", "a", of=SERVES, tolerations=FOR_EVER)],
        {"p": ("placed", "b")},
    ),
    "a budget forbids it": (
        "drain:a",
        [SERVES, budget("few", 0, app="x"), pod("p", "a", of=SERVES, labels={"app": "x"}), pod("q", "a", of=SERVES)],
        {"p": ("held", ""), "q": ("placed", "b")},
    ),
    "a budget is for evictions alone": (
        "drop-node:a",
        [SERVES, budget("few", 0, app="x"), pod("p", "a", of=SERVES, labels={"app": "x"})],
        {"p": ("placed", "b")},
    ),
    "its pod queues by itself": ("drain:a", [SERVES, OWN, pod("p", "a", of=SERVES)], {"p": ("queues-anew", "")}),
    "another scheduler": ("drain:a", [SERVES, pod("p", "a", of=SERVES, schedulerName="mine")], {"p": ("unknown", "")}),
    "a claim for devices": ("drain:a", [SERVES, pod("p", "a", of=SERVES, **CLAIM)], {"p": ("unknown", "")}),
    "cordoned": ("cordon:a", [SERVES, pod("p", "a", of=SERVES)], {}),
    "of a DaemonSet": ("drain:a", [AGENT, pod("p", "a", of=AGENT)], {}),
    "already leaving, or over": ("drain:a", [pod("p", "a", phase="Succeeded")], {}),
}


@pytest.mark.parametrize(("change", "objects", "expected"), FATES.values(), ids=FATES.keys())
def test_what_becomes_of_the_pods_of_a_node(
    change: str, objects: list[Raw], expected: dict[str, tuple[str, str]]
) -> None:
    found = effects(snapshot(*queue("nlp", 4), *TWO, *objects), change)
    fates = {each.pod: (str(each.fate), each.to) for work in found.moved for each in work.pods}
    assert fates == expected


def test_what_leaves_is_told_by_what_a_person_submitted_with_its_devices() -> None:
    deployed = owned("Deployment", "api")
    served = owned("ReplicaSet", "api-1")
    served["metadata"]["ownerReferences"] = [
        {"kind": "Deployment", "name": "api", "uid": "uid-api", "controller": True}
    ]
    pods = [pod("p", "a", of=served, gpus=2), pod("q", "a", of=served, gpus=1)]
    agents = [pod("agent-a", "a", of=AGENT), pod("agent-b", "b", of=AGENT)]
    found = effects(snapshot(*TWO, deployed, served, AGENT, *pods, *agents), "drain:a")
    (moved,) = found.moved
    assert (moved.subject.kind, moved.subject.name, len(moved.pods)) == ("Deployment", "api", 2)
    assert dict(moved.devices) == {GPU: 3}
    (act,) = found.acted
    assert [each.name for each in act.daemons] == ["agent-a"]


def test_budgets_in_the_way_are_named_with_how_many_may_go() -> None:
    pods = [pod(each, "a", of=SERVES, labels={"app": "x"}) for each in ("p", "q")]
    starting = pod("r", "a", of=SERVES, labels={"app": "x"}, phase="Pending")
    around = [*TWO, SERVES, starting, *pods, budget("one", 1, app="x"), budget("all", 2, app="x"), budget("none", 0)]
    around[-1]["spec"] = {}
    found = effects(snapshot(*around), "drain:a")
    assert [(each.budget.name, each.allowed, len(each.pods)) for each in found.budgets] == [("one", 1, 2)]
    assert sum(len(each.pods) for each in found.moved) == 3, "they go one after the other"


def test_a_further_node_takes_what_waits_but_for_what_daemons_take_of_it() -> None:
    """The model is cordoned and one of its devices is broken: a new node is open and whole."""
    like = node("a", 3)
    like["spec"] = {
        "unschedulable": True,
        "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}],
    }
    like["status"]["capacity"] = {GPU: "4", "cpu": "64"}
    like["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    like["status"]["allocatable"]["cpu"] = "8"
    waits = [pod("four", gpus=4, came=20), pod("five", gpus=5, came=30), pod("cpu", came=10)]
    waits[2]["spec"]["containers"][0]["resources"]["requests"] = {"cpu": "6"}
    greedy = pod("agent-a", "a", of=AGENT)
    greedy["spec"]["containers"][0]["resources"]["requests"] = {"cpu": "2"}
    found = effects(snapshot(like, AGENT, greedy, *waits), "add-node:new=a")
    assert {each.subject.name: (each.before, each.after) for each in found.placed} == {"four": (0, 1)}, "8 - 2 - 1 < 6"
    assert found.notes == ("new is taken to be ready and open; a, which it is like, is cordoned",)


@pytest.mark.parametrize(("change", "left"), [("cordon:a", 0), ("drain:a", 0), ("node-down:a", 0), ("drop-node:a", 0)])
def test_what_would_have_started_there_no_longer_does(change: str, left: int) -> None:
    found = effects(snapshot(node("a", 8), node("b", 1), pod("waits", gpus=4)), change)
    assert [(each.subject.name, each.before, each.after) for each in found.placed] == [("waits", 1, left)]
    assert "Insufficient nvidia.com/gpu" in found.placed[0].message


def test_changes_are_made_in_order_and_together() -> None:
    """A node comes before the other is drained; and what a change brings, a later one can take away again."""
    there = snapshot(node("a", 8), SERVES, pod("p", "a", of=SERVES, gpus=8))
    (moved,) = effects(there, "add-node:c=a", "drain:a").moved
    assert [(each.fate, each.to) for each in moved.pods] == [("placed", "c")]
    (moved,) = effects(there, "add-node:c=a", "drain:a", "cordon:c").moved
    assert [each.fate for each in moved.pods] == ["waits"]
    held = [budget("none", 0, app="x"), SERVES, pod("p", "a", of=SERVES, labels={"app": "x"})]
    (moved,) = effects(snapshot(*TWO, *held), "drain:a", "drop-node:a").moved
    assert [(each.fate, each.to) for each in moved.pods] == [("placed", "b")], "told once"


def test_a_running_pod_that_loses_its_place_is_named() -> None:
    cheap = owned("ReplicaSet", "cheap")
    moment = snapshot(
        *TWO, SERVES, cheap, pod("p", "a", of=SERVES, gpus=4, priority=9), pod("q", "b", of=cheap, gpus=4)
    )
    (moved,) = effects(moment, "drain:a").moved
    assert [(each.to, each.victims) for each in moved.pods] == [("b", ("nlp/q",))]


def test_who_gets_quota_by_another_change_finds_the_node_that_comes() -> None:
    moment = snapshot(*queue("nlp", 4), work("running", 4, came=50, got=50), work("waits", 4, came=10), node("a", 2))
    raised = f"quota:nlp/a100/{GPU}=8"
    assert [(row.starts, row.started) for row in asked(moment, raised).rows] == [(False, None)]
    big = node("b", 4)
    there = snapshot(
        *queue("nlp", 4), work("running", 4, came=50, got=50), work("waits", 4, came=10), node("a", 2), big
    )
    assert [row.starts for row in asked(there, raised, "drop-node:b").rows] == [False]
    assert [row.starts for row in asked(there, "add-node:c=b", raised, "drop-node:b").rows] == [True]


def test_who_gets_quota_anyway_is_told_where_its_nodes_go() -> None:
    moment = snapshot(*queue("nlp", 8), work("waits", 4, came=10), node("a", 4), node("b", 1))
    found = asked(moment, "cordon:a")
    assert [(row.subject.name, row.started, row.starts) for row in found.rows] == [("waits", True, False)]
    assert found.rows[0].then is not None
    assert asked(moment, "cordon:b").rows == ()


def test_no_wait_is_made_up_where_quota_alone_decides() -> None:
    """Eight more devices, of which the queue gives nobody more: only that is said."""
    moment = snapshot(
        *queue("nlp", 4), work("running", 4, came=50, got=50), work("waits", 4, came=10), node("a", 4), *ended(6)
    )
    found = asked(moment, "add-node:c=a")
    assert (found.rows, found.found.futures, found.unchanged) == ((), 0, 1)
    assert found.nodes is not None
    assert [each.partition(":")[0] for each in found.nodes.books] == [
        f"quota of flavor a100 stays 4 {GPU} in all, and its nodes have 8 then"
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("drop-node:a", "8 nvidia.com/gpu in flavor a100 are guaranteed, and there are 4 at most"),
        ("cordon:a", "8 nvidia.com/gpu in flavor a100 are guaranteed, and 4 can be used now: 4 on cordoned nodes"),
        ("add-node:c=a", ""),
    ],
)
def test_what_quota_promises_and_hardware_no_longer_has_is_said(change: str, said: str) -> None:
    ready = [node("a", 4), node("b", 4)]
    for each in ready:
        each["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
        each["status"]["capacity"] = {GPU: "4"}
    books = effects(snapshot(*queue("nlp", 8), *ready), change).books
    assert [each for each in books if each.startswith("books: ")] == ([f"books: {said}"] if said else [])


def test_without_kueue_nodes_are_changed_all_the_same() -> None:
    gathered = Gathered()
    gathered.take_any([*TWO, pod("waits", gpus=9), pod("bare", "a")])
    bare = Snapshot(taken_at=ago(0), sources=(Source(name="bare", observed_at=ago(0), objects=gathered.objects()),))
    found = asked(bare, "drain:a")
    assert found.nodes is not None
    assert [each.fated(PodFate.LOST) for each in found.nodes.moved] == [1]


def test_what_was_not_seen_is_not_guessed() -> None:
    source = snapshot(*TWO, SERVES, pod("p", "a", of=SERVES), pod("waits", gpus=9)).sources[0]
    gaps = (Gap(what="pods", reason="forbidden"), Gap(what="poddisruptionbudgets", reason="forbidden"))
    half = msgspec.structs.replace(snapshot(), sources=(msgspec.structs.replace(source, gaps=gaps),))
    found = effects(half, "drain:a")
    assert [(each.fate, each.to) for work in found.moved for each in work.pods] == [("unknown", "")]
    assert (found.placed, found.waiting) == ((), 0)
    assert any("who finds a node then is not known" in each for each in found.notes)
    assert any("others may stand in a drain's way" in each for each in found.notes)


def test_of_others_only_how_much_has_to_leave_is_told() -> None:
    theirs = owned("ReplicaSet", "secret")
    theirs["metadata"]["namespace"] = "cv"
    spaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each, "labels": {"allotment.dev/team": each}}}
        for each in ("nlp", "cv")
    ]
    pods = [pod("p", "a", of=SERVES, gpus=1), pod("secret-1", "a", of=theirs, gpus=2, where="cv")]
    moment = snapshot(*spaces, *TWO, SERVES, theirs, *pods)
    for seen, namespace in ((seen_by(moment, "nlp", frozenset({"nlp"})), ""), (moment, "nlp")):
        found = effects(seen, "drain:a", namespace=namespace)
        assert [each.subject.name for each in found.moved] == ["serves"]
        assert (found.others.pods, dict(found.others.devices)) == (1, {GPU: 2})


def test_nodes_of_a_topology_count_for_queues_too() -> None:
    """With a topology Kueue places pods itself: without the node there is no quota to be had."""
    kueue = "kueue.x-k8s.io/v1beta2"
    levels = {"levels": [{"nodeLabel": "kubernetes.io/hostname"}]}
    topology = {"apiVersion": kueue, "kind": "Topology", "metadata": {"name": "t"}, "spec": levels}
    flavor = {"apiVersion": kueue, "kind": "ResourceFlavor", "metadata": {"name": "a100"}}
    flavor["spec"] = {"nodeLabels": {"pool": "x"}, "topologyName": "t"}
    there = [node(each, 4, {"pool": "x", "kubernetes.io/hostname": each}) for each in ("a", "b")]
    for each in there:
        each["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    waits = work("waits", 4, came=10)
    waits["spec"]["podSets"][0]["topologyRequest"] = {"required": "kubernetes.io/hostname"}
    gathered = Gathered()
    gathered.take_any([topology, flavor, *queue("nlp", 16), waits, work("second", 4, came=5), *there])
    source = Source(name="t", observed_at=ago(0), objects=gathered.objects())
    moment = Snapshot(taken_at=ago(0), sources=(source,))
    lost = {row.subject.name: row.change.starts_after for row in asked(moment, "cordon:a").rows}
    assert lost == {"second": False}
    assert [row.change.starts_after for row in asked(moment, "cordon:a", "add-node:c=b").rows] == []


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ("drain:c", NotFoundError, "there is no node 'c'"),
        ("add-node:c=d", NotFoundError, "there is no node 'd'"),
        ("add-node:b=a", InputError, "there is a node 'b' already"),
        ("cordon:a,until=2h", UsageError, "a term cannot be given here"),
    ],
)
def test_what_cannot_be_done_to_a_node_is_refused_in_words(change: str, error: type[AllotmentError], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        effects(snapshot(*TWO), change)
    assert str(caught.value).startswith(change)


@settings(max_examples=by_day(25), deadline=None)
@given(
    sizes=st.lists(st.integers(1, 8), min_size=1, max_size=8),
    waiting=st.lists(st.integers(1, 8), max_size=4),
    change=st.sampled_from(["drain:a", "drop-node:a", "node-down:a"]),
)
def test_nobody_is_put_where_there_is_no_room_or_on_the_node_itself(
    sizes: list[int], waiting: list[int], change: str
) -> None:
    """Whoever leaves has one fate; what is placed fits beside what runs and what else is placed, who waits does not."""
    left = {"a": 8, "b": 6, "c": 3}
    running = []
    for at, gpus in enumerate(sizes):
        on = next((name for name, free in left.items() if free >= gpus), None)
        if on is not None:
            left[on] -= gpus
            running.append((f"p{at}", on, gpus))
    around = [pod(name, on, of=SERVES, gpus=gpus) for name, on, gpus in running]
    around += [pod(f"w{at}", gpus=gpus) for at, gpus in enumerate(waiting)]
    nodes = [node("a", 8), node("b", 6), node("c", 3)]
    found = effects(snapshot(*nodes, SERVES, *around), change)
    fates = {each.pod: each for work in found.moved for each in work.pods}
    asked_for = {name: gpus for name, on, gpus in running if on == "a"}
    assert fates.keys() == asked_for.keys()
    for name, gpus in asked_for.items():
        if fates[name].fate is PodFate.PLACED:
            left[fates[name].to] -= gpus
    assert all(each.to in {"", "b", "c"} for each in fates.values())
    assert min(left["b"], left["c"]) >= 0
    if not waiting:
        waits = [asked_for[name] for name, each in fates.items() if each.fate is PodFate.WAITS]
        assert all(gpus > max(left["b"], left["c"]) for gpus in waits)
