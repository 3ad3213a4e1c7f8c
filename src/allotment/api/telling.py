"""The passes in which a server tells people what they should know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Final

from allotment.api.telemetry.saying import say
from allotment.errors import AllotmentError
from allotment.model.platform import Platform
from allotment.model.requests.grant import TeamGrant
from allotment.operations.decide.need import kept_use
from allotment.operations.decide.notifying import Notifier
from allotment.operations.decide.receivers import configured_notices
from allotment.operations.decide.room import DecisionRoom
from allotment.operations.run.desk import Desk
from allotment.ports.store import JobsStore
from allotment.wiring.notices import notice_sender, receivers_file

_PASS: Final = 15.0
"""Seconds between two looks at what is due."""


def notifier(room: DecisionRoom, store: JobsStore, file: Path, portal: str = "") -> Notifier:
    """Who tells people what they should know.

    Args:
        room: what is decided.
        store: where is kept what they were told.
        file: of receivers.
        portal: its address, as others call it; empty where nobody knows.

    Raises:
        AllotmentError: the file cannot be used, and why.
    """
    configured = configured_notices(receivers_file(file).read())
    sender = notice_sender(configured.inner, configured.mail, configured.certificates, room.clock)
    used = partial(_used, store, room)
    return Notifier(room, store.notices, sender, configured, used, portal)


def _used(store: JobsStore, room: DecisionRoom, platform: Platform, grants: Sequence[TeamGrant]) -> Mapping[str, int]:
    return kept_use(store, platform, grants, room.now())


def tell_beside(notifier: Notifier, desk: Desk) -> None:
    """Have it tell in a thread of its own until the server ends, and the server's status say how that goes."""
    desk.tell_besides(notifier.told)
    Thread(target=_keep_telling, args=(notifier, desk.ending), name="tells", daemon=True).start()


def _keep_telling(notifier: Notifier, ending: Event) -> None:
    """What goes wrong is said once, and tried again."""
    said = ""
    while not ending.wait(_PASS):
        try:
            notifier.tell_due()
        except AllotmentError as error:
            line = error.whole.line
            if line != said:
                say(f"notices wait: {line}")
            said = line
        else:
            said = ""
