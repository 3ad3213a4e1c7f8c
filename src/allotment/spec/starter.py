"""The directory that `allot init` writes: small, valid, and explaining itself."""

from __future__ import annotations

from typing import Final

_PLATFORM: Final = """\
# The platform: what holds for every cluster and team. One document of this kind in the directory.
# Every field with type, unit, default and reason: docs/platform-directory.md.
kind: Platform
name: {name}
# ISO 4217 code of every price. The catalogue's prices are ballparks in USD; a document `kind: Prices` replaces them.
currency: USD
# Groups of your identity provider whose members operate the platform.
adminGroups: [platform-engineers]
"""

_CLUSTER: Final = """\
# A cluster: what it is for, what its nodes are, and how teams share it.
kind: Cluster
name: dev-eastus
# serving, training or development. It decides the environment label (here: development).
purpose: development
region: eastus
# Versions are only compared and shown; write those you know.
versions:
  kubernetes: 1.36.3
  kueue: 0.19.2
nodePools:
  # A pool without accelerator: CPU work, and what the cluster itself needs.
  - name: system
    cpu: 16
    memory: 64Gi
    minNodes: 1 # always there
    maxNodes: 3 # quota is checked against this; with these 48 CPU no team of 32 can fill the nodes for CPU work alone
  # cpu and memory are what pods can have (allocatable), per node. accelerator is a name of the built-in catalogue
  # (t4, a10g, l4, l40s, a100, h100, h200, b200, mi300x, gaudi3, tpu-v5e, trainium2 ...) or of a document
  # `kind: Accelerator`. Pool and capacity type together make the flavor t4-on-demand.
  - name: t4
    accelerator: t4
    acceleratorsPerNode: 4
    capacityType: on-demand # or reserved, or spot; on-demand because it neither vanishes nor is paid in advance
    cpu: 62
    memory: 410Gi
    maxNodes: 2
  - name: a100
    accelerator: a100
    acceleratorsPerNode: 8
    capacityType: on-demand
    cpu: 92
    memory: 1700Gi
    maxNodes: 1
"""

_TEAM: Final = """\
# A team: a namespace, a queue, and a quota in each cluster it is placed in.
kind: Team
name: research
displayName: Research
# The bill is drawn by this code.
costCenter: cc-1000
groups:
  # Groups of your identity provider. Members run work; owners, viewers and exec (a shell in pods) are roles of their
  # own, and empty by default.
  members: [research]
# How strong the boundary is: namespace (the default, for teams that trust each other), node-pool, cluster or
# subscription.
isolation: namespace
# What one team needs besides (several namespaces, further rights, a weaker Pod Security level for a while, defaults of
# its containers): docs/platform-directory.md, "Where a team differs".
placements:
  dev-eastus:
    # Guaranteed. While others leave theirs idle the team may borrow; {{nominal: 32, borrowingLimit: 16}} bounds that.
    cpu: 32
    memory: 128Gi
    accelerators:
      t4: 4 # of the 8 that the pool can have
      a100: 4 # of 8: the next team finds room
"""


def starter_files(name: str) -> dict[str, str]:
    """The starter directory of a platform of that name; its cluster is the one of the README's first steps."""
    return {
        "platform.yaml": _PLATFORM.format(name=name),
        "clusters/dev-eastus.yaml": _CLUSTER,
        "teams/research.yaml": _TEAM.replace("{{", "{").replace("}}", "}"),
    }
