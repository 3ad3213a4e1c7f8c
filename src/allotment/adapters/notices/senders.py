"""One `NoticeSender` for all kinds of receivers."""

from __future__ import annotations

import ssl
from collections.abc import Collection
from pathlib import Path

from allotment.adapters.notices.mail import MailSender
from allotment.adapters.notices.webhook import WebhookSender
from allotment.errors import InputError, shown
from allotment.model.requests.notice import Notice
from allotment.ports.clock import Clock
from allotment.ports.notices import MailServer, NoticeRefusedError, Receiver, ReceiverKind


class SenderByKind:
    """Hands a notice to whoever sends to receivers of that kind."""

    def __init__(self, webhooks: WebhookSender, mail: MailSender | None) -> None:
        """Nothing is sent yet.

        Args:
            webhooks: for all that have a URL.
            mail: None where no mail server is named.
        """
        self._webhooks = webhooks
        self._mail = mail

    def send(self, notice: Notice, to: Receiver) -> None:
        """Send it once."""
        if to.kind is not ReceiverKind.MAIL:
            self._webhooks.send(notice, to)
        elif self._mail is not None:
            self._mail.send(notice, to)
        else:
            raise NoticeRefusedError(
                f"mail to receiver {to.name} is not sent",
                why="no mail server is named",
                fix="name one in the settings of the server",
            )


def connect_senders(
    inner: Collection[str], mail: MailServer | None, authority: Path | None, clock: Clock
) -> SenderByKind:
    """All ways on which notices go out; nothing is sent yet.

    Args:
        inner: hosts of webhooks that may lie in the inner network, each ``HOST:PORT``.
        mail: None where no mail is sent.
        authority: file of certificates that are trusted beside those that this machine trusts; None for none.
        clock: for the times in what is sent.

    Raises:
        UsageError: an inner host, or the address that mail comes from, is none.
        InputError: the file cannot be read as certificates.
    """
    # A context each: that of webhooks says beforehand that it will speak HTTP.
    webhooks = WebhookSender(inner, _trusted(authority), clock)
    return SenderByKind(webhooks, None if mail is None else MailSender(mail, clock, _trusted(authority)))


def _trusted(authority: Path | None) -> ssl.SSLContext:
    found = ssl.create_default_context()
    if authority is not None:
        try:
            found.load_verify_locations(authority)
        except (OSError, ssl.SSLError) as error:
            raise InputError(
                f"{shown(authority)} holds no certificates that can be read",
                why=str(error.strerror or error),
                fix="name a file in PEM that its user may read",
            ) from None
    return found
