"""Files of scenarios and traces, held in memory, for tests; the contract suite runs on it and on the real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from allotment.errors import ConflictError, NotFoundError
from allotment.model.lines import TextLine


class MemoryFiles:
    """Text by name; what is written comes to stand there too."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = dict(texts)

    def place(self, file: str) -> str:
        """The name itself."""
        return file

    def lines(self, file: str) -> Iterator[TextLine]:
        """The lines of a text.

        Raises:
            NotFoundError: there is none of that name.
        """
        if file not in self.texts:
            raise NotFoundError(f"there is no file {file}", fix="check the path")
        # Not splitlines: a line of a file ends with a line feed, and with nothing else that text may hold.
        lines = self.texts[file].removesuffix("\n").split("\n") if self.texts[file] else []
        for number, text in enumerate(lines, 1):
            yield TextLine(file, number, text.rstrip("\r"))

    @contextmanager
    def answers(self, file: str, inputs: Sequence[str]) -> Iterator[_MemoryAnswers]:
        """Answers become a text when the context is left, or as far as they came.

        Raises:
            ConflictError: it is one of the inputs.
        """
        if file in inputs and file in self.texts:
            raise ConflictError(f"{file} is also read", fix="write to another file")
        written = _MemoryAnswers(self.texts, file)
        yield written
        self.texts[file] = written.text


class _MemoryAnswers:
    def __init__(self, texts: dict[str, str], file: str) -> None:
        self._texts = texts
        self._file = file
        self.text = ""

    def write(self, answer: Mapping[str, Any]) -> None:
        self.text += json.dumps(answer, ensure_ascii=False, separators=(",", ":")) + "\n"
        self._texts[self._file] = self.text
