"""A listening socket that lets no more in than there is room for: the rest of the server needs descriptors, too.

Where it is full, whoever comes takes the place of somebody who has not been let in by a token yet, the one who has been
there longest: places are taken by anybody, and kept by those who are known alone. Where only those are in, the one goes
that has been idle longest, of whoever has most: nobody who is known keeps all others out, and each keeps a few places.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol

from allotment.api.prefaces import Peer
from allotment.model.hosts import neighbourhood_of

MOST: Final = 640
"""Connections that are open at once: 500 who follow what changes, and others. Of files a process often has 1,024."""
MOST_OF_ONE: Final = 320
"""The same of one address; of IPv6, of one network of 64 bits."""


MOST_OF_PERSON: Final = 64
"""The same of one who was let in, a person or the tokens of a team, from however many addresses."""
KEPT: Final = 8
"""Connections that nobody who was let in makes room with: a browser has six."""
_TURNED_AWAY: Final = 64
"""Connections that are closed at once in one turn where there is no room; who serves has other things to do then."""


class RoomGuest(Protocol):
    """A connection."""

    def turn_out(self) -> None:
        """It ends, for another one."""
        ...


class Room:
    """Who is in, by address; for several threads."""

    def __init__(self) -> None:
        """Nobody."""
        self._lock = threading.Lock()
        self._of: Counter[str] = Counter()
        self._inside: set[Peer] = set()
        self._strangers: dict[Peer, RoomGuest] = {}
        self._known = _KnownGuests()

    def enter(self, peer: Peer, guest: RoomGuest) -> bool:
        """Whether there was room for one more, or has been made.

        Args:
            peer: of whom.
            guest: his connection.
        """
        with self._lock:
            # Led on from one port to several servers, and to here by each: he could not be told from himself.
            if peer in self._inside:
                return False
            if not self._has_room(peer):
                self._make_room(peer)
            if not self._has_room(peer):
                return False
            self._inside.add(peer)
            self._of[neighbourhood_of(peer[0])] += 1
            self._strangers[peer] = guest
            return True

    def befriend(self, peer: Peer, whose: str) -> None:
        """He was let in, or has asked once more.

        Args:
            peer: of his connection.
            whose: it is, of all that are his.
        """
        with self._lock:
            guest = self._strangers.pop(peer, None)
            if guest is not None:
                self._known.add(peer, guest, whose)
            else:
                self._known.move(peer, whose)
            if self._known.number_of(whose) > MOST_OF_PERSON:
                self._turn_out(self._known.idle_of(whose))

    def leave(self, peer: Peer) -> None:
        """One has gone; said once or more."""
        with self._lock:
            self._forget(peer)

    def _has_room(self, peer: Peer) -> bool:
        return len(self._inside) < MOST and self._of[neighbourhood_of(peer[0])] < MOST_OF_ONE

    def _make_room(self, peer: Peer) -> None:
        """A stranger goes: one of the same address where that has too many, else of the one that has most.

        Where there is none, one who is known, of those who have more than they keep.
        """
        here = neighbourhood_of(peer[0])
        if self._of[here] >= MOST_OF_ONE:
            some = [each for each in self._strangers if neighbourhood_of(each[0]) == here]
            known = self._known.one_of_most(lambda each: neighbourhood_of(each[0]) == here)
        else:
            some = sorted(self._strangers, key=lambda each: -self._of[neighbourhood_of(each[0])])
            known = None if some else self._known.one_of_most(lambda _: True)
        if some or known is not None:
            self._turn_out(some[0] if some else known)

    def _turn_out(self, peer: Peer | None) -> None:
        guest = None if peer is None else self._strangers.get(peer) or self._known.guest_of(peer)
        if peer is not None and guest is not None:
            guest.turn_out()
            self._forget(peer)

    def _forget(self, peer: Peer) -> None:
        if peer not in self._inside:
            return
        self._inside.remove(peer)
        self._strangers.pop(peer, None)
        self._known.remove(peer)
        here = neighbourhood_of(peer[0])
        self._of[here] -= 1
        if not self._of[here]:
            del self._of[here]


class _KnownGuests:
    """Connections of those who were let in, by whose they are; those first that have been idle longest."""

    def __init__(self) -> None:
        self._whose: dict[Peer, str] = {}
        self._of: dict[str, dict[Peer, RoomGuest]] = {}

    def add(self, peer: Peer, guest: RoomGuest, whose: str) -> None:
        """One that was idle last."""
        self._whose[peer] = whose
        self._of.setdefault(whose, {})[peer] = guest

    def move(self, peer: Peer, whose: str) -> None:
        """One that is there is idle last, or another one's from now on, as behind a proxy."""
        guest = self.guest_of(peer)
        if guest is not None:
            self.remove(peer)
            self.add(peer, guest, whose)

    def remove(self, peer: Peer) -> None:
        """One has gone, if it was there."""
        whose = self._whose.pop(peer, None)
        if whose is not None:
            del self._of[whose][peer]
            if not self._of[whose]:
                del self._of[whose]

    def guest_of(self, peer: Peer) -> RoomGuest | None:
        """Its connection."""
        return self._of[self._whose[peer]][peer] if peer in self._whose else None

    def number_of(self, whose: str) -> int:
        """How many are his."""
        return len(self._of.get(whose, ()))

    def idle_of(self, whose: str) -> Peer:
        """His that has been idle longest."""
        return next(iter(self._of[whose]))

    def one_of_most(self, meant: Callable[[Peer], bool]) -> Peer | None:
        """Of those that are meant, the one that has been idle longest of whoever has most, and more than he keeps."""
        by_person = [[each for each in some if meant(each)] for some in self._of.values()]
        most = max(by_person, key=len, default=[])
        return most[0] if len(most) > KEPT else None


