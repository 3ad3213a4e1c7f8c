"""Examples of commands that foresee."""

from __future__ import annotations

from typing import Final

from allotment.cli.shell.examples.form import CommandExamples, Example, ExampleNeeds

EXAMPLES: Final[CommandExamples] = {
    ("simulate",): (
        Example("allot simulate examples/scenarios/borrowing.jsonl", "three teams, one day", ExampleNeeds.CHECKOUT),
        Example(
            "allot simulate examples/scenarios/borrowing.jsonl --policy fair-sharing --report fair.html",
            "under another policy, with pictures",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot simulate examples/scenarios/borrowing.jsonl --until 6h --runtime-spread 0.5 --seed 7",
            "only the morning; run times are estimates",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot simulate examples/traces/small.swf --queues-by user --capacity 32 -o json",
            "a trace of your batch system, for programs",
            ExampleNeeds.CHECKOUT,
        ),
    ),
    ("compare",): (
        Example(
            "allot simulate examples/scenarios/borrowing.jsonl -o json > a.json"
            " && allot simulate examples/scenarios/fair-sharing.jsonl -o json > b.json"
            " && allot compare a.json b.json",
            "two policies, the same jobs",
            ExampleNeeds.CHECKOUT,
        ),
    ),
    ("whatif",): (
        Example(
            "allot whatif --change quota:nlp/a100-on-demand/nvidia.com/gpu=21"
            " --snapshot examples/snapshots/training-eastus.json",
            "if nlp had more quota; leave --snapshot out to ask a cluster",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot whatif --file examples/scenarios/borrowing.jsonl --change quota:nlp/a100-spot/nvidia.com/gpu=16",
            "if nlp had eight spot GPUs more",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot whatif --file examples/scenarios/borrowing.jsonl"
            " --change grant:nlp/a100-spot/nvidia.com/gpu=+8,from=2h,until=8h",
            "if it had them for six hours",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot whatif --file examples/scenarios/fair-sharing.jsonl"
            " --change weight:nlp=2 --change policy:strict-fifo",
            "several changes at once",
            ExampleNeeds.CHECKOUT,
        ),
    ),
    ("when",): (
        Example(
            "allot when job/pretrain -n nlp --snapshot examples/snapshots/training-eastus.json",
            "when one job starts; leave --snapshot out to ask a cluster",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot when -A --snapshot examples/snapshots/training-eastus.json",
            "all that wait",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot when --file examples/scenarios/borrowing.jsonl nlp-011 --at 4h --submissions none --runs 50",
            "when one job starts if nobody submits anything more",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot when --file examples/scenarios/borrowing.jsonl --at 150min --runtimes history --runs 20",
            "all that wait; how long jobs run is known from those that ended",
            ExampleNeeds.CHECKOUT,
        ),
    ),
    ("capacity",): (
        Example(
            "allot capacity 4xa100,cpu=32,memory=256Gi --snapshot examples/snapshots/training-eastus.json",
            "how many more of these each queue takes now",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot capacity --file examples/placements/training-eastus.jsonl -l allotment.dev/accelerator=a100",
            "where is free GPU?",
            ExampleNeeds.CHECKOUT,
        ),
        Example(
            "allot capacity --file examples/placements/training-eastus.jsonl --shape 4xa100,cpu=32,memory=256Gi",
            "how many more of these fit, and what stands in the way",
            ExampleNeeds.CHECKOUT,
        ),
    ),
    ("conformance",): (
        Example(
            "allot conformance kueue examples/scenarios/*.jsonl --write ours.jsonl",
            "what the engine decides, in the corpus's format",
            ExampleNeeds.CHECKOUT,
        ),
    ),
    ("conformance", "kueue"): (
        Example(
            "allot conformance kueue examples/scenarios/*.jsonl --write ours.jsonl",
            "compare where decisions are recorded, and keep our own",
            ExampleNeeds.CHECKOUT,
        ),
    ),
    ("conformance", "placement"): (
        Example(
            "allot conformance placement examples/placements/three-pods.jsonl --write ours.jsonl",
            "which node, and why not",
            ExampleNeeds.CHECKOUT,
        ),
    ),
}
