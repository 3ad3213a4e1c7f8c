"""Grants in the platform: whose quota rises, whose falls, and what follows from it."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from allotment.model.platform import Platform
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.requests.grant import DeclaredGrant
from allotment.model.requests.terms import QuotaShare, TakenShare
from allotment.model.source import SourceTree
from allotment.model.team import Placement
from allotment.render.manifests import render
from allotment.spec.load import load_platform
from tests.by_day import by_day
from tests.unit.spec.trees import CLUSTER, OTHER_TEAM, TEAM, errors_of, load, rich, tiny

GIB = 1 << 30


def grant(gpus: str, taken: str = "", *, name: str = "g", team: str = "nlp") -> str:
    head = f"kind: Grant\nname: {name}\nteam: {team}\nfrom: 2027-01-01T00:00:00Z\n"
    return f"{head}gpus: [{gpus}]\ntakenFrom: [{taken}]\n"


def shifted(text: str, **files: str) -> Platform:
    return load(tiny(**{"other": OTHER_TEAM, "grant": text, **files})).platform


def placement(platform: Platform, team: str = "nlp") -> Placement:
    found = platform.team(team)
    assert found is not None
    [only] = found.placements
    return only


def nominals(platform: Platform, team: str) -> tuple[int, int, int]:
    """Cores, GiB and devices that a team is guaranteed."""
    found = placement(platform, team)
    return found.cpu.nominal // 1000, found.memory.nominal // GIB, found.quota.of("a100-spot")


def test_a_document_says_all_of_it() -> None:
    assert load(rich()).platform.grants == (
        DeclaredGrant(
            name="more",
            team="alpha",
            since=1_801_375_200_000,
            until=1_814_349_600_000,
            shares=(QuotaShare("dev", "a100-spot", 4, MilliCpu(8000), Bytes(32 * GIB)),),
            taken=(TakenShare("old", QuotaShare("dev", "a100-spot", 2, MilliCpu(1000), Bytes(0))),),
            reason="a release: soon",
        ),
    )


MORE = "{cluster: dev, flavor: a100, devices: 4, cpu: 8, memory: 32Gi}"
OF_CV = "{team: cv, cluster: dev, flavor: a100-spot, devices: 3, cpu: 4, memory: 16Gi}"


def test_one_teams_guarantee_rises_and_the_others_falls() -> None:
    after = shifted(grant(MORE, OF_CV))
    assert nominals(after, "nlp") == (72, 288, 12)
    assert nominals(after, "cv") == (60, 240, 5)


def test_grants_add_up_and_are_told_by_name() -> None:
    after = shifted(grant(MORE), b=grant(MORE, name="b"), a=grant(MORE, OF_CV, name="a"))
    assert [each.name for each in after.grants] == ["a", "b", "g"]
    assert nominals(after, "nlp") == (88, 352, 20)
    assert nominals(after, "cv") == (60, 240, 5)


def test_what_is_rendered_has_it() -> None:
    def queue(platform: Platform, name: str) -> str:
        manifests = render(platform, platform.clusters[0])
        bodies = (each.body for each in manifests if each.body["kind"] == "ClusterQueue")
        return str(next(body for body in bodies if body["metadata"]["name"] == name))

    before = load(tiny(other=OTHER_TEAM)).platform
    after = shifted(grant(MORE, OF_CV))
    by_hand = load(
        tiny(
            team=TEAM.replace("cpu: 64", "cpu: 72").replace("256Gi", "288Gi").replace("a100: 8", "a100: 12"),
            other=OTHER_TEAM.replace("cpu: 64", "cpu: 60").replace("256Gi", "240Gi").replace("a100: 8", "a100: 5"),
        )
    ).platform
    assert after.teams == by_hand.teams
    for team in ("nlp", "cv"):
        assert queue(after, team) == queue(by_hand, team) != queue(before, team)


def test_a_namespaces_quota_of_its_own_gets_room() -> None:
    own = "namespaceQuota: {requestsCpu: 64, limitsMemory: 600Gi, accelerators: {a100: 8}}"
    team = TEAM.replace("    cpu: 64", f"    {own}\n    cpu: 64")
    before, after = placement(load(tiny(team=team)).platform), placement(shifted(grant(MORE, OF_CV), team=team))
    asked, given = before.namespace_quota, after.namespace_quota
    assert (asked.requests_cpu, asked.limits_memory, asked.accelerators) == (
        64_000,
        600 * GIB,
        (("nvidia.com/gpu", 8),),
    )
    assert (given.requests_cpu, given.limits_memory) == (72_000, 632 * GIB)
    assert given.accelerators == (("nvidia.com/gpu", 12),)
    assert (given.limits_cpu, given.requests_memory) == (144_000, 288 * GIB), "which follow from the queue's"


def test_a_namespaces_quota_of_its_own_is_not_taken_from() -> None:
    own = "    namespaceQuota: {requestsCpu: 64, accelerators: {a100: 8}}\n    cpu: 64"
    quota = placement(shifted(grant(MORE, OF_CV), other=OTHER_TEAM.replace("    cpu: 64", own)), "cv").namespace_quota
    assert (quota.requests_cpu, quota.accelerators) == (64_000, (("nvidia.com/gpu", 8),))
    assert quota.requests_memory == 240 * GIB


def test_what_is_gone_is_not_lent() -> None:
    lending = OTHER_TEAM.replace("a100: 8", "a100: {nominal: 8, lendingLimit: 7, borrowingLimit: 2}")
    [entry] = placement(shifted(grant(MORE, OF_CV), other=lending), "cv").accelerators
    assert (entry.devices.nominal, entry.devices.lending_limit, entry.devices.borrowing_limit) == (5, 5, 2)
    [entry] = placement(
        shifted(grant(MORE), team=TEAM.replace("a100: 8", "a100: {nominal: 8, lendingLimit: 8}"))
    ).accelerators
    assert (entry.devices.nominal, entry.devices.lending_limit) == (12, 8), "what is granted is not lent on"


def test_a_limit_that_was_wrong_is_still_told() -> None:
    lending = OTHER_TEAM.replace("a100: 8", "a100: {nominal: 8, lendingLimit: 9}")
    told = errors_of(tiny(other=lending, grant=grant(MORE, OF_CV)))
    assert ["the lending limit is above the guarantee" in each.what for each in told] == [True]


def test_an_override_is_what_it_counts_from() -> None:
    cluster = CLUSTER + "overrides: {teams: {nlp: {accelerators: {a100: 1}, cpu: 2}}}\n"
    assert nominals(shifted(grant(MORE), cluster=cluster), "nlp") == (10, 288, 5)


def test_a_flavor_that_is_offered_for_borrowing_alone_can_be_granted() -> None:
    assert nominals(shifted(grant(MORE), team=TEAM.replace("a100: 8", "a100: 0")), "nlp")[2] == 4


def test_the_teams_own_flavor_is_meant_by_an_accelerator() -> None:
    own = (
        "  - {name: own, accelerator: a100, capacityType: spot, dedicatedTo: nlp, cpu: 96, memory: 1Ti, maxNodes: 99}\n"
    )
    platform = shifted(grant(MORE), cluster=CLUSTER + own)
    assert platform.grants[0].shares[0].flavor == "a100-spot-nlp"
    assert placement(platform).quota.of("a100-spot-nlp") == 12


@pytest.mark.parametrize("day", [dt.date.min, dt.date(2027, 1, 1), dt.date(2099, 1, 1)])
def test_it_counts_before_it_begins_and_after_it_has_ended(day: dt.date) -> None:
    text = grant(MORE).replace("gpus", "until: 2027-02-01T00:00:00Z\ngpus")
    loaded = load_platform(SourceTree(tiny(grant=text)), day)
    assert nominals(loaded.platform, "nlp") == (72, 288, 12)
    assert len(loaded.warnings) == (day.year == 2099)


def test_a_grant_that_has_errors_gives_nothing_and_breaks_nothing_else() -> None:
    files = tiny(other=OTHER_TEAM, a=grant(MORE, OF_CV.replace("3", "5"), name="a"), b=grant(MORE, name="b"))
    assert [(each.file, each.field) for each in errors_of(files)] == [("a.yaml", "takenFrom[0].devices")]


sizes = st.tuples(st.sampled_from(["nlp", "cv"]), st.integers(1, 12), st.integers(0, 12))
"""Who is given how many devices, and how many of them are taken of the other team; 8 are nobody's."""


