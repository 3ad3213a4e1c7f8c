"""Causes of this layer in their order: of several that hold, the first is the dominant one."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.finding import CauseEntry
from allotment.diagnose.rules.scheduler import (
    claim_unallocatable,
    cpu_all_in_use,
    extended_resource_unknown,
    flavor_matches_no_node,
    fragmentation,
    gang_partially_placed,
    gpu_all_in_use,
    gpu_taint_not_tolerated,
    host_port_conflict,
    insufficient_cpu_gpu_free,
    insufficient_ephemeral_storage,
    insufficient_gpu,
    insufficient_memory_gpu_free,
    memory_all_in_use,
    mig_mismatch,
    no_machine_of_that_shape,
    node_affinity_no_match,
    node_missing,
    node_selector_typo,
    pod_affinity_unsatisfied,
    pod_anti_affinity,
    pool_of_another_team,
    preempted_by_kube_scheduler,
    priority_preempts_nothing,
    request_above_every_node,
    resource_all_in_use,
    runtime_class_selects_nothing,
    scheduler_has_not_looked,
    scheduler_name_unknown,
    too_many_pods,
    too_many_volumes,
    topology_spread,
    victim_does_not_end,
)
from allotment.model.explanation import Layer

CAUSES: Final[tuple[CauseEntry, ...]] = (
    CauseEntry(
        "ALT-1401",
        "scheduler-name-unknown",
        Layer.SCHEDULER,
        "asks for a scheduler that does not run",
        scheduler_name_unknown.find,
    ),
    CauseEntry("ALT-1402", "node-missing", Layer.SCHEDULER, "names a node that is not there", node_missing.find),
    CauseEntry(
        "ALT-1403",
        "runtime-class-selects-nothing",
        Layer.SCHEDULER,
        "runtime class that no node serves",
        runtime_class_selects_nothing.find,
    ),
    CauseEntry("ALT-1404", "mig-mismatch", Layer.SCHEDULER, "GPUs are cut in another way", mig_mismatch.find),
    CauseEntry(
        "ALT-1405",
        "extended-resource-unknown",
        Layer.SCHEDULER,
        "a resource that no node has",
        extended_resource_unknown.find,
    ),
    CauseEntry(
        "ALT-1432",
        "flavor-matches-no-node",
        Layer.SCHEDULER,
        "a flavor whose labels no node has",
        flavor_matches_no_node.find,
    ),
    CauseEntry(
        "ALT-1406", "node-selector-typo", Layer.SCHEDULER, "a label value that no node has", node_selector_typo.find
    ),
    CauseEntry(
        "ALT-1407",
        "node-affinity-no-match",
        Layer.SCHEDULER,
        "node affinity that admits no node",
        node_affinity_no_match.find,
    ),
    CauseEntry(
        "ALT-1408", "pool-of-another-team", Layer.SCHEDULER, "nodes kept for another team", pool_of_another_team.find
    ),
    CauseEntry(
        "ALT-1409",
        "gpu-taint-not-tolerated",
        Layer.SCHEDULER,
        "a taint that is not tolerated",
        gpu_taint_not_tolerated.find,
    ),
    CauseEntry(
        "ALT-1410", "insufficient-gpu", Layer.SCHEDULER, "more accelerators than any node has", insufficient_gpu.find
    ),
    CauseEntry(
        "ALT-1411",
        "no-machine-of-that-shape",
        Layer.SCHEDULER,
        "no machine of that shape",
        no_machine_of_that_shape.find,
    ),
    CauseEntry(
        "ALT-1412",
        "insufficient-ephemeral-storage",
        Layer.SCHEDULER,
        "too little local disk",
        insufficient_ephemeral_storage.find,
    ),
    CauseEntry(
        "ALT-1413", "request-above-every-node", Layer.SCHEDULER, "more than any node has", request_above_every_node.find
    ),
    CauseEntry(
        "ALT-1414", "host-port-conflict", Layer.SCHEDULER, "a port of the node is taken", host_port_conflict.find
    ),
    CauseEntry(
        "ALT-1415",
        "pod-affinity-unsatisfied",
        Layer.SCHEDULER,
        "nowhere beside the pods it needs",
        pod_affinity_unsatisfied.find,
    ),
    CauseEntry("ALT-1416", "pod-anti-affinity", Layer.SCHEDULER, "kept away by other pods", pod_anti_affinity.find),
    CauseEntry("ALT-1417", "topology-spread", Layer.SCHEDULER, "uneven if placed", topology_spread.find),
    CauseEntry(
        "ALT-1418",
        "victim-does-not-end",
        Layer.SCHEDULER,
        "who was preempted for it does not end",
        victim_does_not_end.find,
    ),
    CauseEntry(
        "ALT-1419",
        "preempted-by-kube-scheduler",
        Layer.SCHEDULER,
        "preempted by a higher priority",
        preempted_by_kube_scheduler.find,
    ),
    CauseEntry(
        "ALT-1420",
        "priority-preempts-nothing",
        Layer.SCHEDULER,
        "a priority that preempts nobody",
        priority_preempts_nothing.find,
    ),
    CauseEntry("ALT-1421", "too-many-pods", Layer.SCHEDULER, "nodes run as many pods as they may", too_many_pods.find),
    CauseEntry(
        "ALT-1422",
        "gang-partially-placed",
        Layer.SCHEDULER,
        "part of a gang holds what the rest needs",
        gang_partially_placed.find,
    ),
    CauseEntry(
        "ALT-1423",
        "insufficient-cpu-gpu-free",
        Layer.SCHEDULER,
        "CPU is out, accelerators are free",
        insufficient_cpu_gpu_free.find,
    ),
    CauseEntry(
        "ALT-1424",
        "insufficient-memory-gpu-free",
        Layer.SCHEDULER,
        "memory is out, accelerators are free",
        insufficient_memory_gpu_free.find,
    ),
    CauseEntry("ALT-1425", "cpu-all-in-use", Layer.SCHEDULER, "CPU is all taken", cpu_all_in_use.find),
    CauseEntry("ALT-1426", "memory-all-in-use", Layer.SCHEDULER, "memory is all taken", memory_all_in_use.find),
    CauseEntry(
        "ALT-1433", "resource-all-in-use", Layer.SCHEDULER, "another resource is all taken", resource_all_in_use.find
    ),
    CauseEntry("ALT-1427", "fragmentation", Layer.SCHEDULER, "free accelerators are scattered", fragmentation.find),
    CauseEntry("ALT-1428", "gpu-all-in-use", Layer.SCHEDULER, "all accelerators are taken", gpu_all_in_use.find),
    CauseEntry(
        "ALT-1430",
        "claim-unallocatable",
        Layer.SCHEDULER,
        "devices of a claim are not to be had",
        claim_unallocatable.find,
    ),
    CauseEntry(
        "ALT-1431", "too-many-volumes", Layer.SCHEDULER, "nodes have as many volumes as they may", too_many_volumes.find
    ),
    CauseEntry(
        "ALT-1429",
        "scheduler-has-not-looked",
        Layer.SCHEDULER,
        "fits, and was not looked at",
        scheduler_has_not_looked.find,
    ),
)
