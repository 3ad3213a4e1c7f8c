"""Who somebody is, as a provider of identities says of him."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProvenIdentity:
    """A person or a program whom a provider knows.

    Only `key` tells two apart: names change hands, and two may share one.

    Attributes:
        issuer: address of the provider, exactly as it writes it.
        subject: by which the provider knows him for good.
        name: what people read; foreign text on one line, never empty.
        email: for people to read as well; empty where the provider does not say that it has checked it.
        groups: names of the groups that he is in, sorted; foreign text.
        expires: milliseconds since the epoch, from when on the provider's word counts no more.
        issued: milliseconds since the epoch, when the provider gave its word; to the second.
        lacking: name of the claim that would list groups, where the token has none of that name; empty where it has.
            Nobody can tell then whether he is in no group, or groups were not asked for or are not mapped.
    """

    issuer: str
    subject: str
    name: str
    email: str
    groups: tuple[str, ...]
    expires: int
    issued: int
    lacking: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """By which he is known again."""
        return self.issuer, self.subject
