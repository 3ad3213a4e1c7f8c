"""What parts of a store in memory have of the whole."""

from __future__ import annotations

from collections.abc import Sequence

from allotment.model.audit.act import AuditedAct
from allotment.ports.journal import ChangeKind, NotedChange, SubjectKind


class MemoryPart:
    """Acts are kept, and changes told, by `MemoryStore`."""

    def audit(self, acts: Sequence[AuditedAct]) -> object:
        """Keep acts."""
        raise NotImplementedError

    def note_all(self, noted: Sequence[NotedChange]) -> None:
        """Have the journal tell of changes of one act."""
        raise NotImplementedError

    def _note(self, kind: SubjectKind, change: ChangeKind, *subjects: tuple[str, str]) -> None:
        """The same, of one kind: each by id and team."""
        self.note_all([NotedChange(kind, id_, team, change) for id_, team in subjects])
