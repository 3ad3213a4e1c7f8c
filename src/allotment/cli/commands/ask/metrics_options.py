"""The Prometheus that may measure devices: the flags of the commands that ask it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from allotment.cli.shell.lazy import Flag
from allotment.cli.shell.options import setting_flag
from allotment.cli.shell.session import Session
from allotment.errors import UsageError, shown

if TYPE_CHECKING:
    from allotment.model.observed.snapshot import Snapshot
    from allotment.ports.metrics import MetricsPort

F = TypeVar("F", bound=Callable[..., Any])
_SECTION: Final = "Source options"


@dataclass(frozen=True, slots=True)
class MetricsOptions:
    """Which series are asked for.

    Attributes:
        where: labels with their values.
    """

    where: tuple[tuple[str, tuple[str, ...]], ...] = ()


def metrics_flags(function: F) -> F:
    """``--prometheus`` and ``--prometheus-label``, the second packed into the argument ``metrics``."""

    @wraps(function)
    def call(*args: Any, prometheus_label: tuple[str, ...], **kwargs: Any) -> Any:
        return function(*args, metrics=MetricsOptions(tuple(_label(each) for each in prometheus_label)), **kwargs)

    wrapped: Any = click.option(
        "--prometheus-label",
        cls=Flag,
        section=_SECTION,
        multiple=True,
        metavar="NAME=VALUE",
        help="Only series with this label, where it holds several clusters; may be repeated.",
    )(call)
    result: F = setting_flag("prometheus", metavar="URL", section=_SECTION)(wrapped)
    return result


def _label(text: str) -> tuple[str, tuple[str, ...]]:
    name, equals, value = text.partition("=")
    if not equals or not name.isascii() or not name.isidentifier():
        raise UsageError(f"--prometheus-label {text!r} is no label", fix="write it like cluster=training-eastus")
    return name, (value,)


@contextmanager
def metrics_port(session: Session) -> Iterator[MetricsPort]:
    """The Prometheus that is set, for the cluster that is.

    Raises:
        UsageError: its address is none, or none is that cluster's.
    """
    from allotment import wiring
    from allotment.operations.fleet.metrics_addresses import address_of, addresses_of

    found, cluster = addresses_of(session.value("prometheus")), session.value("cluster")
    address = address_of(cluster, found)
    if found and address is None:
        named = ", ".join(shown(each) for each in sorted(found))
        raise UsageError(f"--prometheus has addresses for {named} alone", fix="name one of these with --cluster")
    with wiring.metrics(address or "") as port:
        yield port


def with_metrics(
    session: Session, metrics: MetricsOptions, below: float | None = None, *, of_file: bool = False
) -> Callable[[Snapshot], Snapshot]:
    """What adds the use of its devices to a snapshot; nothing, where no Prometheus is set.

    Args:
        session: with the setting.
        metrics: which series.
        below: share of use below which a device does little; the usual by default.
        of_file: the snapshot is of a file: then only a flag counts, so that a file is looked at without any network.
    """
    from allotment.operations.ask.measuring import MetricsRequest, measured

    def add(snapshot: Snapshot) -> Snapshot:
        if not (session.flags.get("prometheus") if of_file else session.value("prometheus")):
            return snapshot
        request = MetricsRequest(metrics.where) if below is None else MetricsRequest(metrics.where, below)
        with metrics_port(session) as port:
            found = measured(snapshot, port, request)
        for gap in (gap for source in found.sources for gap in source.gaps if gap.what == "metrics"):
            how = "no metrics" if gap.reason == "failed" else "metrics"
            session.note(f"{how}: {shown(gap.detail)}")
        return found

    return add
