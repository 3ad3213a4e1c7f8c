"""What plan, apply and drift share: which platform and cluster, its live plan, and what to type next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from allotment.cli.shell.calling import typed
from allotment.cli.shell.loading import load
from allotment.cli.shell.options import Liberties
from allotment.cli.shell.places import chosen_cluster, platform_directory
from allotment.cli.shell.progress import ProgressLine
from allotment.cli.shell.session import Session
from allotment.errors import ForbiddenError
from allotment.model.mark import Mark

if TYPE_CHECKING:
    from allotment.cli.shell.hints import Way
    from allotment.model.cluster import Cluster
    from allotment.model.platform import Platform
    from allotment.plan.changes import Plan
    from allotment.ports.kube import KubePort


@dataclass(frozen=True, slots=True)
class ClusterTarget:
    """A platform's cluster to work on.

    Attributes:
        context: of the kubeconfig: ``--context`` and its kin, else the cluster's own.
    """

    directory: Path
    platform: Platform
    cluster: Cluster
    context: str

    @property
    def mark(self) -> Mark:
        """What the cluster is marked with."""
        return Mark(self.platform.name, self.cluster.name)


def way_of(session: Session, target: ClusterTarget) -> Way:
    """The way to a call's own target."""
    from allotment.cli.shell.hints import way_to

    return way_to(session, target.directory, target.cluster.name)


def target_of(session: Session, directory: str | None) -> ClusterTarget:
    """The platform and the cluster that the call names.

    Raises:
        NotFoundError: no such directory or cluster.
        UsageError: neither named nor to be guessed.
        InvalidPlatformError: the directory has errors.
    """
    place = platform_directory(session, directory)
    platform = load(session, place, quiet=True).platform
    return target_in(session, place, platform, chosen_cluster(session, platform))


def target_in(session: Session, place: Path, platform: Platform, cluster: Cluster) -> ClusterTarget:
    """A cluster of a platform, with the context to reach it by; commands that errors suggest lead there from now on."""
    from allotment.cli.shell.hints import way_to

    session.hint = way_to(session, place, cluster.name).told
    return ClusterTarget(place, platform, cluster, session.value("context") or cluster.context)


def platform_at_hand(session: Session, name: str) -> Platform | None:
    """The platform of that name, if somebody named its directory or we stand in it; a saved plan does without."""
    from allotment import wiring

    if not session.value("platform") and not wiring.files().holds_platform(Path()):
        return None
    platform = load(session, platform_directory(session), quiet=True).platform
    return platform if platform.name == name else None


def live_plan(
    session: Session,
    target: ClusterTarget,
    kube: KubePort,
    liberties: Liberties,
    *,
    check_creations: bool = False,
    partial: bool = False,
) -> Plan:
    """The plan against a live cluster; a partial one leaves out what we may not read."""
    from allotment import wiring
    from allotment.operations.change import cluster_plan
    from allotment.operations.directory.loading import source_of

    with ProgressLine(session) as progress:
        progress.tell(f"comparing {target.cluster.name} with {target.directory}")
        wishes = cluster_plan.PlanWishes(
            force=liberties.force,
            check_creations=check_creations,
            allow_uncounted=liberties.uncounted,
            override=session.override,
            partial=partial,
        )
        today, source = wiring.clock().now().date(), source_of(wiring.directory(target.directory))
        return cluster_plan.live_plan(target.platform, target.cluster, kube, today, wishes, source)


def refuse_partial(plan: Plan, verb: str) -> None:
    """A plan that did not see everything is for reading only.

    Raises:
        ForbiddenError: kinds were not looked at.
    """
    if plan.unread:
        raise ForbiddenError(
            f"the plan cannot be {verb}: it did not look at everything",
            why=f"not allowed: {', '.join(map(str, plan.unread))}",
            fix="`allot preflight --rights plan -o yaml` prints the rights that plan needs",
        )


def plan_steps(
    session: Session, target: ClusterTarget, plan: Plan, *, saved: str | None, offline: bool, able: bool = True
) -> str:
    """What to type after a plan.

    Args:
        session: the call.
        target: what was planned for.
        plan: the plan.
        saved: the file that it was saved in.
        offline: whether no cluster was asked.
        able: whether this account may apply at all.
    """
    from allotment.cli.commands.change.diffs import next_steps

    way = way_of(session, target)
    if offline:
        steps = _offline_steps(way)
    elif not able or plan.unread:
        steps = _reader_steps(way, plan, able=able)
    else:
        steps = _plan_steps(session, target, plan, saved)
    return next_steps(steps, session.call)


def _offline_steps(way: Way) -> list[tuple[str, str]]:
    here, cluster = f" {way.directory}" if way.directory else "", way.cluster
    return [
        (f"allot sandbox up {cluster} --platform{here or ' .'}", "a real control plane on this machine"),
        (f"KUBECONFIG=$(allot sandbox kubeconfig {cluster}) allot apply{here} --cluster {cluster}", ""),
    ]


def _reader_steps(way: Way, plan: Plan, *, able: bool) -> list[tuple[str, str]]:
    """Whoever may not apply is not told to; he is told what he would need."""
    role = way.to("allot preflight")
    whole = [(f"{role} --rights plan -o yaml", "the role that a whole plan needs: not everything could be looked at")]
    more = [(f"{role} --rights apply -o yaml", "this account may look, but not apply: the role that apply needs")]
    return [*(whole if plan.unread else []), *([] if able else more)]


def _plan_steps(session: Session, target: ClusterTarget, plan: Plan, saved: str | None) -> list[tuple[str, str]]:

    way = way_of(session, target)
    if plan.empty:
        return [(way.to("allot prove"), "do the guardrails hold?")]
    if plan.doubted or plan.lockout is not None:
        return []  # What has to be settled first stands at the top; nothing leads on past it.
    adoptions = way.adoptions(plan.changes)
    if saved is not None:
        elsewhere = "" if target.context == target.cluster.context else f" --context {typed(target.context)}"
        file = session.flags.get("kubeconfig")
        elsewhere = f" --kubeconfig {typed(file)}{elsewhere}" if file else elsewhere
        return [(f"allot apply {typed(saved)}{elsewhere}", "do exactly this"), *adoptions]
    counts = {action.value: number for action, number in plan.counts.items()}
    left = counts["blocked"] + (0 if plan.forced else counts["conflict"])
    apply = way.to("allot apply")
    steps = []
    if left < len(plan.changes):
        steps.append((apply, "do it" + (f"; {left} of {len(plan.changes)} steps stay undone" if left else "")))
    if counts["conflict"] and not plan.forced:
        steps.append((f"{apply} --force-conflicts", "take the contested fields over"))
    return [*steps, *adoptions]
