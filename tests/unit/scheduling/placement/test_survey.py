"""Room for shapes on a Kubernetes cluster, shapes as text, and the survey of both."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.errors import NotFoundError, UsageError
from allotment.model.cluster import Taint, TaintEffect
from allotment.scheduling.kinds import Toleration
from allotment.scheduling.placement.asking import ask_text, matching_models, parse_ask, pod_shape_of, pod_text
from allotment.scheduling.placement.capacity import room
from allotment.scheduling.placement.cycle import Options, Unschedulable, place
from allotment.scheduling.placement.gpu.capacity import Stranded
from allotment.scheduling.placement.gpu.fleet import GpuFleet
from allotment.scheduling.placement.gpu.fragmentation import FragmentCause, TypicalPod, measure
from allotment.scheduling.placement.gpu.model import GpuNode, GpuShape
from allotment.scheduling.placement.model import Node, NodeAffinity, Pod, PodShape
from allotment.scheduling.placement.state import ClusterState
from allotment.scheduling.placement.survey import survey_cluster, survey_fleet
from tests.by_day import by_day
from tests.unit.scheduling.placement import builders as b

ACCELERATOR = "allotment.dev/accelerator"
GPU_TAINT = Taint("nvidia.com/gpu", "", TaintEffect.NO_SCHEDULE)
OWN = Taint("dedicated", "nlp", TaintEffect.NO_SCHEDULE)


def gpu_node(
    name: str, model: str = "a100", cpu: int = 8000, memory: int = 9000, gpus: int = 4, **rest: object
) -> Node:
    return b.node(name, cpu, memory, labels={ACCELERATOR: model}, gpus=gpus, **rest)  # type: ignore[arg-type]


def test_stranded_gpus_say_what_stands_in_the_way() -> None:
    state = b.cluster(
        gpu_node("cordoned", unschedulable=True),
        gpu_node("tainted", taints=(OWN,)),
        gpu_node("other", "h100"),
        gpu_node("full", pods=0),
        gpu_node("busy", cpu=1500),
        gpu_node("tight", memory=100),
        gpu_node("few", gpus=1),
        gpu_node("rest", gpus=5),
    )
    found = room(state, pod_shape_of(parse_ask("2xa100,cpu=1,memory=1Gi"), state.nodes.nodes))
    assert {r: n for r, n in found.stranded.items() if n} == {
        Stranded.CORDONED: 4000,
        Stranded.TAINTED: 4000,
        Stranded.WRONG_MODEL: 4000,
        Stranded.TOO_MANY_PODS: 4000,
        Stranded.LACKS_MEMORY: 4000,
        Stranded.TOO_FEW_GPUS: 1000,
        Stranded.REMAINDER: 1000 + 2000,
    }
    assert found.count == 1 + 2


def test_selectors_and_other_resources_are_reasons_too() -> None:
    state = b.cluster(gpu_node("a"), gpu_node("b"))
    nodes = state.nodes.nodes
    selected = room(state, pod_shape_of(parse_ask("1,node:kubernetes.io/hostname=a"), nodes))
    assert (selected.count, selected.stranded[Stranded.NOT_SELECTED]) == (4, 4000)
    disk = room(state, pod_shape_of(parse_ask("1,ephemeral-storage=1Gi"), nodes))
    assert (disk.count, disk.stranded[Stranded.LACKS_OTHER]) == (0, 8000)
    cpu_only = room(state, pod_shape_of(parse_ask("cpu=3"), nodes))
    assert (cpu_only.count, sum(cpu_only.stranded.values())) == (4, 0)


NODES = st.builds(
    lambda cpu, memory, gpus, pods, model, taints, closed: (cpu, memory, gpus, pods, model, taints, closed),
    st.integers(0, 9).map(lambda n: n * 1000),
    st.integers(0, 9).map(lambda n: n * 1024),
    st.integers(0, 4),
    st.sampled_from([0, 2, 110]),
    st.sampled_from(["a100", "h100"]),
    st.sets(st.sampled_from([GPU_TAINT, OWN])).map(lambda taints: tuple(sorted(taints, key=lambda t: t.key))),
    st.booleans(),
)
ASKS = st.builds(
    lambda gpus, model, cpu, memory, extra: ",".join(
        [f"{gpus}x{model}" if model and gpus else str(gpus), f"cpu={cpu}", f"memory={memory}Gi", *extra]
    ),
    st.integers(0, 3),
    st.sampled_from(["", "a100"]),
    st.sampled_from(["1", "500m", "2"]),
    st.integers(1, 4),
    st.sampled_from([(), ("tolerate:dedicated",), ("tolerate:dedicated=cv",), (f"node:{ACCELERATOR}=h100",)]),
)


def cluster_of(drawn: list[tuple[int, int, int, int, str, tuple[Taint, ...], bool]]) -> ClusterState:
    return b.cluster(
        *(
            gpu_node(f"n{i}", model, cpu, memory, gpus, pods=pods, taints=taints, unschedulable=closed)
            for i, (cpu, memory, gpus, pods, model, taints, closed) in enumerate(drawn)
        )
    )


def placed_one_by_one(state: ClusterState, shape: PodShape) -> int:
    """How many pods of a shape find a node, one after the other; the state is as before then."""
    mark = state.checkpoint()
    count = 0
    while not isinstance(place(state, Pod(f"#{count}", shape), options=Options(sampled=False)), Unschedulable):
        count += 1
    state.rollback(mark)
    return count


@settings(deadline=None, max_examples=by_day(25))
@given(drawn=st.lists(NODES, min_size=1, max_size=5), asks=st.lists(ASKS, min_size=1, max_size=4))
def test_what_fits_is_what_placing_reaches_and_idle_gpu_closes(drawn: list, asks: list[str]) -> None:  # type: ignore[type-arg]
    state = cluster_of(drawn)
    if "a100" not in {model for _, _, gpus, _, model, _, _ in drawn if gpus}:
        asks = [text for text in asks if "xa100" not in text]
    for text in asks:
        shape = pod_shape_of(parse_ask(text), state.nodes.nodes)
        found = room(state, shape)
        assert found.count == placed_one_by_one(state, shape)
        demand = 1000 * parse_ask(text).gpus
        idle = 1000 * sum(node.allocatable["nvidia.com/gpu"] for node in state.nodes.nodes)
        assert sum(found.stranded.values()) + found.count * demand == (idle if demand else 0)
    survey = survey_cluster(state, [], [parse_ask(text) for text in asks])
    assert [node.name for node in survey.nodes] == [f"n{i}" for i in range(len(drawn))]
    if survey.fragmentation is not None:
        assert survey.fragmentation.idle == pytest.approx(survey.free)


def test_the_measure_counts_only_nodes_a_pod_may_go_to() -> None:
    state = b.cluster(
        gpu_node("open", cpu=1000),
        gpu_node("own", taints=(OWN,)),
        gpu_node("closed", unschedulable=True),
    )
    state.add(b.pod("half", 500, 100, gpus=2), state.node_index("open"))
    own = b.shape(1000, gpus=4, tolerations=(Toleration("dedicated", exists=True),))
    found = survey_cluster(state, [b.shape(1000, gpus=1), own], [])
    assert found.fragmentation is not None
    assert (found.typical, found.pods) == (2, 2)
    # On `open` 500 milli-CPU and 2 GPUs are left: one shape lacks CPU, the other CPU and GPU.
    # `own` admits only the second, `closed` none.
    amounts = found.fragmentation.per_node / 1000
    assert amounts[0, FragmentCause.LACKS_CPU] == amounts[0, FragmentCause.LACKS_BOTH] == pytest.approx(1)
    assert amounts[1, FragmentCause.SATISFIED] == amounts[1, FragmentCause.WRONG_MODEL] == pytest.approx(2)
    assert amounts[2, FragmentCause.WRONG_MODEL] == pytest.approx(4)
    assert found.free == 10_000


def test_nodes_stand_in_the_file_s_order_whatever_the_search_order() -> None:
    state = b.cluster(
        gpu_node("z1-a", gpus=1, zone="1"), gpu_node("z1-b", gpus=2, zone="1"), gpu_node("z2-a", gpus=3, zone="2")
    )
    assert [node.name for node in state.nodes.nodes] != ["z1-a", "z1-b", "z2-a"]
    state.add(b.pod("p", 1000, gpus=1), state.node_index("z2-a"))
    found = survey_cluster(state, [b.shape(1000, gpus=1)], [])
    assert [(node.name, node.used, node.free) for node in found.nodes] == [
        ("z1-a", 0, 1000),
        ("z1-b", 0, 2000),
        ("z2-a", 1000, 2000),
    ]
    assert found.shapes[0].room.fits.tolist() == [1, 2, 2]
    assert found.fragmentation is not None
    assert found.fragmentation.per_node.sum(axis=1).tolist() == [1000, 2000, 2000]


def test_devices_of_another_maker_are_no_help() -> None:
    amd = Node("amd", {"cpu": 9000, "memory": 9000, "pods": 10, "amd.com/gpu": 2}, {ACCELERATOR: "mi300x"})
    state = b.cluster(gpu_node("nvidia"), amd)
    nodes = state.nodes.nodes
    with pytest.raises(UsageError, match="which of"):
        pod_shape_of(parse_ask("1"), nodes)
    assert room(state, pod_shape_of(parse_ask("1xmi300x"), nodes)).count == 2
    three = room(state, pod_shape_of(parse_ask("3xnvidia.com/gpu"), nodes))
    assert (three.lost.tolist(), three.reasons) == ([1000, 0], (Stranded.REMAINDER, None)), "nor are they lost to it"
    found = survey_cluster(state, [b.shape(1000, gpus=1)], [])
    assert found.fragmentation is not None
    assert found.fragmentation.node_fragments.tolist() == [0, 2000]


ZOO = (
    Node("nvidia", {"cpu": 9000, "memory": 9000, "pods": 10, "nvidia.com/gpu": 4, "nvidia.com/mig-1g.10gb": 14}, {}),
    Node(
        "amd",
        {"cpu": 9000, "memory": 9000, "pods": 10, "amd.com/gpu": 8},
        {"amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM"},
        (Taint("amd.com/gpu", "present", TaintEffect.NO_SCHEDULE),),
    ),
    Node("gaudi", {"cpu": 9000, "memory": 9000, "pods": 10, "habana.ai/gaudi": 8}, {"habana.ai/model": "HL-225"}),
    Node(
        "tpu",
        {"cpu": 9000, "memory": 9000, "pods": 10, "google.com/tpu": 4},
        {"cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice"},
    ),
    Node("neuron", {"cpu": 9000, "memory": 9000, "pods": 10, "aws.amazon.com/neuron": 16}, {"kind": "trn1"}),
)
"""A node of every vendor."""


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("2xnvidia.com/gpu", 2),
        ("8xamd.com/gpu", 1),
        ("8xmi300x", 1),
        ("4xgaudi2", 2),
        ("4xhabana.ai/gaudi", 2),
        ("1xtpu-v5e", 4),
        ("16xaws.amazon.com/neuron,cpu=1", 1),
        ("16,node:kind=trn1", 1),
        ("2xnvidia.com/mig-1g.10gb", 7),
        ("0xamd.com/gpu,cpu=9", 4),
    ],
)
def test_devices_of_every_vendor_can_be_asked_for(text: str, fits: int) -> None:
    state = b.cluster(*ZOO)
    shape = pod_shape_of(parse_ask(text), state.nodes.nodes)
    assert room(state, shape).count == fits
    assert room(state, pod_shape_of(parse_ask(pod_text(shape, mixed=True)), state.nodes.nodes)).count == fits


def test_usual_shapes_say_which_device_where_there_are_several() -> None:
    pods = [PodShape(requests=((name, 1),)) for name in ("nvidia.com/gpu", "amd.com/gpu")]
    both = survey_cluster(b.cluster(*ZOO), pods, [])
    assert [each.text for each in both.shapes] == ["1xnvidia.com/gpu", "1xamd.com/gpu"]
    alone = survey_cluster(b.cluster(ZOO[1]), pods[1:], [])
    assert [each.text for each in alone.shapes] == ["1"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1", "which of nvidia.com/gpu, amd.com/gpu"),
        ("1", "for example 1xnvidia.com/gpu"),
        ("1xexample.com/npu", "no node has example.com/npu"),
        ("1xexample.com/npu", "amd.com/gpu, aws.amazon.com/neuron, google.com/tpu"),
        ("1xh100", "no GPU model"),
    ],
)
def test_devices_that_are_not_there(text: str, says: str) -> None:
    with pytest.raises((UsageError, NotFoundError)) as told:
        pod_shape_of(parse_ask(text), ZOO)
    assert says in f"{told.value.what} {told.value.fix}"


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [("1xa100", 2), ("2xa100", 1), ("1xa100-40gb", 2), ("1x1g.5gb", 14), ("1xa100-mig", 14), ("1", 16)],
)
@pytest.mark.parametrize("names", [("NVIDIA-A100-PCIE-40GB", "-MIG-1g.5gb"), ("a100-40gb", "-mig-1g-5gb")])
def test_slices_under_the_name_of_whole_devices_are_not_meant(wanted: str, fits: int, names: tuple[str, str]) -> None:
    whole, part = names
    if part.islower() and wanted == "1x1g.5gb":
        wanted = "1x1g-5gb"
    state = b.cluster(gpu_node("sliced", whole + part, gpus=14), gpu_node("whole", whole, gpus=2))
    assert room(state, pod_shape_of(parse_ask(wanted), state.nodes.nodes)).count == fits


def test_where_there_are_slices_only_the_error_says_so() -> None:
    with pytest.raises(NotFoundError) as told:
        matching_models("t4", ["Tesla-T4-SHARED"])
    assert "no whole device" in told.value.what
    assert "Tesla-T4-SHARED" in told.value.why
    assert matching_models("t4-shared", ["Tesla-T4-SHARED"]) == ("Tesla-T4-SHARED",)


def test_each_shape_is_listed_once() -> None:
    state = b.cluster(gpu_node("a"), gpu_node("b"))
    pods = [b.shape(1000, None, gpus=1)] * 2
    pods.append(b.shape(1000, None, gpus=1, tolerations=(Toleration("nvidia.com/gpu", exists=True),)))
    pods.append(b.shape(2000, None, gpus=1))
    found = survey_cluster(state, pods, [parse_ask("1,cpu=1000m"), parse_ask("1,cpu=1"), parse_ask("4")])
    assert [(each.text, each.asked, each.share) for each in found.shapes] == [
        ("1,cpu=1000m", True, 0.75),
        ("4", True, None),
        ("1,cpu=2", False, 0.25),
    ]


def test_shapes_that_read_alike_stay_apart_where_they_differ() -> None:
    state = b.cluster(gpu_node("a", taints=(GPU_TAINT,)))
    tolerant = b.shape(1000, None, gpus=1, tolerations=(Toleration("nvidia.com/gpu", exists=True),))
    found = survey_cluster(state, [b.shape(1000, None, gpus=1), tolerant], [])
    assert [(each.text, each.room.count) for each in found.shapes] == [("1,cpu=1", 0), ("1,cpu=1", 4)]


def test_shapes_of_a_fleet_are_listed_once_too() -> None:
    fleet = GpuFleet([GpuNode("a", 4000, 9000, 2, "T4")])
    found = survey_fleet(fleet, [TypicalPod(GpuShape(1000, 0, 1, 500), 1.0)], 7, [parse_ask("0.5,cpu=1000m")])
    assert [(each.text, each.asked, each.share) for each in found.shapes] == [("0.5,cpu=1000m", True, 1.0)]
    with pytest.raises(UsageError, match="knows GPUs"):
        survey_fleet(fleet, [], 7, [parse_ask("1xnvidia.com/gpu")])


def test_a_fleet_s_survey_is_the_measure_itself() -> None:
    fleet = GpuFleet([GpuNode("a", 4000, 9000, 2, "T4"), GpuNode("b", 4000, 9000, 2, "V100")])
    fleet.place("r", GpuShape(1000, 0, 1, 700), 0, (0,))
    typical = [TypicalPod(GpuShape(1000, 0, 1, 500), 0.5), TypicalPod(GpuShape(1000), 0.5)]
    found = survey_fleet(fleet, typical, 7, [parse_ask("0.5xv100,cpu=2")])
    assert found.fragmentation is not None
    assert np.array_equal(found.fragmentation.per_node, measure(fleet, typical).per_node)
    assert [(node.used, node.free) for node in found.nodes] == [(700, 1300), (0, 2000)]
    assert [shape.text for shape in found.shapes] == ["0.5xv100,cpu=2", "0.5,cpu=1"]
    assert found.shapes[0].room.count == 2
    with pytest.raises(UsageError, match="knows GPUs"):
        survey_fleet(fleet, typical, 7, [parse_ask("1,tolerate:x")])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no number of GPUs"),
        ("eight", "no number of GPUs"),
        ("1.5", "only a single GPU can be shared"),
        ("8,cpu", "'cpu' cannot be read"),
        ("8,cpu=", "'cpu=' cannot be read"),
        ("8,cpu=lots", "is not a quantity"),
        ("8,cpu=1,cpu=2", "stands twice"),
        ("8,rdma/hca=0.5", "whole units"),
        ("8,rdma/hca=16Gi", "whole units"),
        ("cpu=1,nvidia.com/gpu=16Gi", "whole units"),
        ("cpu=1,amd.com/gpu=8", "begin with the GPUs: 8xamd.com/gpu"),
        ("2xrdma/hca,rdma/hca=1", "comes once"),
        ("0.5xnvidia.com/mig-1g.5gb", "whole units"),
        ("8,node:x", "cannot be read"),
        ("8,tolerate:", "cannot be read"),
    ],
)
def test_shapes_that_cannot_be_read(text: str, says: str) -> None:
    with pytest.raises(UsageError) as told:
        parse_ask(text)
    assert says in f"{told.value.what} {told.value.fix}"


def test_a_share_of_a_gpu_is_for_pod_lists() -> None:
    with pytest.raises(UsageError, match="whole GPUs"):
        pod_shape_of(parse_ask("0.5"), [gpu_node("a")])


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ("a100", ("NVIDIA-A100-PCIE-40GB", "NVIDIA-A100-SXM4-80GB")),
        ("A100-80gb", ("NVIDIA-A100-SXM4-80GB",)),
        ("t4", ("T4",)),
        ("t4|a100-40gb", ("NVIDIA-A100-PCIE-40GB", "T4")),
    ],
)
def test_models_by_their_words(wanted: str, meant: tuple[str, ...]) -> None:
    known = ["NVIDIA-A100-SXM4-80GB", "NVIDIA-A100-PCIE-40GB", "T4", "", "Tesla-T40"]
    assert matching_models(wanted, known) == meant
    with pytest.raises(NotFoundError, match="no GPU model"):
        matching_models("h100", known)


@pytest.mark.parametrize(
    "text",
    [
        "8xa100,cpu=64,memory=512Gi",
        "1,cpu=500m",
        "cpu=2",
        "2,cpu=1,node:disk=ssd,tolerate:dedicated=nlp",
        "1,ephemeral-storage=10Gi,tolerate:spot",
    ],
)
def test_a_shape_s_text_reads_back_as_the_shape(text: str) -> None:
    nodes = [gpu_node("a")]
    shape = pod_shape_of(parse_ask(text), nodes)
    assert pod_text(shape) == text
    assert pod_shape_of(parse_ask(pod_text(shape)), nodes) == shape


def test_rules_that_a_text_cannot_express_are_named() -> None:
    shape = b.shape(1000, None, node_affinity=NodeAffinity(required=()))
    assert pod_text(b.shape(1000, None)) == "cpu=1"
    assert pod_text(shape) == "cpu=1,affinity"
    assert ask_text(GpuShape(4000, 0, 1, 460, ("T4", "V100"))) == "0.46xT4|V100,cpu=4"
    assert ask_text(GpuShape(0)) == "nothing"
