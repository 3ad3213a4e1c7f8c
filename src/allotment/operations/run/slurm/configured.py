"""A Slurm as its user describes it in a file, and what the platform's words are called on it.

# ~/.config/allotment/slurm/hpc.yaml: `allot submit --on hpc`
slurmrestd: https://slurm.example:6820   # without it, Slurm's commands on this machine are used
folder: /shared/allotment                # seen under this path by all nodes
accounts: {nlp: nlp-lab}                 # by team; else the team's own name
partitions: {exploratory: [batch]}       # by rung; else the cluster's default
qualities: {production-inference: high}  # by rung; else the account's default
classes: {a100: tesla_a100}              # by class of the catalogue; else the same name
images: {"registry.example.com/train:1": /bundles/train}   # OCI bundles
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from allotment.errors import InputError, quoted
from allotment.jobs.slurm.rendering import SlurmPlace, SlurmShape
from allotment.model.decoding import converted
from allotment.model.quantity import Bytes
from allotment.model.slurm.declared import DeclaredSlurm
from allotment.model.slurm.seen import SlurmNode

_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ConfiguredSlurm:
    """What the file says; see the module."""

    folder: str
    slurmrestd: str = ""
    accounts: Mapping[str, str] = field(default_factory=dict)
    partitions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    qualities: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)


def configured_slurm(raw: Any) -> ConfiguredSlurm:
    """Of what was read from the file.

    Raises:
        InputError: a field is missing, unknown or of another form.
    """
    fix = "see docs/running-on-slurm.md for its fields"
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        raise InputError("a description of a Slurm is a mapping of fields", fix=fix)
    known = {each.name for each in msgspec.structs.fields(_Written)}
    for name in raw:
        if name not in known:
            raise InputError(
                f"a Slurm has no field {quoted(name)}", why=f"known are {', '.join(sorted(known))}", fix=fix
            )
    try:
        written = converted(raw, _Written)
    except msgspec.ValidationError as error:
        raise InputError("a description of a Slurm has a wrong field", why=quoted(error), fix=fix) from error
    if not written.folder.startswith("/"):
        raise InputError(f"folder cannot be {quoted(written.folder)}", why="it is no absolute path", fix=fix)
    return ConfiguredSlurm(**{name: getattr(written, name) for name in known})


def described_slurm(own: Any, declared: DeclaredSlurm | None) -> tuple[ConfiguredSlurm, tuple[str, ...]]:
    """What the user's own file says, else what the platform directory does; and what is to be said of that.

    Args:
        own: as the file was read; None where there is none.
        declared: of the platform directory; None where it has none.

    Raises:
        InputError: the file has a field that is missing, unknown or of another form.
    """
    if own is None and declared is not None:
        return _of_the_platform(declared), ()
    found = configured_slurm(own)
    if declared is None:
        return found, ()
    name = declared.name
    return found, (f"your own file slurm/{name}.yaml is used in place of what the platform directory says of {name}",)


@dataclass(frozen=True, slots=True)
class SlurmDescription:
    """Where the server has the description of a Slurm from, which it reads once.

    Attributes:
        file: the user's own, whether it is there or not.
        read: as it was read; None where it was not there, and the platform directory's was taken.
    """

    file: str
    read: Any

    @property
    def whence(self) -> str:
        """Where it was read."""
        return self.file if self.read is not None else "the platform directory"

    def changed(self, now: Any) -> str:
        """That the own file says something else by now, and what takes it up; empty where it does not.

        Args:
            now: as it stands; None where there is none.
        """
        if now == self.read:
            return ""
        what = (
            f"{self.file} is no longer there" if now is None
            else f"{self.file} is there by now, and not used yet" if self.read is None
            else f"{self.file} was changed since, which is not used yet"
        )  # fmt: skip
        return f"{what}: `allot down`, then `allot up`, takes it up"

    def told(self, now: Any) -> str:
        """Where it was read, for whom the Slurm does not answer; `now` as in `changed`."""
        whence = f"its description was read from {self.whence}"
        before = f"a file of yours goes before that: {self.file}" if self.read is None and now is None else ""
        return "; ".join(filter(None, (whence, before, self.changed(now))))


def _of_the_platform(declared: DeclaredSlurm) -> ConfiguredSlurm:
    return ConfiguredSlurm(
        folder=declared.folder,
        slurmrestd=declared.slurmrestd,
        accounts=declared.accounts,
        partitions=declared.partitions,
        qualities=declared.qualities,
        classes=declared.classes,
        images=declared.images,
    )


class _Written(msgspec.Struct, frozen=True):
    folder: str
    slurmrestd: str = ""
    accounts: dict[str, str] = {}
    partitions: dict[str, tuple[str, ...]] = {}
    qualities: dict[str, str] = {}
    classes: dict[str, str] = {}
    images: dict[str, str] = {}


def placed(name: str, told: ConfiguredSlurm, classes: Collection[str], nodes: Sequence[SlurmNode]) -> SlurmPlace:
    """What the platform's words are called there.

    Args:
        name: of the back end.
        told: what its file says.
        classes: of the platform's catalogue.
        nodes: all that the cluster has.
    """
    shapes = {}
    for each in classes:
        wanted = told.classes.get(each, each).lower()
        # Slurm writes a type as its administrator did.
        found = {kind: node for node in nodes for kind in _types(node) if kind.lower() == wanted}
        if found:
            kind = min(found)
            shapes[each] = _shape(kind, [node for node in nodes if kind in _types(node)])
    plain = [node for node in nodes if not node.devices()]
    return SlurmPlace(
        name,
        shapes,
        plain=_shape("", plain) if plain else None,
        accounts=told.accounts,
        partitions=told.partitions,
        qualities=told.qualities,
        bundles=told.images,
    )


def _types(node: SlurmNode) -> list[str]:
    return [kind for device, kind in node.gres if device == "gpu" and kind]


def _shape(kind: str, nodes: Sequence[SlurmNode]) -> SlurmShape:
    return SlurmShape(
        kind,
        devices=min(node.gres.get(("gpu", kind), 0) for node in nodes),
        cpus=min(node.cpus for node in nodes),
        memory=Bytes(min(node.memory_mib for node in nodes) * _MIB),
    )
