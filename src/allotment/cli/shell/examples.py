"""Every command's examples, as data: `--help` prints them, and the tests run each of them as it stands."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ExampleNeeds(StrEnum):
    """What must be there for an example to work."""

    DIRECTORY = "directory"
    """The reference platform as `my-platform`; tested offline."""
    CLUSTER = "cluster"
    """A live API server in the kubeconfig; tested against a sandbox."""
    SANDBOX = "sandbox"
    """A sandbox called `dev-eastus`, or the right to start one."""
    CHECKOUT = "checkout"
    """The repository's folder `examples` in the current one; tested offline."""


@dataclass(frozen=True, slots=True)
class Example:
    """One command line.

    Attributes:
        line: as a user types it into a shell.
        note: what it is for.
    """

    line: str
    note: str
    needs: ExampleNeeds = ExampleNeeds.DIRECTORY

    def spoken_as(self, program: str) -> str:
        """The line with the program's name as the user called it."""
        return self.line.replace("allot ", f"{program} ") if program != "allot" else self.line


_ROBOTICS: Final = "--accelerator a100=4 --cpu 32 --memory 128Gi --group grp-robotics --cost-center cc-2000"

EXAMPLES: Final[dict[tuple[str, ...], tuple[Example, ...]]] = {
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
    ("accelerator",): (Example("allot accelerator list my-platform", "the catalogue"),),
    ("accelerator", "list"): (
        Example("allot accelerator list my-platform", "the catalogue"),
        Example("allot accelerator list my-platform -l present=true --sort-by=-memory", "what we have, largest first"),
    ),
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
    ("whatif",): (
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
    ("causes",): (
        Example("allot causes", "all of them, in their order"),
        Example("allot causes -l layer=queue", "those of one layer"),
    ),
    ("explain",): (
        Example("allot explain", "all kinds"),
        Example("allot explain team", "a kind's fields"),
        Example("allot explain team.placements.accelerators", "a field below"),
        Example("allot explain ALT-1201", "a cause that `allot why` tells"),
    ),
    ("schema",): (Example("allot schema --out allotment.schema.json", "for your editor"),),
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
"""By the command's words."""


def examples_of(path: tuple[str, ...]) -> tuple[Example, ...]:
    """The examples of a command."""
    return EXAMPLES.get(path, ())
