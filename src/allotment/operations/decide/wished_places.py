"""Where a namespace, a volume or a notebook is to be, and that it can be: asked before anybody decides."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from allotment.errors import CapacityError, ConflictError, NotFoundError, UsageError, quoted
from allotment.model.cluster import Environment
from allotment.model.names import is_dns_label
from allotment.model.platform import Platform
from allotment.model.quantity import Bytes, format_bytes
from allotment.model.requests.grant import DeclaredGrant, GrantedNamespace, GrantedVolume, GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest, RequestState
from allotment.model.requests.terms import RequestKind, Wish
from allotment.model.source import SourceTree
from allotment.model.team import Placement, Team
from allotment.operations.decide.room import DecisionRoom
from allotment.ports.request_service import AskedRequest
from allotment.requests.gates import meet
from allotment.requests.giving import IN_A_FILE, wanted
from allotment.requests.sound_terms import DAY
from allotment.spec.granting import grant_document, grant_path
from allotment.spec.problems import InvalidPlatformError, Severity

PLACED: Final = IN_A_FILE | {RequestKind.NOTEBOOK}
"""Kinds that are in clusters of the team."""
LASTS: Final = {RequestKind.NAMESPACE: 30 * DAY, RequestKind.VOLUME: 90 * DAY, RequestKind.NOTEBOOK: DAY // 2}
"""How long they last where nobody says: they go by themselves, and nobody has to remember them."""
_STRICTEST: Final = (Environment.PRODUCTION, Environment.STAGING, Environment.DEVELOPMENT)
_PREVIEW: Final = "preview"
_OPERATORS: Final = frozenset(
    {
        "argo", "argo-cd", "argocd", "calico-system", "cattle-system", "cert-manager", "cilium", "datadog",
        "elastic-system", "external-dns", "external-secrets", "falco", "flux-system", "gatekeeper-system",
        "gmp-system", "gpu-operator", "grafana", "ingress-nginx", "istio-ingress", "istio-system", "jobset-system",
        "karpenter", "keda", "knative-eventing", "knative-serving", "kserve", "kube-prometheus-stack", "kubeflow",
        "kuberay-operator", "kubevirt", "kueue-system", "kyverno", "lens-metrics", "linkerd", "logging",
        "longhorn-system", "metallb-system", "monitoring", "network-operator", "nvidia-gpu-operator",
        "nvidia-network-operator", "observability", "olm", "opa", "opentelemetry-operator-system",
        "operators", "prometheus", "rook-ceph", "sealed-secrets", "tekton-pipelines", "tigera-operator", "traefik",
        "training-operator", "vault", "velero", "volcano-system",
    }
)  # fmt: skip
"""Where operators are installed as a rule: whoever has such a namespace before them has their secrets later."""
_KEPT: Final = ("kube-", "openshift-", "gke-", "aks-", "eks-", "allotment-")
"""How names begin that vendors of clusters, and we, keep for themselves."""
_COMING: Final = frozenset({GrantState.DUE, GrantState.GIVING})


def clusters_meant(asked: AskedRequest, team: Team) -> tuple[str, ...]:
    """In which of the team's clusters it is to be; none for other kinds.

    What is no production does not come into production clusters. A notebook is in one cluster.

    Raises:
        NotFoundError: the team has no such cluster.
        UsageError: it is one of production, and production was not asked for.
    """
    if asked.kind not in PLACED:
        return ()
    real = asked.environment == Environment.PRODUCTION.value
    named = {each.cluster: each for each in team.placements}
    for name in asked.clusters:
        if name not in named:
            known = ", ".join(named) or "none"
            raise NotFoundError(f"team {team.name} is in no cluster {quoted(name)}", fix=f"it is in {known}")
        if named[name].environment is Environment.PRODUCTION and not real:
            raise UsageError(
                f"{name} is a production cluster",
                fix="ask for it with --environment production; over HTTP it is `environment`",
            )
    found = asked.clusters or _usual(team.placements, asked.environment)
    if not found:
        raise NotFoundError(
            f"team {team.name} is in no cluster for that",
            why=f"no cluster of it is for {asked.environment or 'work that is no production'}",
            fix="name one with --on CLUSTER; over HTTP it is in `clusters`",
        )
    return found[:1] if asked.kind is RequestKind.NOTEBOOK else tuple(dict.fromkeys(found))


def environment_meant(asked: AskedRequest, clusters: Iterable[str], team: Team) -> str:
    """The strictest environment of the clusters where it is to be: what the asker says of it is no more than a wish.

    Args:
        asked: in somebody's words.
        clusters: where it is to be; where it is in none, his word stands.
        team: that has it.
    """
    found = {each.environment for each in team.placements if each.cluster in set(clusters)}
    return next((each.value for each in _STRICTEST if each in found), asked.environment)


def _usual(placements: Iterable[Placement], environment: str) -> tuple[str, ...]:
    """Clusters of that environment; where there are none, and it is not production, those of no production."""
    every = tuple(placements)
    same = tuple(each.cluster for each in every if each.environment.value == environment)
    if same or environment == Environment.PRODUCTION.value:
        return same
    outside = tuple(each.cluster for each in every if each.environment is not Environment.PRODUCTION)
    return outside or (tuple(each.cluster for each in every) if not environment else ())


def check_named(asked: AskedRequest) -> None:
    """What becomes an object has a name that it can have, and a volume a size.

    Raises:
        UsageError: it has not.
    """
    if asked.kind in PLACED | {RequestKind.CLUSTER} and not is_dns_label(asked.subject):
        raise UsageError(
            f"{quoted(asked.subject)} cannot be the name of a {asked.kind.value}",
            why="it becomes the name of objects in clusters",
            fix="use lower-case letters, digits and dashes, at most 63 characters",
        )
    if (asked.kind is RequestKind.VOLUME) != (asked.size > 0):
        raise UsageError(
            "say how large the volume is to be" if asked.kind is RequestKind.VOLUME else "that kind has no size",
            fix="`allot request volume NAME --size 100Gi`; over HTTP `size` is in bytes",
        )


def check_free(room: DecisionRoom, wish: Wish) -> None:
    """The name of a namespace, or of a volume claim, is nobody's in the clusters as they were seen last.

    The directory does not know what others have installed there: an object of theirs would be in the way for good.

    Raises:
        ConflictError: it is taken, or kept for an operator.
    """
    if wish.kind not in IN_A_FILE:
        return
    name, fix = wish.subject, "choose another name"
    if wish.kind is RequestKind.NAMESPACE and (name in _OPERATORS or name.startswith(_KEPT)):
        raise ConflictError(
            f"a team can have no namespace {quoted(name)}", why="an operator is installed there", fix=fix
        )
    team = room.platform().team(wish.team)
    homes = {"", *(() if team is None else team.namespaces)}
    seen = [source.objects for each in room.snapshots(wish.clusters) for source in each.sources]
    for each in seen:
        there = each.namespaces if wish.kind is RequestKind.NAMESPACE else each.volume_claims
        if any(one.name == name and one.namespace in homes for one in there):
            what = "a namespace" if wish.kind is RequestKind.NAMESPACE else "a volume claim"
            raise ConflictError(
                f"{wish.kind.value} {quoted(name)} cannot be given as it is asked for",
                why=f"a cluster where it is to be has {what} of that name already",
                fix=fix,
            )


def check_fits(room: DecisionRoom, wish: Wish) -> None:
    """A namespace or a volume can be given as the directory stands, with all that is approved and not there yet.

    Raises:
        ConflictError: it cannot.
    """
    if wish.kind not in IN_A_FILE:
        return
    error = _refusal(room, _document(wish, room.now()))
    if error is not None:
        raise ConflictError(
            f"{wish.kind.value} {quoted(wish.subject)} cannot be given as it is asked for",
            why=_said(error, wish, room.platform()),
            fix="choose another name" if wish.kind is RequestKind.NAMESPACE else "ask for less, or another name",
        )


def check_devices(room: DecisionRoom, request: GrantRequest) -> None:
    """What was approved just now can be given still: since it was asked for, others may have been given it.

    What begins later, or changes a grant, is looked at when that is done.

    Raises:
        CapacityError: it cannot.
    """
    terms = request.terms
    if request.state is not RequestState.APPROVED or not terms.shares or request.extends or terms.since > room.now():
        return
    document = DeclaredGrant(
        _PREVIEW, request.wish.team, terms.since, terms.until, terms.shares, terms.taken, ""
    )  # fmt: skip
    if _refusal(room, document) is not None:
        raise CapacityError(
            f"what request {request.id} asks for is not there any more",
            why="others were given it since, or the directory has changed",
            fix=f"offer less: `allot counter {request.id} --gpus N`; or deny it",
        )


def _refusal(room: DecisionRoom, document: DeclaredGrant) -> InvalidPlatformError | None:
    """Why a document cannot be added to the directory, with all that is approved and not there yet."""
    files, now = room.files(), room.now()
    coming = [each for each in room.store.grants(_COMING) if grant_path(each.id) not in files]
    added: dict[str, str | None] = {
        grant_path(name): grant_document(declared)
        for each in coming
        if meet(each.terms, document.since, document.until)
        for name, declared in wanted((each,), max(now, each.terms.since)).items()
    }
    tree = SourceTree(files).with_changes(added)
    try:
        room.load(tree.with_changes({grant_path(_PREVIEW): grant_document(document)}).files)
    except InvalidPlatformError as error:
        # Something else may be wrong with it: what was approved waits until that is mended.
        return error if room.is_valid(tree) else None
    return None


def _document(wish: Wish, now: int) -> DeclaredGrant:
    spaces = (GrantedNamespace(wish.subject, wish.clusters),) if wish.kind is RequestKind.NAMESPACE else ()
    volumes = (GrantedVolume(wish.subject, wish.size, wish.clusters),) if wish.kind is RequestKind.VOLUME else ()
    return DeclaredGrant(_PREVIEW, wish.team, now, None, (), (), "", spaces, volumes)


def _said(error: InvalidPlatformError, wish: Wish, platform: Platform) -> str:
    """What is wrong, without the name of another team."""
    # A warning may be about any line of anybody's, and is no reason.
    said = next(each.what for each in error.problems if each.severity is Severity.ERROR)
    others = (each.name for each in platform.teams if each.name != wish.team)
    return "the name is taken" if any(name in said for name in others) else said


def said_of(grant: TeamGrant) -> str:
    """What a grant gives that is no quota, in a few words."""
    size = f" of {format_bytes(Bytes(grant.size))}" if grant.size else ""
    where = f" in {', '.join(grant.clusters)}" if grant.clusters else ""
    return f"{grant.kind.value} {grant.subject}{size}{where}"
