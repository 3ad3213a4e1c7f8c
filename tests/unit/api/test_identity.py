"""Whose server it is goes on with its platform directory: who is in it, and where programs may run."""

from __future__ import annotations

from dataclasses import replace

from allotment.api.teaming import identity_as_declared
from allotment.operations.run.desk import ServerIdentity
from tests.unit import builders

IDENTITY = ServerIdentity("acme", "", (), "ada", "1", 1)


def test_a_cluster_that_is_declared_later_takes_jobs_and_one_of_a_single_team_is_known_to_it_alone() -> None:
    teams = [builders.team(name, placements=[builders.placement("open")]) for name in ("nlp", "cv")]
    teams.append(builders.team("guest", placements=[builders.placement("vault")]))
    first = builders.platform(clusters=[builders.cluster("open")], teams=teams)
    vault = builders.cluster("vault", node_pools=[builders.node_pool(dedicated_to="cv")])
    before = identity_as_declared(IDENTITY, first, {"a": "b"})
    after = identity_as_declared(before, replace(first, clusters=(*first.clusters, vault)), {})
    assert (before.clusters, before.known_to, before.declared) == ({"open"}, {}, {"a": "b"})
    assert (after.clusters, after.teams) == ({"open", "vault"}, ("nlp", "cv", "guest"))
    assert after.known_to == {"vault": {"cv", "guest"}}, "whoever has a pool, or a place, there"
