"""Examples of commands that declare a platform, and of `allot` itself."""

from __future__ import annotations

from typing import Final

from allotment.cli.shell.examples.form import CommandExamples, Example, ExampleNeeds

_ROBOTICS: Final = "--accelerator a100=4 --cpu 32 --memory 128Gi --group grp-robotics --cost-center cc-2000"

EXAMPLES: Final[CommandExamples] = {
    (): (
        Example("allot init new-platform && allot validate new-platform", "begin a platform of your own"),
        Example("allot plan my-platform --cluster training-eastus --offline", "see what a cluster would get"),
        Example("allot explain team.placements", "look a field up"),
    ),
    ("init",): (
        Example("allot init new-platform", "a commented starter directory"),
        Example("allot init new-platform --name research", "the same, with a name for the platform"),
    ),
    ("import",): (
        Example(
            "allot import from-dev --cluster dev", "a directory from the kubeconfig's cluster", ExampleNeeds.CLUSTER
        ),
    ),
    ("validate",): (
        Example("allot validate my-platform", "check, and sum up"),
        Example("cd my-platform && allot validate --strict", "in the directory itself; warnings fail too"),
        Example("allot validate my-platform -o wide -l cluster=training-eastus", "quota of one cluster, as rows"),
        Example("allot validate my-platform -o json", "the same as one document, for programs"),
    ),
    ("team",): (
        Example("allot team list --platform my-platform", "who is there"),
        Example(f"allot team add robotics --platform my-platform --cluster training-eastus {_ROBOTICS}", "a new team"),
    ),
    ("team", "add"): (
        Example(
            f"allot team add robotics --platform my-platform --cluster training-eastus {_ROBOTICS}",
            "add a team; shows the diff",
        ),
        Example(
            f"allot team add robotics --platform my-platform --cluster training-eastus {_ROBOTICS} --dry-run=client",
            "only show what would change",
        ),
    ),
    ("team", "set"): (
        Example(
            "allot team set nlp --platform my-platform --cluster training-eastus --cpu 200",
            "another guarantee, in its place in the file",
        ),
        Example(
            "allot team set nlp --platform my-platform --group acme-nlp --group acme-speech",
            "who its members are: these groups, and no others",
        ),
        Example("allot team set nlp --platform my-platform --cost-center cc-4600 --dry-run=client", "see the diff"),
    ),
    ("team", "rename"): (
        Example(
            "allot team rename nlp language --platform my-platform", "another name; in no cluster anything changes"
        ),
    ),
    ("team", "remove"): (
        Example(
            "allot team remove cv --platform my-platform --keep-data-until 2099-01-31 --yes",
            "take a team off the clusters, keep its data until a day",
        ),
    ),
    ("team", "purge"): (
        Example("allot team purge --platform my-platform --dry-run=client", "which teams' data are due"),
    ),
    ("team", "list"): (
        Example("allot team list --platform my-platform", "all teams"),
        Example("allot team list --platform my-platform --cluster training-eastus -o wide", "those of a cluster"),
        Example("allot team list --platform my-platform -l isolation=node-pool -o name", "names, for scripts"),
        Example("allot team list --platform my-platform --sort-by cost-center --limit 2", "sorted, the first two"),
    ),
    ("team", "isolation"): (
        Example("allot team isolation", "all levels side by side"),
        Example("allot team isolation --own-hardware --untrusted-code", "the weakest level that is enough"),
    ),
    ("cluster",): (Example("allot cluster list my-platform", "all clusters"),),
    ("cluster", "list"): (
        Example("allot cluster list my-platform", "all clusters"),
        Example("allot cluster list my-platform -l environment=production -o wide", "production, with versions"),
        Example("allot cluster list my-platform -o name", "names, for scripts"),
    ),
    ("cluster", "pools"): (
        Example("allot cluster pools my-platform -l cluster=training-eastus", "node pools of one cluster"),
        Example("allot cluster pools my-platform -o csv", "all of them, for a spreadsheet"),
    ),
    ("cluster", "status"): (
        Example("allot cluster status", "which answer, and how old what is known is", ExampleNeeds.CONNECTED),
        Example("allot cluster status -l state=stale -o name", "those that are away", ExampleNeeds.CONNECTED),
    ),
    ("cluster", "connect"): (
        Example(
            "allot cluster connect training-eastus --kubeconfig kubeconfig --context training-eastus",
            "by one context of a kubeconfig",
            ExampleNeeds.CONNECTED,
        ),
    ),
    ("cluster", "disconnect"): (
        Example(
            "allot cluster disconnect training-eastus", "as the server's own kubeconfig says", ExampleNeeds.CONNECTED
        ),
    ),
    ("cluster", "rotate-key"): (Example("allot cluster rotate-key", "once in a while", ExampleNeeds.CONNECTED),),
    ("cluster", "role"): (
        Example("allot cluster role training-eastus --platform my-platform", "what it needs to be seen"),
        Example(
            "allot cluster role training-eastus --platform my-platform --for-people "
            "--bind-to serviceaccount:allotment-system/server",
            "and to have people's jobs made there, with the bindings",
        ),
    ),
    ("accelerator",): (Example("allot accelerator list my-platform", "the catalogue"),),
    ("accelerator", "list"): (
        Example("allot accelerator list my-platform", "the catalogue"),
        Example("allot accelerator list my-platform -l present=true --sort-by=-memory", "what we have, largest first"),
    ),
}
