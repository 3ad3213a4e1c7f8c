"""Why nodes refuse a pod, and the event text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.model.cluster import Taint, TaintEffect
from allotment.scheduling.kinds import Operator, Requirement, Toleration
from allotment.scheduling.placement.cycle import Fits, Unschedulable, evaluate
from allotment.scheduling.placement.diagnosis import event_text, shortened
from allotment.scheduling.placement.model import (
    HOSTNAME_LABEL,
    ZONE_LABEL,
    HostPort,
    MissingClaim,
    NodeAffinity,
    NodeSelectorTerm,
    PodShape,
    UnboundImmediateClaim,
)
from allotment.scheduling.placement.preemption import preempt
from allotment.scheduling.placement.reasons import Code, Kind, Plugin, Reason, Refusal, refusal
from allotment.scheduling.placement.state import ClusterState
from tests.unit.scheduling.placement import builders as b

FULL = Taint("dedicated", "", TaintEffect.NO_SCHEDULE)


def refuse(state: ClusterState, shape: PodShape, *, never: bool = True) -> tuple[Unschedulable, str]:
    one = b.Pod("incoming", shape, never_preempts=never)
    refused = evaluate(state, one)
    assert isinstance(refused, Unschedulable)
    return refused, event_text(refused.diagnosis, preempt(state, one, refused).report)


def by_node(state: ClusterState, refused: Unschedulable) -> dict[str, Refusal]:
    return {state.nodes.nodes[n].name: r for r, nodes in refused.diagnosis.refusals.items() for n in nodes}


def test_the_first_failing_filter_speaks_for_a_node() -> None:
    state = b.cluster(
        b.node("cordoned", taints=(FULL,), unschedulable=True),
        b.node("tainted", labels={"disk": "hdd"}, taints=(FULL,)),
        b.node("other", labels={"disk": "hdd"}),
        b.node("taken", cpu=0, labels={"disk": "ssd"}),
        b.node("small", cpu=500, memory=10, pods=0, labels={"disk": "ssd"}),
        b.node("full", cpu=1500, labels={"disk": "ssd"}),
        running=(
            (b.pod("p", 0, host_ports=(HostPort(80),)), "taken"),
            (b.pod("q", 1000), "full"),
        ),
    )
    refused, text = refuse(
        state, b.shape(host_ports=(HostPort(80),), node_affinity=NodeAffinity(selector=(("disk", "ssd"),)))
    )
    assert by_node(state, refused) == {
        "cordoned": refusal(Kind.CORDONED),
        "tainted": refusal(Kind.TAINTED),
        "other": refusal(Kind.NODE_AFFINITY),
        "taken": refusal(Kind.PORTS),
        "small": Refusal(
            (Reason(Kind.POD_LIMIT), Reason(Kind.RESOURCE, "cpu"), Reason(Kind.RESOURCE, "memory")), Code.UNRESOLVABLE
        ),
        "full": Refusal((Reason(Kind.RESOURCE, "cpu"),), Code.UNSCHEDULABLE),
    }
    assert text == (
        "0/6 nodes are available: 1 Insufficient memory, 1 Too many pods, 1 node(s) didn't have free ports for the "
        "requested pod ports, 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint(s), "
        "1 node(s) were unschedulable, 2 Insufficient cpu. no new claims to deallocate, preemption: not eligible due "
        "to preemptionPolicy=Never."
    )


@pytest.mark.parametrize(
    ("one", "held", "conflict"),
    [
        (HostPort(80), HostPort(80), True),
        (HostPort(80), HostPort(81), False),
        (HostPort(80), HostPort(80, "UDP"), False),
        (HostPort(80), HostPort(80, ip="10.0.0.1"), True),
        (HostPort(80, ip="10.0.0.2"), HostPort(80, ip="10.0.0.1"), False),
        (HostPort(80, ip="10.0.0.1"), HostPort(80, ip="10.0.0.1"), True),
    ],
)
def test_host_ports(one: HostPort, held: HostPort, conflict: bool) -> None:
    state = b.cluster(b.node("a"), running=((b.pod("r", host_ports=(held,)), "a"),))
    assert isinstance(evaluate(state, b.pod("p", host_ports=(one,))), Unschedulable) is conflict
    state.remove("default/r")
    assert isinstance(evaluate(state, b.pod("p", host_ports=(one,))), Fits)


def test_tolerating_the_cordon_taint_tolerates_the_cordon() -> None:
    state = b.cluster(b.node("a", unschedulable=True))
    key = "node.kubernetes.io/unschedulable"
    assert isinstance(evaluate(state, b.pod("p", tolerations=(Toleration(key, exists=True),))), Fits)


def _named(*names: str) -> Requirement:
    return Requirement("metadata.name", Operator.IN, names)


def test_nodes_that_are_not_named_are_not_looked_at() -> None:
    state = b.cluster(b.node("a", cpu=1), b.node("b"), b.node("c"))
    rules = NodeAffinity(required=(NodeSelectorTerm(fields=(_named("a", "gone"),)),))
    refused, text = refuse(state, b.shape(node_affinity=rules), never=False)
    assert text == (
        "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. no new claims "
        "to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    )
    assert refused.diagnosis.plugins() == [Plugin.NODE_AFFINITY, Plugin.NODE_RESOURCES_FIT]


@pytest.mark.parametrize(
    ("shape", "text", "plugin"),
    [
        (
            b.shape(
                node_affinity=NodeAffinity(required=(NodeSelectorTerm(fields=(_named("a"), _named("b"))),)),
                volume_problem=MissingClaim("c"),
            ),
            "pod affinity terms conflict",
            Plugin.NODE_AFFINITY,
        ),
        (
            b.shape(volume_problem=MissingClaim("data")),
            'persistentvolumeclaim "data" not found',
            Plugin.VOLUME_RESTRICTIONS,
        ),
        (
            b.shape(volume_problem=UnboundImmediateClaim("data")),
            "pod has unbound immediate PersistentVolumeClaims",
            Plugin.VOLUME_BINDING,
        ),
    ],
)
def test_refused_for_all_nodes_at_once(shape: PodShape, text: str, plugin: Plugin) -> None:
    refused, event = refuse(b.cluster(b.node("a"), b.node("b")), shape, never=False)
    assert event == f"0/2 nodes are available: {text}. not found"
    assert refused.diagnosis.plugins() == [plugin]


def test_no_nodes_at_all() -> None:
    _, text = refuse(ClusterState([]), b.shape())
    assert text == "no nodes available to schedule pods"


def test_hard_spread() -> None:
    running = ((b.pod("r", label="web"), "a1"), (b.pod("s", label="web"), "b1"), (b.pod("t", label="web"), "b1"))
    nodes = (b.node("a1", zone="a"), b.node("b1", zone="b"), b.node("none"))
    state = b.cluster(*nodes, running=running)
    found = evaluate(state, b.pod("p", label="web", spread=b.evenly("web")))
    assert isinstance(found, Fits)
    assert [state.nodes.nodes[n].name for n in found.feasible] == ["a1"]
    # A pod that does not count itself may also go to the fuller zone.
    found = evaluate(state, b.pod("p", label="db", spread=b.evenly("web")))
    assert isinstance(found, Fits)
    assert len(found.feasible) == 2
    tight = replace(b.evenly("web")[0], min_domains=3)
    refused, _ = refuse(state, b.shape(label="web", spread=(tight,)))
    assert by_node(state, refused) == {
        "a1": refusal(Kind.SPREAD_SKEW),
        "b1": refusal(Kind.SPREAD_SKEW),
        "none": refusal(Kind.SPREAD_LABEL),
    }


def test_which_nodes_a_spread_looks_at() -> None:
    # Zone c has no pod, but its node is tainted: it only counts as a domain if taints are ignored (the default).
    nodes = (b.node("a", zone="a"), b.node("c", zone="c", taints=(FULL,)))
    state = b.cluster(*nodes, running=((b.pod("r", label="web"), "a"),))
    spread = b.evenly("web")[0]
    assert isinstance(evaluate(state, b.pod("p", label="web", spread=(spread,))), Unschedulable)
    assert isinstance(evaluate(state, b.pod("p", label="web", spread=(replace(spread, honor_taints=True),))), Fits)


def test_required_affinity_and_the_first_of_a_group() -> None:
    state = b.cluster(b.node("a", zone="1"), b.node("b", zone="2"), b.node("c"))
    wants_db = b.together("db")
    refused, _ = refuse(state, b.shape(label="web", affinity=wants_db))
    assert set(by_node(state, refused).values()) == {refusal(Kind.POD_AFFINITY)}
    first = evaluate(state, b.pod("d", label="db", affinity=wants_db))
    assert isinstance(first, Fits)
    assert len(first.feasible) == 2
    state.add(b.pod("d", label="db", affinity=wants_db), state.node_index("b"))
    second = evaluate(state, b.pod("e", label="web", affinity=wants_db))
    assert isinstance(second, Fits)
    assert [state.nodes.nodes[n].name for n in second.feasible] == ["b"]


def test_anti_affinity_works_both_ways() -> None:
    lonely = b.apart("web")
    state = b.cluster(b.node("a"), running=((b.pod("r", label="db", affinity=lonely), "a"),))
    refused, _ = refuse(state, b.shape(label="web"))
    assert by_node(state, refused) == {"a": refusal(Kind.EXISTING_ANTI_AFFINITY)}
    state = b.cluster(b.node("a"), running=((b.pod("r", label="web"), "a"),))
    refused, _ = refuse(state, b.shape(label="db", affinity=lonely))
    assert by_node(state, refused) == {"a": refusal(Kind.POD_ANTI_AFFINITY)}


def test_an_affinity_term_is_about_its_own_namespace_unless_it_says_otherwise() -> None:
    other = PodShape(namespace="other", labels=(("app", "web"),))
    state = b.cluster(b.node("a", zone="1"), running=((b.Pod("r", other), "a"),))
    term = b.apart("web", ZONE_LABEL).required_anti[0]
    own = b.PodAffinity(required_anti=(term,))
    named = b.PodAffinity(required_anti=(replace(term, namespaces=("other",)),))
    every = b.PodAffinity(required_anti=(replace(term, namespace_selector=b.LabelSelector()),))
    by_label = b.PodAffinity(
        required_anti=(
            replace(
                term,
                namespace_selector=b.LabelSelector(
                    (Requirement("kubernetes.io/metadata.name", Operator.IN, ("other",)),)
                ),
            ),
        )
    )
    blocked = [
        isinstance(evaluate(state, b.pod("p", affinity=a)), Unschedulable) for a in (own, named, every, by_label)
    ]
    assert blocked == [False, True, True, True]


def test_a_pod_without_requests_is_only_held_by_the_pod_limit() -> None:
    state = b.cluster(b.node("a", 0, 0, pods=1), b.node("b", 0, 0, pods=0, labels={HOSTNAME_LABEL: "b"}))
    found = evaluate(state, b.pod("p", None, None))
    assert isinstance(found, Fits)
    assert [state.nodes.nodes[n].name for n in found.feasible] == ["a"]


@pytest.mark.parametrize(
    ("note", "expected"),
    [("x" * 1024, "x" * 1024), ("x" * 1025, "x" * 1020 + " ..."), ("é" * 513, "é" * 510 + " ...")],
)
def test_a_note_keeps_to_the_limit(note: str, expected: str) -> None:
    assert shortened(note) == expected
