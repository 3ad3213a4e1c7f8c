"""A command that asks a cluster, or a scenario's file: options that go with one of them alone."""

from __future__ import annotations

from collections.abc import Mapping

from allotment.errors import UsageError


def only_of_files(flags: Mapping[str, object]) -> None:
    """Refuse options that say something of a scenario alone, where a cluster is asked.

    Args:
        flags: by flag, what was given; None, False and empty = it was not.

    Raises:
        UsageError: one was given.
    """
    for flag, given in flags.items():
        if given:
            raise UsageError(
                f"{flag} is about a scenario, and no file is named", fix="name it: --file FILE, or leave the option out"
            )


def only_of_clusters(flags: Mapping[str, object]) -> None:
    """Refuse options that say something of a cluster alone, where a scenario's file is asked.

    Raises:
        UsageError: one was given.
    """
    for flag, given in flags.items():
        if given:
            raise UsageError(f"{flag} is about a cluster, and a file is named", fix="leave one of them out")
