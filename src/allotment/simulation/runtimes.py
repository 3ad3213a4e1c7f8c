"""Run times that are only estimates: each is multiplied by a random factor whose mean is 1."""

from __future__ import annotations

from dataclasses import replace

from allotment.simulation.chance import Chance
from allotment.simulation.scenario import Scenario


def with_uncertain_runtimes(scenario: Scenario, sigma: float, chance: Chance) -> Scenario:
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
