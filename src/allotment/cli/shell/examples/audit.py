"""Examples of `allot audit`."""

from __future__ import annotations

from typing import Final

from allotment.cli.shell.examples.form import CommandExamples, Example, ExampleNeeds

EXAMPLES: Final[CommandExamples] = {
    ("audit",): (Example("allot audit search", "what was done last", ExampleNeeds.STORE),),
    ("audit", "search"): (
        Example("allot audit search --did job.stop --since 7d", "who ended jobs this week", ExampleNeeds.STORE),
        Example("allot audit search --about job/old -o wide", "all that was done to one job", ExampleNeeds.STORE),
    ),
    ("audit", "verify"): (
        Example("allot audit verify", "is any entry another than was written?", ExampleNeeds.STORE),
        Example("allot audit head | allot audit verify --heads -", "with heads from elsewhere", ExampleNeeds.STORE),
    ),
    ("audit", "export"): (
        Example("allot audit export > audit.jsonl && allot audit verify audit.jsonl", "as JSON", ExampleNeeds.STORE),
        Example("allot audit export --as cef > audit.cef", "for ArcSight, Splunk, Sentinel", ExampleNeeds.STORE),
    ),
    ("audit", "head"): (Example("allot audit head >> heads.txt", "keep it elsewhere", ExampleNeeds.STORE),),
}
