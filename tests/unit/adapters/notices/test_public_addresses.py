"""The corpus of addresses that webhooks do not go to, and of those that they do."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.notices.public_addresses import (
    addresses_of,
    inner_hosts,
    place_of,
)
from allotment.errors import UsageError
from allotment.model.addresses import is_public, may_be_reached
from allotment.ports.notices import NoticeRefusedError, ReceiverDownError

INNER = inner_hosts(["hooks.corp.example:8443", "10.0.0.5:443", "[fd00::5]:443", "plain.corp.example:80"])
PUBLIC = "93.184.216.34"


class Names:
    """A resolver that gives the next answer each time, and the last one for good."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


NOT_SENT_TO = (
    # Without TLS, another scheme, none at all
    "http://hooks.example/", "ftp://hooks.example/", "file:///etc/passwd", "gopher://hooks.example/", "unix:/run/x",
    "javascript:alert(1)", "", "hooks.example", "//hooks.example/", "https:", "https://", "https:/hooks.example",
    "https:hooks.example", "https:///hooks.example", "HTTP://hooks.example/", "https+unix://x/",
    # Ports
    "https://hooks.example:80/", "https://hooks.example:8443/", "https://hooks.example:22/", "https://hooks.example:0/",
    "https://hooks.example:99999/", "https://hooks.example:-1/", "https://hooks.example:443:80/",
    "https://hooks.example:x/", "https://hooks.example:\uff14\uff14\uff13/",
    # Users
    "https://user@hooks.example/", "https://user:word@hooks.example/", "https://hooks.example@127.0.0.1/",
    "https://hooks.example:443@127.0.0.1/", "https://@hooks.example/", "https://127.0.0.1#@hooks.example/",
    # Readers that disagree
    "https://hooks.example\\@127.0.0.1/", "https://127.0.0.1\\.hooks.example/", "https://hooks.example\t/",
    "https://hooks.example\n/", "https://hooks.example /", "https://hooks.example\r\nHost: x/", "https://hooks.example\x00/",
    "https://hooks.example%2f@127.0.0.1/", "https://hooks.example%00.corp/", "https://[::1]hooks.example/",
    "https://hooks.example]/", "https://[hooks.example]/", "https://hooks.example#x", "https://hooks.example;x/",
    "https://\uff47oogle.example/", "https://\u24b6.example/", "https://127\u30020\u30020\u30021/", "https://hooks..example/",
    "https://.hooks.example/", "https://hooks.example./", "https://-x.example/", "https://hooks_x.example/",
    "https://%31%32%37.0.0.1/", "https://" + "a" * 64 + ".example/", "https://" + "a." * 130 + "example/",
    "https://hooks.example/" + "x" * 3000,
    # This machine
    "https://127.0.0.1/", "https://127.255.255.254/", "https://0.0.0.0/", "https://0.1.2.3/", "https://[::1]/", "https://[::]/",
    # This machine in other clothes
    "https://2130706433/", "https://0x7f000001/", "https://0x7f.1/", "https://127.1/", "https://0177.0.0.1/",
    "https://0x7f.0x0.0x0.0x1/", "https://017700000001/", "https://127.0.0.01/", "https://127.0.0.0x1/", "https://0/",
    "https://0x/", "https://1.2.3.4.5/", "https://4294967297/", "https://hooks.example.1/",
    "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[0:0:0:0:0:ffff:127.0.0.1]/", "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/", "https://[64:ff9b::127.0.0.1]/", "https://[64:ff9b:1::8.8.8.8]/", "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/", "https://[::ffff:0:127.0.0.1]/", "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/",
    # The inner network
    "https://10.1.2.3/", "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1/", "https://[fc00::1]/",
    "https://[fd12:3456::1]/", "https://100.64.0.1/", "https://100.127.255.255/", "https://[64:ff9b::a00:1]/",
    "https://[64:ff9b::192.168.0.1]/", "https://[2002:a00:1::]/", "https://[::ffff:10.0.0.1]/", "https://[fec0::1]/",
    # Clouds' metadata
    "https://169.254.169.254/latest/meta-data/", "https://[::ffff:169.254.169.254]/", "https://[fd00:ec2::254]/",
    "https://[fd20:ce::254]/", "https://100.100.100.200/", "https://192.0.0.192/", "https://168.63.129.16/",
    "https://[64:ff9b::a9fe:a9fe]/", "https://169.254.170.2/", "https://0xa9fea9fe/", "https://2852039166/",
    "https://[64:ff9b::168.63.129.16]/",
    # Nobody's, everybody's
    "https://169.254.0.1/", "https://[fe80::1]/", "https://224.0.0.1/", "https://239.255.255.255/", "https://[ff02::1]/",
    "https://240.0.0.1/", "https://255.255.255.255/", "https://192.0.2.1/", "https://198.51.100.1/", "https://203.0.113.1/",
    "https://198.18.0.1/", "https://192.88.99.1/", "https://192.0.0.1/", "https://[2001:db8::1]/", "https://[3fff::1]/",
    "https://[2001:2::1]/", "https://[2001:10::1]/", "https://[100::1]/", "https://[5f00::1]/", "https://[4000::1]/",
    # On the operator's list with another port, another name, another scheme
    "https://hooks.corp.example/", "https://hooks.corp.example:8444/", "https://x.hooks.corp.example:8443/",
    "https://hooks.corp.example.evil.example:8443/", "https://10.0.0.6/", "https://10.0.0.5:8443/", "https://[fd00::6]/",
    "http://hooks.example:80/",
)  # fmt: skip


