"""Examples of `allot store`."""

from __future__ import annotations

from typing import Final

from allotment.cli.shell.examples.form import CommandExamples, Example, ExampleNeeds

EXAMPLES: Final[CommandExamples] = {
    ("store",): (Example("allot store status", "where jobs are kept, and how many", ExampleNeeds.STORE),),
    ("store", "status"): (Example("allot store status -o wide", "with versions", ExampleNeeds.STORE),),
    ("store", "backup"): (
        Example('allot store backup "jobs-$(date +%F).db"', "save it, while the server runs", ExampleNeeds.STORE),
    ),
    ("store", "restore"): (
        Example("allot store restore jobs-2027-01-31.db --store jobs.db", "into another file", ExampleNeeds.STORE),
    ),
    ("store", "prune"): (
        Example("allot store prune --days 90 --yes", "forget what ended three months ago", ExampleNeeds.STORE),
        Example("allot store prune --dry-run", "what would go, and how much room it takes", ExampleNeeds.STORE),
    ),
    ("store", "forget"): (Example("allot store forget old --yes", "the job whose id that is", ExampleNeeds.STORE),),
}
