"""The examples are valid without warnings, and say what the reference platform says."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from allotment.adapters.files.tree import read_tree
from allotment.model.accelerator import CapacityType
from allotment.model.cluster import Environment, Purpose
from allotment.model.platform import Platform
from allotment.model.policy import Mode, PolicyName
from allotment.model.team import Isolation
from allotment.spec.defaults import PLATFORM_LEAD, USUAL_GATES, usual_routes
from allotment.spec.edit import starter
from allotment.spec.load import load_platform
from allotment.spec.schema import json_schema

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="module")
def acme() -> Platform:
    return load_platform(read_tree(EXAMPLES / "acme")).platform


@pytest.mark.parametrize("name", ["acme", "minimal"])
def test_examples_have_neither_errors_nor_warnings(name):
    assert load_platform(read_tree(EXAMPLES / name)).warnings == ()


@pytest.mark.parametrize(
    ("name", "purpose", "environment", "offered"),
    [
        ("prod-inference-eastus", Purpose.SERVING, Environment.PRODUCTION, {"a100-reserved", "a10g-reserved"}),
        ("prod-inference-westeu", Purpose.SERVING, Environment.PRODUCTION, {"a100-reserved", "a10g-reserved"}),
        (
            "training-eastus",
            Purpose.TRAINING,
            Environment.STAGING,
            {"a100-on-demand", "a100-spot", "h100-spot", "h100-on-demand-data-science"},
        ),
        (
            "dev-eastus",
            Purpose.DEVELOPMENT,
            Environment.DEVELOPMENT,
            {"t4-spot", "a10g-spot", "a10g-spot-data-science"},
        ),
    ],
)
def test_the_fleet(acme, name, purpose, environment, offered):
    cluster = acme.cluster(name)
    assert (cluster.purpose, cluster.environment) == (purpose, environment)
    assert {flavor.name for flavor in cluster.flavors} == offered | {"cpu"}
    assert cluster.flavors[-1].name == "cpu"


def test_production_is_identical(acme):
    east, west = acme.cluster("prod-inference-eastus"), acme.cluster("prod-inference-westeu")
    assert east.versions == west.versions


def test_the_pool_of_32_is_shared_by_three(acme):
    shares = {}
    for team, placement in acme.teams_in("training-eastus"):
        for entry in placement.accelerators:
            if entry.flavor == "a100-on-demand":
                assert placement.cohort == "perception"
                shares[team.name] = (entry.devices.nominal, entry.devices.borrowing_limit)
    assert set(shares) == {"cv", "nlp", "recsys"}
    assert sum(nominal for nominal, _limit in shares.values()) == 32
    assert sum(nominal + limit for nominal, limit in shares.values()) == 48


def test_isolation_differs(acme):
    assert {team.name: team.isolation for team in acme.teams} == {
        "cv": Isolation.NAMESPACE,
        "data-science": Isolation.NODE_POOL,
        "nlp": Isolation.NAMESPACE,
        "recsys": Isolation.NAMESPACE,
    }


def test_ladder_policies_and_tiers(acme):
    assert [(rung.name, rung.value, rung.preempts, rung.default) for rung in acme.priorities] == [
        ("production-inference", 1_000_000, True, False),
        ("scheduled-training", 100_000, True, False),
        ("exploratory", 1_000, False, True),
    ]
    modes = {policy.name: policy.modes for policy in acme.policies}
    assert set(modes) == set(PolicyName)
    assert modes[PolicyName.TRUSTED_REGISTRIES]["dev-eastus"] is Mode.WARN
    assert modes[PolicyName.TRUSTED_REGISTRIES]["training-eastus"] is Mode.ENFORCE
    assert [(t.name, t.latency_p99_ms, t.availability_ppm) for t in acme.slo_tiers] == [
        ("real-time", 200, 999_500),
        ("near-real-time", 2_000, 999_000),
        ("batch", 3_600_000, 995_000),
    ]


def test_an_override_replaces_only_its_field(acme):
    dev = acme.team("recsys").placement_in("dev-eastus")
    assert [(entry.flavor, entry.devices.nominal) for entry in dev.accelerators] == [("t4-spot", 2)]
    assert dev.cpu.nominal == 64_000


def test_prices_of_the_contract_replace_the_catalogues(acme):
    assert acme.accelerators["a100"].price_per_hour[CapacityType.RESERVED] == 1_850_000
    assert acme.accelerators["t4"].price_per_hour[CapacityType.SPOT] > 0


def test_what_is_asked_for_is_decided_as_everywhere_by_its_own_people(acme):
    approvals = acme.approvals
    assert (approvals.gates, approvals.otherwise) == (USUAL_GATES, PLATFORM_LEAD)
    assert [(each.name, each.answer_within, each.escalates_to) for each in approvals.routes] == [
        (each.name, each.answer_within, each.escalates_to) for each in usual_routes(())
    ]
    assert {each.name: each.approvers for each in approvals.routes} == {
        "platform-lead": ("acme-platform-engineers",),
        "engineering-leadership": ("acme-engineering-leads",),
    }
    assert approvals.budget_of("nlp") == 20_000_000_000
    assert acme.grants == ()


def documents() -> list[tuple[str, object]]:
    """Every document of the examples and the starter, read as other tools read YAML."""
    trees = {name: read_tree(EXAMPLES / name).files for name in ("acme", "minimal")} | {"starter": starter("x")}
    return [
        (f"{name}/{path}", document)
        for name, files in trees.items()
        for path, text in files.items()
        for document in yaml.load_all(text, Loader=yaml.CSafeLoader)
    ]


@pytest.fixture(scope="module")
def schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json_schema())


@pytest.mark.parametrize(("where", "document"), documents())
def test_the_json_schema_accepts_what_we_accept(schema, where, document):
    schema.validate(document)


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "Teem", "name": "x"},
        {"kind": "Team", "name": "x", "costCentre": "y"},
        {"kind": "Team", "name": "X"},
        {"kind": "Cluster", "name": "x"},
        {"kind": "Priority", "name": "x", "value": -1},
        {"name": "x"},
    ],
)
def test_the_json_schema_refuses_what_we_refuse(schema, document):
    assert not schema.is_valid(document)
