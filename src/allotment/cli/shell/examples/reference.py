"""Examples of commands to look things up with."""

from __future__ import annotations

from typing import Final

from allotment.cli.shell.examples.form import CommandExamples, Example

EXAMPLES: Final[CommandExamples] = {
    ("causes",): (
        Example("allot causes", "all of them, in their order"),
        Example("allot causes -l layer=queue", "those of one layer"),
    ),
    ("explain",): (
        Example("allot explain", "all kinds"),
        Example("allot explain team", "a kind's fields"),
        Example("allot explain team.placements.accelerators", "a field below"),
        Example("allot explain job.checkpoint", "a field of a job file"),
        Example("allot explain ALT-1201", "a cause that `allot why` tells"),
        Example("allot explain few-cpus", "what `allot job check` warns of"),
    ),
    ("schema",): (
        Example("allot schema --out allotment.schema.json", "for your editor"),
        Example("allot schema job --out job.schema.json", "the same for job files"),
    ),
    ("config",): (Example("allot config view --show-origin", "what is set, and where"),),
    ("config", "view"): (
        Example("allot config view --show-origin", "what is set, and where"),
        Example("ALLOTMENT_CLUSTER=dev-eastus allot config view -o json", "as a program reads it"),
    ),
    ("config", "set"): (Example("allot config set platform my-platform", "no more --platform"),),
    ("config", "unset"): (Example("allot config unset platform", "take it back"),),
    ("completion",): (
        Example('eval "$(allot completion bash)"', "now; put it into ~/.bashrc for ever"),
        Example("allot completion fish > allot.fish", "for fish: into ~/.config/fish/completions/"),
    ),
    ("version",): (Example("allot version -o json", "for a bug report"),),
}
