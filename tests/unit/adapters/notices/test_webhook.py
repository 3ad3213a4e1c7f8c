"""Webhooks over the real thing: TLS, names and addresses, redirects, signatures. No network beyond this machine."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.notices import in_time as timing
from allotment.adapters.notices import webhook as module
from allotment.adapters.notices.public_addresses import place_of
from allotment.adapters.notices.senders import connect_senders
from allotment.adapters.notices.webhook import WebhookSender
from allotment.errors import InputError
from allotment.ports.notices import NoticeRefusedError, NotToldError, Receiver, ReceiverDownError, ReceiverKind
from tests.unit.adapters.notices.cases import CLOCK, NOW, example
from tests.unit.adapters.notices.certificates import Authority
from tests.unit.adapters.notices.test_public_addresses import PUBLIC, Names
from tests.unit.adapters.notices.web_server import WebServer, serving

HOST = "hooks.corp.example"
SECRET = "s3cret-of-the-receiver"
HERE = ["127.0.0.1"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def server(authority: Authority) -> Iterator[WebServer]:
    with serving(authority.server(HOST)) as found:
        yield found


def receiver(url: str, kind: ReceiverKind = ReceiverKind.WEBHOOK, secret: str = SECRET) -> Receiver:
    return Receiver("ops", kind, url, secret)


def at(server: WebServer, path: str = "/in/T0KEN?x=1", host: str = HOST, scheme: str = "https") -> str:
    return f"{scheme}://{host}:{server.port}{path}"


def sender(authority: Authority, names: Names | None = None, *inner: str) -> WebhookSender:
    return WebhookSender(inner, authority.trusted(), CLOCK, names or Names(HERE))


def to_inner(authority: Authority, server: WebServer, names: Names | None = None) -> WebhookSender:
    return sender(authority, names, f"{HOST}:{server.port}")


def test_a_named_inner_host_is_told_under_its_name(authority: Authority, server: WebServer) -> None:
    to_inner(authority, server).send(example(), receiver(at(server)))

    (asked,) = server.asked
    assert asked.path == "/in/T0KEN?x=1"
    assert asked.headers["Host"] == f"{HOST}:{server.port}"
    assert server.greeted == [HOST]
    assert json.loads(asked.body)["id"] == example().id
    assert asked.headers["Content-Type"] == "application/json"


def test_it_is_signed(authority: Authority, server: WebServer) -> None:
    to_inner(authority, server).send(example(), receiver(at(server)))

    (asked,) = server.asked
    assert asked.headers["Allotment-Notice"] == example().id
    assert asked.headers["Allotment-Timestamp"] == str(NOW // 1000)
    text = f"{NOW // 1000}.".encode() + asked.body
    digest = hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()
    assert asked.headers["Allotment-Signature"] == f"v1={digest}"


@pytest.mark.parametrize("kind", [ReceiverKind.SLACK, ReceiverKind.TEAMS])
def test_services_get_their_own_shape_and_no_signature(
    authority: Authority, server: WebServer, kind: ReceiverKind
) -> None:
    to_inner(authority, server).send(example(), receiver(at(server), kind, secret=""))

    (asked,) = server.asked
    assert not [name for name in asked.headers if name.startswith("Allotment")]
    assert {"blocks", "attachments"} & json.loads(asked.body).keys()


def test_without_a_secret_nothing_is_sent(authority: Authority, server: WebServer) -> None:
    with pytest.raises(NoticeRefusedError, match="has no secret"):
        to_inner(authority, server).send(example(), receiver(at(server), secret=""))
    assert server.connections == 0


# The inner network


def test_without_the_operator_s_word_an_inner_host_is_not_even_connected_to(
    authority: Authority, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> NoReturn:
        raise AssertionError("connected")

    monkeypatch.setattr(socket, "create_connection", never)
    for url in (f"https://{HOST}/", at(server), f"https://127.0.0.1:{server.port}/", f"http://{HOST}/"):
        with pytest.raises(NoticeRefusedError):
            sender(authority).send(example(), receiver(url))
    assert server.connections == 0


def test_a_name_that_leads_elsewhere_the_second_time_is_of_no_use(
    authority: Authority, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the public internet, then this machine: what was looked at is what is connected to."""
    tried: list[object] = []

    def noted(address: object, *_: object, **__: object) -> NoReturn:
        tried.append(address)
        raise ConnectionRefusedError("not in tests")

    monkeypatch.setattr(socket, "create_connection", noted)
    names = Names([PUBLIC], HERE)
    with pytest.raises(ReceiverDownError, match="not in tests"):
        sender(authority, names).send(example(), receiver("https://rebinding.example/"))

    assert (tried, names.asked) == ([(PUBLIC, 443)], ["rebinding.example"])


