"""What may be asked of a server, in the few words that its operations declare."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final

from allotment.errors import UsageError, quoted


class Permission(Enum):
    """What an operation of a server needs; the text is what users write and what is kept."""

    READ = "read"
    """Jobs, their logs and reports, what back ends show, how the server does."""
    SUBMIT = "submit"
    """Code and jobs are taken; what is over is run again."""
    STOP = "stop"
    """Jobs are ended."""
    END = "end"
    """The server itself is ended."""
    TOKENS = "tokens"
    """Who else gets in is decided."""
    OWN_TOKENS = "own-tokens"
    """Tokens in one's own name are made, seen and taken back."""
    TEAM_TOKENS = "team-tokens"
    """Tokens in the name of a team are made, seen and taken back."""
    PEOPLE = "people"
    """Who has signed in is seen, and shut out."""
    REQUESTS = "requests"
    """Requests of one's teams, and those that one decides on, are seen."""
    ASK = "request"
    """More is asked for, offers are accepted, what was asked for is withdrawn."""
    DECIDE = "decide"
    """Requests are decided on, those that a route names one for."""
    CLUSTERS = "clusters"
    """By what clusters are reached is told to the server, and taken back."""
    DECLARE = "declare"
    """The platform directory is compared with clusters, and its quotas are changed."""
    AUDIT = "audit"
    """Who did what, when and from where is read."""


EVERYTHING: Final = frozenset(Permission)
"""Of the user whose server it is, on its own machine."""
AFAR: Final = frozenset({Permission.READ, Permission.SUBMIT, Permission.STOP})
"""What a token of a team gives at most, and what any gives where nothing is said."""
TOKENS_GIVE: Final = AFAR | {Permission.AUDIT}
"""The most that a token gives: whoever holds one can make no other, nor end the server."""


def permissions_of(words: Iterable[str]) -> frozenset[Permission]:
    """What a user has written.

    Raises:
        UsageError: a word is none of those that a token can give, or there is none.
    """
    known = {each.value: each for each in sorted(TOKENS_GIVE, key=lambda each: each.value)}
    found = [each.strip() for each in words if each.strip()]
    wrong = [each for each in found if each not in known]
    if wrong or not found:
        raise UsageError(
            f"a token cannot give {quoted(wrong[0])}" if wrong else "a token that gives nothing is of no use",
            why="who gets in, who is asked and what is decided are for people, who sign in" if wrong else "",
            fix=f"name some of: {', '.join(known)}",
        )
    return frozenset(known[each] for each in found)
