"""A mail server on this machine, as far as we speak to one (RFC 5321, STARTTLS of RFC 3207, AUTH of RFC 4954)."""

from __future__ import annotations

import base64
import email
import email.policy
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage


@dataclass
class Mail:
    sender: str
    to: list[str]
    data: bytes

    @property
    def message(self) -> EmailMessage:
        found = email.message_from_bytes(self.data, policy=email.policy.SMTP)
        assert isinstance(found, EmailMessage)
        return found


@dataclass
class MailState:
    """What came, and how it answers.

    Attributes:
        answers: instead of the usual ones, by the first word of what is said; ``end`` is that of the message.
        said: every line, with whether it came over TLS.
        offers: extensions after a greeting.
        accounts: passwords by user; nobody has to sign in where there are none.
    """

    port: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    said: list[tuple[str, bool]] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    offers: tuple[str, ...] = ("STARTTLS", "AUTH PLAIN", "8BITMIME")
    accounts: dict[str, str] = field(default_factory=dict)
    drips: threading.Event | None = None


class _Session(socketserver.StreamRequestHandler):
    state: MailState
    context: ssl.SSLContext
    implicit: bool

    def handle(self) -> None:
        self.connection.settimeout(5)
        self._secure = False
        if self.implicit:
            self._wrap()
        if self.state.drips is not None:
            while not self.state.drips.wait(0.05):
                self.wfile.write(b"2")
            return
        self._say("220 tests ESMTP")
        self._signed_in = not self.state.accounts
        self._from, self._to = "", list[str]()
        while line := self.rfile.readline():
            text = line.decode("latin-1").rstrip("\r\n")
            self.state.said.append((text, self._secure))
            if not self._answer(text.partition(" ")[0].split(":")[0].lower(), text):
                return

    def _answer(self, word: str, text: str) -> bool:
        if word in self.state.answers:
            self._say(self.state.answers[word])
        elif word == "ehlo":
            lines = ["tests", *(each for each in self.state.offers if not (self._secure and each == "STARTTLS"))]
            for each in lines[:-1]:
                self._say(f"250-{each}")
            self._say(f"250 {lines[-1]}")
        elif word == "starttls":
            self._say("220 go on")
            self._wrap()
        elif word == "auth":
            _, user, password = base64.b64decode(text.split()[2]).decode().split("\0")
            self._signed_in = self.state.accounts.get(user) == password
            self._say("235 welcome" if self._signed_in else "535 5.7.8 wrong")
        elif word == "mail":
            self._from = text.partition("<")[2].partition(">")[0]
            self._say("250 ok" if self._signed_in else "530 5.7.0 who are you")
        elif word == "rcpt":
            self._to.append(text.partition("<")[2].partition(">")[0])
            self._say("250 ok")
        elif word == "data":
            self._say("354 go on")
            self._take()
        elif word == "quit":
            self._say("221 bye")
            return False
        else:
            self._say("250 ok")
        return True

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b"."))
        end = self.state.answers.get("end", "250 taken")
        if end.startswith("250"):
            self.state.mails.append(Mail(self._from, self._to, b"".join(lines)))
        self._say(end)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
        self.wfile.flush()

    def _wrap(self) -> None:
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb")
        self._secure = True

    def finish(self) -> None:
        for each in (self.wfile, self.rfile, self.connection):
            with suppress(OSError):
                each.close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is none."""


@contextmanager
def mailing(context: ssl.SSLContext, *, implicit: bool = False) -> Iterator[MailState]:
    state = MailState()
    session = type("Session", (_Session,), {"state": state, "context": context, "implicit": implicit})
    server = _Server(("127.0.0.1", 0), session)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
