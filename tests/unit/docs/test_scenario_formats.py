"""docs/engine.md has every field of the scenario formats, and marks those that are required."""

from __future__ import annotations

import re

import msgspec
import pytest

from allotment.scenarios import fields, queueing_fields
from allotment.scenarios.parsing import COMPARE, missing
from allotment.scenarios.placement import fields as placement_fields
from tests.unit.docs.pages import DOCS

TEXT = (DOCS / "engine.md").read_text(encoding="utf-8")

QUEUEING = {
    "the line": queueing_fields.QueueingScenarioFields,
    "`env`": queueing_fields.EnvironmentFields,
    "`fairSharing`": queueing_fields.FairSharingFields,
    "`flavors[]`": queueing_fields.FlavorFields,
    "`cohorts[]`": queueing_fields.CohortFields,
    "`clusterQueues[]`": queueing_fields.ClusterQueueFields,
    "`resourceGroups[]`": queueing_fields.ResourceGroupFields,
    "`resourceGroups[].flavors[]`": queueing_fields.FlavorQuotasFields,
    "`resources` of a flavor, each": queueing_fields.QuotaFields,
    "`preemption`": queueing_fields.PreemptionFields,
    "`borrowWithinCohort`": queueing_fields.BorrowWithinCohortFields,
    "`flavorFungibility`": queueing_fields.FlavorFungibilityFields,
    "`workloads[]`": queueing_fields.WorkloadFields,
    "`podSets[]`": queueing_fields.PodSetFields,
    "`topologyRequest`": queueing_fields.TopologyRequestFields,
    "`topologies[]`": queueing_fields.TopologyFields,
    "`nodes[]`": fields.NodeFields,
    "`taints[]`": fields.TaintFields,
    "`tolerations[]`": fields.TolerationFields,
    "requirements": fields.RequirementFields,
    "`nodeFailures`": queueing_fields.NodeFailuresFields,
}
EVENTS = {
    "`nodeDown`": queueing_fields.NodeDownFields,
    "`nodeUp`": queueing_fields.NodeUpFields,
    "`cordon`, `uncordon`": queueing_fields.CordonFields,
    "`drain`": queueing_fields.DrainFields,
    "`quota`": queueing_fields.QuotaChangeFields,
    "`stopPolicy`": queueing_fields.StopChangeFields,
    "`evict`": queueing_fields.EvictionFields,
}
PLACEMENT = {
    "the line": placement_fields.PlacementScenarioFields,
    "`nodes[]`": placement_fields.PlacementNodeFields,
    "`pods[]`": placement_fields.PodFields,
    "`existing[]`": placement_fields.ExistingPodFields,
    "`nominated[]`": placement_fields.NominatedPodFields,
    "`topologySpreadConstraints[]`": placement_fields.SpreadFields,
    "`hostPorts[]`": placement_fields.HostPortFields,
    "`pdbs[]`": placement_fields.BudgetFields,
    "`pvcs[]`": placement_fields.ClaimFields,
}
POD = {field.encode_name for field in msgspec.structs.fields(placement_fields.PodFields)}
"""What a row has that says: and what `pods[]` have."""
CASES = [
    pytest.param(section, row, kind, id=f"{section} {row}")
    for section, rows in (("Queueing", QUEUEING), ("Events", EVENTS), ("Placement", PLACEMENT))
    for row, kind in rows.items()
]


def cell(section: str, row: str) -> str:
    """What a table says of an object."""
    part = TEXT.split(f"\n### {section}\n")[1].split("\n#")[0]
    (line,) = (each for each in part.splitlines() if each.startswith(f"| {row} | "))
    return line.split(" | ")[1].removesuffix(" |")


@pytest.mark.parametrize(("section", "row", "kind"), CASES)
def test_the_required_fields_are_bold(section: str, row: str, kind: type[msgspec.Struct]) -> None:
    """Those of every event, and of pods wherever they stand, are told once."""
    told = set(re.findall(r"\*\*`(\w+)`\*\*", cell(section, row)))
    required = {field.encode_name for field in msgspec.structs.fields(kind) if field.required}
    elsewhere = {"t"} if section == "Events" else POD if row in ("`existing[]`", "`nominated[]`") else set()
    assert told == required - elsewhere


@pytest.mark.parametrize(("section", "row", "kind"), CASES)
def test_every_field_is_told(section: str, row: str, kind: type[msgspec.Struct]) -> None:
    told = set(re.findall(r"`(\w+)`", cell(section, row)))
    known = {field.encode_name for field in msgspec.structs.fields(kind)}
    elsewhere = {"t"} if section == "Events" else POD if row in ("`existing[]`", "`nominated[]`") else set()
    assert known - elsewhere - told == set()


def test_the_place_that_messages_name_is_there() -> None:
    assert "\n## Scenario files\n" in TEXT
    assert "docs/engine.md#scenario-files" in COMPARE
    assert "docs/engine.md#scenario-files" in missing("id", "text").fix
