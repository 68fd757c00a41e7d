"""Spans for OpenTelemetry: hold, call and settle of one request, beside whatever its caller traces. Off by default.

    with span("hold", org_id=7, hold_id="h-1") as told:
        ...
        told.tell(amount_microcredits=120_000)

A span carries ids, amounts and names of ours: only the facts listed here are let through, and neither a prompt nor an
answer, a person nor the text of an error can be among them. While tracing is off a span is one shared object that does
nothing. Where spans go is decided once, when a process starts.
"""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from contextvars import Token
from types import TracebackType
from typing import Protocol, Self

from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, TracerProvider, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from testkase.foundation.problems import InvalidInput
from testkase.foundation.settings import Settings

FACTS = frozenset({
    "amount_microcredits", "charged_microcredits", "door", "hold_id", "job_id", "measurement", "method", "model",
    "org_id", "outcome", "process", "refusal", "route", "status", "stream", "task",
})  # fmt: skip
"""What a span may say, each `testkase.<name>` outside."""

LONGEST_FACT = 128
LONGEST_GOODBYE_SECONDS = 5.0
_EXPORT_SECONDS = 5
_PARENT = TraceContextTextMapPropagator()

Fact = str | int | bool
Headers = Sequence[tuple[bytes, bytes]]


class Told(Protocol):
    """A span under way."""

    def tell(self, **facts: Fact) -> None:
        """What is known only later."""


class _Off:
    """No span, at almost no cost."""

    __slots__ = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def tell(self, **facts: Fact) -> None:
        return None


class _On:
    """A span that begins where the block is entered and ends where it is left."""

    __slots__ = ("_facts", "_kind", "_name", "_parent", "_span", "_token", "_tracer")

    def __init__(
        self, tracer: Tracer, name: str, facts: dict[str, Fact], kind: SpanKind, parent: Context | None = None
    ) -> None:
        self._tracer = tracer
        self._name = name
        self._facts = facts
        self._kind = kind
        self._parent = parent
        self._span: Span
        self._token: Token[Context]

    def __enter__(self) -> Self:
        self._span = self._tracer.start_span(self._name, context=self._parent, kind=self._kind)
        self._token = attach(set_span_in_context(self._span))
        self.tell(**self._facts)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is not None:  # its name; its words could quote what a person wrote
            self._span.set_attribute("error.type", kind.__name__)
            self._span.set_status(Status(StatusCode.ERROR))
        detach(self._token)
        self._span.end()

    def tell(self, **facts: Fact) -> None:
        for name, fact in facts.items():
            if name not in FACTS:
                raise ValueError(f"a span may not say {name}")
            self._span.set_attribute(f"testkase.{name}", fact[:LONGEST_FACT] if isinstance(fact, str) else fact)


_OFF = _Off()
_tracer: Tracer | None = None
_provider: TracerProvider | None = None
_to_providers = False


def span(name: str, **facts: Fact) -> "AbstractContextManager[Told]":
    """Something of ours, inside whatever is under way in this task."""
    if _tracer is None:
        return _OFF
    return _On(_tracer, name, facts, SpanKind.INTERNAL)


def serving(name: str, traceparent: str | None, **facts: Fact) -> "AbstractContextManager[Told]":
    """A request from outside, as part of its caller's trace where it names one (W3C Trace Context)."""
    if _tracer is None:
        return _OFF
    # Its tracestate is left behind: nobody knows what others write there, and it would go on to collectors.
    parent = _PARENT.extract({"traceparent": traceparent}, Context()) if traceparent else Context()
    return _On(_tracer, name, facts, SpanKind.SERVER, parent)


def passed_on() -> Headers:
    """The header by which a model provider's own trace joins ours; none unless the operator wants it."""
    if not _to_providers:
        return ()
    carrier: dict[str, str] = {}
    _PARENT.inject(carrier)
    return [(b"traceparent", carrier["traceparent"].encode())] if "traceparent" in carrier else ()


def is_on() -> bool:
    """Whether spans go anywhere."""
    return _tracer is not None


def configure(settings: Settings, process: str) -> None:
    """Send spans to the collector of the settings, from a thread of its own. Raises InvalidInput where it cannot."""
    if not settings.traces_url:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk import trace as sdk  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415
    except ImportError as missing:
        raise InvalidInput(
            "TESTKASE_TRACES_URL is set, but the packages that send spans are not installed: install"
            " requirements-tracing.lock.",
            field="TESTKASE_TRACES_URL",
        ) from missing
    kept = TraceIdRatioBased(settings.traces_percent / 100)
    made = sdk.TracerProvider(
        # A caller who samples everything does not decide how much is kept here.
        sampler=ParentBased(kept, remote_parent_sampled=kept),
        resource=Resource.create({"service.name": "testkase", "testkase.process": process}),
        shutdown_on_exit=False,  # it would wait for the collector once more
    )
    made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.traces_url, timeout=_EXPORT_SECONDS)))
    use(made, to_providers=settings.traces_to_providers)


def use(provider: TracerProvider | None, *, to_providers: bool = False) -> None:
    """Send spans there from now on; None: nowhere."""
    global _tracer, _provider, _to_providers  # noqa: PLW0603 - one place for the process, as logging has
    _provider = provider
    _tracer = provider.get_tracer("testkase") if provider is not None else None
    _to_providers = to_providers and provider is not None


def close() -> None:
    """Send what is waiting, for a few seconds at most, however long the collector keeps silent. The process is about to
    end."""
    ending = _provider
    use(None)
    if ending is not None and hasattr(ending, "shutdown"):
        goodbye = threading.Thread(target=ending.shutdown, name="traces", daemon=True)
        goodbye.start()
        goodbye.join(LONGEST_GOODBYE_SECONDS)
