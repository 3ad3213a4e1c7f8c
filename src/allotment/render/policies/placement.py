"""What a cluster's accelerator nodes look like, as data for the rules that look at placement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.model import labels
from allotment.model.accelerator import Accelerator
from allotment.model.cluster import Cluster, Feature
from allotment.model.platform import Platform
from allotment.render.policies.admission import Variable
from allotment.render.policies.cel import Expr, list_map, quote, string_list
from allotment.render.policies.identities import by_job_controller, by_ray_controller
from allotment.render.policies.pod_template import ACCELERATED

QUEUED_WHOLE: Final = ("Job", "JobSet", "RayCluster", "RayJob", "RayService", "TrainJob")
"""Kinds that Kueue holds themselves; of the others it can only hold the pods, one by one or as a group."""

_QUEUED_BY_POD: Final = (
    "DaemonSet",
    "Deployment",
    "LeaderWorkerSet",
    "Pod",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
)


def node_labels(platform: Platform, cluster: Cluster) -> dict[str, tuple[str, ...]]:
    """Labels by which nodes with accelerators are found in this cluster: key → values that exist there."""
    found: dict[str, set[str]] = {}
    for accelerator, pairs in _labelled(platform, cluster):
        for key, value in (*pairs, accelerator.node_label):
            found.setdefault(key, set()).add(value)
    # Whose pool it is, is a question of its own: `node-pool-isolation` answers it.
    found.pop(labels.DEDICATED, None)
    return {key: tuple(sorted(values)) for key, values in sorted(found.items())}


def node_label_values(platform: Platform, cluster: Cluster) -> Variable:
    """The same for the rules."""
    return Variable("nodeLabels", list_map(node_labels(platform, cluster)))


def unknown_values(pod: str, with_devices: str = "") -> Expr:
    """CEL: keys of the node selector of a pod with accelerators, whose values no node with accelerators has.

    Args:
        pod: CEL for the pod.
        with_devices: CEL for whether it has accelerators; by default those of its own containers.
    """
    asked = with_devices or f"size({pod}.asked) > 0"
    return Expr(
        f"{pod}.selector.filter(k, ({asked}) && k in variables.nodeLabels"
        f" && !({pod}.selector[k] in variables.nodeLabels[k]))"
    )


def _labelled(platform: Platform, cluster: Cluster) -> Iterator[tuple[Accelerator, tuple[tuple[str, str], ...]]]:
    for flavor in cluster.flavors:
        if flavor.accelerator is not None:
            yield platform.accelerators[flavor.accelerator], tuple(flavor.node_labels.items())
    for pool in cluster.node_pools:
        if pool.accelerator is not None:
            own = ((labels.NODE_POOL, pool.name), (labels.ACCELERATOR, pool.accelerator))
            yield platform.accelerators[pool.accelerator], own


def taint_keys(platform: Platform, cluster: Cluster) -> dict[str, tuple[str, ...]]:
    """The accelerators' own taints by resource name; only resources whose nodes all have theirs.

    Other taints of those nodes (spot, dedicated) say nothing about accelerators: CPU nodes may have them too.
    """
    keys: dict[str, set[str]] = {}
    untainted: set[str] = set()
    for flavor in cluster.flavors:
        if flavor.accelerator is None:
            continue
        accelerator = platform.accelerators[flavor.accelerator]
        if accelerator.taint_key in {taint.key for taint in flavor.taints}:
            keys.setdefault(accelerator.resource_name, set()).add(accelerator.taint_key)
        else:
            untainted.add(accelerator.resource_name)
    return {resource: tuple(sorted(found)) for resource, found in sorted(keys.items()) if resource not in untainted}


def device_selectors(platform: Platform) -> Variable:
    """Keys of node labels by which only nodes with accelerators are chosen."""
    keys = {labels.ACCELERATOR, *(item.node_label[0] for item in platform.accelerators.values())}
    return Variable("deviceSelectors", string_list(sorted(keys)))


def dedicated_teams(cluster: Cluster) -> tuple[str, ...]:
    """Teams that have a pool of their own in this cluster, sorted."""
    return tuple(sorted({pool.dedicated_to for pool in cluster.node_pools if pool.dedicated_to is not None}))


def made_of_whole(platform: Platform, cluster: Cluster) -> Expr:
    """CEL: the request makes a pod out of work that Kueue has held as a whole."""
    makers = [by_job_controller()]
    if Feature.RAYJOB in cluster.features:
        makers.append(by_ray_controller(platform, cluster))
    return Expr(f"({' || '.join(makers)})")


def queueable(platform: Platform, cluster: Cluster) -> Variable:
    """Whether this kind of work can wait in a queue, itself or by its pods."""
    if Feature.POD_INTEGRATION in cluster.features:
        return Variable("queueable", "true")
    whole = string_list(sorted(("CronJob", *QUEUED_WHOLE)))
    made = made_of_whole(platform, cluster)
    return Variable("queueable", f'variables.kind in {whole} || (variables.kind == "Pod" && {made})')


def placed_later(cluster: Cluster) -> Variable:
    """Whether Kueue will place these pods: those of Jobs, gated ones and, with its pod integration, all."""
    kinds = ["CronJob", *QUEUED_WHOLE]
    if Feature.POD_INTEGRATION in cluster.features:
        kinds += [kind for kind in _QUEUED_BY_POD if kind != "Pod"]
    return Variable("placedLater", f"variables.kind in {string_list(sorted(kinds))}")


MUST_PLACE: Final = "!p.gated && !variables.placedLater"
"""CEL: nobody will place pod `p` later."""


SENSIBLE: Final = f"(variables.queueable || !({ACCELERATED}))"
"""CEL: advice about placement helps; work that first has to become another kind would only be led astray by it."""


def selects(key: str, allowed: str) -> Expr:
    """CEL: pod `p` can land only on nodes whose label `key` has one of the values of the CEL list `allowed`."""
    name = quote(key)
    return Expr(
        f'(p.selector[?{name}].orValue("") in {allowed}'
        f" || (size(p.terms) > 0 && p.terms.all(term, term.?matchExpressions.orValue([])"
        f'.exists(e, e.key == {name} && e.operator == "In" && e.values.all(v, v in {allowed})))))'
    )
