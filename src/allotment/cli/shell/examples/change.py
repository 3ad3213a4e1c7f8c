"""Examples of commands that change a cluster."""

from __future__ import annotations

from typing import Final

from allotment.cli.shell.examples.form import CommandExamples, Example, ExampleNeeds

EXAMPLES: Final[CommandExamples] = {
    ("render",): (
        Example("allot render my-platform --out fleet-config", "the tree of all clusters"),
        Example("allot render my-platform --out fleet-config --cluster dev-eastus", "of one cluster"),
        Example("allot render my-platform --cluster dev-eastus -o yaml", "a cluster's objects on standard output"),
    ),
    ("preflight",): (
        Example(
            "allot preflight my-platform --cluster dev-eastus || test $? -eq 6", "is it ready?", ExampleNeeds.CLUSTER
        ),
        Example(
            "allot preflight my-platform --cluster dev-eastus --rights plan -o yaml", "a ClusterRole that only reads"
        ),
        Example(
            "allot preflight my-platform --cluster dev-eastus --rights prove --bind-to group:platform-engineers",
            "roles to prove with, and their bindings",
        ),
    ),
    ("plan",): (
        Example("allot plan my-platform --cluster training-eastus --offline", "against an empty cluster"),
        Example("allot plan my-platform --cluster dev-eastus", "against the live cluster", ExampleNeeds.CLUSTER),
        Example(
            "allot plan my-platform --cluster dev-eastus --out changes.plan && allot apply changes.plan --yes",
            "save it, and apply exactly that",
            ExampleNeeds.CLUSTER,
        ),
        Example(
            "allot plan my-platform --cluster dev-eastus --exit-code || test $? -eq 2",
            "0: nothing to do, 2: changes, 1: error",
            ExampleNeeds.CLUSTER,
        ),
    ),
    ("apply",): (
        Example("allot apply my-platform --cluster dev-eastus --yes", "without asking", ExampleNeeds.CLUSTER),
        Example(
            "allot apply my-platform --cluster dev-eastus --dry-run=server",
            "let the server check it",
            ExampleNeeds.CLUSTER,
        ),
    ),
    ("adopt",): (
        Example(
            "allot adopt --platform my-platform --cluster dev-eastus", "what somebody else made", ExampleNeeds.CLUSTER
        ),
        Example(
            "allot adopt --undo --platform my-platform --cluster dev-eastus",
            "what was taken over",
            ExampleNeeds.CLUSTER,
        ),
    ),
    ("drift",): (
        Example("allot drift my-platform --cluster dev-eastus", "what differs", ExampleNeeds.CLUSTER),
        Example(
            "allot drift my-platform --cluster dev-eastus --repair --yes", "and put it right", ExampleNeeds.CLUSTER
        ),
    ),
    ("history",): (
        Example("allot history my-platform --cluster dev-eastus", "who applied what", ExampleNeeds.CLUSTER),
        Example(
            "allot history my-platform --cluster dev-eastus --limit 1 -o json", "the last apply", ExampleNeeds.CLUSTER
        ),
    ),
    ("nodes",): (
        Example(
            "allot nodes label --platform my-platform --cluster dev-eastus --pool t4-spot t4-spot-0 t4-spot-1 --yes",
            "two nodes of the pool t4-spot",
            ExampleNeeds.CLUSTER,
        ),
    ),
    ("nodes", "label"): (
        Example(
            "allot nodes label --platform my-platform --cluster dev-eastus --pool t4-spot t4-spot-0 --dry-run=server",
            "what one node lacks",
            ExampleNeeds.CLUSTER,
        ),
        Example(
            "allot nodes label --platform my-platform --cluster dev-eastus --pool t4-spot"
            " --selector allotment.dev/accelerator=t4 --yes",
            "every node with a label",
            ExampleNeeds.CLUSTER,
        ),
    ),
    ("prove",): (
        Example("allot prove my-platform --cluster dev-eastus", "all guardrails", ExampleNeeds.CLUSTER),
        Example(
            "allot prove my-platform --cluster dev-eastus --team nlp --evidence evidence.md",
            "one team's, with a report to keep",
            ExampleNeeds.CLUSTER,
        ),
    ),
}
