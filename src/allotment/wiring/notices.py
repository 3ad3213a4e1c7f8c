"""Settings → the ways on which people are told something. Each function imports what it needs when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from allotment.errors import ForbiddenError, NotFoundError, shown

if TYPE_CHECKING:
    from collections.abc import Collection

    from allotment.ports.clock import Clock
    from allotment.ports.notices import MailServer, NoticeSender
    from allotment.ports.settings import SettingsPort


def receivers_file(path: Path) -> SettingsPort:
    """The file that names receivers.

    Raises:
        NotFoundError: there is no such file.
        ForbiddenError: others can read it.
    """
    from allotment.adapters.settings_file import SettingsFile

    if not path.is_file():
        raise NotFoundError(f"there is no file {shown(path)}", fix="see docs/notices.md for what stands in it")
    if path.stat().st_mode & 0o077:
        fix = f"chmod 600 {shown(path)}"
        raise ForbiddenError(f"{shown(path)} can be read by others", why="it holds secrets of receivers", fix=fix)
    return SettingsFile(path)


def notice_sender(inner: Collection[str], mail: MailServer | None, certificates: str, clock: Clock) -> NoticeSender:
    """The ways to receivers; nothing is sent yet.

    Args:
        inner: hosts of webhooks that may lie in the inner network, each ``HOST:PORT``.
        mail: None where no mail is sent.
        certificates: file of those that are trusted besides; empty for none.
        clock: time.

    Raises:
        UsageError: an inner host, or the address that mail comes from, is none.
        InputError: the file of certificates cannot be read.
    """
    from allotment.adapters.notices.senders import connect_senders

    return connect_senders(inner, mail, Path(certificates) if certificates else None, clock)
