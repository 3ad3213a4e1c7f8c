"""Probes of who may read what: one's own namespace and the platform's words; nobody else's work, and no Secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from allotment.model import labels
from allotment.model.manifest import Body, Manifest
from allotment.model.reading import KUEUE_GROUP, READER, WORD_READER
from allotment.model.team import Isolation
from allotment.prove.probes import OURSELVES, AskRights, Inspect, MustHold, Probe, Right
from allotment.prove.rights import Cells, Rows, cells
from allotment.prove.scene import DeclaredCluster, Scene

_RBAC_API: Final = "rbac.authorization.k8s.io/v1"
_LOOKING: Final = frozenset({"get", "list", "watch"})

_OWN: Final[Rows] = (
    ("get list watch", f"/pods /events batch/jobs {KUEUE_GROUP}/workloads {KUEUE_GROUP}/localqueues"),
    ("get list", "/resourcequotas /limitranges /persistentvolumeclaims apps/daemonsets policy/poddisruptionbudgets"),
    ("get list", "autoscaling.x-k8s.io/provisioningrequests resource.k8s.io/resourceclaims"),
    ("get", "/namespaces /pods/log visibility.kueue.x-k8s.io/localqueues/pendingworkloads"),
)
_WORDS: Final[Rows] = (
    ("get list", "scheduling.k8s.io/priorityclasses storage.k8s.io/storageclasses node.k8s.io/runtimeclasses"),
    ("get list", f"{KUEUE_GROUP}/workloadpriorityclasses resource.k8s.io/deviceclasses"),
)
_OTHERS: Final[Rows] = (
    ("get list watch", f"/pods /events /secrets batch/jobs {KUEUE_GROUP}/workloads {KUEUE_GROUP}/localqueues"),
    ("get", "/pods/log visibility.kueue.x-k8s.io/localqueues/pendingworkloads"),
)
_EVERYWHERE: Final[Rows] = (
    ("get list watch", f"/pods /events /secrets /configmaps batch/jobs {KUEUE_GROUP}/workloads"),
)
_OF_ALL_TEAMS: Final[Rows] = (
    ("get list watch", f"/namespaces /nodes {KUEUE_GROUP}/clusterqueues {KUEUE_GROUP}/resourceflavors"),
    ("get", "visibility.kueue.x-k8s.io/clusterqueues/pendingworkloads"),
)
"""What shows other teams by their names, unless there are none."""


def is_reading(manifest: Manifest) -> bool:
    """Whether an object is one of the two ClusterRoles that read, or binds one of them."""
    name = manifest.key.name
    return manifest.key.kind.startswith("ClusterRole") and (name == READER or name.startswith(WORD_READER))


def in_team(scene: Scene) -> Iterator[Probe]:
    """The team's people read their own, and nobody else's."""
    persona = scene.worker or scene.viewer
    if persona is None or scene.leaving:
        return
    foreign = scene.foreign_namespace
    asked: tuple[tuple[str, str, Cells, str], ...] = (
        (
            "read what the answers about one's own work need",
            f"namespace {scene.namespace}",
            _all((*cells(_OWN, scene.namespace), *cells(_WORDS, "")), may=True),
            "everything is allowed",
        ),
        (
            "read others' work",
            f"namespaces {foreign} and {labels.SYSTEM_NAMESPACE}",
            _all((*cells(_OTHERS, foreign), *cells(_OTHERS, labels.SYSTEM_NAMESPACE)), may=False),
            "everything is denied",
        ),
        ("read work and Secrets of all namespaces", "the cluster", _closed(scene), "everything is denied"),
    )
    for tried, what, wanted, outcome in asked:
        yield Probe(tried, what, persona, AskRights(wanted), MustHold(outcome))


def _all(rights: Iterable[Right], *, may: bool) -> Cells:
    return tuple((right, may) for right in rights)


def _closed(scene: Scene) -> Cells:
    alone = scene.team.isolation in {Isolation.CLUSTER, Isolation.SUBSCRIPTION}
    rows = _EVERYWHERE if alone else (*_EVERYWHERE, *_OF_ALL_TEAMS)
    return _all(cells(rows, ""), may=False)


def on_platform(here: DeclaredCluster) -> Iterator[Probe]:
    """The roles themselves: what an engineer may do besides shows nothing about the role."""
    rendered = {manifest.key.name for manifest in here.manifests if manifest.key.kind == "ClusterRole"}
    for name in (READER, WORD_READER):
        if name in rendered:
            yield Probe(
                tried="find a right to write, or to read Secrets, in a role that is for reading",
                object=f"ClusterRole {name}",
                persona=OURSELVES,
                attempt=Inspect(_RBAC_API, "ClusterRole", "", _fault_of(name)),
                expected=MustHold("get, list and watch, of named kinds, and no Secrets"),
            )


def _fault_of(name: str) -> Callable[[tuple[Body, ...]], str]:
    def fault(found: tuple[Body, ...]) -> str:
        role = next((body for body in found if body["metadata"]["name"] == name), None)
        return f"there is no ClusterRole {name}" if role is None else role_fault(role)

    return fault


def role_fault(role: Body) -> str:
    """What a role for reading gives too much, in words; empty: nothing."""
    if role.get("aggregationRule"):
        return "it takes up what other roles give (aggregationRule)"
    for rule in role.get("rules") or ():
        named = [*(rule.get("resources") or ()), *(rule.get("apiGroups") or ())]
        writes = sorted(set(rule.get("verbs") or ()) - _LOOKING)
        if writes:
            return f"it gives {', '.join(writes)} on {', '.join(rule.get('resources') or rule.get('nonResourceURLs'))}"
        if "*" in named:
            return "it reads every kind of a group, or every group (*)"
        secrets = [each for each in named if each.partition("/")[0] == "secrets"]
        if secrets or ("configmaps" in named and not rule.get("resourceNames")):
            return f"it reads {secrets[0] if secrets else 'every ConfigMap'}"
    return ""