@settings(max_examples=by_day(60), deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@example([("nlp", 2, 6), ("nlp", 12, 0)])
@example([("cv", 5, 0), ("nlp", 10, 10)])
@given(st.lists(sizes, min_size=2, max_size=4))
def test_a_grant_can_always_end(some: list[tuple[str, int, int]]) -> None:
    """Whoever takes one out of a sound directory leaves a sound one: nothing stays given for want of an end."""
    files = {}
    for number, (team, given_to, taken) in enumerate(some):
        other = "cv" if team == "nlp" else "nlp"
        share = f"{{cluster: dev, flavor: a100, devices: {given_to}}}"
        of = f"{{team: {other}, cluster: dev, flavor: a100, devices: {taken}}}"
        files[f"{number}.yaml"] = grant(share, of, name=f"g{number}", team=team)
    whole = tiny(cluster=CLUSTER.replace("maxNodes: 4", "maxNodes: 3"), other=OTHER_TEAM) | files
    assume(not errors_of(whole))
    for name in files:
        assert errors_of({path: text for path, text in whole.items() if path != name}) == ()


def test_grants_of_a_cluster_with_errors_are_not_told_again() -> None:
    files = tiny(cluster=CLUSTER.replace("maxNodes: 4", "maxNodes: x"), grant=grant(MORE))
    assert [each.file for each in errors_of(files)] == ["cluster.yaml"]
