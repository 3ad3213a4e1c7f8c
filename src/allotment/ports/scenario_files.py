"""Files of scenarios and traces, by the names that users type: their lines, and a file for our own answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from allotment.model.lines import TextLine


class AnswerFile(Protocol):
    """A JSON Lines file that is written line by line."""

    def write(self, answer: Mapping[str, Any]) -> None:
        """Append one object.

        Raises:
            InputError: the file cannot be written.
        """
        ...


class ScenarioFilesPort(Protocol):
    """What is read of files is only their text; what it says, `scenarios` knows."""

    def place(self, file: str) -> str:
        """The path behind a name: what messages call the file."""
        ...

    def lines(self, file: str) -> Iterator[TextLine]:
        """The lines of a text file, gzipped or not; each call reads it anew.

        Raises:
            NotFoundError: there is no such file.
            InputError: it cannot be read, a line is too long, or the text is no UTF-8.
        """
        ...

    def answers(self, file: str, inputs: Sequence[str]) -> AbstractContextManager[AnswerFile]:
        """A file for our own answers, opened with the first of them, closed when the context is left.

        Args:
            file: its name; one that ends in ``.gz`` is packed.
            inputs: files that are being read meanwhile.

        Raises:
            ConflictError: it is one of the inputs.
        """
        ...
