"""`NoticeSender` over SMTP, by a mail server that the operator has named. Nothing is sent without TLS."""

from __future__ import annotations

import contextlib
import email.policy
import re
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from allotment.adapters.notices.in_time import SOCKET_SECONDS, in_time
from allotment.adapters.notices.text import one_line
from allotment.errors import UsageError, quoted, quoted_message, shown
from allotment.model.requests.notice import Notice
from allotment.ports.clock import Clock
from allotment.ports.notices import (
    MailServer,
    MailTls,
    NoticeRefusedError,
    NotToldError,
    Receiver,
    ReceiverDownError,
)

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(rf"(?=.{{3,254}}\Z){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*", re.ASCII)
"""Addresses as people have them: without quotation marks, comments, lists or anything that ends a header."""
_MOST_SUBJECT: Final = 200
_MOST_LINE: Final = 2000


class MailSender:
    """Sends to ``mail``; a connection for each try."""

    def __init__(self, server: MailServer, clock: Clock, trusted: ssl.SSLContext) -> None:
        """Nothing is sent yet.

        Args:
            server: that takes it.
            clock: for the date of a message.
            trusted: certificates.

        Raises:
            UsageError: the sender is no address.
        """
        if not _ADDRESS.fullmatch(server.sender):
            raise UsageError(
                f"{quoted(server.sender)} is no address that mail comes from",
                fix="write one such as allotment@acme.example",
            )
        self._server = server
        self._clock = clock
        self._trusted = trusted
        self._domain = server.sender.rpartition("@")[2]

    def send(self, notice: Notice, to: Receiver) -> None:
        """Send it once."""
        if not _ADDRESS.fullmatch(to.address):
            raise NoticeRefusedError(
                f"receiver {to.name} has no address that mail is sent to",
                why="it is none of one person or list, in ASCII",
                fix="write one such as nlp@acme.example",
            )
        message = self._message(notice, to)
        in_time(lambda: self._sent(message, to), to.name)

    def _message(self, notice: Notice, to: Receiver) -> EmailMessage:
        message = EmailMessage(email.policy.SMTP)
        message["From"] = self._server.sender
        message["To"] = to.address
        message["Subject"] = one_line(notice.subject, _MOST_SUBJECT)
        message["Date"] = format_datetime(self._clock.now())
        # The same for the same notice: a mailbox that gets it twice can tell.
        message["Message-ID"] = f"<{notice.id}.notice@{self._domain}>"
        # Nobody's absence answers it (RFC 3834).
        message["Auto-Submitted"] = "auto-generated"
        message.set_content("".join(f"{one_line(each, _MOST_LINE)}\n" for each in notice.lines))
        return message

    def _sent(self, message: EmailMessage, to: Receiver) -> None:
        try:
            smtp = self._connected()
            try:
                self._said(smtp, message, to)
            finally:
                # Whatever it answers now, the message is taken or it is not.
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    smtp.quit()
                smtp.close()
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            raise self._failure(error, to) from None

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        connect: Callable[..., smtplib.SMTP] = smtplib.SMTP
        more: dict[str, object] = {}
        if server.tls is MailTls.IMPLICIT:
            connect, more = smtplib.SMTP_SSL, {"context": self._trusted}
        # Its own name is given, as it would be looked up otherwise.
        return connect(server.host, server.port, local_hostname=self._domain, timeout=SOCKET_SECONDS, **more)

    def _said(self, smtp: smtplib.SMTP, message: EmailMessage, to: Receiver) -> None:
        if self._server.tls is MailTls.STARTTLS:
            smtp.starttls(context=self._trusted)
        if self._server.user:
            smtp.login(self._server.user, self._server.password)
        smtp.send_message(message, self._server.sender, [to.address])

    def _failure(self, error: Exception, to: Receiver) -> NotToldError:
        match error:
            case smtplib.SMTPAuthenticationError() | smtplib.SMTPNotSupportedError():
                return self._down("it does not let this server in as it is set up", shown(error))
            case smtplib.SMTPRecipientsRefused():
                code, said = next(iter(error.recipients.values()))
                return self._answered(code, said, to)
            case smtplib.SMTPSenderRefused() | smtplib.SMTPDataError():
                return self._answered(error.smtp_code, error.smtp_error, to)
            case UnicodeError():
                return self._down("its name, or the user's or the password, is not in ASCII", "")
            case _:
                return self._down("it does not answer as one", shown(error) or type(error).__name__)

    def _answered(self, code: int, said: bytes | str, to: Receiver) -> NotToldError:
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        why = f"{code} {quoted_message(text)}"
        if code < 500:
            return ReceiverDownError(f"mail to receiver {to.name} is not taken now", why=why, fix="see how it is")
        return NoticeRefusedError(f"mail to receiver {to.name} is refused", why=why, fix="check its address")

    def _down(self, why: str, said: str) -> ReceiverDownError:
        return ReceiverDownError(
            f"the mail server {self._server.host} takes no mail",
            why=f"{why}: {quoted_message(said)}" if said else why,
            fix="check its address, TLS and password",
        )
