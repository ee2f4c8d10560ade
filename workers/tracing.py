"""Spans of each batch to an OpenTelemetry collector; nothing at all where none is configured.

Configured by OpenTelemetry's own environment variables; `OTEL_EXPORTER_OTLP_ENDPOINT` (or
`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`) switches it on, over HTTP/protobuf. Names follow the semantic conventions for
messaging. Keys, values, ids and the texts of errors never become attributes: they may hold personal data.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

from topics.envelope import Headers, header
from workers import telemetry
from workers.errors import FatalError

# opentelemetry is an extra, and importing its SDK costs every start: only configure() may do it.
if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Link, SpanKind, Tracer

log = structlog.get_logger()

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

_provider: "TracerProvider | None" = None
_tracer: "Tracer | None" = None


def configure() -> None:
    """Starts exporting, where a collector is configured.

    Raises:
        FatalError: one is configured, but the extra `tracing` is not installed.
    """
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise FatalError(
            f"{' or '.join(_ENDPOINTS)} is set, but OpenTelemetry is not installed: "
            "install talentstream[tracing], or unset it"
        ) from error
    resource = Resource.create({"service.name": "talentstream"} | dict(OTELResourceDetector().detect().attributes))
    # Its own hook at exit would wait for a collector that is gone; shutdown() is bounded.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider)


def use(provider: "TracerProvider") -> None:
    """Makes spans with `provider` from now on."""
    global _provider, _tracer
    _provider, _tracer = provider, provider.get_tracer("talentstream")


def shutdown(timeout_s: float = 3.0) -> None:
    """Sends what is left and stops tracing; blocks, at most `timeout_s`."""
    global _provider, _tracer
    provider, _provider, _tracer = _provider, None, None
    if provider is None:
        return
    # The exporter goes on retrying for longer than a pod has to end.
    closing = threading.Thread(target=provider.shutdown, name="tracing-shutdown", daemon=True)
    closing.start()
    closing.join(timeout_s)
    if closing.is_alive():
        log.warning("the last spans were not delivered", timeout_s=timeout_s)


@contextmanager
def batch_span(group: str, topic: str, partition: int, headers: Sequence[Headers]) -> Iterator[None]:
    """The span of one batch, linked to the trace of each input; tasks started inside it are its children.

    Args:
        group: the consumer group.
        topic: the input topic.
        partition: the input partition.
        headers: of each record in the batch.
    """
    if _tracer is None:
        yield
        return
    from opentelemetry.trace import SpanKind

    attributes: dict[str, str | int] = {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": str(partition),
        "messaging.consumer.group.name": group,
        "messaging.batch.message_count": len(headers),
    }
    with _span(_tracer, f"process {topic}", SpanKind.CONSUMER, _links(headers), attributes):
        yield


@contextmanager
def stage(worker: str, name: str) -> Iterator[None]:
    """Times one stage of a batch: an observation of :data:`telemetry.STAGE`, and a child span."""
    with telemetry.STAGE.labels(worker, name).time():
        if _tracer is None:
            yield
            return
        from opentelemetry.trace import SpanKind

        # Inference is a call to a server that may continue the trace; the rest happens in here.
        with _span(_tracer, name, SpanKind.CLIENT if name == "infer" else SpanKind.INTERNAL):
            yield


def outgoing_headers() -> dict[str, str]:
    """The current span as headers (`traceparent`) for a request to another server; none without tracing."""
    if _tracer is None:
        return {}
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    headers: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(headers)
    return headers


@contextmanager
def _span(
    tracer: "Tracer",
    name: str,
    kind: "SpanKind",
    links: "Sequence[Link]" = (),
    attributes: dict[str, str | int] | None = None,
) -> Iterator[None]:
    from opentelemetry.trace import Status, StatusCode

    with tracer.start_as_current_span(
        name, kind=kind, links=links, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise


def _links(headers: Sequence[Headers]) -> "list[Link]":
    from opentelemetry.trace import Link, get_current_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    propagator = TraceContextTextMapPropagator()
    parents = [header(own, "traceparent") for own in headers]
    contexts = [get_current_span(propagator.extract({"traceparent": p})).get_span_context() for p in parents if p]
    return [Link(context) for context in contexts if context.is_valid]
