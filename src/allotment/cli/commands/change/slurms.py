"""What a platform declares beside its clusters and nothing is rendered for: its Slurms."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from allotment.cli.shell.session import Session
    from allotment.model.platform import Platform


def tell_unrendered(session: Session, platform: Platform) -> None:
    """One line on standard error that no objects are made for its Slurms, and where they are used; none without."""
    names = [each.name for each in platform.slurms]
    if names:
        on = names[0] if len(names) == 1 else "NAME"
        session.note(
            f"nothing is rendered for or applied to Slurm {', '.join(names)}: "
            f"`allot submit --on {on}` and `allot why` use it"
        )
