"""Spans kept in memory, as a collector would get them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from testkase.foundation import tracing


class Spans:
    """What was exported."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()

    def all(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def one(self, name: str) -> ReadableSpan:
        """The only one of that name."""
        (found,) = [span for span in self.all() if span.name == name]
        return found

    def facts(self, name: str) -> dict[str, Any]:
        """What it says, by the product's names."""
        return {key.removeprefix("testkase."): value for key, value in (self.one(name).attributes or {}).items()}

    def text(self) -> str:
        """Everything that leaves the process."""
        return "\n".join(span.to_json() for span in self.all())


@contextmanager
def traced(*, to_providers: bool = False) -> Iterator[Spans]:
    """Tracing is on in this process meanwhile."""
    spans = Spans()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans.exporter))
    tracing.use(provider, to_providers=to_providers)
    try:
        yield spans
    finally:
        tracing.use(None)
        provider.shutdown()
