"""The can-i matrix: what each role of a team may and may not do, as the platform promises it.

Written down independently of the rendered Roles: a table that repeated them would prove nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import product
from typing import Final

from allotment.model.cluster import WORKLOAD_FEATURES, Feature
from allotment.model.team import AccessRule
from allotment.prove.probes import Right

Cells = tuple[tuple[Right, bool], ...]
Rows = tuple[tuple[str, str], ...]
"""(verbs, resources)"""

RESOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "ConfigMap": ("", "configmaps"),
    "Deployment": ("apps", "deployments"),
    "HorizontalPodAutoscaler": ("autoscaling", "horizontalpodautoscalers"),
    "Job": ("batch", "jobs"),
    "PersistentVolumeClaim": ("", "persistentvolumeclaims"),
    "Pod": ("", "pods"),
    "Role": ("rbac.authorization.k8s.io", "roles"),
    "RoleBinding": ("rbac.authorization.k8s.io", "rolebindings"),
    "Service": ("", "services"),
}
"""Kind → (group, resource) of what personas create, patch and delete in probes."""

_RBAC: Final = "rbac.authorization.k8s.io"
_KUEUE: Final = "kueue.x-k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"
_WRITE: Final = ("create", "update", "patch", "delete", "deletecollection")

# Rows are "verbs | group/resource[/subresource] …".
_WORK: Final = (
    ("get list watch create delete", "/pods /services /configmaps /persistentvolumeclaims"),
    ("get list create delete", "batch/jobs"),
    ("get list create update delete", "apps/deployments"),
)
_LOOK: Final = (
    ("get list", "/pods /services /configmaps /persistentvolumeclaims batch/jobs apps/deployments"),
    ("get list", "/resourcequotas /limitranges"),
)
_EXEC: Final = (("create", "/pods/exec /pods/attach /pods/portforward"),)
_GUARDRAILS: Final = (
    (" ".join(_WRITE), "/resourcequotas /limitranges networking.k8s.io/networkpolicies"),
    (" ".join(_WRITE), f"{_KUEUE}/localqueues {_KUEUE}/workloads"),
    ("update patch", f"{_RBAC}/roles {_RBAC}/rolebindings"),
    ("bind escalate", f"{_RBAC}/roles"),
    ("create update patch delete", "/serviceaccounts"),
    ("create", "/serviceaccounts/token /pods/binding /bindings"),
    ("update patch", "/pods/ephemeralcontainers /pods/status /resourcequotas/status"),
    ("update patch delete", "/namespaces /namespaces/finalize /namespaces/status"),
    ("*", "*/*"),
)
_CLUSTER: Final = (
    ("impersonate", "/users /groups /serviceaccounts"),
    ("bind escalate", f"{_RBAC}/clusterroles"),
    ("create update patch delete", f"{_RBAC}/clusterroles {_RBAC}/clusterrolebindings"),
    ("create", "/namespaces /persistentvolumes"),
    ("update patch delete", "/nodes"),
    ("create update patch delete", "apiextensions.k8s.io/customresourcedefinitions"),
    ("create update patch delete", f"{_ADMISSION}/validatingwebhookconfigurations"),
    ("create update patch delete", f"{_ADMISSION}/mutatingwebhookconfigurations"),
    ("create update patch delete", f"{_ADMISSION}/validatingadmissionpolicies"),
    ("create update patch delete", f"{_ADMISSION}/validatingadmissionpolicybindings"),
    ("create update patch delete", f"{_KUEUE}/clusterqueues {_KUEUE}/resourceflavors {_KUEUE}/cohorts"),
    ("create update patch delete", f"{_KUEUE}/workloadpriorityclasses scheduling.k8s.io/priorityclasses"),
    ("create update patch delete", "storage.k8s.io/storageclasses"),
    ("create approve sign", "certificates.k8s.io/certificatesigningrequests"),
    ("list", "/secrets"),
    ("*", "*/*"),
)
_SECRETS: Final = (("get list watch create update patch delete", "/secrets"),)
_BINDINGS: Final = (("create delete", f"{_RBAC}/roles {_RBAC}/rolebindings"),)
_CHANGES: Final = (
    (" ".join(_WRITE), "/pods /services /configmaps /persistentvolumeclaims batch/jobs apps/deployments"),
)
_FOREIGN: Final = (
    ("get list create delete", "/pods /secrets /configmaps /services batch/jobs apps/deployments"),
    ("create", "/pods/exec"),
    ("create update delete", f"{_KUEUE}/localqueues {_RBAC}/rolebindings"),
)

_WORKLOADS: Final[Mapping[Feature, tuple[str, str]]] = {
    Feature.JOBSET: ("get list watch create delete", "jobset.x-k8s.io/jobsets"),
    Feature.LEADERWORKERSET: (
        "get list watch create update patch delete",
        "leaderworkerset.x-k8s.io/leaderworkersets",
    ),
    Feature.RAYJOB: ("get list watch create delete", "ray.io/rayjobs ray.io/rayclusters"),
    Feature.TRAINJOB: ("get list watch create delete", "trainer.kubeflow.org/trainjobs"),
}
"""Feature → the row of those who work with its kinds."""

ROLES: Final[Mapping[str, tuple[Rows, Rows]]] = {
    "owner": ((*_WORK, *_LOOK), (*_GUARDRAILS, *_EXEC)),
    "member": ((*_WORK, *_LOOK), (*_GUARDRAILS, *_EXEC, *_SECRETS, *_BINDINGS)),
    "viewer": (_LOOK, (*_GUARDRAILS, *_EXEC, *_SECRETS, *_BINDINGS, *_CHANGES)),
    "exec": (
        (("get list", "/pods"), *_EXEC),
        (*_GUARDRAILS, *_SECRETS, *_BINDINGS, *_CHANGES),
    ),
}
"""Role → (what it may, what it may not) in its own namespace."""


def rights_of(role: str, namespace: str, features: Collection[Feature] = (), given: Iterable[AccessRule] = ()) -> Cells:
    """The matrix of a role in its own namespace and in the cluster.

    Args:
        role: of `ROLES`.
        namespace: its own.
        features: what the cluster declares; kinds of workloads among them are part of the matrix.
        given: what the team's role was given beyond the usual.
    """
    may, may_not = ROLES[role]
    works, changes = _workload_rows(role, features)
    extra = dict.fromkeys(_granted(given, namespace))
    return (
        *((right, True) for right in dict.fromkeys((*cells((*may, *works), namespace), *extra))),
        *((right, False) for right in cells((*may_not, *changes), namespace) if right not in extra),
        *((right, False) for right in cells(_CLUSTER, "")),
    )


def _granted(given: Iterable[AccessRule], namespace: str) -> Iterator[Right]:
    for rule in given:
        for group, path, verb in product(rule.api_groups, rule.resources, rule.verbs):
            resource, _, sub = path.partition("/")
            yield Right(verb, group, resource, sub, namespace)


def rights_gone(role: str, namespace: str, given: Iterable[AccessRule] = ()) -> Cells:
    """What the role could do, and can no more since its team leaves."""
    may, _ = ROLES[role]
    once = (*cells((*may, *_SECRETS, *_BINDINGS), namespace), *_granted(given, namespace))
    return tuple((right, False) for right in dict.fromkeys(once))


def rights_elsewhere(namespace: str, features: Collection[Feature] = ()) -> Cells:
    """What nobody of another team may do in a namespace of a cluster with these features."""
    added = tuple(("get list create delete", _WORKLOADS[each][1]) for each in _declared(features))
    return tuple((right, False) for right in cells((*_FOREIGN, *added), namespace))


def _workload_rows(role: str, features: Collection[Feature]) -> tuple[Rows, Rows]:
    """(what it may, what it may not) with the kinds of workloads that the cluster declares."""
    rows = tuple(_WORKLOADS[feature] for feature in _declared(features))
    everything = tuple((" ".join(_WRITE), resources) for _, resources in rows)
    match role:
        case "owner" | "member":
            return rows, tuple(("deletecollection", resources) for _, resources in rows)
        case "viewer":
            return tuple(("get list watch", resources) for _, resources in rows), everything
        case _:
            return (), everything


def _declared(features: Collection[Feature]) -> list[Feature]:
    return [feature for feature in WORKLOAD_FEATURES if feature in features]


def cells(rows: Rows, namespace: str) -> Iterator[Right]:
    """Every right that rows name, in a namespace; in the whole cluster where that is empty."""
    for verbs, resources in rows:
        for path in resources.split():
            group, resource, *sub = path.split("/")
            for verb in verbs.split():
                yield Right(verb, group, resource, "".join(sub), namespace)


def needed(verb: str, kind: str, namespace: str) -> Right:
    """The right that a request of a persona needs."""
    group, resource = RESOURCES[kind]
    return Right(verb, group, resource, "", namespace)
