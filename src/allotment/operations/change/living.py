"""Use case: what is wanted of a cluster, given what lives in it already.

The directory says what should be; three things of it wait for what is there. Policies start in warn where work runs
that was there before them, defaults that work relies on already are not taken from it, and a second class cannot be
the cluster's default.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.manifest import Manifests, ObjectKey
from allotment.model.platform import Platform
from allotment.model.policy import Mode, Policy, PolicyName
from allotment.operations.change.planning import WORKERS, side_by_side
from allotment.plan import in_use
from allotment.plan.changes import Plan, PlanWarning, WarningCode
from allotment.plan.leaving import CONTROLLERS, PODS
from allotment.plan.priority_default import beside_foreign_default
from allotment.plan.survey import is_applied
from allotment.plan.work_found import Piece, Work, piece_of, works
from allotment.ports.kube import AccessRefusedError, KubePort
from allotment.render.manifests import render
from allotment.render.policies.admission import ADMISSION_API
from allotment.render.policies.identities import exempt_namespaces
from allotment.render.policies.pod_template import accelerator_domains

FEW: Final = 4
"""Up to so many namespaces are read one by one; for more, one list of the cluster is cheaper."""

_OUTSIDE: Final = PolicyName.ACCELERATORS_ONLY_IN_TEAM_NAMESPACES


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a cluster should hold.

    Attributes:
        platform: the declaration, with what only the look at the cluster could tell.
        cluster: likewise.
        warnings: what the reader of a plan should know of it.
    """

    platform: Platform
    cluster: Cluster
    manifests: Manifests
    warnings: tuple[PlanWarning, ...] = ()

    def said_with(self, plan: Plan) -> Plan:
        """The plan, with these warnings before its own."""
        return replace(plan, warnings=(*self.warnings, *plan.warnings))


def wanted_of(platform: Platform, cluster: Cluster, kube: KubePort, workers: int = WORKERS) -> Wanted:
    """What a live cluster should hold; changes nothing.

    Raises:
        UnreachableError: the server does not answer.
        NotSignedInError: no valid credentials.
        RefusedError: it refuses for another reason than missing rights.
    """
    kept, said = _kept(platform, cluster, kube, workers)
    place = replace(cluster, kept_in_warn=kept, with_defaults=_with_defaults(platform, cluster, kube))
    others = tuple(place if one.name == cluster.name else one for one in platform.clusters)
    declared = replace(platform, clusters=others)
    manifests, more = _with_foreign_default(render(declared, place), kube)
    return Wanted(declared, place, manifests, (*said, *more))


def _with_foreign_default(desired: Manifests, kube: KubePort) -> tuple[Manifests, tuple[PlanWarning, ...]]:
    try:
        return beside_foreign_default(desired, kube.list("scheduling.k8s.io/v1", "PriorityClass"))
    except AccessRefusedError:
        return desired, ()  # Who may not list them is told by the plan itself.


def _with_defaults(platform: Platform, cluster: Cluster, kube: KubePort) -> tuple[str, ...]:
    """Teams' namespaces among `warnNamespaces` that have our defaults already: their work would miss them."""
    teams = {name for team, _ in platform.teams_in(cluster.name) for name in team.namespaces}
    listed = teams & {*cluster.warn_namespaces}
    if not listed:
        return ()
    try:
        found = {
            body["metadata"]["namespace"]
            for kind in _DEFAULTS
            for body in kube.list("v1", kind, labels=f"{labels.PLATFORM}={platform.name}")
            if is_applied(body)
        }
    except AccessRefusedError:
        return ()  # Who may not list them is told by the plan itself, which then leaves them alone.
    return tuple(sorted(listed & found))


_DEFAULTS: Final = ("LimitRange", "ServiceAccount")
"""What fills in what pods lack."""


def _kept(
    platform: Platform, cluster: Cluster, kube: KubePort, workers: int
) -> tuple[tuple[str, ...], tuple[PlanWarning, ...]]:
    reach = in_use.NOWHERE
    try:
        reach = _reach(platform, kube)
        places = _places(platform, cluster, kube, reach)
    except AccessRefusedError as error:
        return tuple(sorted(reach.kept - {*cluster.warn_namespaces})), (_unknown(error.message),)
    found, unread = _works(kube, places.names, accelerator_domains(platform), workers)
    kept = {*in_use.kept_in_warn(found, places)}
    said = in_use.warnings(found, places, cluster.warn_namespaces, cluster.declared_in)
    if unread:
        kept |= reach.kept & {*places.names}
        said = (*said, _unknown("; ".join(unread)))
    return tuple(sorted(kept)), said


def _unknown(why: str) -> PlanWarning:
    message = f"not all work that was there before the policies was looked at, and may be refused: {why}"
    return PlanWarning(WarningCode.UNVERIFIED, ObjectKey("", "Namespace", "", "*"), message)


def _reach(platform: Platform, kube: KubePort) -> in_use.Reach:
    ours = f"{labels.PLATFORM}={platform.name}"
    return in_use.reach_of(
        kube.list_metadata(ADMISSION_API, "ValidatingAdmissionPolicy"),
        kube.list(ADMISSION_API, "ValidatingAdmissionPolicyBinding", labels=ours),
    )


def _places(platform: Platform, cluster: Cluster, kube: KubePort, reach: in_use.Reach) -> in_use.Reached:
    refusing = {policy.name: policy for policy in platform.policies if _refuses(policy, cluster)}
    teams = {
        name for team, _ in platform.teams_in(cluster.name) if team.offboarding is None for name in team.namespaces
    }
    outside = refusing.get(_OUTSIDE)
    left_alone = set(exempt_namespaces(platform, cluster))
    if outside is not None:
        left_alone |= set(outside.exempt_namespaces) - teams
    found = in_use.reached(kube.list("v1", "Namespace"), teams, left_alone, cluster.warn_namespaces, reach)
    return replace(
        found,
        of_teams=found.of_teams if refusing.keys() - {_OUTSIDE} else frozenset(),
        others=found.others if outside is not None else frozenset(),
    )


def _refuses(policy: Policy, cluster: Cluster) -> bool:
    return policy.may_only_warn and policy.modes[cluster.name] is Mode.ENFORCE


def _works(
    kube: KubePort, namespaces: Sequence[str], domains: tuple[str, ...], workers: int
) -> tuple[tuple[Work, ...], tuple[str, ...]]:
    """The work in these namespaces, and why some of it was not seen."""
    wanted = frozenset(namespaces)
    spaces = namespaces if len(namespaces) <= FEW else [""]
    asked = [(kind, space) for space in spaces for kind in (PODS, *CONTROLLERS)]

    def read(item: tuple[tuple[str, str], str]) -> list[Piece] | str:
        (api_version, kind), space = item
        try:
            return list(_pieces(kube, api_version, kind, space, wanted, domains))
        except AccessRefusedError as error:
            return error.message

    answers = side_by_side(read, asked, workers)
    found = works(piece for answer in answers if not isinstance(answer, str) for piece in answer)
    return found, tuple(dict.fromkeys(answer for answer in answers if isinstance(answer, str)))


def _pieces(
    kube: KubePort, api_version: str, kind: str, space: str, wanted: frozenset[str], domains: tuple[str, ...]
) -> Iterator[Piece]:
    for body in kube.list(api_version, kind, namespace=space):
        if body["metadata"].get("namespace", "") in wanted and (piece := piece_of(body, domains)) is not None:
            yield piece
