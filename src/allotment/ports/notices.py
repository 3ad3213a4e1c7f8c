"""Notices on their way: where they are sent, what became of each, and how a try fails."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Protocol

from allotment.errors import AllotmentError
from allotment.model.requests.notice import Notice
from allotment.ports.stored_jobs import kept_text


class NotToldError(AllotmentError):
    """A notice did not reach its receiver, as far as is known: it may have, where the answer was lost."""


class ReceiverDownError(NotToldError):
    """Trying again later may help: nothing answers, or what answers is in trouble itself."""


class NoticeRefusedError(NotToldError):
    """Trying again does not help: the receiver does not take it, or may not be sent to."""


class ReceiverKind(Enum):
    """How a receiver is sent to; the text is what users write."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    """A program: JSON of ours, signed."""
    SLACK = "slack"
    TEAMS = "teams"
    """Microsoft Teams."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Somebody, or some program, that notices are sent to.

    Attributes:
        name: messages and what is kept name it so; unique.
        address: of mail, or a URL, which often is a secret: neither is told.
        secret: of a webhook, by which it knows that it was us; empty for others.
    """

    name: str
    kind: ReceiverKind
    address: str = field(repr=False)
    secret: str = field(default="", repr=False)


class MailTls(Enum):
    """How a mail server is spoken to; the text is what users write."""

    STARTTLS = "starttls"
    """From the second sentence on; usually port 587."""
    IMPLICIT = "implicit"
    """From the first one on; usually port 465."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server that takes our mail.

    Attributes:
        user: to sign in with; empty where nobody has to.
        sender: address that mail comes from.
    """

    host: str
    port: int
    tls: MailTls
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)


class NoticeSender(Protocol):
    """A way to receivers."""

    def send(self, notice: Notice, to: Receiver) -> None:
        """Tell one of them, once; it comes back within a minute at most.

        Raises:
            ReceiverDownError: trying again later may help.
            NoticeRefusedError: it does not.
        """
        ...


class DeliveryState(Enum):
    """How far a notice has come with one receiver; the text is what is kept."""

    WAITING = "waiting"
    """For another try."""
    TOLD = "told"
    GAVE_UP = "gave-up"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice and one of its receivers.

    Attributes:
        notice: its id.
        receiver: name of it.
        subject: of the notice, for people.
        tries: so far, from 1.
        at: of the last one, milliseconds since the epoch.
        trouble: why the last one failed; empty where it did not.
    """

    notice: str
    receiver: str
    subject: str
    state: DeliveryState
    tries: int
    at: int
    trouble: str


def kept_delivery(delivery: Delivery) -> Delivery:
    """The same with such text as every store can keep."""
    return replace(delivery, subject=kept_text(delivery.subject), trouble=kept_text(delivery.trouble))


class NoticeBook(Protocol):
    """What was told, as a store keeps it. Everything may raise `StoreError` and `UnreachableError`."""

    def deliveries(self) -> tuple[Delivery, ...]:
        """All that are kept, the oldest try first."""
        ...

    def keep(self, delivery: Delivery) -> None:
        """Keep how far it has come, in the place of what was kept of the same notice and receiver."""
        ...

    def told(self) -> frozenset[str]:
        """Keys of what was told, apart from those that grants remember themselves."""
        ...

    def settle(self, notice: Notice, at: int) -> None:
        """Keep what the notice settles, with the grants or apart, all of it or nothing; it is due no more.

        Args:
            notice: that everybody was told, or will not be.
            at: milliseconds since the epoch.
        """
        ...

    def forget(self, before: int) -> None:
        """Drop deliveries whose last try, and keys apart from grants whose settling, lies before that moment."""
        ...
