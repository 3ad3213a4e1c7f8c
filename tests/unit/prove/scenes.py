"""Clusters and scenes for the tests of prove."""

from __future__ import annotations

from collections.abc import Iterable

from allotment.model.platform import Platform
from allotment.model.policy import Mode
from allotment.prove.guardrails import GUARDRAILS, Guardrail, probes
from allotment.prove.probes import Probe
from allotment.prove.scene import DeclaredCluster, Scene
from allotment.render.manifests import render
from tests.unit.builders import cluster, platform, policies


def here_of(declared: Platform) -> DeclaredCluster:
    place = declared.clusters[0]
    here = DeclaredCluster(declared, place, render(declared, place))
    assert here.manifests.objects
    return here


def scene_of(declared: Platform) -> Scene:
    return next(here_of(declared).scenes())


def in_mode(mode: Mode) -> Platform:
    place = cluster()
    return platform(clusters=(place,), guardrails=policies((place,), mode=mode))


def guardrail(id_: str) -> Guardrail:
    (found,) = [item for item in GUARDRAILS if item.id == id_]
    return found


def probes_of(id_: str, declared: Platform) -> list[Probe]:
    here = here_of(declared)
    return [probe for _, probe in probes(guardrail(id_), here, here.scenes())]


def all_probes(declared: Platform, ids: Iterable[str] | None = None) -> list[Probe]:
    wanted = [item.id for item in GUARDRAILS] if ids is None else list(ids)
    return [probe for id_ in wanted for probe in probes_of(id_, declared)]
