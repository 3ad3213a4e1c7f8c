"""What components write between the names in their messages, as far as a namespace or team may be called like a word.

A word that is somebody's name too is left in a message only where it stands in one of these: there it is the
component's own, whoever is called so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_WRITTEN: Final = r"""
\d+/\d+ nodes are available
\d+ Insufficient
\d+ Too many pods
\d+ No preemption victims found for incoming pods?
\d+ Preemption is not helpful for scheduling
no new claims to deallocate
\d+ node\(s\) didn't match Pod's node affinity/selector
\d+ node\(s\) didn't match pod (?:anti-)?affinity rules
\d+ node\(s\) didn't match pod topology spread constraints(?: \(missing required label\))?
\d+ node\(s\) didn't satisfy existing pods anti-affinity rules
\d+ node\(s\) didn't have free ports for the requested pod ports
\d+ node\(s\) had (?:untolerated )?taints?
\d+ node\(s\) had volume node affinity conflict
\d+ node\(s\) were unschedulable
\d+ node\(s\) unavailable due to
that the pod didn't tolerate
preemption: \d+/\d+ nodes are available
pod has unbound immediate PersistentVolumeClaims
couldn't assign flavors to pod set
insufficient (?:unused )?quota(?: in cohort)? for
previously considered podsets requests \([\w.-]+\) \+ current podset request \([\w.-]+\) > maximum capacity
[\d.]+\w* more needed
in flavor
is used up
Quota reserved in ClusterQueue
The workload is admitted
waiting in ClusterQueue
No (?:quota reservation|reservation)
The workload has failed (?:admission|to)
Waiting for all pods to be ready
Exceeded the PodsReady timeout
Preempted to accommodate a (?:higher priority )?[Ww]orkload \(UID:
due to prioritization in the ClusterQueue
due to Fair Sharing within the cohort
due to reclamation within the cohort(?: while borrowing)?
in the (?:same )?(?:ClusterQueue|cohort)
within the (?:same )?(?:ClusterQueue|cohort|ClusterQueue preemption)
preempt(?:ed|or|ee) path:
LocalQueue (?=[\w.-]+ doesn't exist)
ClusterQueue (?=[\w.-]+ (?:doesn't exist|is inactive|is stopped))
(?:doesn't exist|is inactive|is stopped)
LocalQueue is inactive
ClusterQueue is inactive
didn't match ClusterQueue's namespace selector
Workload namespace doesn't match ClusterQueue selector
workload requires Topology, but there is no TAS cache information
topology (?="[^"]*" (?:allows|doesn't allow) to fit)
(?:allows|doesn't allow) to fit(?: any of| only)?
admission webhook (?="[^"]*" denied the request)
denied the request
exceeded quota:
requested: (?=[\w./-]+=)
used: (?=[\w./-]+=)
limited: (?=[\w./-]+=)
is forbidden
error looking up service account
no PriorityClass with name
failed calling webhook
cannot create resource
in API group
in the namespace
Back-off pulling image
Back-off restarting failed container
Failed to pull image
Error: (?:ErrImagePull|ImagePullBackOff)
Container image (?="[^"]*" already present on machine)
already present on machine
Successfully (?:pulled|assigned)
pull(?:ing)? image
containers with (?:unready|incomplete) status
MountVolume\.SetUp failed for volume
Unable to attach or mount volumes
unmounted volumes
timed out waiting for the condition
waiting for a volume to be created
waiting for first consumer to be created before binding
The node was low on resource
Node is not ready
(?:Liveness|Readiness|Startup) probe failed
"""
_PHRASE: Final = re.compile("|".join(f"(?:{each})" for each in _WRITTEN.strip().splitlines()))


def spoken(text: str) -> Iterator[tuple[int, int]]:
    """Where in a message its component's own words stand: begin and end of each stretch."""
    for found in _PHRASE.finditer(text):
        yield found.span()
