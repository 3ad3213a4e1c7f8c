"""What teams need of a server that come or leave: jobs are ended, guardrails tried, and it follows the directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final

from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.rights import PeopleOfPlatform
from allotment.model.platform import Platform
from allotment.model.team import Team
from allotment.operations.decide.team_carrier import TeamWorld
from allotment.operations.prove.proving import Selection, prove
from allotment.operations.run.desk import Desk, ServerIdentity
from allotment.ports.backends import LOCAL
from allotment.ports.clock import Clock
from allotment.ports.kube import KubePort
from allotment.ports.store import JobsStore
from allotment.prove.verdicts import Verdict

_ITSELF: Final = Caller("allotment", CallerKind.ALLOTMENT, "its team leaves")
_OF_LEAVING: Final = frozenset({"offboarded"})
"""Guardrails that are tried of a team that leaves: of the others nothing is left to be tried."""
_MOST_NAMED: Final = 3


def team_world(
    desk: Desk,
    store: JobsStore,
    people: Callable[[], PeopleOfPlatform],
    connect: Callable[[str], AbstractContextManager[KubePort]],
    clock: Clock,
) -> TeamWorld:
    """What a server has teams come and go with.

    Args:
        desk: of its jobs.
        store: where jobs, tokens and people are kept.
        people: which groups are what, as it is declared now.
        connect: to a cluster, by its context.
        clock: time.
    """

    def stop_jobs(team: str) -> int:
        for each in store.unfinished():
            if each.job.team == team and not each.state.over:
                desk.stop(each.id, caller=_ITSELF)
        return sum(each.job.team == team and not each.state.over for each in store.unfinished())

    def proved(platform: Platform, name: str, team: Team) -> str:
        cluster = platform.cluster(name)
        if cluster is None:
            return "the platform directory has no such cluster"
        guardrails = None if team.offboarding is None else _OF_LEAVING
        wanted = Selection([team.name], guardrails, work=False)
        with connect(cluster.context) as kube:
            report = prove(platform, cluster, kube, clock, selection=wanted)
        if report.missing:
            return f"the server's account may not try it: {report.missing[0]}"
        failed = [each for each in report.results if each.verdict is Verdict.FAILED and each.team in ("", team.name)]
        more = f" and {len(failed) - _MOST_NAMED} more" if len(failed) > _MOST_NAMED else ""
        return "; ".join(f"{each.guardrail}: {each.tried}: {each.got}" for each in failed[:_MOST_NAMED]) + more

    return TeamWorld(store, people, stop_jobs, proved)


def identity_as_declared(identity: ServerIdentity, platform: Platform, files: Mapping[str, str]) -> ServerIdentity:
    """Whose server it is as its platform directory stands: its teams and clusters, and what others may read of it."""
    known_to = {each.name: known for each in platform.clusters if (known := platform.knowing(each)) is not None}
    return replace(
        identity,
        teams=tuple(team.name for team in platform.teams if team.offboarding is None),
        declared=files,
        clusters=frozenset(each.name for each in platform.clusters) - {LOCAL},
        known_to=known_to,
    )
