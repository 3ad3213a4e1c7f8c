"""Who gets in, as one caller asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from allotment.model.access.permission import permissions_of
from allotment.operations.access.admitting import AdmissionStore, LetIn
from allotment.operations.access.tokens import WantedToken, make_token, revoke_token
from allotment.ports.access_service import TokenReceipt, ToldToken, Visitor, told
from allotment.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Registry:
    """What `RegistryOf` needs.

    Attributes:
        random: gives so many random bytes, which nobody can guess.
        platform: name of it.
        version: of the program.
    """

    store: AdmissionStore
    clock: Clock
    random: Callable[[int], bytes]
    platform: str
    version: str


class RegistryOf:
    """Implements `ports.access_service.AccessService` for one caller; whether he may is decided before."""

    def __init__(self, registry: Registry, admitted: LetIn) -> None:
        """Nothing is asked yet.

        Args:
            registry: what is asked.
            admitted: who asks.
        """
        self._registry = registry
        self._admitted = admitted

    def whoami(self) -> Visitor:
        """Who asks."""
        caller, token = self._admitted.caller, self._admitted.token
        return Visitor(
            caller.name,
            caller.kind.value,
            tuple(sorted(each.value for each in self._admitted.permissions)),
            self._registry.platform,
            self._registry.version,
            None if token is None else told(token),
        )

    def make_token(self, name: str, permissions: tuple[str, ...], lasts: int) -> TokenReceipt:
        """Make one."""
        wanted = WantedToken(name, permissions_of(permissions), lasts)
        made = make_token(self._registry.store, wanted, self._admitted.caller, self._now(), self._registry.random)
        return TokenReceipt(told(made.token), made.text)

    def tokens(self) -> tuple[ToldToken, ...]:
        """All of them, newest first."""
        return tuple(map(told, self._registry.store.tokens()))

    def revoke_token(self, reference: str) -> ToldToken:
        """Take one back."""
        return told(revoke_token(self._registry.store, reference, self._admitted.caller, self._now()))

    def _now(self) -> int:
        return round(self._registry.clock.now().timestamp() * 1000)
