"""Spans of requests and of the store's calls within, for a collector that OTEL_EXPORTER_OTLP_ENDPOINT names.

Without that variable nothing of OpenTelemetry is imported. Spans name routes and calls, and nothing of anybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, Final

from allotment.api.telemetry.saying import say
from allotment.errors import UsageError

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
Spans = Callable[[str], AbstractContextManager[Any]]
"""Begins a span of a name; what it gives has `set_attribute` and `update_name`, or is None where there are none."""


def no_spans(_name: str) -> AbstractContextManager[Any]:
    """Nothing is traced."""
    return nullcontext()


@contextmanager
def traced(environment: Mapping[str, str], version: str) -> Iterator[Spans]:
    """Spans, sent on while the block lasts.

    Args:
        environment: says whether, and where to.
        version: of the program.

    Raises:
        UsageError: they are asked for, and what sends them is not installed.
    """
    if not environment.get(ENDPOINT):
        yield no_spans
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(
            f"{ENDPOINT} asks for traces, and what sends them is not here",
            why=str(error),
            fix="install it: pip install 'allotment[traces]', or unset the variable",
        ) from error
    resource = Resource.create({"service.name": "allotment", "service.version": version})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    say(f"traces go to {ENDPOINT}")
    try:
        # What an error says names people's things: a span of a call that failed says that alone.
        begun = provider.get_tracer("allotment").start_as_current_span
        yield partial(begun, record_exception=False, set_status_on_exception=False)
    finally:
        provider.shutdown()
