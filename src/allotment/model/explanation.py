"""The answer to "why is it waiting?": one dominant cause, what it rests on, and what would help.

The words (causes, verdicts, kinds of remedies) are part of the JSON answer and keep their meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from allotment.model.observed.base import Reference


class Layer(StrEnum):
    """The layers that a job passes, in their order."""

    SUBMISSION = "submission"
    POLICY = "policy"
    QUEUE = "queue"
    QUOTA = "quota"
    SCHEDULER = "scheduler"
    AUTOSCALER = "autoscaler"
    NODE = "node"
    STORAGE = "storage"
    POD = "pod"
    SLURM = "slurm"
    """Whatever keeps a job of a Slurm: its scheduler names limits, nodes and holds in one word."""
    SERVER = "server"
    """Whatever keeps a job on the server of this machine, before its back end has it."""


class CauseVerdict(StrEnum):
    """What kind of thing keeps it from running."""

    MISCONFIGURED = "misconfigured"
    """A person must change something."""
    WAITING = "waiting"
    """It runs by itself when something ends, or its time comes."""
    BROKEN = "broken"
    """Something that should work is defective."""


class Confidence(StrEnum):
    """How sure a cause is."""

    SURE = "sure"
    LIKELY = "likely"
    UNSURE = "unsure"


class RemedyKind(StrEnum):
    """What kind of act helps."""

    FIX_QUEUE_NAME = "fix-queue-name"
    RESUME_QUEUE = "resume-queue"
    RAISE_QUOTA = "raise-quota"
    RAISE_BORROWING_LIMIT = "raise-borrowing-limit"
    RAISE_LENDING_LIMIT = "raise-lending-limit"
    WAIT_FOR_QUOTA = "wait-for-quota"
    WAIT_FOR_CAPACITY = "wait-for-capacity"
    REDUCE_REQUEST = "reduce-request"
    ADD_TOLERATION = "add-toleration"
    FIX_SELECTOR = "fix-selector"
    FIX_LABEL = "fix-label"
    ADD_NODE = "add-node"
    UNCORDON = "uncordon"
    REPAIR_NODE = "repair-node"
    REPAIR_DEVICE_PLUGIN = "repair-device-plugin"
    FIX_IMAGE = "fix-image"
    ADD_PULL_SECRET = "add-pull-secret"  # noqa: S105  a kind of remedy, and no password
    FIX_VOLUME = "fix-volume"
    FIX_COMMAND = "fix-command"
    RAISE_PRIORITY = "raise-priority"
    CHANGE_FLAVOR = "change-flavor"
    SPLIT_GANG = "split-gang"
    DEFRAGMENT = "defragment"
    FIX_POLICY_VIOLATION = "fix-policy-violation"
    ASK_PERMISSION = "ask-permission"
    RAISE_NAMESPACE_QUOTA = "raise-namespace-quota"
    FIX_LIMITS = "fix-limits"
    FINISH_DEPENDENCY = "finish-dependency"
    RAISE_AUTOSCALER_MAX = "raise-autoscaler-max"
    ASK_CLOUD_QUOTA = "ask-cloud-quota"
    UNSUSPEND = "unsuspend"
    FIX_ADMISSION_CHECK = "fix-admission-check"
    ADD_FLAVOR = "add-flavor"
    OTHER = "other"


class Doer(StrEnum):
    """Who can do it, cheapest first."""

    USER = "user"
    TEAM_OWNER = "team-owner"
    PLATFORM = "platform"


class PatchOp(StrEnum):
    """How an object is changed."""

    MERGE = "merge-patch"
    """JSON merge patch."""
    STRATEGIC = "strategic-merge-patch"
    """Lists of containers, volumes and tolerations are merged by their key, so that only what changes is named."""
    JSON = "json-patch"
    CREATE = "create"
    DELETE = "delete"
    RESUBMIT = "resubmit"
    """The object cannot be changed once made: deleted and created anew with a strategic patch of what it was, or, where
    the body is a list, with a JSON patch."""
    WAIT = "wait"
    """Nothing is changed."""
    SIGNAL = "signal"
    """Something outside the cluster has to act: a controller, a kubelet, a person."""


class StartsWhen(StrEnum):
    """What the twins say of a remedy."""

    NOW = "now"
    LATER = "later"
    NO = "no"
    NOT_SIMULATED = "not-simulated"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A value that the cause rests on.

    Attributes:
        object: where it was read.
        field: its path in the object, such as ``status.conditions[QuotaReserved].message``.
        value: as it stands there.
        says: what it means, one clause.
    """

    object: Reference
    field: str
    value: Any
    says: str = ""


@dataclass(frozen=True, slots=True)
class ContributingCause:
    """A further true cause: not the dominant one."""

    cause: str
    summary: str


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Place in a ClusterQueue: so many are ahead, of so many that wait."""

    queue: str
    ahead: int
    of: int


@dataclass(frozen=True, slots=True)
class StartWindow:
    """When it starts: an interval (RFC 3339) with its confidence, or never as things are."""

    start: str = ""
    end: str = ""
    confidence: float = 0.0
    never: bool = False


@dataclass(frozen=True, slots=True)
class Patch:
    """A change of an object; `body` in the form of `op`."""

    op: PatchOp
    body: Any = None


@dataclass(frozen=True, slots=True)
class Tried:
    """What the twins said of a remedy.

    Attributes:
        starts: whether the subject starts with it.
        at: when, if later and known.
        displaces: work that it takes something from, as names the asker may see.
    """

    starts: StartsWhen
    at: StartWindow | None = None
    displaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remedy:
    """Something that helps, and how it was tried.

    Attributes:
        command: text to copy into a shell; empty where there is none.
    """

    kind: RemedyKind
    who: Doer
    summary: str
    target: Reference | None = None
    patch: Patch | None = None
    tried: Tried = Tried(StartsWhen.NOT_SIMULATED)
    command: str = ""


@dataclass(frozen=True, slots=True)
class FlavorTried:
    """A flavor or node pool in the order in which it was tried, with one reason and one number."""

    name: str
    reason: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a subject does not run.

    Attributes:
        cause: id of the vocabulary, ``unknown`` where nothing was found, ``none`` where nothing is wrong.
        code: ``ALT-nnnn`` of the cause; empty for `none`.
        summary: one sentence with the numbers.
        facts: names and numbers of the answer.
        considered: whether the scheduler or Kueue has looked at it yet.
        flavors: what was tried, in order.
        unseen: what could not be read, or is not modelled, so far as it bears on the answer.
    """

    subject: Reference
    observed_at: str
    cause: str
    code: str
    layer: Layer | None
    verdict: CauseVerdict | None
    confidence: Confidence
    summary: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    contributing: tuple[ContributingCause, ...] = ()
    considered: bool = True
    position: QueuePosition | None = None
    start: StartWindow | None = None
    flavors: tuple[FlavorTried, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    unseen: tuple[str, ...] = ()
