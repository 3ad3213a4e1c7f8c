"""A Slurm of the directory: its name is nobody else's, and what it translates is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from allotment.spec.checks.context import Check, Context, error
from allotment.spec.problems import Issue, did_you_mean, echo

_OWN: Final = "local"
"""Back end of the machine itself."""


def slurms_have_names_of_their_own(context: Context) -> Iterator[Issue]:
    """`--on NAME` means one thing."""
    for entry in context.declared.slurms:
        name = entry.spec.name
        if name == _OWN:
            yield error(entry, ("name",), "local is the machine of whoever submits", "choose another name")
        elif name in context.clusters:
            what = f"the name {echo(name)} is taken by a Cluster in {context.clusters[name].source.file}"
            yield error(entry, ("name",), what, "rename one: `--on` takes both")


def slurms_translate_what_is_there(context: Context) -> Iterator[Issue]:
    """Teams, rungs and accelerators by which something is looked up are the platform's."""
    rungs = {rung.name: rung for rung in context.ladder}
    tables: tuple[tuple[str, str, Mapping[str, object], str], ...] = (
        ("accounts", "Team", context.teams, "team"),
        ("partitions", "Priority", rungs, "rung"),
        ("qualities", "Priority", rungs, "rung"),
        ("classes", "Accelerator", context.accelerators, "accelerator"),
    )
    for entry in context.declared.slurms:
        for field, kind, known, word in tables:
            for name in getattr(entry.spec, field):
                if not context.known(kind, known, name):
                    what = f"the platform has no {word} {echo(name)}"
                    yield error(entry, (field, name), what, did_you_mean(name, known))


CHECKS: Final[tuple[Check, ...]] = (slurms_have_names_of_their_own, slurms_translate_what_is_there)
