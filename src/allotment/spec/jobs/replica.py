"""What one replica of a job runs, on which devices, and with which storage."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from allotment.model.jobs.job import StagingTime, VolumeUse
from allotment.spec.jobs.forms import (
    DEVICES_SHORT,
    SECRET_SHORT,
    AsWritten,
    ClassName,
    Devices,
    EitherPath,
    FileName,
    ImageName,
    InnerPath,
    LeastMemory,
    MountPath,
    ScriptPath,
    SecretKey,
    SecretName,
    SourceAddress,
    VariableName,
)
from allotment.spec.schema.base import Spec
from allotment.spec.schema.choices import CapacityTypeChoice, VendorChoice, choice
from allotment.spec.schema.scalars import Cpu, Line, Memory, Name, ObjectName, PortNumber
from allotment.spec.schema.short_forms import ONE_OR_LIST

VolumeUseChoice = Annotated[VolumeUse, *choice(VolumeUse)]
StagingChoice = Annotated[StagingTime, *choice(StagingTime)]

DEFAULT_CODE_MOST: Final = 100 << 20
DEFAULT_IGNORE_FILE: Final = ".allotignore"


class SecretReferenceSpec(Spec):
    """Where the value of a variable lies; `secret/key` will do, or `secret` where the key is named as the variable."""

    secret: SecretName = Field(
        description="Secret of the team's namespace; elsewhere a file of the team's folder of secrets.",
        examples=["wandb"],
    )
    key: SecretKey | None = Field(
        default=None, description="Which of its entries. By default the one named as the variable.", examples=["token"]
    )


class RunSpec(Spec):
    """What is run: a script, a command, or what the image starts by itself. A plain path is a script."""

    script: ScriptPath | None = Field(
        default=None,
        description="Script, relative to the code's folder; absolute: in the image. .py is run by python, .sh by sh, "
        "anything else by itself. None: the command, or what the image starts.",
        examples=["train.py"],
    )
    command: tuple[AsWritten, ...] = Field(
        default=(),
        description="Program and arguments, a list; no shell reads it. Empty: the script, or what the image starts.",
        examples=[["python", "-m", "train"]],
    )
    args: tuple[AsWritten, ...] = Field(
        default=(),
        description="Arguments after the script or the command, each taken as it is written. None by default.",
        examples=[["--epochs", "3"]],
    )
    image: ImageName | None = Field(
        default=None,
        description="Container image. None: the programs of the machine are used, which Kubernetes cannot.",
        examples=["registry.example/pytorch:2.4"],
    )
    env: dict[VariableName, AsWritten] = Field(
        default_factory=dict,
        description="Variables, each value taken as it is written. None by default; what is secret stands in secrets.",
        examples=[{"LR": "3e-4"}],
    )
    secrets: dict[VariableName, Annotated[SecretReferenceSpec, SECRET_SHORT]] = Field(
        default_factory=dict,
        description="Variables whose values lie in secrets: only references, never values. None by default.",
        examples=[{"WANDB_API_KEY": "wandb/token"}],
    )
    working_directory: EitherPath | None = Field(
        default=None,
        description="Where it is started: absolute in an image, relative to the code's folder. The code's folder, or "
        "the image's own.",
        examples=["src"],
    )
    port: PortNumber | None = Field(
        default=None,
        description="On which a service or a notebook answers. 8080 for a service, 8888 for a notebook.",
        examples=[8888],
    )


class CodeSpec(Spec):
    """The folder that travels with the job; a plain path will do."""

    folder: InnerPath = Field(
        default=".",
        description="Relative to the job file, never above it. The job file's own folder.",
        examples=["."],
    )
    ignore_file: FileName = Field(
        default=DEFAULT_IGNORE_FILE,
        description="File in it that says what stays behind, in gitignore's patterns. Where it is not there, "
        '.gitignore counts; "": neither.',
        examples=[".allotignore"],
    )
    most: Memory = Field(
        default=DEFAULT_CODE_MOST,
        json_schema_extra={"default": "100Mi"},
        description="Most bytes that it may be packed. 100Mi: code, not data.",
        examples=["100Mi"],
    )


class AcceleratorWishSpec(Spec):
    """Which devices one replica needs; `2`, `a100` and `a100:2` will do."""

    count: Devices = Field(default=1, description="Devices of one replica.", examples=[2])
    class_: Annotated[tuple[ClassName, ...], ONE_OR_LIST] = Field(
        default=(),
        alias="class",
        description="Class of the catalogue, or several in order of preference. By default all that have the "
        "attributes below and that the team has quota for, cheapest first.",
        examples=["a100", ["a100", "h100"]],
    )
    memory: LeastMemory | None = Field(
        default=None, description="Least memory of one device. Any by default.", examples=[">=40Gi"]
    )
    vendor: VendorChoice | None = Field(
        default=None, description="nvidia, amd, intel, google or aws. Any by default.", examples=["nvidia"]
    )
    interconnect: Line | None = Field(
        default=None, description="Link between the devices of a node. Any by default.", examples=["NVLink"]
    )
    architecture: Line | None = Field(
        default=None, description="The vendor's generation. Any by default.", examples=["Hopper"]
    )
    capacity_type: CapacityTypeChoice | None = Field(
        default=None,
        description="reserved, on-demand or spot. Any by default that `spot` lets it use.",
        examples=["on-demand"],
    )


class ResourcesSpec(Spec):
    """What one replica is given."""

    accelerators: Annotated[AcceleratorWishSpec, DEVICES_SHORT] | None = Field(
        default=None,
        description="Devices; None: none. A count, a class, class:count or a mapping.",
        examples=["a100:2"],
    )
    cpu: Cpu | None = Field(
        default=None,
        description="CPU. With accelerators, its share of the smallest node that has them, or of the team's quota "
        "where that is less; 8 a device where neither is known. 2 without.",
        examples=[16],
    )
    memory: Memory | None = Field(
        default=None,
        description="Memory. With accelerators, its share like CPU's; 32Gi a device where neither is known. 8Gi "
        "without.",
        examples=["128Gi"],
    )
    shared_memory: Memory | None = Field(
        default=None,
        description="Size of /dev/shm, a part of the memory; data loaders with workers need it. The usual 64Mi.",
        examples=["16Gi"],
    )
    ephemeral_storage: Memory | None = Field(
        default=None,
        description="Disk of the node that goes with the replica. Nothing is asked for.",
        examples=["50Gi"],
    )


class JobVolumeSpec(Spec):
    """Storage at a path of the job."""

    use: VolumeUseChoice | None = Field(
        default=None,
        description="read-mostly, checkpoint or scratch. read-mostly with a claim or a folder, else scratch.",
        examples=["checkpoint"],
    )
    claim: ObjectName | None = Field(
        default=None, description="Claim that is there already. None for scratch.", examples=["datasets"]
    )
    folder: MountPath | None = Field(
        default=None,
        description="Folder of a machine, in place of a claim. None: where no claims are, the name of one means a "
        "folder of the team.",
        examples=["/shared/datasets"],
    )
    path: MountPath | None = Field(
        default=None, description="Where the job sees it. / and the volume's name.", examples=["/data"]
    )
    size: Memory | None = Field(
        default=None, description="Size, of scratch. Not limited but by ephemeralStorage.", examples=["50Gi"]
    )


class StagedDataSpec(Spec):
    """Data or weights that are brought to the job; a plain address will do."""

    source: SourceAddress = Field(
        description="https://, s3://, gs://, hf:// or an absolute path.", examples=["s3://bucket/corpus"]
    )
    volume: Name | None = Field(
        default=None,
        description="The job's volume that they are copied to. By default its only one that keeps no checkpoints.",
        examples=["data"],
    )
    path: InnerPath | None = Field(
        default=None, description="Where in that volume. By default the last part of the address.", examples=["weights"]
    )
    when: StagingChoice = Field(
        default=StagingTime.BEFORE,
        description="before: by a step of its own that holds no accelerator. at-start: while it holds them.",
        examples=["before"],
    )
    size: Memory | None = Field(default=None, description="How much it is. Not known by default.", examples=["20Gi"])
    image: ImageName | None = Field(
        default=None,
        description="With what they are fetched. The platform's usual image.",
        examples=["registry.example/fetch:1"],
    )
    command: tuple[AsWritten, ...] = Field(
        default=(),
        description="How they are fetched, a list. The usual way of the address.",
        examples=[["aws", "s3", "sync", "s3://bucket/corpus", "/data"]],
    )
