"""What the engine's numbers mean.

Names are interned once, when a cluster or a workload is read; from then on a number stands for each. All of them are
plain ints at run time, also in the compiled engine; mypy keeps them apart. They are made where things are interned or
built, and after that only looked up: a cell is `tree.cells[node][fr]`, never a sum of two numbers of another kind.
"""

from __future__ import annotations

from typing import Final, NewType

FlavorId = NewType("FlavorId", int)
"""A ResourceFlavor: those of the cluster in their order, then those that only quotas name."""

ResourceId = NewType("ResourceId", int)
"""A resource, such as `cpu`, by when it was first met."""

FlavorResource = NewType("FlavorResource", int)
"""A pair of flavor and resource that some quota names, "fr" in names. Kueue's word."""

TreeNode = NewType("TreeNode", int)
"""A node of the quota trees: the ClusterQueues in the order of input, then the cohorts."""

QueueId = NewType("QueueId", TreeNode)
"""A ClusterQueue, which is a leaf of its tree."""

CohortId = NewType("CohortId", TreeNode)
"""A Cohort, an inner node or a root."""

TreeId = NewType("TreeId", TreeNode)
"""A whole quota tree, named by its root: a cohort, or a ClusterQueue that stands alone."""

Cell = NewType("Cell", int)
"""A (node, flavor-resource) pair of the quota trees; it addresses every quantity there."""

WorkloadId = NewType("WorkloadId", int)
"""A workload, in the order in which the engine was told of them."""

PodSetIndex = NewType("PodSetIndex", int)
"""A PodSet's place in its workload."""

ShapeId = NewType("ShapeId", int)
"""What Kueue decides alike: workloads (scheduling equivalence), or PodSets as far as nodes and flavors see them."""

Leaf = NewType("Leaf", int)
"""A domain of the lowest level, within one topology flavor."""

Row = NewType("Row", int)
"""A leaf of any flavor where its capacity is kept; two rows can be the same node in two flavors."""

NO_NODE: Final = TreeNode(-1)
"""In place of a parent: the node is a root."""
NO_CELL: Final = Cell(-1)
"""In place of a parent: the cell is of a root."""
NO_FLAVOR: Final = FlavorId(-1)
"""A flavor that the cluster does not have."""
NO_FR: Final = FlavorResource(-1)
"""No quota names the pair."""
NO_WORKLOAD: Final = WorkloadId(-1)
"""In place of a workload: none."""
NO_LEAF: Final = Leaf(-1)
"""A domain that is not of the lowest level."""
