"""Network isolation, decided by an evaluator: nothing enforces NetworkPolicies on the sandbox."""

from __future__ import annotations

import datetime as dt
from itertools import permutations

import pytest
from hypothesis import assume, given, settings

from allotment.errors import InputError
from allotment.model.platform import Platform
from allotment.model.policy import METADATA_NETWORKS, Direction, Port, SharedService
from allotment.model.team import Offboarding
from allotment.render.network import render_network_policies
from allotment.render.objects import site_of
from tests.by_day import by_day
from tests.unit import builders as build
from tests.unit.render.network_evaluator import Peer, Policy, passes
from tests.unit.strategies import platforms

INTERNET = Peer("93.184.216.34")
METADATA = Peer("169.254.169.254")
DNS = Peer("10.0.0.10", "kube-system", {"k8s-app": "kube-dns"})
REGISTRY = Peer("10.0.1.1", "model-registry", {"app": "registry"})
PROMETHEUS = Peer("10.0.1.2", "monitoring", {"app.kubernetes.io/name": "prometheus"})
KUBE_PROXY = Peer("10.0.1.3", "kube-system", {"k8s-app": "kube-proxy"})


def pod(namespace: str, address: str = "10.1.0.1") -> Peer:
    return Peer(address, namespace, {"app": "anything"})


NLP, CV, OLD = pod("nlp"), pod("cv", "10.1.0.2"), pod("old", "10.1.0.3")


def policies_of(platform: Platform) -> list[Policy]:
    return [item.body for item in render_network_policies(site_of(platform, platform.clusters[0]))]


def egress(*cidrs: str) -> SharedService:
    return SharedService("outside", Direction.EGRESS, None, {}, cidrs, (Port("TCP", 443),), "")


@pytest.fixture(scope="module")
def policies() -> list[Policy]:
    leaving = build.team("old", offboarding=Offboarding(dt.date(2027, 1, 31)))
    services = (*build.shared_services(), egress("0.0.0.0/0"))
    return policies_of(build.platform(teams=[build.team("nlp"), build.team("cv"), leaving], services=services))


CONNECTIONS = [
    ("within the team", NLP, pod("nlp", "10.1.0.9"), 8080, "TCP", True),
    ("to another team", NLP, CV, 8080, "TCP", False),
    ("from another team", CV, NLP, 443, "TCP", False),
    ("to DNS", NLP, DNS, 53, "UDP", True),
    ("to DNS over TCP", NLP, DNS, 53, "TCP", True),
    ("to DNS pods on another port", NLP, DNS, 8080, "TCP", False),
    ("to another pod of kube-system", NLP, KUBE_PROXY, 53, "UDP", False),
    ("to the registry", NLP, REGISTRY, 5000, "TCP", True),
    ("to the registry on another port", NLP, REGISTRY, 22, "TCP", False),
    ("to a neighbour of the registry", NLP, Peer("10.0.1.4", "model-registry", {"app": "db"}), 5000, "TCP", False),
    ("from monitoring", PROMETHEUS, NLP, 9400, "TCP", True),
    ("from monitoring to another port", PROMETHEUS, NLP, 8080, "TCP", False),
    ("to monitoring", NLP, PROMETHEUS, 9400, "TCP", False),
    ("from a stranger in monitoring", Peer("10.0.1.5", "monitoring", {}), NLP, 9400, "TCP", False),
    ("from the registry", REGISTRY, NLP, 5000, "TCP", False),
    ("to the internet where it is opened", NLP, INTERNET, 443, "TCP", True),
    ("to the internet on another port", NLP, INTERNET, 25, "TCP", False),
    ("from the internet", INTERNET, NLP, 443, "TCP", False),
    ("to instance metadata", NLP, METADATA, 443, "TCP", False),
    ("to the wire server", NLP, Peer("168.63.129.16"), 443, "TCP", False),
    ("a leaving team to the internet", OLD, INTERNET, 443, "TCP", False),
    ("a leaving team to DNS", OLD, DNS, 53, "UDP", False),
    ("a leaving team to itself", OLD, pod("old", "10.1.0.8"), 8080, "TCP", False),
]


