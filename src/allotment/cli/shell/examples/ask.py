"""Examples of commands that answer questions about a cluster."""

from __future__ import annotations

from typing import Final

from allotment.cli.shell.examples.form import CommandExamples, Example, ExampleNeeds

EXAMPLES: Final[CommandExamples] = {
    ("snapshot",): (Example("allot snapshot save fleet.json.gz", "what the cluster shows now", ExampleNeeds.CLUSTER),),
    ("snapshot", "save"): (
        Example("allot snapshot save fleet.json.gz", "all that may be read", ExampleNeeds.CLUSTER),
        Example(
            "allot snapshot save cv.json.gz --view team:cv --platform my-platform",
            "what a team's members may see",
            ExampleNeeds.CLUSTER,
        ),
    ),
    ("snapshot", "show"): (
        Example(
            "allot snapshot save fleet.json.gz && allot snapshot show fleet.json.gz",
            "what is in it, and what is not",
            ExampleNeeds.CLUSTER,
        ),
    ),
    ("snapshot", "diff"): (
        Example(
            "allot snapshot record fleet --every 1s --count 2 && allot snapshot diff fleet/*.json.gz",
            "what moved within a second",
            ExampleNeeds.CLUSTER,
        ),
    ),
    ("snapshot", "record"): (
        Example(
            "allot snapshot record hour --every 30s --count 1", "one, named after its moment", ExampleNeeds.CLUSTER
        ),
    ),
    ("snapshot", "from-objects"): (
        Example(
            "allot snapshot from-objects examples/objects/two-nodes.json --out fleet.json.gz",
            "a file of kubectl's",
            ExampleNeeds.CHECKOUT,
        ),
    ),
    ("who",): (
        Example(
            "allot who --snapshot examples/snapshots/holdings.json", "all who hold accelerators", ExampleNeeds.CHECKOUT
        ),
        Example(
            "allot who --accelerator a100 --team nlp --sort-by since --snapshot examples/snapshots/holdings.json",
            "one team's A100s, the oldest first",
            ExampleNeeds.CHECKOUT,
        ),
    ),
    ("gpus",): (
        Example(
            "allot gpus --snapshot examples/snapshots/holdings.json",
            "what there is, what is free, what fits",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot gpus -l accelerator=Tesla-T4 -o json --snapshot examples/snapshots/holdings.json",
            "one accelerator, for programs",
            ExampleNeeds.CHECKOUT,
        ),
    ),
    ("saturation",): (
        Example(
            "allot saturation --snapshot examples/snapshots/holdings.json",
            "what is short: GPUs, or the CPUs beside them?",
            ExampleNeeds.CHECKOUT,
        ),
    ),
    ("waste",): (
        Example(
            "allot waste --snapshot examples/snapshots/holdings.json",
            "what becomes of the GPUs, at one moment",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot waste --by team --platform examples/acme --cluster training-eastus "
            "--snapshot examples/snapshots/training-eastus.json",
            "by team, with the directory's prices",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot snapshot record fleet --every 1s --count 3 && allot waste --recorded fleet --since 7d",
            "GPU-hours over what was recorded",
            ExampleNeeds.CLUSTER,
        ),
    ),
    ("books",): (
        Example(
            "allot books --snapshot examples/snapshots/holdings.json",
            "what is promised, and what is there",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot books --platform examples/acme --cluster training-eastus "
            "--snapshot examples/snapshots/training-eastus.json",
            "the same against the declared pools",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot books --fix lending -y && allot books --fix lending --undo -y",
            "lend only what is healthy, and put it back",
            ExampleNeeds.CLUSTER,
        ),
    ),
    ("queues",): (
        Example(
            "allot queues --snapshot examples/snapshots/training-eastus.json",
            "who borrows from whom, and who waits",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot queues -l cohort=perception --all-resources --snapshot examples/snapshots/training-eastus.json",
            "one cohort, CPU and memory too",
            ExampleNeeds.CHECKOUT,
        ),
    ),
    ("quotas",): (
        Example(
            "allot quotas --snapshot examples/snapshots/training-eastus.json",
            "the fullest limits first",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot quotas -l layer=queue -o csv --snapshot examples/snapshots/training-eastus.json",
            "the queues alone, for programs",
            ExampleNeeds.CHECKOUT,
        ),
    ),
    ("why",): (
        Example(
            "allot why train-llm -n nlp --snapshot examples/snapshots/training-eastus.json",
            "why does my job wait, and what would help?",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot why job/summarise -n nlp --no-remedies --snapshot examples/snapshots/training-eastus.json",
            "the cause alone, at once",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot why -n nlp --snapshot examples/snapshots/training-eastus.json",
            "all that wait in a namespace, by cause",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot why -A -o wide --sort-by -waited --snapshot examples/snapshots/training-eastus.json",
            "everywhere, a line each",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot why job/pretrain -n nlp -o json --snapshot examples/snapshots/training-eastus.json",
            "as a program reads it",
            ExampleNeeds.CHECKOUT,
        ),
        Example("allot why -A", "of the cluster as it is now", ExampleNeeds.CLUSTER),
    ),
}
