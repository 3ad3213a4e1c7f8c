"""Causes of waiting on a Slurm in their order: of several that hold, the first is the dominant one."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import CauseEntry, Finding, Rule
from allotment.diagnose.rules.slurm import allowed, places, submitted
from allotment.diagnose.slurm.asked import slurm_view
from allotment.diagnose.slurm.proposing import SlurmRule
from allotment.model.explanation import Layer

SLURM_RULES: Final[tuple[tuple[str, str, str, SlurmRule], ...]] = (
    ("ALT-1901", "slurm-not-allowed", "an account or a quality of service that it may not use", submitted.invalid),
    ("ALT-1902", "slurm-dependency-never", "a dependency that cannot come about", submitted.dependency_never),
    ("ALT-1903", "slurm-held", "somebody holds it", submitted.held),
    ("ALT-1904", "slurm-dependency", "it waits for other jobs", submitted.dependency),
    ("ALT-1905", "slurm-begin-time", "its time has not come", submitted.begins_later),
    ("ALT-1916", "slurm-array-limit", "as many tasks of its array run as may at once", submitted.array_limit),
    ("ALT-1906", "slurm-partition-down", "its partition starts no jobs", places.partition_down),
    ("ALT-1907", "slurm-job-limit", "more than one job may ask for", allowed.per_job),
    ("ALT-1908", "slurm-group-limit", "a limit of a group is used up", allowed.of_a_group),
    ("ALT-1909", "slurm-no-such-node", "no node has what it asks for", places.no_such_node),
    ("ALT-1910", "slurm-reservation", "nodes are kept by a reservation", places.reservation),
    ("ALT-1911", "slurm-licenses", "licences are in use", places.licenses),
    ("ALT-1912", "slurm-nodes-unavailable", "nodes that would do are out of use", places.nodes_unavailable),
    ("ALT-1913", "slurm-resources", "what it needs is in use", places.resources),
    ("ALT-1914", "slurm-priority", "others come first", places.priority),
    ("ALT-1915", "slurm-other", "what Slurm says, in its words", submitted.other),
)
"""Code, id, title and rule."""


def _of_a_case(rule: SlurmRule) -> Rule:
    def find(case: Case) -> Finding | None:
        view = slurm_view(case)
        return None if view is None else rule(view)

    return find


CAUSES: Final[tuple[CauseEntry, ...]] = tuple(
    CauseEntry(code, name, Layer.SLURM, title, _of_a_case(rule)) for code, name, title, rule in SLURM_RULES
)
