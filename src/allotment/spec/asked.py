"""Devices as they are asked for on a command line: everywhere (``a100``), or in one cluster (``training/a100``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from allotment.errors import UsageError
from allotment.spec.problems import did_you_mean, echo

Count = TypeVar("Count")


def named_clusters(asked: Mapping[str, object]) -> tuple[str, ...]:
    """The clusters that the words name, each once, in their order."""
    return tuple(dict.fromkeys(cluster for cluster, _ in map(_parts, asked) if cluster))


def asked_in(cluster: str, asked: Mapping[str, Count]) -> dict[str, Count]:
    """Devices by accelerator in a cluster; a count for the cluster goes before one for all."""
    everywhere = {word: count for word, count in asked.items() if "/" not in word}
    return everywhere | {
        word: count for (place, word), count in zip(map(_parts, asked), asked.values(), strict=True) if place == cluster
    }


def clusters_asked(
    clusters: tuple[str, ...], asked: Mapping[str, object], preset: str | None = None
) -> tuple[str, ...] | None:
    """Clusters of a request: those of flags, else those that words name, else the one that is set; None: nobody said.

    Raises:
        UsageError: a word is for a cluster that the flags leave out.
    """
    named = named_clusters(asked)
    for cluster in named:
        if clusters and cluster not in clusters:
            raise UsageError(
                f"--accelerator is for cluster {echo(cluster)}, which --cluster leaves out",
                fix=did_you_mean(cluster, clusters),
            )
    return clusters or named or ((preset,) if preset else None)


def _parts(word: str) -> tuple[str, str]:
    cluster, slash, accelerator = word.rpartition("/")
    return (cluster, accelerator) if slash else ("", word)
