"""Kind Platform: what holds for the whole directory. Also StorageClass and Prices."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from allotment.model.policy import USUAL_IDLE, IdleMode, IdleWork
from allotment.spec.schema.base import KindSpec, Spec
from allotment.spec.schema.choices import CapacityTypeChoice, IdleActionChoice, IdleModeChoice, IdleWorkChoice
from allotment.spec.schema.scalars import (
    Currency,
    Date,
    Flag,
    Line,
    Name,
    ObjectName,
    Price,
    Seconds,
    Text,
    Url,
    WholePercent,
)

ALWAYS_EXEMPT: Final = ("kube-system", "kube-public", "kube-node-lease", "allotment-system", "kueue-system")
"""Exempt whatever the directory says: a policy that blocks one of them breaks the cluster or its own repair."""


class GitopsSpec(Spec):
    """Where the rendered tree lives."""

    repository: Line = Field(
        default="https://git.example.com/platform/fleet-config.git",
        description="URL that Flux and Argo CD clone. The default is a placeholder; only their entry points use it.",
    )
    branch: Line = Field(default="main", description="Branch they follow; main because hosts create it by default.")
    path: Line = Field(
        default=".",
        description="Folder of the rendered tree in that repository; the root, as for a repository of its own.",
    )


class AcceptedSpec(Spec):
    """An object that is not the platform's, and is known: drift and prove do not name it."""

    kind: Literal[
        "ClusterQueue",
        "ClusterRole",
        "ClusterRoleBinding",
        "Cohort",
        "LimitRange",
        "LocalQueue",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "NetworkPolicy",
        "PriorityClass",
        "ResourceQuota",
        "Role",
        "RoleBinding",
        "Secret",
        "ServiceAccount",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    ] = Field(description="Its kind.")
    name: Line = Field(description="Its name.")
    namespace: Line = Field(
        default="",
        description="Its namespace; every namespace by default, and none for kinds that lie in none.",
    )
    subjects: tuple[Line, ...] = Field(
        default=(),
        description="Of a binding: names of the users, groups and service accounts (namespace/name) it is accepted "
        "for, so that somebody added later is named again. Whomever it names by default.",
    )
    reason: Line = Field(description="Why it is there, for whoever reads this next.")
    until: Date | None = Field(default=None, description="Last day of the acceptance; for good by default.")


class IdleSpec(Spec):
    """A rule of idleness: what is marked when work holds devices and does not use them. Nothing is ever stopped."""

    name: Name = Field(description="Name of the rule, as reports have it.")
    work: tuple[IdleWorkChoice, ...] = Field(
        default=tuple(IdleWork),
        description="Kinds of work that it is about: job, notebook, service. All by default; a kind has one rule at "
        "most.",
    )
    below: WholePercent = Field(
        default=USUAL_IDLE.below, description="A device is idle while it is less busy than this."
    )
    after: Seconds = Field(
        default=USUAL_IDLE.after,
        description="How long all devices of a job have to be idle without a break.",
    )
    action: IdleActionChoice = Field(
        default=USUAL_IDLE.action, description="What it would have done: ask the owner, or stop the work."
    )
    mode: IdleModeChoice = Field(
        default=IdleMode.SHADOW,
        description="shadow: it is told what would have been done, and when. There is no other mode: nobody's work "
        "is stopped before its figures have been looked at.",
    )


class PlatformSpec(KindSpec):
    """The platform itself; exactly one document of this kind."""

    kind: Literal["Platform"] = Field(description="Which kind of document this is.")
    name: Name = Field(description="Name of the platform. Every object it manages carries it as a label.")
    currency: Currency = Field(
        default="USD",
        description="ISO 4217 code; every price of the directory is in it. The catalogue's are in USD: in "
        "another currency they do not count, and devices without a price of yours have none.",
    )
    admin_groups: tuple[Line, ...] = Field(
        default=(),
        description="Groups of the identity provider whose members operate the platform. None by default: "
        "only credentials of system:masters can apply a second time then: the policies bind everybody else.",
    )
    auditor_groups: tuple[Line, ...] = Field(
        default=(),
        description="Groups of the identity provider whose members read the audit trail and all requests at a server, "
        "and change nothing. In clusters they are nobody. None by default: administrators read it, too.",
    )
    exempt_namespaces: tuple[ObjectName, ...] = Field(
        default=("gpu-operator", "monitoring"),
        description="Namespaces that no policy touches, besides those of Kubernetes, Kueue and Allotment, which are "
        "always exempt. By default gpu-operator and monitoring: their pods ask for GPUs to check them.",
    )
    include: tuple[Line, ...] = Field(
        default=("**/*.yaml", "**/*.yml"),
        description="Patterns of the files to read, relative to the directory. All YAML files by default; narrow it "
        "when the directory also holds YAML that is not the platform's.",
    )
    prove_image: Line | None = Field(
        default=None,
        description="Image of the work that prove runs for real; it should end by itself, as one whose entry point "
        "prints a line does. None by default: that work is then followed to its admission only.",
    )
    help_page: Url | None = Field(
        default=None,
        description="Page that refusals of work name, for example your copy of docs/for-team-members.md: how work is "
        "submitted here. None by default: they name none.",
    )
    idle: tuple[IdleSpec, ...] | None = Field(
        default=None,
        description="Rules of idleness, in shadow mode: work that would have been stopped, or asked about, is named "
        "in history, report and waste of this machine. By default one: below 20% for 30 minutes would be asked; an "
        "empty list is none.",
    )
    gitops: GitopsSpec = Field(default_factory=GitopsSpec, description="Where the rendered tree lives.")
    accepted: tuple[AcceptedSpec, ...] = Field(
        default=(),
        description="Objects in the clusters that are not the platform's and are known, such as a binding that gives "
        "the security team a view of everything. None by default: drift and prove then name all of them.",
    )


class StorageClassDocument(KindSpec):
    """A StorageClass that Allotment creates in every cluster."""

    kind: Literal["StorageClass"] = Field(description="Which kind of document this is.")
    name: ObjectName = Field(description="Name that claims refer to.")
    provisioner: Line = Field(description="CSI driver, for example file.csi.azure.com.")
    parameters: dict[Line, Text] = Field(
        default_factory=dict, description="Passed to the driver as they are; none by default."
    )
    reclaim_policy: Literal["Delete", "Retain"] = Field(
        default="Retain",
        description="What happens to a volume whose claim is deleted. Retain: data sets are dearer than disks.",
    )
    default: Flag = Field(
        default=False,
        description="Whether claims that name no class get this one. Off: a cluster usually has a default of its own.",
    )


class PricesSpec(KindSpec):
    """Prices of your contract, in place of the catalogue's list prices."""

    kind: Literal["Prices"] = Field(description="Which kind of document this is.")
    name: Name = Field(default="prices", description="Only for messages; prices, since one document is enough.")
    accelerators: dict[Line, dict[CapacityTypeChoice, Price]] = Field(
        default_factory=dict,
        description="Price per device and hour by accelerator and capacity type, in the platform's currency. Entries "
        "that are missing keep the catalogue's price.",
    )