@pytest.mark.parametrize("url", NOT_SENT_TO)
def test_a_url_that_is_not_sent_to(url: str) -> None:
    """Names are all looked up as inner ones here: what is no name must not get so far as to be one."""
    names = Names(["10.66.77.88"])
    with pytest.raises(NoticeRefusedError) as caught:
        addresses_of(place_of(url, INNER), names)
    said = str(caught.value)
    assert len(url) < 10 or url not in said
    assert "10.66.77.88" not in said
    if "corp" not in url:
        assert names.asked == []


@pytest.mark.parametrize(
    ("url", "named", "target"),
    [
        ("https://hooks.example", "hooks.example", "/"),
        ("https://hooks.example/", "hooks.example", "/"),
        ("https://HOOKS.Example:443/a/b?x=1&y=%20", "hooks.example", "/a/b?x=1&y=%20"),
        ("https://xn--mller-kva.example/services/T0/B0/x", "xn--mller-kva.example", "/services/T0/B0/x"),
        ("https://8.8.8.8/", "8.8.8.8", "/"),
        ("https://[2606:4700::1111]/", "[2606:4700::1111]", "/"),
        ("https://[64:ff9b::8.8.8.8]/", "[64:ff9b::8.8.8.8]", "/"),
        ("https://0x7f.example/", "0x7f.example", "/"),
        ("https://127.0.0.1.example/", "127.0.0.1.example", "/"),
    ],
)
def test_a_url_that_is_sent_to(url: str, named: str, target: str) -> None:
    place = place_of(url, INNER)

    assert (place.named, place.target, place.inner) == (named, target, False)
    assert addresses_of(place, Names([PUBLIC])) in {(PUBLIC,), (place.host,)}


@pytest.mark.parametrize(
    ("url", "named", "found"),
    [
        ("https://hooks.corp.example:8443/x", "hooks.corp.example:8443", "10.20.30.40"),
        ("https://HOOKS.corp.example:8443/x", "hooks.corp.example:8443", "127.0.0.1"),
        ("https://hooks.corp.example:8443/x", "hooks.corp.example:8443", "::1"),
        ("https://hooks.corp.example:8443/x", "hooks.corp.example:8443", "fd12::1"),
        ("https://hooks.corp.example:8443/x", "hooks.corp.example:8443", PUBLIC),
        ("http://plain.corp.example/x", "plain.corp.example", "192.168.0.9"),
        ("https://10.0.0.5/x", "10.0.0.5", "10.0.0.5"),
        ("https://[fd00::5]/x", "[fd00::5]", "fd00::5"),
    ],
)
def test_an_inner_host_that_the_operator_has_named(url: str, named: str, found: str) -> None:
    place = place_of(url, INNER)

    assert (place.named, place.inner) == (named, True)
    assert addresses_of(place, Names([found])) == (found,)


@pytest.mark.parametrize(
    "found",
    ["169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "0.0.0.0", "224.0.0.1", "fe80::1", "::",
     "::ffff:169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::", "255.255.255.255"],
)  # fmt: skip
def test_an_inner_host_does_not_lead_to_a_cloud_s_metadata_either(found: str) -> None:
    with pytest.raises(NoticeRefusedError):
        addresses_of(place_of("https://hooks.corp.example:8443/", INNER), Names([found]))


def test_of_several_addresses_each_is_looked_at() -> None:
    place = place_of("https://hooks.example/", INNER)

    assert addresses_of(place, Names([PUBLIC, "2606:4700::1111", PUBLIC])) == (PUBLIC, "2606:4700::1111")
    with pytest.raises(NoticeRefusedError):
        addresses_of(place, Names([PUBLIC, "10.0.0.1"]))


@pytest.mark.parametrize("answer", [["fe80::1%eth0"], ["2606:4700::1111%eth0"], ["nonsense"], [""]])
def test_what_a_resolver_says_is_looked_at_as_well(answer: list[str]) -> None:
    with pytest.raises(NoticeRefusedError):
        addresses_of(place_of("https://hooks.example/", INNER), Names(answer))


def test_a_host_without_addresses_may_have_some_later() -> None:
    def nobody(host: str, port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    for resolve in (nobody, Names([])):
        with pytest.raises(ReceiverDownError):
            addresses_of(place_of("https://hooks.example/", INNER), resolve)


@pytest.mark.parametrize(
    "listed",
    ["", "hooks.corp.example", ":443", "*.corp.example:443", "hooks.corp.example:*", "hooks.corp.example:0", "a:70000",
     "https://hooks.corp.example:443", "HOOKS.corp.example:443", "10.0.0.0/8:443", "fd00::5:443", "[x]:443", "a:443:8"],
)  # fmt: skip
def test_what_is_no_inner_host(listed: str) -> None:
    with pytest.raises(UsageError):
        inner_hosts([listed])


@given(st.ip_addresses())
def test_what_python_calls_private_is_not_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_loopback:
        assert not is_public(address)
    if is_public(address):
        assert may_be_reached(address, inner=False)


@given(st.ip_addresses(v=4))
def test_an_address_is_as_good_as_the_one_within(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    nat64 = ipaddress.IPv6Address((0x64_FF9B << 96) | number)
    assert may_be_reached(nat64, inner=False) is is_public(address)
    for other in ((0xFFFF << 32) | number, number, (0x2002 << 112) | (number << 80), (0x2001_0000 << 96) | number):
        assert not may_be_reached(ipaddress.IPv6Address(other), inner=False)


@given(
    st.text(max_size=80)
    | st.text("htps:/@[].#?0123456789abcdefx%\\ \n", max_size=40).map(lambda each: f"https://{each}")
)
def test_whatever_is_written_it_is_a_place_or_refused(url: str) -> None:
    try:
        place = place_of(url, INNER)
    except NoticeRefusedError:
        return
    assert place.scheme == "https" or place.inner
    assert place.port == 443 or place.inner
    assert "@" not in place.host
