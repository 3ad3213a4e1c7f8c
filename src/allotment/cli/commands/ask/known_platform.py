"""The platform directory, where an answer is better with one and possible without."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from allotment.cli.shell.session import Session

if TYPE_CHECKING:
    from allotment.accounting.idleness import IdleRules
    from allotment.model.platform import Platform


def platform_if_any(session: Session) -> Platform | None:
    """The platform that is named, or that the current directory holds; None if there is none.

    Raises:
        NotFoundError: the directory that is named is not there.
        InvalidPlatformError: it has errors.
    """
    from allotment import wiring
    from allotment.cli.shell.loading import load
    from allotment.cli.shell.places import platform_directory

    if not session.value("platform") and not wiring.files().holds_platform(Path()):
        return None
    return load(session, platform_directory(session), quiet=True).platform


def declared_idleness(session: Session) -> IdleRules:
    """When devices are idle: by the platform's rules where there is one, else as is usual; raises as the above."""
    from allotment.operations.ask.counting_rules import counting_rules

    return counting_rules(platform_if_any(session), "", ()).idle
