"""Probes of what lies beside our objects: nobody else was let in, and nothing widens what teams were given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.prove.probes import OURSELVES, LookAround, MustHold, Probe
from allotment.prove.scene import DeclaredCluster, Scene

_NOTHING: Final = "nothing but the platform's objects, and what owners may make"


def in_team(scene: Scene) -> Iterator[Probe]:
    """The team's namespaces, and whatever else names the team alone."""
    if not scene.is_first:
        return
    yield Probe(
        tried="list roles, bindings, accounts, tokens, limits, walls and queues that are not the platform's",
        object=f"namespace {', '.join(scene.team.namespaces)}",
        persona=OURSELVES,
        attempt=LookAround(scene.team.name),
        expected=MustHold(_NOTHING),
    )


def on_platform(here: DeclaredCluster) -> Iterator[Probe]:
    """What reaches over the whole cluster."""
    yield Probe(
        tried="list bindings, aggregated roles, queues and webhooks that concern the whole cluster",
        object=f"cluster {here.cluster.name}",
        persona=OURSELVES,
        attempt=LookAround(""),
        expected=MustHold(_NOTHING),
    )
