import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from topics.envelope import Headers
from workers import tracing
from workers.errors import FatalError

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACED: Headers = (("ce_id", b"secret-id"), ("traceparent", f"00-{TRACE}-{SPAN}-01".encode()))


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider)
    yield exporter
    tracing.shutdown()


async def test_a_batch_links_its_inputs_and_holds_its_stages(spans: InMemorySpanExporter) -> None:
    async def publish() -> None:
        with tracing.stage("w", "publish"):
            await asyncio.sleep(0)

    with tracing.batch_span("group-w", "postings.v1", 3, [TRACED, (), (("traceparent", b"\xffnonsense"),)]):
        with tracing.stage("w", "infer"):
            sent = tracing.outgoing_headers()
        publishing = asyncio.create_task(publish())
    await publishing
    infer, batch, published = spans.get_finished_spans()
    assert (batch.name, batch.kind) == ("process postings.v1", SpanKind.CONSUMER)
    assert dict(batch.attributes or {}) == {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "postings.v1",
        "messaging.destination.partition.id": "3",
        "messaging.consumer.group.name": "group-w",
        "messaging.batch.message_count": 3,
    }
    assert [(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}") for link in batch.links] == [
        (TRACE, SPAN)
    ]
    assert [(s.name, s.kind) for s in (infer, published)] == [
        ("infer", SpanKind.CLIENT),
        ("publish", SpanKind.INTERNAL),
    ]
    assert {s.parent.span_id for s in (infer, published) if s.parent} == {batch.context.span_id}
    assert sent is not None
    assert sent["traceparent"].startswith(f"00-{infer.context.trace_id:032x}-{infer.context.span_id:016x}-")


def test_an_error_leaves_its_type_and_not_its_text(spans: InMemorySpanExporter) -> None:
    with (
        pytest.raises(ValueError, match="Jane"),
        tracing.batch_span("g", "t", 0, [TRACED]),
        tracing.stage("w", "decode"),
    ):
        raise ValueError("Jane Doe, 5 Main Street")
    for span in spans.get_finished_spans():
        assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "ValueError")
        assert (span.attributes or {})["error.type"] == "ValueError"
        assert "Jane" not in span.to_json()
        assert "secret-id" not in span.to_json()


def test_spans_reach_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[ExportTraceServiceRequest] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            received.append(ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        tracing.configure()
        with tracing.batch_span("g", "postings.v1", 0, [TRACED]):
            pass
        tracing.shutdown(10)
        server.shutdown()
    (resource,) = received[0].resource_spans
    assert {a.key: a.value.string_value for a in resource.resource.attributes}["service.name"] == "talentstream"
    (span,) = resource.scope_spans[0].spans
    assert span.name == "process postings.v1"
    assert span.links[0].trace_id.hex() == TRACE


def test_a_collector_that_is_gone_delays_the_end_by_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    tracing.configure()
    with tracing.batch_span("g", "t", 0, []):
        pass
    started = time.monotonic()
    tracing.shutdown(0.5)
    assert time.monotonic() - started < 2


def test_configured_without_the_extra_is_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(FatalError, match=r"install talentstream\[tracing\]"):
        tracing.configure()


def test_unconfigured_it_imports_nothing() -> None:
    # Of a whole worker this can't be asked: redis 7 imports the SDK by itself wherever it is installed.
    code = """
import sys
from workers import tracing
tracing.configure()
with tracing.batch_span("g", "t", 0, [(("traceparent", b"x"),)]), tracing.stage("w", "infer"):
    assert tracing.outgoing_headers() == {}
tracing.shutdown()
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
