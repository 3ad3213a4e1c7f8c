"""Cases from public threads and odd directories: what is asked, and what has to come out. Their inputs stay outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BORROWING: Final = str(Path(__file__).parents[3] / "examples" / "scenarios" / "borrowing.jsonl")
VALID: Final = "valid: "

_MANY: Final = ("e14-whatif", "y03-yaml-oddities")
_BY_DAY: Final = ("weight:nlp=2", "mem-plain", "mem-milli", "helm")


@dataclass(frozen=True, slots=True)
class Case:
    """A call and its answer.

    Attributes:
        folder: of the case; its files are copied to the folder of this name, where the call is made.
        words: of the command line.
        code: exit code.
        says: sentences of the answer, on either stream, whatever blanks are between their words.
        never: what it must not say.
        edit: a file, and a text in it that is replaced before: the input as it was when it failed.
    """

    folder: str
    words: tuple[str, ...]
    code: int
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    edit: tuple[str, str, str] | None = None

    @property
    def nightly(self) -> bool:
        """Of the two largest folders those that failed run by day."""
        return self.folder in _MANY and self.words[-1] not in _BY_DAY

    @property
    def id(self) -> str:
        told = " ".join(word for word in self.words if word != BORROWING)
        return f"{self.folder.partition('-')[0]}: {told}{f' with {self.edit[2].strip()}' if self.edit else ''}"


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _chance()
    yield from _what_if()
    yield from _capacity()
    yield from _directories()
    yield from _oddities()


def _chance() -> Iterator[Case]:
    folder, toss = "e04-fair-hier-priority", "either b-normal or a-high is preempted for c-guaranteed"
    for name in ("fair", "fair-initial", "fair-rev"):
        yield Case(folder, ("simulate", "s.jsonl", "--scenario", name), 0, ("Kueue chooses at random", toss))
    yield Case(folder, ("simulate", "s.jsonl", "--scenario", "classical"), 0, never=("at random",))
    weight = ("whatif", "--file", "s.jsonl", "--scenario", "fair", "--change", "weight:team-a=2")
    yield Case(folder, weight, 0, ("before: Kueue chooses at random", toss), ("after: Kueue",))


def _what_if() -> Iterator[Case]:
    spot, no_gpu = "quota:nlp/a100-spot/nvidia.com/gpu", "it has a100/nvidia.com/gpu, a100-spot/nvidia.com/gpu"
    without = "without fair sharing a weight changes nothing"
    grant = "grant:nlp/a100-spot/nvidia.com/gpu"
    for change, code, says in (
        (f"{spot}=16", 0, "8 → 16"),
        ("quota:nlp/a100-spot/gpu=16", 3, no_gpu),
        (f"{spot}=16Gi", 2, "'16Gi' is no whole number"),
        (f"{spot}=+4", 2, "a quota is written without a sign"),
        ("quota:nlp/nvidia.com/gpu=16", 3, no_gpu),
        (f"{grant}=+8,from=8h,until=2h", 2, "it ends before it begins"),
        (f"{grant}=8", 2, "no amount to add"),
        (f"{grant}=+8,lender=vision", 2, "vision has not that much"),
        ("weight:nlp=0", 0, without),
        ("weight:nlp=-1", 2, "'-1' is no weight"),
        ("weight:nlp=2", 0, without),
        ("hold:NLP", 3, "there are vision, nlp, speech, research"),
        ("hold:nlp,until=30m", 0, "QUEUE"),
        ("hold:nlp,until=1d12h", 2, "'1d12h' is no time"),
        ("policy:fifo", 2, "name one of classical, fair-sharing"),
        ("add-node:x=y", 3, "its flavors are not topology-aware"),
        ("quota:research/a100/nvidia.com/gpu=0", 0, "24 → 0"),
        ("quota:nlp/a100/cpu=64", 3, no_gpu),
        ("job:nothere.jsonl", 3, "there is no file nothere.jsonl"),
    ):
        yield Case("e14-whatif", ("whatif", "--file", BORROWING, "--change", change), code, (says,))
    for change, code, says in (
        (f"{spot}=+4", 2, f"write {spot}=12; or, for a while, {grant}=+4"),
        (f"{spot}=4", 0, "quota nlp/a100-spot/nvidia.com/gpu 8 → 4"),
        (f"{spot}=12", 0, "quota nlp/a100-spot/nvidia.com/gpu 8 → 12"),
        (f"{spot}=-4", 2, "fix: "),
        (f"{spot}=0.5", 2, "comes in whole units"),
        (f"{spot}=500m", 2, "comes in whole units"),
        ("weight:nlp=+1", 2, "a weight is written without a sign"),
    ):
        yield Case("e19-whatif-plus", ("whatif", "--file", BORROWING, "--change", change), code, (says,))


def _capacity() -> Iterator[Case]:
    shapes, slices = "p01-capacity-shapes", "p03-mig-single"
    yield Case(shapes, ("capacity", "--file", "device-without-cpu.jsonl"), 0, ("not enough cpu left on the node (1)",))
    for folder, file, shape, row in (
        (shapes, "zoo.jsonl", "8xmi300x", "8xmi300x 1 0"),
        (shapes, "zoo.jsonl", "8xgaudi2", "8xgaudi2 1 0"),
        (shapes, "zoo.jsonl", "8xamd.com/gpu", "8xamd.com/gpu 1 0"),
        (shapes, "zoo.jsonl", "1xa100", "1xa100 4 64"),
        (slices, "s.jsonl", "1xa100", "1xa100 2 14 GPU model not accepted"),
        (slices, "s.jsonl", "2xa100", "2xa100 1 14"),
        (slices, "s.jsonl", "1xNVIDIA-A100-PCIE-40GB", "1xNVIDIA-A100-PCIE-40GB 2 14"),
        (slices, "s2.jsonl", "1xa100-40gb", "1xa100-40gb 2 14"),
        (slices, "s.jsonl", "1x1g.5gb", "1x1g.5gb 14 2"),
    ):
        yield Case(folder, ("capacity", "--file", file, "--shape", shape), 0, (row,))
    for folder, file, shape, code, says in (
        (shapes, "device-without-cpu.jsonl", "1xgpu", 3, "or name the resource"),
        (shapes, "zoo.jsonl", "1xv100", 3, "there are AMD_Instinct_MI300X_OAM, HL-225"),
        (shapes, "zoo.jsonl", "8", 2, "or the model, for example 8xa100"),
        (slices, "s3.jsonl", "1xa100", 3, "there is no whole device of the model 'a100'"),
    ):
        yield Case(folder, ("capacity", "--file", file, "--shape", shape), code, (says,))
    for file, says in (
        ("kubernetes-quantities.jsonl", "not a whole number"),
        ("kubectl-get-nodes.json", "each line is one JSON object"),
        ("float-no-pods.jsonl", "not a whole number"),
    ):
        yield Case(shapes, ("capacity", "--file", file), 1, (says,))


def _directories() -> Iterator[Case]:
    university, cluster = "y01-university", "plat/cluster.yaml"
    yield Case(university, ("validate", "plat"), 0, (VALID, "8 v100", "8 gaudi2"))
    unknown = ("declare", "kind: Accelerator")
    made_up = (cluster, "accelerator: v100", "accelerator: v1000x")
    yield Case(university, ("validate", "plat"), 1, unknown, ('did you mean "h100"',), made_up)
    none_yet = (cluster, "minNodes: 0\n    maxNodes: 1", "minNodes: 0\n    maxNodes: 0")
    yield Case(university, ("validate", "plat"), 0, (VALID,), edit=none_yet)

    groups = "y02-groups-and-nowhere"
    everybody = '"system:authenticated" is a group of Kubernetes itself'
    for folder, says in (
        ("plat", (everybody, '"system:masters"', "has rights in team fraud too", "is among the engineers too")),
        ("everyone-is-engineer", (everybody, '"system:unauthenticated"', '"system:serviceaccounts"')),
        ("odd", ("adminGroups[1]", everybody)),
        ("sys", ('"system:unauthenticated"', '"system:serviceaccounts"')),
    ):
        yield Case(groups, ("validate", folder, "--strict"), 1, says)

    kueue = "y04-kueue-v1beta1"
    yield Case(kueue, ("validate", "plat"), 1, ("Kueue 0.8.1 does not serve the kind Cohort",))
    for version, served in (("0.5", 0), ("0.12.3", 0), ("0.13.0", 1), ("0.14.2", 1), ("0.15.0", 1)):
        written = ("v/p.yaml", "kueue: v0.14.2}\nqueueLayout: per-team\nkueueApi: v1beta2",
                   f"kueue: v{version}}}\nqueueLayout: per-team\nkueueApi: v1beta1")  # fmt: skip
        says = VALID if served else f"Kueue {version} does not serve the kind Cohort as v1beta1"
        yield Case(kueue, ("validate", "v"), 0 if served else 1, (says,), edit=written)
    yield Case(kueue, ("validate", "v"), 1, ("Kueue 0.14.2 does not serve v1beta2",))

    foreign = ("plat2/platform.yaml", 'include: ["platform.yaml"]\n', "")
    says = ("kustomization.yaml:2:1", "a file that is not the platform's is left out by `include`")
    yield Case("y07-gitops-repo", ("validate", "plat2"), 1, says, edit=foreign)
    yield Case("y07-gitops-repo", ("validate", "plat2"), 0, (VALID,))

    yield Case("y08-long-names", ("validate", "plat"), 0, (VALID,))
    yield Case("y10-mixed-mig", ("validate", "plat"), 1, ('did you mean "accelerator"?',))
    yield Case("y10-mixed-mig", ("validate", "plat2"), 0, ("a device gives 7 of a100-1g-10gb",))

    add = ("team", "add", "robots", "--platform", "acme", "--cluster", "training-eastus", "--accelerator", "a100=4",
           "--cpu", "32", "--dry-run", "client")  # fmt: skip
    for flags, code, says_ in (
        (("--group", "g", "--memory", "128"), 1, 'memory.nominal: "128" has no unit of memory'),
        (("--group", "g", "--memory", "128GB"), 2, "unknown suffix 'GB'"),
        (("--group", "system:masters", "--memory", "128Gi"), 1, '"system:masters" is a group of Kubernetes itself'),
        (("--group", "system:authenticated", "--memory", "128Gi"), 1, everybody),
        (("--group", "g", "--memory", "128Gi"), 0, "nothing was written to acme"),
    ):
        yield Case("y11-team-add", (*add, *flags), code, (says_,))

    yield Case("y14-dns", ("validate", "plat"), 0, ("0.0.0.0/0 contains", VALID), ("169.254.20.10", "no whole number"))
    metadata = "169.254.169.254/32 is a cloud's metadata address"
    yield Case("y14-dns", ("validate", "meta"), 1, (metadata,))
    yield Case("y14-dns", ("render", "meta", "--out", "tree"), 1, (metadata,))
    yield Case("y15-shared-layout-warnings", ("validate", "plat", "--strict"), 0, (VALID,), ("borrowing limit",))
    yield Case("adoption", ("validate", "biotech"), 0, (VALID,))


NO_UNIT: Final = "has no unit of memory"
NO_NAME: Final = "is no Kubernetes name"
ODD: Final = {
    "cost-center-spaces": "cannot be the value of a label",
    "cpu-k": "1000 CPU are guaranteed, the pools can have 384",
    "cpu-mi": "1048576 CPU are guaranteed",
    "date": '"31.12.2026" is no date',
    "dot-team": NO_NAME,
    "dup": '"name" is given twice',
    "empty": "no document of kind Platform",
    "envsubst": "${TEAM_CPU}",
    "gpu-float": "is no whole number",
    "gpu-half": "is no whole number",
    "gpu-milli": "is no whole number",
    "helm": "fill templates ({{ … }}) in before Allotment reads the file",
    "k8s-manifest": "is left out by `include`",
    "latin1": "byte 0xfc is no UTF-8",
    "long-team": "a text of 64 characters is no Kubernetes name",
    "mem-bytes": NO_UNIT,
    "mem-exp": NO_UNIT,
    "mem-gb": "is no amount of memory",
    "mem-gib-lower": "is no amount of memory",
    "mem-milli": NO_UNIT,
    "mem-plain": NO_UNIT,
    "mem-space": "is no amount of memory",
    "merge": "merge keys (<<) are not supported",
    "neg": "-1 is negative",
    "on-key": 'unknown field "on"',
    "only-comment": "no document of kind Platform",
    "over": "33 devices of a100-on-demand are guaranteed, the pools can have 32",
    "resource-name-as-accelerator": "choose one of: a100, a100-on-demand",
    "standalone-on": "write true or false",
    "standalone-yes": "write true or false",
    "tab": "not valid YAML",
    "taint-string": "where a mapping belongs",
    "upper-team": NO_NAME,
    "utf16": "byte 0xff is no UTF-8",
    "version-float": "Kueue 0.10 does not serve the kind Cohort",
}
"""Directories that are refused, by what is said; the others are valid, and mean what they say."""

FINE: Final = (
    "bom", "cost-center-leading-zero", "cpu-exp", "cpu-half", "cpu-micro", "crlf", "digit-only-team", "digit-team",
    "emptydoc", "group-int", "key-string", "labels-number", "long63-team", "mem-256G", "mem-frac", "quoted-gpu",
    "version-eks", "version-plus", "version-v", "yes-team",
)  # fmt: skip


def _oddities() -> Iterator[Case]:
    folder = "y03-yaml-oddities"
    for name, says in ODD.items():
        yield Case(folder, ("validate", name), 1, (says,))
    for name in FINE:
        yield Case(folder, ("validate", name), 0, (VALID,))
    for name, release in (("version-eks", "v1.33"), ("version-plus", "v1.32"), ("version-v", "v1.31")):
        render = ("render", name, "--cluster", "lab", "-o", "yaml")
        yield Case(folder, render, 0, (f"pod-security.kubernetes.io/enforce-version: {release}",))