@pytest.mark.parametrize(
    ("source", "target", "port", "protocol", "expected"),
    [case[1:] for case in CONNECTIONS],
    ids=[case[0] for case in CONNECTIONS],
)
def test_connection(
    policies: list[Policy], source: Peer, target: Peer, port: int, protocol: str, expected: bool
) -> None:
    assert passes(policies, source, target, port, protocol) is expected


@settings(max_examples=by_day(25), deadline=None)
@given(platforms())
def test_whatever_is_declared_namespaces_never_reach_each_other(platform: Platform) -> None:
    policies = policies_of(platform)
    # An ingress opening by address range lets in whoever sits there, pods included: the documentation warns of it.
    assume(not any(opening.cidrs and opening.direction is Direction.INGRESS for opening in platform.shared_services))
    spaces = [name for team in platform.teams for name in team.namespaces]
    assert spaces
    ends = [pod(name, f"10.1.0.{index}") for index, name in enumerate(spaces)]
    ports = {port.port for service in platform.shared_services for port in service.ports} | {80}
    for source, target in permutations(ends, 2):
        assert not any(passes(policies, source, target, port) for port in ports)


def test_an_opening_by_address_does_not_open_a_team_to_another() -> None:
    policies = policies_of(build.platform(teams=[build.team("nlp"), build.team("cv")], services=[egress("0.0.0.0/0")]))
    assert not passes(policies, NLP, CV, 443)


@settings(max_examples=by_day(25), deadline=None)
@given(platforms())
def test_whatever_is_declared_metadata_stays_out_of_reach(platform: Platform) -> None:
    policies = policies_of(platform)
    ports = {port.port for service in platform.shared_services for port in service.ports} | {80}
    for team in platform.teams:
        for network in METADATA_NETWORKS:
            target = Peer(network.partition("/")[0])
            assert not any(passes(policies, pod(team.namespaces[0]), target, port) for port in ports)


@pytest.mark.parametrize(
    ("cidr", "holes"),
    [
        ("10.0.0.0/8", []),
        ("0.0.0.0/0", ["169.254.169.254/32", "168.63.129.16/32"]),
        ("169.254.0.0/16", ["169.254.169.254/32"]),
        ("::/0", ["fd00:ec2::254/128"]),
        ("2001:db8::/32", []),
    ],
)
def test_metadata_is_cut_out_of_every_range_that_holds_it(cidr: str, holes: list[str]) -> None:
    platform = build.platform(services=[egress(cidr)])
    [policy] = [item for item in policies_of(platform) if item["metadata"]["name"] == "allotment-to-outside"]
    [rule] = policy["spec"]["egress"]
    assert rule["to"][0]["ipBlock"].get("except", []) == holes


@pytest.mark.parametrize("cidr", METADATA_NETWORKS)
def test_opening_metadata_itself_is_refused(cidr: str) -> None:
    with pytest.raises(InputError, match="shared service outside opens"):
        policies_of(build.platform(services=[egress(cidr)]))


def test_an_opening_without_a_peer_opens_nothing() -> None:
    # In Kubernetes a rule without peers means everybody.
    policies = policies_of(build.platform(services=[egress()]))
    assert not passes(policies, NLP, INTERNET, 443)


def test_the_evaluator_lets_everything_pass_without_policies() -> None:
    assert passes([], NLP, CV, 8080)


def test_a_declared_dns_takes_the_place_of_the_usual_one() -> None:
    node_local = SharedService("dns", Direction.EGRESS, None, {}, ("169.254.20.10/32",), (Port("UDP", 53),), "")
    policies = policies_of(build.platform(services=[node_local]))
    assert passes(policies, NLP, Peer("169.254.20.10"), 53, "UDP")
    assert not passes(policies, NLP, DNS, 53, "UDP")
