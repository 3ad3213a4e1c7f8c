"""Use case: read a cluster, and say what lives in it as a platform directory. Nothing in the cluster is changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.errors import ConflictError, UsageError
from allotment.model.manifest import Body
from allotment.model.names import is_plain
from allotment.model.source import SourceTree
from allotment.operations.adopt.adoptions import look_at
from allotment.operations.directory.teams import Edit, diff_of
from allotment.plan.adoption.adopting import Adoption
from allotment.plan.leaving import CONTROLLERS, PODS
from allotment.plan.work_found import piece_of
from allotment.ports.directory import DirectoryPort
from allotment.ports.kube import KubePort
from allotment.render.policies.pod_template import domains_of
from allotment.spec.catalogue import catalogue
from allotment.spec.imports.directory import REPORT, Imported, ImportWishes, import_cluster, report
from allotment.spec.imports.live import LiveCluster, PodFacts, Unsaid
from allotment.spec.load import Loaded, load_platform
from allotment.spec.problems import InvalidPlatformError, Problem, Severity

_KUEUE: Final = "kueue.x-k8s.io"
_RBAC: Final = "rbac.authorization.k8s.io/v1"
_KINDS: Final = (
    ("jobset", "jobset.x-k8s.io/v1alpha2", "JobSet"),
    ("rayjob", "ray.io/v1", "RayJob"),
    ("trainjob", "trainer.kubeflow.org/v1alpha1", "TrainJob"),
)
_PRIORITY_LABEL: Final = f"{_KUEUE}/priority-class"


@dataclass(frozen=True, slots=True)
class DescribedCluster:
    """A live cluster as a platform directory.

    Attributes:
        edit: all its files, the report among them.
    """

    imported: Imported
    edit: Edit


Telling = Callable[[Adoption], Sequence[str]]
"""How the report says what taking one object over would change."""


def describe_cluster(
    there: DirectoryPort, kube: KubePort, wishes: ImportWishes, today: dt.date, telling: Telling, *, dry_run: bool
) -> DescribedCluster:
    """The directory of a live cluster with its report, checked and not yet written.

    Args:
        there: where it is to stand. Files that no directory may have are written all the same, unless `dry_run`: what
            is wrong with them is mended there.
        kube: the cluster.
        wishes: names and purpose.
        today: the date.
        telling: words for the report.
        dry_run: write nothing at all.

    Raises:
        InvalidPlatformError: the cluster holds what no directory may say.
        AllotmentError: as `import_directory`.
    """
    imported = import_directory(there.present(), kube, wishes, today)
    try:
        platform = load_imported(imported, today).platform
    except InvalidPlatformError:
        if not dry_run:
            there.write(edit_of(imported, report(imported, wishes, [])).changes)
        raise
    (declared,) = platform.clusters
    look = look_at(platform, declared, kube, (), today)
    told = report(imported, wishes, [(str(each.key), telling(each)) for each in look.adoptions])
    return DescribedCluster(imported, edit_of(imported, told))


def import_directory(present: SourceTree, kube: KubePort, wishes: ImportWishes, today: dt.date) -> Imported:
    """The directory of a live cluster, not yet written.

    Raises:
        UsageError: a name cannot be a platform's or a cluster's.
        ConflictError: the folder holds YAML files already.
        InputError: the cluster has no node that work could run on.
        RefusedError: we may not read what is to be imported.
    """
    for what, name in (("platform", wishes.platform), ("cluster", wishes.cluster)):
        if not is_plain(name):
            raise UsageError(
                f"{name!r} cannot be the name of a {what}",
                why="it becomes a label, and the name of a file",
                fix="use lower-case letters, digits and single dashes, at most 63 characters",
            )
    if present.files:
        raise ConflictError(
            f"the folder holds YAML files already: {', '.join(sorted(present.files)[:3])}",
            why="a platform directory is read as a whole, so the import would mix with them",
            fix="name an empty or new folder",
        )
    return import_cluster(read_cluster(kube), wishes, today)


def read_cluster(kube: KubePort) -> LiveCluster:
    """Everything that an import looks at; of pods only what is needed of them.

    Raises:
        RefusedError: we may not read a kind.
    """
    served = [version for version in ("v1beta2", "v1beta1") if kube.serves(f"{_KUEUE}/{version}", "ClusterQueue")]
    kueue = f"{_KUEUE}/{served[0]}" if served else ""
    domains = domains_of(item.resource_name for item in catalogue().values())
    return LiveCluster(
        version=kube.server().version.removeprefix("v").partition("+")[0].partition("-")[0],
        kueue_api=served[0] if served else "",
        kinds=tuple(name for name, api_version, kind in _KINDS if kube.serves(api_version, kind)),
        nodes=_sorted(kube.list("v1", "Node")),
        namespaces=_sorted(kube.list("v1", "Namespace")),
        cluster_queues=_sorted(kube.list(kueue, "ClusterQueue")) if kueue else (),
        local_queues=_sorted(kube.list(kueue, "LocalQueue")) if kueue else (),
        flavors=_sorted(kube.list(kueue, "ResourceFlavor")) if kueue else (),
        cohorts=_sorted(kube.list(kueue, "Cohort")) if kueue else (),
        quotas=_sorted(kube.list("v1", "ResourceQuota")),
        limit_ranges=_sorted(kube.list("v1", "LimitRange")),
        bindings=_sorted(kube.list(_RBAC, "RoleBinding")),
        cluster_bindings=_sorted(kube.list(_RBAC, "ClusterRoleBinding")),
        priorities=_sorted(kube.list("scheduling.k8s.io/v1", "PriorityClass")),
        claims=_sorted(kube.list("v1", "PersistentVolumeClaim")),
        network_policies=_sorted(kube.list("networking.k8s.io/v1", "NetworkPolicy")),
        pods=_pods(kube.list(*PODS), domains),
        makers=_makers(kube, domains),
    )


def _sorted(bodies: Iterable[Body]) -> tuple[Body, ...]:
    kept = (_slim(body) for body in bodies)
    return tuple(sorted(kept, key=lambda body: (body["metadata"].get("namespace", ""), body["metadata"]["name"])))


def _slim(body: Body) -> Body:
    metadata = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    return {**body, "metadata": metadata}


def _pods(bodies: Iterator[Body], domains: tuple[str, ...]) -> dict[str, PodFacts]:
    numbers: dict[str, int] = {}
    classes: dict[str, set[str]] = {}
    asking: set[str] = set()
    for body in bodies:
        piece = piece_of(body, domains)
        if piece is None:
            continue
        space = piece.namespace
        numbers[space] = numbers.get(space, 0) + 1
        named = (body["spec"].get("priorityClassName"), (body["metadata"].get("labels") or {}).get(_PRIORITY_LABEL))
        classes.setdefault(space, set()).update(name for name in named if name)
        if piece.asks:
            asking.add(space)
    return {space: PodFacts(number, frozenset(classes[space]), space in asking) for space, number in numbers.items()}


def _makers(kube: KubePort, domains: tuple[str, ...]) -> frozenset[str]:
    """Namespaces of what makes pods that ask for accelerators, whether or not there is one now."""
    pieces = (piece_of(body, domains) for kind in CONTROLLERS for body in kube.list(*kind))
    return frozenset(piece.namespace for piece in pieces if piece is not None and piece.asks)


def load_imported(imported: Imported, today: dt.date) -> Loaded:
    """The platform that was imported.

    Raises:
        InvalidPlatformError: the cluster holds what no directory may say.
    """
    return load_platform(SourceTree(dict(imported.files)), today)


def edit_of(imported: Imported, told: str) -> Edit:
    """All files of an import as one edit, with what is told of it as its report."""
    changes: dict[str, str | None] = {**imported.files, REPORT: told}
    return Edit(changes, diff_of(SourceTree({}), changes), tuple(map(_warning, imported.first)))


def _warning(one: Unsaid) -> Problem:
    return Problem(REPORT, 0, 0, "", f"{one.what}: {one.how}", "", Severity.WARNING)
