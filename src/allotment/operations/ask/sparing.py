"""An answer in spite of one object that nothing can be reckoned from: it is found, left out and named.

Anybody may write a value that no code expects into an object of their own. Which object it is, is found by asking for
the answer again with fewer of them: that costs some tens of answers, and only where one failed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from msgspec.structs import fields, replace

from allotment.errors import AllotmentError, shown
from allotment.model.observed.base import Object
from allotment.model.observed.index import kind_of
from allotment.model.observed.snapshot import Objects, Snapshot

BEYOND: Final = (
    ArithmeticError, AssertionError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError,
)  # fmt: skip
"""What a value ends in that no code expects; a moment beyond all clocks in an OSError."""
_MOST: Final = 20
"""Objects that are left out before it is said that there is no answer."""
_TOGETHER: Final = 4
"""Objects that are looked at together: an answer fails of one, or of one where another stands."""
_BASE: Final = ("namespaces", "nodes", "cohorts", "flavors", "cluster_queues", "local_queues")
"""Fields on which everything else rests: of two objects that fail together those of others are left out first."""

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an object stands."""

    source: int
    field: str
    number: int


def spared(snapshot: Snapshot, answer: Callable[[Snapshot], _Answer]) -> tuple[_Answer, tuple[str, ...]]:
    """An answer, and sentences on the objects without which it was given.

    Args:
        snapshot: what it is asked of.
        answer: gives it; an `AllotmentError` of it is an answer, too, and goes through.
    """
    try:
        return answer(snapshot), ()
    except BEYOND as error:
        first = error
    search = _Search(snapshot, answer)
    left: list[_Place] = []
    told: list[str] = []
    while len(left) < _MOST:
        found = search.culprit(left)
        if found is None:
            raise first
        left.append(found)
        told.append(search.sentence(found))
        try:
            return answer(search.without(left)), tuple(told)
        except BEYOND:
            continue
    raise first


class _Search:
    """Finds objects of which an answer fails."""

    def __init__(self, snapshot: Snapshot, answer: Callable[[Snapshot], object]) -> None:
        self._snapshot = snapshot
        self._answer = answer
        names = [each.name for each in fields(Objects)]
        ordered = [*_BASE, *(name for name in names if name not in _BASE)]
        self._places = [
            _Place(source, field, number)
            for field in ordered
            for source, each in enumerate(snapshot.sources)
            for number in range(len(getattr(each.objects, field)))
        ]
        self._last: Exception | None = None

    def culprit(self, left: Sequence[_Place]) -> _Place | None:
        """One whose absence lets the answer be given, or else the last that it needs to fail; None if nothing does."""
        if self._fails(()):
            return None
        places = [each for each in self._places if each not in left]
        needed: list[_Place] = []
        rest = places
        while len(needed) < _TOGETHER and not (needed and self._fails(needed)):
            count = self._shortest(rest, needed)
            if count == 0:
                break
            needed.append(rest[count - 1])
            rest = rest[: count - 1]
        for each in needed:
            if not self._fails([other for other in places if other != each]):
                return each
        return needed[0] if needed else None

    def _shortest(self, places: Sequence[_Place], needed: Sequence[_Place]) -> int:
        """How many of the first places, with those that are needed, an answer fails of; 0 if it does not."""
        if not self._fails([*places, *needed]):
            return 0
        low, high = 0, len(places)
        while high - low > 1:
            middle = (low + high) // 2
            if self._fails([*places[:middle], *needed]):
                high = middle
            else:
                low = middle
        return high

    def _fails(self, places: Sequence[_Place]) -> bool:
        try:
            self._answer(self._only(places))
        except AllotmentError:
            return False
        except BEYOND as error:
            self._last = error
            return True
        return False

    def without(self, left: Sequence[_Place]) -> Snapshot:
        """The snapshot without some objects."""
        return self._only([each for each in self._places if each not in left])

    def _only(self, places: Sequence[_Place]) -> Snapshot:
        kept: dict[int, dict[str, list[int]]] = {}
        for each in places:
            kept.setdefault(each.source, {}).setdefault(each.field, []).append(each.number)
        sources = []
        for at, source in enumerate(self._snapshot.sources):
            found = {}
            for field in Objects.__struct_fields__:
                parts = getattr(source.objects, field)
                found[field] = tuple(parts[number] for number in sorted(kept.get(at, {}).get(field, ())))
            sources.append(replace(source, objects=Objects(**found)))
        narrowed: Snapshot = replace(self._snapshot, sources=tuple(sources))
        return narrowed

    def sentence(self, place: _Place) -> str:
        """What is said of an object that is left out."""
        each: Object = getattr(self._snapshot.sources[place.source].objects, place.field)[place.number]
        named = "/".join(shown(part) for part in (kind_of(each), each.namespace, each.name) if part)
        error = self._last
        return f"{named} cannot be reckoned with and is left out ({type(error).__name__}: {shown(error)})"
