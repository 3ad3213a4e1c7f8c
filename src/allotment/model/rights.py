"""Names of resources, which rights are about, from the names of kinds."""

from __future__ import annotations


def resource_of(kind: str) -> str:
    """The resource of a kind: ``NetworkPolicy`` is ``networkpolicies``.

    English plurals, as Kubernetes itself forms them where it has to guess; that all kinds of ours follow them is
    tested against the API server's own list.
    """
    word = kind.lower()
    if word.endswith("s"):
        return f"{word}es"
    if word.endswith("y"):
        return f"{word[:-1]}ies"
    return f"{word}s"