class LimitedSocket(socket.socket):
    """See the module."""

    def __init__(self, family: int) -> None:
        """Bound to nothing yet.

        Of TCP by name, as asyncio has an answer sent at once (TCP_NODELAY) on such alone: of others its body would wait
        for the acknowledgement of its head, which takes 40 ms.

        Args:
            family: of addresses, IPv4 or IPv6.
        """
        super().__init__(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.room = Room()

    def accept(self) -> tuple[DoorGuest, Any]:
        """The next one for whom there is room.

        Raises:
            BlockingIOError: nobody waits, or so many for whom there is no room that the others are looked at later.
        """
        for _ in range(_TURNED_AWAY):
            descriptor, address = self._accept()  # type: ignore[attr-defined]
            guest = DoorGuest(self, descriptor, (str(address[0]), int(address[1])))
            if self.room.enter(guest.peer, guest):
                return guest, address
            guest.close()
        raise BlockingIOError(errno.EAGAIN, "there is no room now")


class DoorGuest(socket.socket):
    """A connection that makes room when it is closed."""

    def __init__(self, door: LimitedSocket, descriptor: int, peer: Peer) -> None:
        super().__init__(door.family, door.type, door.proto, fileno=descriptor)
        self.peer = peer
        self._room = door.room
        self._is_in = True
        self._led = False

    def led_from(self, peer: Peer) -> bool:
        """It is of somebody whom a standby leads on: from now on it counts as his; whether there is room for him.

        Args:
            peer: from where he came.
        """
        self._room.leave(self.peer)
        self.peer, self._led = peer, True
        self._is_in = self._room.enter(peer, self)
        return self._is_in

    def getpeername(self) -> Any:
        """Who is at the other end, or behind it."""
        return self.peer if self._led else super().getpeername()

    def turn_out(self) -> None:
        """Whoever serves it sees that it has ended, and closes it."""
        self._is_in = False
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Closed once, however often it is said."""
        super().close()
        was_in, self._is_in = self._is_in, False
        if was_in:
            self._room.leave(self.peer)
