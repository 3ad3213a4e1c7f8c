"""Examples of `allot sandbox`."""

from __future__ import annotations

from typing import Final

from allotment.cli.shell.examples.form import CommandExamples, Example, ExampleNeeds

EXAMPLES: Final[CommandExamples] = {
    ("sandbox",): (
        Example("allot sandbox up dev-eastus --platform my-platform", "start one", ExampleNeeds.SANDBOX),
        Example("allot sandbox down dev-eastus", "and be rid of it", ExampleNeeds.SANDBOX),
    ),
    ("sandbox", "up"): (
        Example(
            "allot sandbox up dev-eastus --platform my-platform", "with the nodes of dev-eastus", ExampleNeeds.SANDBOX
        ),
        Example(
            "allot sandbox up tiny --cluster dev-eastus --platform my-platform --max-nodes-per-pool 1",
            "a small one under another name",
            ExampleNeeds.SANDBOX,
        ),
    ),
    ("sandbox", "down"): (Example("allot sandbox down tiny", "stop it and remove what it left", ExampleNeeds.SANDBOX),),
    ("sandbox", "build"): (
        Example("allot sandbox build", "build the binaries now, not at the first up", ExampleNeeds.SANDBOX),
    ),
    ("sandbox", "status"): (
        Example("allot sandbox status dev-eastus", "its processes and nodes", ExampleNeeds.SANDBOX),
    ),
    ("sandbox", "list"): (Example("allot sandbox list", "all of this user's"),),
    ("sandbox", "kubeconfig"): (
        Example(
            "KUBECONFIG=$(allot sandbox kubeconfig dev-eastus) allot apply my-platform --cluster dev-eastus --yes",
            "work on it",
            ExampleNeeds.SANDBOX,
        ),
    ),
}
