"""The schema of the platform directory: one file per kind, and the JSON Schema that editors use."""

from __future__ import annotations

from typing import Any, Final

from pydantic.json_schema import models_json_schema

from allotment.spec.schema.accelerator import AcceleratorSpec
from allotment.spec.schema.approvals import ApprovalsSpec
from allotment.spec.schema.base import KindSpec
from allotment.spec.schema.cluster import ClusterSpec
from allotment.spec.schema.grant import GrantSpec
from allotment.spec.schema.platform import PlatformSpec, PricesSpec, StorageClassDocument
from allotment.spec.schema.policy import PolicySpec, PrioritySpec, SharedServiceSpec, SloTierSpec
from allotment.spec.schema.slurm import SlurmClusterSpec
from allotment.spec.schema.team import TeamSpec

KINDS: Final[dict[str, type[KindSpec]]] = {
    "Platform": PlatformSpec,
    "Cluster": ClusterSpec,
    "SlurmCluster": SlurmClusterSpec,
    "Accelerator": AcceleratorSpec,
    "Team": TeamSpec,
    "Priority": PrioritySpec,
    "Policy": PolicySpec,
    "SloTier": SloTierSpec,
    "SharedService": SharedServiceSpec,
    "StorageClass": StorageClassDocument,
    "Prices": PricesSpec,
    "Approvals": ApprovalsSpec,
    "Grant": GrantSpec,
}
"""Every kind of document, in the order in which the documentation tells of them."""


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one document: one branch for each kind, told apart by `kind`."""
    references, definitions = models_json_schema(
        [(model, "validation") for model in KINDS.values()], by_alias=True, ref_template="#/$defs/{model}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Allotment platform directory",
        "type": "object",
        "required": ["kind"],
        "oneOf": [references[(model, "validation")] for model in KINDS.values()],
        "$defs": definitions["$defs"],
    }
