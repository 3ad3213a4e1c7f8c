"""Examples of commands about job files."""

from __future__ import annotations

from typing import Final

from allotment.cli.shell.examples.form import CommandExamples, Example, ExampleNeeds

_PIPE: Final = "allot template new train | allot job check - --platform my-platform --team nlp"

EXAMPLES: Final[CommandExamples] = {
    ("job",): (Example(_PIPE, "a template, checked as it stands"),),
    ("job", "check"): (
        Example(
            "allot job check examples/jobs/job.yaml --platform examples/acme", "a file", needs=ExampleNeeds.CHECKOUT
        ),
        Example(_PIPE, "what comes on standard input"),
    ),
    ("template",): (Example("allot template list", "what there is"),),
    ("template", "list"): (Example("allot template list -o wide", "with their parameters"),),
    ("template", "show"): (Example("allot template show fine-tune", "its parameters"),),
    ("template", "new"): (
        Example("allot template new fine-tune --team nlp --set lr=3e-5 > job.yaml", "a job file"),
        Example('allot template new train --set name=probe --set args="--epochs 3"', "with arguments"),
    ),
}
