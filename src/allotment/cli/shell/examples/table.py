"""All examples, by the words of their command."""

from __future__ import annotations

from typing import Final

from allotment.cli.shell.examples import (
    access,
    ask,
    audit,
    change,
    decide,
    declare,
    foresee,
    job_files,
    reference,
    run,
    sandbox,
    store,
)
from allotment.cli.shell.examples.form import CommandExamples, Example

_SECTIONS: Final = (declare, change, sandbox, job_files, run, store, access, decide, audit, ask, foresee, reference)

EXAMPLES: Final[CommandExamples] = {words: each for one in _SECTIONS for words, each in one.EXAMPLES.items()}
"""By the command's words."""


def examples_of(path: tuple[str, ...]) -> tuple[Example, ...]:
    """The examples of a command."""
    return EXAMPLES.get(path, ())