def test_nor_between_two_inner_hosts(authority: Authority, server: WebServer) -> None:
    with serving(authority.server(HOST), "127.0.0.2", server.port) as other:
        names = Names(HERE, ["127.0.0.2"])
        to_inner(authority, server, names).send(example(), receiver(at(server)))

        assert (len(server.asked), len(other.asked), names.asked) == (1, 0, [HOST])


def test_no_resolver_but_ours_is_asked(
    authority: Authority, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = socket.getaddrinfo, []

    def noted(host: str, *args: object, **more: object) -> object:
        asked.append(host)
        return real(host, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    to_inner(authority, server).send(example(), receiver(at(server)))

    assert set(asked) <= {"127.0.0.1"}


def test_a_proxy_of_the_environment_is_not_asked(
    authority: Authority, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(None) as proxy:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        to_inner(authority, server).send(example(), receiver(at(server)))

        assert (proxy.connections, len(server.asked)) == (0, 1)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(authority: Authority, server: WebServer, code: int) -> None:
    with serving(None) as inner:
        server.answers = [(code, {"Location": f"http://127.0.0.1:{inner.port}/admin"}, b"")]
        with pytest.raises(NoticeRefusedError, match="sends elsewhere"):
            to_inner(authority, server).send(example(), receiver(at(server)))

        assert (inner.connections, server.connections) == (0, 1)


def test_the_next_address_is_tried_where_one_does_not_answer(authority: Authority, server: WebServer) -> None:
    to_inner(authority, server, Names(["127.0.0.3", "127.0.0.1"])).send(example(), receiver(at(server)))

    assert len(server.asked) == 1


@given(st.text("AZaz09._~:/?[]@!$&'()*+,;=%-", max_size=30))
def test_no_path_leads_to_another_host(path: str) -> None:
    place = place_of(f"https://hooks.example/{path}", [])
    request = module._request(PUBLIC, place, {"Host": place.named}, b"")

    assert (request.url.scheme, request.url.host, request.url.port) == ("https", PUBLIC, None)
    assert request.headers.get_list("Host") == ["hooks.example"]


# Certificates


@pytest.mark.parametrize(
    ("names", "expired"), [(("other.example",), False), ((HOST,), True), (("127.0.0.1",), False), (("example",), False)]
)
def test_another_s_certificate_is_told_nothing(authority: Authority, names: tuple[str, ...], expired: bool) -> None:
    with serving(authority.server(*names, expired=expired)) as server:
        with pytest.raises(ReceiverDownError, match="certificate"):
            to_inner(authority, server).send(example(), receiver(at(server)))

        assert server.asked == []


def test_a_certificate_that_nobody_vouches_for_is_told_nothing(authority: Authority, server: WebServer) -> None:
    untrusting = WebhookSender([f"{HOST}:{server.port}"], ssl.create_default_context(), CLOCK, Names(HERE))
    with pytest.raises(ReceiverDownError, match="certificate"):
        untrusting.send(example(), receiver(at(server)))

    assert server.asked == []


def test_an_address_has_its_own_certificate(authority: Authority) -> None:
    with serving(authority.server("127.0.0.1")) as server:
        only = sender(authority, None, f"127.0.0.1:{server.port}")
        only.send(example(), receiver(at(server, host="127.0.0.1")))

        assert server.asked[0].headers["Host"] == f"127.0.0.1:{server.port}"


def test_an_inner_host_may_do_without_tls(authority: Authority) -> None:
    with serving(None) as server:
        to_inner(authority, server).send(example(), receiver(at(server, scheme="http")))

        assert len(server.asked) == 1


# What fails, and whether trying again helps


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (200, None), (201, None), (202, None), (204, None),
        (400, NoticeRefusedError), (401, NoticeRefusedError), (403, NoticeRefusedError), (404, NoticeRefusedError),
        (410, NoticeRefusedError), (413, NoticeRefusedError),
        (408, ReceiverDownError), (425, ReceiverDownError), (429, ReceiverDownError),
        (500, ReceiverDownError), (502, ReceiverDownError), (503, ReceiverDownError),
    ],
)  # fmt: skip
def test_what_an_answer_means(
    authority: Authority, server: WebServer, code: int, failure: type[NotToldError] | None
) -> None:
    server.answers = [(code, {}, b"" if code == 204 else b"invalid_\x1b[31mblocks")]
    to = receiver(at(server))
    if failure is None:
        to_inner(authority, server).send(example(), to)
        return
    with pytest.raises(failure) as caught:
        to_inner(authority, server).send(example(), to)
    assert type(caught.value) is failure
    assert f"HTTP {code}" in caught.value.why
    assert r'"invalid_\x1b[31mblocks"' in caught.value.why


def test_of_an_answer_without_end_no_more_than_its_beginning_is_read(authority: Authority, server: WebServer) -> None:
    server.answers = [(500, {"Content-Length": str(1 << 40)}, b"so sorry")]
    server.endless = True
    with pytest.raises(ReceiverDownError, match="does not take notices now"):
        to_inner(authority, server).send(example(), receiver(at(server)))


def test_nobody_there(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    gone = WebServer(port=port)
    with pytest.raises(ReceiverDownError, match="does not answer"):
        to_inner(authority, gone).send(example(), receiver(at(gone)))


def test_one_that_says_a_byte_now_and_then_is_left(
    authority: Authority, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "in_time", lambda work, name: timing.in_time(work, name, 0.3))
    server.drips = threading.Event()
    try:
        with pytest.raises(ReceiverDownError, match="no answer within"):
            to_inner(authority, server).send(example(), receiver(at(server)))
    finally:
        server.drips.set()


# Secrets


def test_neither_messages_nor_logs_tell_the_address_or_the_secret(
    authority: Authority, server: WebServer, caplog: pytest.LogCaptureFixture
) -> None:
    to = receiver(at(server))
    said = [repr(to)]
    with caplog.at_level(logging.DEBUG):
        for answers in ([(200, {}, b"")], [(404, {}, b"")], [(500, {}, b"")], [(302, {"Location": "/x"}, b"")]):
            server.answers = answers
            try:
                to_inner(authority, server).send(example(), to)
            except NotToldError as error:
                said.append(str(error))
    said.append(caplog.text)

    for each in said:
        assert "T0KEN" not in each
        assert SECRET not in each


def test_addresses_come_of_this_machine_s_resolver() -> None:
    found: Sequence[str] = module.looked_up("localhost", 443)

    assert set(found) & {"127.0.0.1", "::1"}


def test_the_file_of_an_authority(authority: Authority, tmp_path: Path) -> None:
    connect_senders([], None, authority.file, CLOCK)
    (tmp_path / "none.pem").write_text("nothing")
    for file in (tmp_path / "none.pem", tmp_path / "absent.pem"):
        with pytest.raises(InputError, match="holds no certificates"):
            connect_senders([], None, file, CLOCK)
