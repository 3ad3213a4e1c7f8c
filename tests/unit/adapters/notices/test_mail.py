"""Mail over SMTP with TLS, to a server on this machine: what arrives, and what a failure means."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.adapters.notices import in_time as timing
from allotment.adapters.notices import mail as module
from allotment.adapters.notices.mail import MailSender
from allotment.adapters.notices.text import one_line
from allotment.errors import UsageError
from allotment.ports.notices import (
    MailServer,
    MailTls,
    NoticeRefusedError,
    NotToldError,
    Receiver,
    ReceiverDownError,
    ReceiverKind,
)
from tests.unit.adapters.notices.cases import CLOCK, HOSTILE, example, saying
from tests.unit.adapters.notices.certificates import Authority
from tests.unit.adapters.notices.mail_server import MailState, mailing

TO = Receiver("nlp", ReceiverKind.MAIL, "nlp@acme.example")
FROM = "allotment@acme.example"
PASSWORD = "c0rrect-horse"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def server(authority: Authority) -> Iterator[MailState]:
    with mailing(authority.server("localhost")) as found:
        yield found


def settings(server: MailState, tls: MailTls = MailTls.STARTTLS, user: str = "", password: str = "") -> MailServer:
    return MailServer("localhost", server.port, tls, FROM, user, password)


def sender(authority: Authority, to: MailServer) -> MailSender:
    return MailSender(to, CLOCK, authority.trusted())


def test_what_arrives(authority: Authority, server: MailState) -> None:
    sender(authority, settings(server)).send(example(), TO)

    (mail,) = server.mails
    assert (mail.sender, mail.to) == (FROM, ["nlp@acme.example"])
    message = mail.message
    assert message["Subject"] == example().subject
    assert (message["From"], message["To"]) == (FROM, "nlp@acme.example")
    assert message["Date"] == "Wed, 13 Jan 2027 00:00:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().splitlines() == list(example().lines)
    assert all(secure for text, secure in server.said if not text.lower().startswith(("ehlo", "starttls")))


def test_with_tls_from_the_first_word_on_and_a_password(authority: Authority) -> None:
    with mailing(authority.server("localhost"), implicit=True) as server:
        server.accounts = {"allotment": PASSWORD}
        sender(authority, settings(server, MailTls.IMPLICIT, "allotment", PASSWORD)).send(example(), TO)

        assert len(server.mails) == 1


def test_the_same_notice_is_the_same_message(authority: Authority, server: MailState) -> None:
    one = sender(authority, settings(server))
    one.send(example(), TO)
    one.send(replace(example(), lines=("its numbers have gone on",)), TO)
    one.send(replace(example(), key="another"), TO)

    ids = [each.message["Message-ID"] for each in server.mails]
    assert ids[0] == ids[1] == f"<{example().id}.notice@acme.example>"
    assert ids[2] != ids[0]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_is_one_subject_and_one_line(authority: Authority, server: MailState, text: str) -> None:
    sender(authority, settings(server)).send(saying(text, subject=text), TO)

    (mail,) = server.mails
    message = mail.message
    assert set(message.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted",
        "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
    }  # fmt: skip
    assert message["Subject"] == one_line(text, 200)
    assert message.get_content() == one_line(text, 2000) + "\r\n"
    assert mail.to == ["nlp@acme.example"]


def test_a_line_of_one_dot_does_not_end_the_message(authority: Authority, server: MailState) -> None:
    lines = (".", "RCPT TO:<eve@evil.example>", ".x", "..")
    sender(authority, settings(server)).send(saying(*lines), TO)

    assert server.mails[0].message.get_content().splitlines() == list(lines)


NO_ADDRESSES = (
    "", "nlp", "@acme.example", "nlp@", "nlp@acme.example\r\nBcc: eve@evil.example", "nlp@acme.example\n",
    "nlp@acme.example, eve@evil.example", "Eve <eve@evil.example>", "<nlp@acme.example>", '"a b"@acme.example',
    "nlp@acme.example> SIZE=1\r\nRCPT TO:<eve@evil.example", "a@b@c", "a..b@acme.example", ".a@acme.example",
    "nlp@-acme.example", "nlp@acme..example", "nlp@[127.0.0.1]", "nlp@acm\u00e9.example", "nl\u0440@acme.example",
    "nlp (x)@acme.example", "nlp@acme.example;eve@evil.example", "a" * 300 + "@acme.example", "nlp @acme.example",
)  # fmt: skip


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_is_not_sent_to(authority: Authority, server: MailState, address: str) -> None:
    with pytest.raises(NoticeRefusedError, match="no address that mail is sent to"):
        sender(authority, settings(server)).send(example(), replace(TO, address=address))
    assert server.said == []


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_sends_nothing(authority: Authority, address: str) -> None:
    with pytest.raises(UsageError):
        sender(authority, MailServer("localhost", 25, MailTls.STARTTLS, address))


@given(st.text(max_size=30) | st.from_regex(r"[!-~]{1,10}@[!-~]{1,10}", fullmatch=True))
def test_an_address_never_holds_what_ends_one(text: str) -> None:
    if module._ADDRESS.fullmatch(text):
        assert not set(text) & set(' \t\r\n\0<>,;:"()[]\\')
        assert text.isascii()
        assert text.count("@") == 1


# TLS


def test_a_server_without_tls_is_told_nothing(authority: Authority, server: MailState) -> None:
    """Somebody in between can leave the offer out."""
    server.offers = ("AUTH PLAIN",)
    server.accounts = {"allotment": PASSWORD}
    with pytest.raises(ReceiverDownError, match="takes no mail"):
        sender(authority, settings(server, user="allotment", password=PASSWORD)).send(example(), TO)

    assert {text.split()[0].lower() for text, _ in server.said} <= {"ehlo", "quit"}


@pytest.mark.parametrize("tls", MailTls)
def test_another_s_certificate_is_told_nothing(authority: Authority, tls: MailTls) -> None:
    with mailing(authority.server("other.example"), implicit=tls is MailTls.IMPLICIT) as server:
        server.accounts = {"allotment": PASSWORD}
        with pytest.raises(ReceiverDownError) as caught:
            sender(authority, settings(server, tls, "allotment", PASSWORD)).send(example(), TO)

        assert "certificate" in caught.value.why
        assert server.mails == []
        assert not [text for text, _ in server.said if text.lower().startswith(("auth", "mail"))]


# What fails, and whether trying again helps


@pytest.mark.parametrize(
    ("word", "answer", "failure"),
    [
        ("rcpt", "550 5.1.1 no such mailbox", NoticeRefusedError),
        ("rcpt", "450 4.2.1 busy", ReceiverDownError),
        ("mail", "550 5.7.1 not from you", NoticeRefusedError),
        ("mail", "451 4.3.0 later", ReceiverDownError),
        ("data", "554 5.7.1 no", NoticeRefusedError),
        ("data", "421 4.3.0 closing", ReceiverDownError),
        ("end", "552 5.3.4 too big", NoticeRefusedError),
        ("end", "452 4.3.1 no room", ReceiverDownError),
        ("starttls", "454 4.7.0 not now", ReceiverDownError),
        ("quit", "421 4.3.0 closing", None),
        ("quit", "500 what", None),
    ],
)
def test_what_an_answer_means(
    authority: Authority, server: MailState, word: str, answer: str, failure: type[NotToldError] | None
) -> None:
    server.answers = {word: answer}
    if failure is None:
        sender(authority, settings(server)).send(example(), TO)
        assert len(server.mails) == 1
        return
    with pytest.raises(failure) as caught:
        sender(authority, settings(server)).send(example(), TO)
    assert type(caught.value) is failure
    assert answer.split(" ", 2)[2] in caught.value.why
    assert server.mails == []


def test_a_wrong_password_may_be_put_right(authority: Authority, server: MailState) -> None:
    server.accounts = {"allotment": PASSWORD}
    with pytest.raises(ReceiverDownError, match="takes no mail") as caught:
        sender(authority, settings(server, user="allotment", password="wr0ng-horse")).send(example(), TO)

    assert "5.7.8 wrong" in caught.value.why
    assert "wr0ng-horse" not in str(caught.value)


def test_a_password_beyond_ascii_is_not_told(authority: Authority, server: MailState) -> None:
    server.accounts = {"allotment": PASSWORD}
    with pytest.raises(ReceiverDownError, match="ASCII") as caught:
        sender(authority, settings(server, user="allotment", password="pässwörd")).send(example(), TO)
    assert "ssw" not in str(caught.value).replace("password", "")


def test_nobody_there(authority: Authority) -> None:
    with pytest.raises(ReceiverDownError, match="takes no mail"):
        sender(authority, MailServer("localhost", 1, MailTls.STARTTLS, FROM)).send(example(), TO)


def test_one_that_says_a_byte_now_and_then_is_left(
    authority: Authority, server: MailState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "in_time", lambda work, name: timing.in_time(work, name, 0.3))
    server.drips = threading.Event()
    try:
        with pytest.raises(ReceiverDownError, match="no answer within"):
            sender(authority, settings(server)).send(example(), TO)
    finally:
        server.drips.set()


def test_the_password_is_not_shown() -> None:
    assert PASSWORD not in repr(MailServer("localhost", 587, MailTls.STARTTLS, FROM, "allotment", PASSWORD))
