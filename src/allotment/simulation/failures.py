"""Random failures of nodes, drawn before a simulation begins: exponential times between failures and for repairs."""

from __future__ import annotations

from dataclasses import replace

from allotment.simulation.chance import Chance
from allotment.simulation.events import Event, NodeDown, NodeUp
from allotment.simulation.scenario import Scenario


def with_random_failures(scenario: Scenario, chance: Chance) -> Scenario:
    """The scenario with the failures and returns its `node_failures` ask for, each node's on its own.

    A node that failed before the last instant of the failures returns, even after it.
    """
    wanted = scenario.node_failures
    if wanted is None:
        return scenario
    drawn: list[Event] = []
    for node in scenario.state.nodes:
        t = _span(chance, wanted.mean_between)
        while t <= wanted.until:
            back = t + _span(chance, wanted.mean_repair)
            drawn += [NodeDown(t, node.name), NodeUp(back, node.name)]
            t = back + _span(chance, wanted.mean_between)
    return replace(scenario, events=(*scenario.events, *drawn), node_failures=None)


def _span(chance: Chance, mean: int) -> int:
    """At least one, so that a node is never down and up at the same instant."""
    return max(1, round(chance.expovariate(1 / mean)))
