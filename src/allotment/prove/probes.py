"""Probes as data: who tries what, and what a guardrail that works answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from allotment.model.cluster import Cluster
from allotment.model.manifest import Body, Manifests, ObjectKey
from allotment.model.platform import Platform
from allotment.prove.refusers import RefuserKind

PROBE_NAME: Final = "allotment-prove"
"""Name of every object that a probe makes or asks for."""

MARK: Final = "allotment.dev/prove"
"""Label of the few objects that are made for real, so that a later run can sweep up after one that was killed."""

_ACCOUNT: Final = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody to act as.

    Attributes:
        title: as reports name them, for example ``a member of nlp``.
        groups: empty for ourselves: whoever runs prove, without impersonation.
    """

    title: str
    user: str
    groups: tuple[str, ...]

    @property
    def is_ourselves(self) -> bool:
        """Whether nobody is impersonated."""
        return not self.groups

    @property
    def account(self) -> tuple[str, str] | None:
        """Namespace and name of a service account; None for people."""
        namespace, _, name = self.user.removeprefix(_ACCOUNT).partition(":")
        return (namespace, name) if self.user.startswith(_ACCOUNT) else None


OURSELVES: Final = Persona("the engineer who runs prove", "", ())


@dataclass(frozen=True, slots=True)
class Right:
    """One cell of a can-i matrix; an empty namespace means the whole cluster."""

    verb: str
    group: str
    resource: str
    subresource: str
    namespace: str

    @property
    def path(self) -> str:
        """``resource[/subresource]``, as rules of roles write it."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource

    def __str__(self) -> str:
        """``verb resource[.group][/subresource]``."""
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {resource}{f'/{self.subresource}' if self.subresource else ''}"


@dataclass(frozen=True, slots=True)
class Post:
    """A creation, tried as a dry run."""

    body: Body


@dataclass(frozen=True, slots=True)
class Amend:
    """A merge patch, tried as a dry run.

    Attributes:
        given: made for real before and removed afterwards; None if the object is there already.
    """

    api_version: str
    key: ObjectKey
    patch: Body
    given: Body | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    """A deletion, tried as a dry run."""

    api_version: str
    key: ObjectKey


@dataclass(frozen=True, slots=True)
class AskRights:
    """Questions to the authorizer, each with the answer it should give."""

    cells: tuple[tuple[Right, bool], ...]


@dataclass(frozen=True, slots=True)
class AsDeclared:
    """Objects that should be in the cluster exactly as the platform declares them."""

    keys: tuple[ObjectKey, ...]


@dataclass(frozen=True, slots=True)
class Inspect:
    """Objects of one kind, read and judged by a pure function that returns what is wrong, or nothing."""

    api_version: str
    kind: str
    namespace: str
    fault: Callable[[tuple[Body, ...]], str]


@dataclass(frozen=True, slots=True)
class LookAround:
    """What is in the cluster beside the platform's objects.

    Attributes:
        team: whose namespace; empty for all that concerns no single team.
        kinds: which of what is found; empty for everything.
    """

    team: str
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RunJob:
    """A short-lived Job made for real, which Kueue should admit; removed whatever happens.

    Attributes:
        body: the Job, asking for an accelerator where the team has any.
        modest: the same without accelerators where that finds a node, for when all of them are busy.
        workloads: (apiVersion, kind) of Kueue's workloads.
        queue: the ClusterQueue that should admit it.
        resource: the accelerator's resource name; empty if the Job asks for none.
    """

    body: Body
    modest: Body
    workloads: tuple[str, str]
    queue: str
    resource: str


@dataclass(frozen=True, slots=True)
class CompareNodes:
    """The cluster's nodes against its declared pools."""

    platform: Platform
    cluster: Cluster


@dataclass(frozen=True, slots=True)
class CompareWork:
    """Running work against the flavors that its queues are declared to count."""

    manifests: Manifests


@dataclass(frozen=True, slots=True)
class RunWork:
    """Short-lived work made for real and followed to where it runs; removed whatever happens.

    Attributes:
        bodies: a Job, or the pods of a group.
        needs: what its pods ask for together.
        workloads: (apiVersion, kind) of Kueue's workloads.
        queue: the ClusterQueue that should admit it.
        runs: whether its image exists: then its pods must run, else they are followed to their admission.
    """

    bodies: tuple[Body, ...]
    needs: Mapping[str, Fraction]
    workloads: tuple[str, str]
    queue: str
    runs: bool

    @property
    def pods(self) -> int:
        """How many pods it has: a Job of a probe has one."""
        return len(self.bodies)


@dataclass(frozen=True, slots=True)
class Nobody:
    """There is nobody to try it as, and that is declared so."""

    why: str


Look = AskRights | AsDeclared | Inspect | LookAround | CompareNodes | CompareWork | Nobody
"""Attempts that ask or read only."""

Attempt = Post | Amend | Remove | RunJob | RunWork | Look


@dataclass(frozen=True, slots=True)
class MustRefuse:
    """A refusal, by one kind of refuser and no other.

    Attributes:
        name: of the policy, where one is to refuse.
        says: part of the message.
    """

    by: RefuserKind
    name: str = ""
    says: str = ""

    def __str__(self) -> str:
        """As reports show it."""
        words = f', saying "{self.says}"' if self.says else ""
        return f"refused by {f'{self.by.value} {self.name}'.strip()}{words}"


@dataclass(frozen=True, slots=True)
class MustWarn:
    """Admitted, with a warning from the policy."""

    name: str

    def __str__(self) -> str:
        """As reports show it."""
        return f"admitted with a warning of admission policy {self.name}"


@dataclass(frozen=True, slots=True)
class OnlyWarns:
    """Admitted, with a warning from a policy that refuses elsewhere: it stands as declared, and guards nothing here."""

    name: str
    namespace: str

    def __str__(self) -> str:
        """As reports show it."""
        return f"admitted with a warning of admission policy {self.name}, which only warns in {self.namespace}"


@dataclass(frozen=True, slots=True)
class MayPass:
    """Admitted without a word: the policy only writes into the audit log, which we cannot read."""

    name: str

    def __str__(self) -> str:
        """As reports show it."""
        return f"admitted, and noted in the audit log by admission policy {self.name}"


@dataclass(frozen=True, slots=True)
class MustAccept:
    """Admitted, without a warning of ours, and with an object that `fault` finds nothing wrong with."""

    what: str = "admitted"
    fault: Callable[[Body], str] | None = None

    def __str__(self) -> str:
        """As reports show it."""
        return self.what


@dataclass(frozen=True, slots=True)
class MustHold:
    """For attempts that find faults themselves: none.

    Attributes:
        unproved: why the guardrail is not proved even so; empty if it is.
    """

    what: str
    unproved: str = ""

    def __str__(self) -> str:
        """As reports show it."""
        return self.what


Expectation = MustRefuse | MustWarn | OnlyWarns | MayPass | MustAccept | MustHold


@dataclass(frozen=True, slots=True)
class Probe:
    """One try.

    Attributes:
        tried: what is tried, in words that complete "tried: …".
        object: what it is tried on, or what implements the guardrail.
        needs: right without which the persona's refusal would say nothing about the guardrail.
    """

    tried: str
    object: str
    persona: Persona
    attempt: Attempt
    expected: Expectation
    needs: Right | None = None
