"""Run times that are only estimates: each is multiplied by a random factor whose mean is 1."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from allotment.simulation.scenario import Scenario


class Spread(Protocol):
    """The source of randomness; `random.Random(seed)` is one."""

    def lognormvariate(self, mu: float, sigma: float, /) -> float:
        """A log-normally distributed number."""
        ...


def with_uncertain_runtimes(scenario: Scenario, sigma: float, chance: Spread) -> Scenario:
    """The scenario with every run time multiplied by a log-normal factor of mean 1.

    Run times of batch jobs are spread over orders of magnitude, which a log-normal factor keeps; the same seed gives
    the same run times, because one factor is drawn for each workload in list order.

    Args:
        scenario: what to change.
        sigma: standard deviation of the factor's logarithm; 0 changes nothing.
        chance: source of randomness.
    """
    if sigma == 0:
        return scenario
    mu = -sigma * sigma / 2
    arrivals = tuple(
        replace(arrival, runtime=max(1, round(arrival.runtime * chance.lognormvariate(mu, sigma))))
        for arrival in scenario.arrivals
    )
    return replace(scenario, arrivals=arrivals)
