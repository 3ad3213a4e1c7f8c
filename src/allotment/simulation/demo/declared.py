"""The platform directory of the demo: four clusters of 600 nodes together, shared by forty teams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

PLATFORM: Final = "demo"
TEAMS: Final = (
    *("nlp", "cv", "recsys", "data-science", "robotics", "speech", "search", "ads", "fraud", "forecasting"),
    *("genomics", "chemistry", "materials", "climate", "energy", "logistics", "pricing", "maps", "video", "audio"),
    *(
        "safety",
        "alignment",
        "evaluation",
        "retrieval",
        "agents",
        "translation",
        "summaries",
        "code",
        "math",
        "vision3d",
    ),
    *("avatars", "games", "health", "imaging", "satellite", "simulation", "control", "edge", "privacy", "education"),
)
"""Forty; the first fourteen serve in production, too."""
SERVING_TEAMS: Final = TEAMS[:14]
_SPOT: Final = "\n    taints:\n      - {key: kubernetes.azure.com/scalesetpriority, value: spot}"


@dataclass(frozen=True, slots=True)
class DemoPool:
    """A node pool.

    Attributes:
        devices: of a node; 0 for none.
    """

    name: str
    nodes: int
    accelerator: str = ""
    devices: int = 0
    capacity: str = "on-demand"
    cpu: int = 92
    memory: str = "1700Gi"
    machine: str = "Standard_ND96amsr_A100_v4"

    def text(self) -> str:
        """As the directory has it."""
        devices = f"\n    accelerator: {self.accelerator}\n    acceleratorsPerNode: {self.devices}"
        priced = "\n    pricePerHour: 7"
        return (
            f"  - name: {self.name}{devices if self.devices else priced}\n    capacityType: {self.capacity}\n"
            f"    cpu: {self.cpu}\n    memory: {self.memory}\n    minNodes: {self.nodes}\n    maxNodes: {self.nodes}\n"
            f"    machineType: {self.machine}{_SPOT if self.capacity == 'spot' else ''}\n"
        )


@dataclass(frozen=True, slots=True)
class DemoCluster:
    """A cluster.

    Attributes:
        running: jobs that are to run there, about.
        waiting: jobs that are to wait there, about.
    """

    name: str
    purpose: str
    region: str
    pools: tuple[DemoPool, ...]
    running: int
    waiting: int

    def text(self) -> str:
        """As the directory has it."""
        pools = "".join(each.text() for each in self.pools)
        return (
            f"kind: Cluster\nname: {self.name}\npurpose: {self.purpose}\nregion: {self.region}\nprovider: azure\n"
            "versions:\n  kubernetes: 1.36.3\n  kueue: 0.19.2\n  driver: 550.54.15\n  cuda: 12.4\n  cudnn: 9.1.0\n"
            "  runtime: containerd 1.7\n"
            f"features: [network-policy, pod-integration]\ncohorts:\n  - name: {self.name}\nnodePools:\n{pools}"
        )


def _serving(region: str, location: str) -> DemoCluster:
    pools = (
        DemoPool("a100-reserved", 60, "a100", 4, "reserved", 92, "820Gi", "Standard_NC96ads_A100_v4"),
        DemoPool("a10g-reserved", 60, "a10g", 2, "reserved", 70, "840Gi", "Standard_NV72ads_A10_v5"),
    )
    return DemoCluster(f"prod-inference-{region}", "serving", location, pools, 30, 2)


CLUSTERS: Final = (
    DemoCluster(
        "training-eastus",
        "training",
        "eastus",
        (
            DemoPool("a100-on-demand", 60, "a100", 8),
            DemoPool("a100-spot", 100, "a100", 8, "spot"),
            DemoPool("h100-spot", 60, "h100", 8, "spot", machine="Standard_ND96isr_H100_v5"),
            DemoPool("cpu", 60, memory="700Gi", machine="Standard_E96ds_v5"),
        ),
        150,
        35,
    ),
    _serving("eastus", "eastus"),
    _serving("westeu", "westeurope"),
    DemoCluster(
        "dev-eastus",
        "development",
        "eastus",
        (
            DemoPool("t4-spot", 50, "t4", 4, "spot", 62, "410Gi", "Standard_NC64as_T4_v3"),
            DemoPool("a10g-spot", 30, "a10g", 2, "spot", 70, "840Gi", "Standard_NV72ads_A10_v5"),
        ),
        60,
        6,
    ),
)
_IDLE: Final = "# Two hours of the fleet.\nidle:\n  - {name: idle-2h, after: 2m}\n"
_TRAINING: Final = """\
  training-eastus:
    cpu: {nominal: 512, borrowingLimit: 512}
    memory: {nominal: 8Ti, borrowingLimit: 8Ti}
    accelerators:
      a100-on-demand: {nominal: 11, borrowingLimit: 20}
      a100-spot: {nominal: 18, borrowingLimit: 44}
      h100-spot: {nominal: 11, borrowingLimit: 20}
"""
_PRODUCTION: Final = """\
  {cluster}:
    cpu: {{nominal: 512, borrowingLimit: 128}}
    memory: {{nominal: 6Ti, borrowingLimit: 1Ti}}
    accelerators:
      a100: {{nominal: 16, borrowingLimit: 8}}
      a10g: {{nominal: 8, borrowingLimit: 4}}
"""
_DEVELOPMENT: Final = """\
  dev-eastus:
    cpu: {nominal: 96, borrowingLimit: 64}
    memory: {nominal: 900Gi, borrowingLimit: 512Gi}
    accelerators:
      t4: {nominal: 4, borrowingLimit: 8}
      a10g: {nominal: 1, borrowingLimit: 3}
"""


def declared(example: Mapping[str, str]) -> dict[str, str]:
    """The files of the directory.

    Args:
        example: those of the platform that comes along: what holds for all of it is taken over.
    """
    general = {path: text for path, text in example.items() if "/" not in path}
    general["platform.yaml"] = general["platform.yaml"].replace("name: acme\n", f"name: {PLATFORM}\n{_IDLE}", 1)
    return {
        **general,
        **{f"clusters/{each.name}.yaml": each.text() for each in CLUSTERS},
        **{f"teams/{name}.yaml": _team(number, name) for number, name in enumerate(TEAMS)},
    }


def _team(number: int, name: str) -> str:
    return (
        f"kind: Team\nname: {name}\ncostCenter: cc-{4500 + number}\n"
        f"groups:\n  owners: [acme-{name}-leads]\n  members: [acme-{name}]\n"
        "memberLimits:\n  cpu: 92\n  memory: 1700Gi\n  accelerators: 8\n"
        f"projects: [{', '.join(projects_of(name))}]\n"
        f"priorities: [{', '.join(_rungs(name))}]\n"
        f"placements:\n{''.join(_placements(name))}"
    )


def projects_of(team: str) -> tuple[str, ...]:
    """Projects of a team."""
    return (f"{team}-core", f"{team}-next")


def _rungs(team: str) -> Iterator[str]:
    yield from ("exploratory", "scheduled-training")
    if team in SERVING_TEAMS:
        yield "production-inference"


def _placements(team: str) -> Iterator[str]:
    yield _TRAINING
    if team in SERVING_TEAMS:
        for each in CLUSTERS:
            if each.purpose == "serving":
                yield _PRODUCTION.format(cluster=each.name)
    yield _DEVELOPMENT
