"""What probes send where every node is for accelerators: work that finds a node, so that it violates one guardrail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from allotment.model import labels
from allotment.model.cluster import Feature, NodePool
from allotment.model.platform import Platform
from allotment.model.team import Isolation, Team
from allotment.prove import bodies
from allotment.prove.guardrails import GUARDRAILS, probes
from allotment.prove.probes import Amend, AsDeclared, MustAccept, Post, Probe, RunJob, RunWork
from allotment.prove.scene import JOB_CONTROLLER, REPLICA_SET_CONTROLLER
from tests.unit.builders import cluster, cpu_flavor, flavor, node_pool, placement, platform, team
from tests.unit.prove.scenes import here_of, probes_of, scene_of
from tests.unit.render.policies.small import with_registries

GPU = "nvidia.com/gpu"
CONTROLLERS = (JOB_CONTROLLER, REPLICA_SET_CONTROLLER)
WORK = ("Pod", "Job", "Deployment")
ON_PURPOSE = ("for accelerator nodes that asks for no accelerator",)
"""Probes of work that asks for no accelerator though it would need one."""


def accelerators_only(
    *features: Feature,
    mutating: bool = False,
    pools: Sequence[NodePool] | None = None,
    teams: Sequence[Team] | None = None,
) -> Platform:
    place = cluster(
        features=features,
        mutating_policies=mutating,
        node_pools=pools or (node_pool(),),
        flavors=(flavor(), cpu_flavor()),
    )
    return with_registries(platform(clusters=(place,), teams=teams), "registry.acme.example")


SHAPES = {
    f"{'pods' if features else 'Jobs'}, {'mutating' if mutating else 'not mutating'}": accelerators_only(
        *features, mutating=mutating
    )
    for features in ((), (Feature.POD_INTEGRATION,))
    for mutating in (False, True)
}
ONLY_JOBS = {name: declared for name, declared in SHAPES.items() if name.startswith("Jobs")}


def made_in_team(declared: Platform) -> Iterator[tuple[Probe, Mapping[str, Any]]]:
    """Work that people of the team submit and controllers make in its namespace, as it is sent."""
    here = here_of(declared)
    for probe in (probe for item in GUARDRAILS for _, probe in probes(item, here, here.scenes())):
        if probe.persona.is_ourselves or not probe.needs or probe.needs.namespace != "nlp":
            continue
        match probe.attempt:
            case Post(body) | Amend(given=body):
                found = (body,)
            case RunJob(body, modest):
                found = (body, modest)
            case RunWork(sent):
                found = sent
            case _:
                continue
        yield from ((probe, body) for body in found if body is not None and body["kind"] in WORK)


def devices_of(body: Mapping[str, Any]) -> int:
    resources = bodies.pod_of(dict(body))["spec"]["containers"][0]["resources"]
    return int({**resources.get("requests", {}), **resources.get("limits", {})}.get(GPU, 0))


@pytest.mark.parametrize("declared", SHAPES.values(), ids=SHAPES)
def test_work_asks_for_what_every_node_is_for(declared: Platform) -> None:
    asking = {probe.tried: devices_of(body) for probe, body in made_in_team(declared)}
    assert len(asking) > 25
    assert not [tried for tried, devices in asking.items() if not devices and not tried.endswith(ON_PURPOSE)]


@pytest.mark.parametrize("declared", ONLY_JOBS.values(), ids=ONLY_JOBS)
def test_where_pods_cannot_wait_people_submit_jobs_and_say_so(declared: Platform) -> None:
    sent = [(probe, body["kind"]) for probe, body in made_in_team(declared)]
    assert {kind for probe, kind in sent if probe.persona not in CONTROLLERS} == {"Job"}
    assert {kind for probe, kind in sent if probe.persona in CONTROLLERS} == {"Pod"}
    said = [
        probe.tried for probe, kind in sent if kind == "Job" and ("a pod" in probe.tried or "Job" not in probe.tried)
    ]
    assert said == []


@pytest.mark.parametrize("declared", ONLY_JOBS.values(), ids=ONLY_JOBS)
def test_what_the_job_controller_makes_has_been_placed(declared: Platform) -> None:
    good = [
        bodies.pod_of(dict(body))["spec"]
        for probe, body in made_in_team(declared)
        if probe.persona == JOB_CONTROLLER and isinstance(probe.expected, MustAccept)
    ]
    assert len(good) == 4  # without an account, and at each rung
    for spec in good:
        assert spec["nodeSelector"] == dict(flavor().node_labels)
        assert [item["key"] for item in spec["tolerations"]] == [GPU]


def test_what_is_placed_for_a_team_with_a_pool_of_its_own_is_placed_there() -> None:
    own = team(isolation=Isolation.NODE_POOL, placements=(placement(accelerators={"a100-nlp": 4}),))
    place = cluster(
        features=(),
        node_pools=(node_pool(dedicated_to="nlp", flavor="a100-nlp"),),
        flavors=(flavor("a100-nlp", dedicated_to="nlp"), cpu_flavor()),
    )
    spec = bodies.made_pod(scene_of(platform(clusters=(place,), teams=(own,))))["spec"]
    assert spec["nodeSelector"][labels.DEDICATED] == "nlp"
    assert {item["key"] for item in spec["tolerations"]} == {GPU, labels.DEDICATED}


def test_where_pods_wait_by_themselves_they_name_their_queue() -> None:
    declared = accelerators_only(Feature.POD_INTEGRATION)
    queues = {
        probe.tried: body["metadata"]["labels"].get(labels.KUEUE_QUEUE)
        for probe, body in made_in_team(declared)
        if body["kind"] in ("Pod", "Deployment")
    }
    elsewhere = queues.pop("create a pod with an accelerator past the team's queue")
    assert elsewhere not in (None, labels.LOCAL_QUEUE)
    assert set(queues.values()) == {labels.LOCAL_QUEUE}
    assert "create a Deployment, as it should be" in queues


def test_labels_that_are_left_out_stay_out() -> None:
    left_out = set()
    for declared in SHAPES.values():
        for id_ in ("labels-required", "work-defaults"):
            for probe in probes_of(id_, declared):
                head, _, key = probe.tried.partition(" without the label ")
                if head in ("create a pod", "create a Job"):
                    assert isinstance(probe.attempt, Post)
                    assert key not in probe.attempt.body["metadata"]["labels"]
                    assert key not in bodies.pod_of(dict(probe.attempt.body))["metadata"]["labels"]
                    left_out.add(key)
    assert {"team", "project", "cost-center"} <= left_out


def test_with_all_accelerators_busy_nothing_smaller_is_submitted() -> None:
    (real,) = [probe.attempt for probe in probes_of("queues", accelerators_only()) if isinstance(probe.attempt, RunJob)]
    assert real.modest == real.body
    runs = [probe.attempt for probe in probes_of("charges", accelerators_only(Feature.POD_INTEGRATION, mutating=True))]
    assert [int(run.needs[GPU]) for run in runs if isinstance(run, RunWork)] == [1, 1, 2]


@pytest.mark.parametrize(
    ("pools", "accelerators", "devices"),
    [
        ((node_pool(),), {"a100-spot": 4}, 1),
        ((node_pool(), node_pool("cv-cpu", accelerator=None, flavor="cpu", dedicated_to="cv")), {"a100-spot": 4}, 1),
        ((node_pool(), node_pool("cpu", accelerator=None, flavor="cpu")), {"a100-spot": 4}, 0),
        # Nothing that could be asked for would help.
        ((node_pool(),), {}, 0),
    ],
    ids=["accelerators only", "another team's CPU nodes", "CPU nodes", "a team without accelerators"],
)
def test_an_accelerator_is_asked_for_only_where_it_must_be(
    pools: Sequence[NodePool], accelerators: Mapping[str, int], devices: int
) -> None:
    declared = accelerators_only(pools=pools, teams=(team(placements=(placement(accelerators=accelerators),)),))
    scene = scene_of(declared)
    assert scene.devices == devices
    assert devices_of(bodies.pod(scene, bodies.pod_spec(scene))) == devices
    kinds = {body["kind"] for _, body in made_in_team(declared)}
    assert ("Deployment" in kinds) is (devices == 0)


def test_every_guardrail_is_tried_there_too() -> None:
    usual = tried_in(with_registries(platform(), "registry.acme.example"))
    assert len(usual) > 10
    for name, declared in SHAPES.items():
        assert usual - tried_in(declared) == set(), name


def tried_in(declared: Platform) -> set[str]:
    """Guardrails of which more is seen than that their objects are as declared."""
    here = here_of(declared)
    return {
        item.id
        for item in GUARDRAILS
        for _, probe in probes(item, here, here.scenes())
        if not isinstance(probe.attempt, AsDeclared)
    }
