"""Refusals in the audit trail: of a flood of them the first is kept, and how many there were besides.

Entries are never pruned, and whoever has no credentials at all can be refused as often as he likes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from allotment.model.audit.act import AuditedAct
from allotment.ports.audit import AuditStore

_MINUTE: Final = 60_000
_MOST_KINDS: Final = 8
"""Kinds of refusals, each of one place, of which entries are kept in one minute; what is beyond is counted together."""
_OTHERS: Final = "others"
"""From where those came that are counted together."""


@dataclass(slots=True)
class _Counted:
    """The first refusal of its kind in a minute, and how many there were besides.

    Attributes:
        first: it.
    """

    first: AuditedAct
    more: int = 0


class RefusalBook:
    """Keeps refusals; of use to several threads at once."""

    def __init__(self, store: AuditStore) -> None:
        """None yet.

        Args:
            store: where they are kept.
        """
        self._store = store
        self._counted: dict[tuple[str, str], _Counted] = {}
        self._lock = threading.Lock()

    def keep(self, kind: str, place: str, act: AuditedAct) -> None:
        """Keep one, or count it where one of its kind was kept a minute ago or less.

        Args:
            kind: of refusal.
            place: from where.
            act: what was refused.
        """
        with self._lock:
            acts = list(self._sums(act.at))
            known = self._counted.get((kind, place))
            if known is None and len(self._counted) >= _MOST_KINDS:
                known = self._counted.setdefault((_OTHERS, _OTHERS), _Counted(replace(act, whence=_OTHERS)))
            if known is not None:
                known.more += 1
            else:
                self._counted[kind, place] = _Counted(act)
                acts.append(act)
        self._audit(acts)

    def tell(self, now: int, *, all_of_them: bool = False) -> None:
        """Keep how many there were in the minutes that are over.

        Args:
            now: milliseconds since the epoch.
            all_of_them: of those that are not over, too.
        """
        with self._lock:
            acts = list(self._sums(now, all_of_them=all_of_them))
        self._audit(acts)

    def _sums(self, now: int, *, all_of_them: bool = False) -> Iterator[AuditedAct]:
        over = [key for key, each in self._counted.items() if all_of_them or not 0 <= now - each.first.at < _MINUTE]
        for key in over:
            counted = self._counted.pop(key)
            if counted.more:
                why = f"and {counted.more} more in this minute, such as: {counted.first.why}"
                yield replace(counted.first, at=now, why=why)

    def _audit(self, acts: list[AuditedAct]) -> None:
        if acts:
            self._store.audit(acts)
