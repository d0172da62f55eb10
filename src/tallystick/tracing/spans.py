"""Spans of OpenTelemetry, sent to a collector by OTLP over HTTP. Loaded only where a collector is set: it is an extra.

A span has ids and outcomes, and neither amounts nor names nor addresses of people; of an exception it has the type
alone, since messages may quote what somebody sent. The header `traceparent`: W3C Trace Context.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Final, NamedTuple, ParamSpec, TypeVar

import structlog
from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tallystick import __version__

SEND_EVERY_MS: Final = 1_000
SEND_SECONDS: Final = 5
"""How long one attempt to reach the collector may take, and how long the end of a process waits for the last spans."""

MAX_CALLERS: Final = 10_000
"""Transactions of which a process remembers the call that made them."""

NoteLink = Callable[[str, Sequence[str]], None]
"""Takes a call as `traceparent`, and transactions that it made; for other processes."""

_FAULTS: Final = frozenset({"InternalError", "ServiceUnavailable"})
"""Outcomes that are errors of ours; other refusals are answers."""

_PROPAGATOR: Final = TraceContextTextMapPropagator()

Attributes = Mapping[str, str | int]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_log = structlog.get_logger(__name__)


class _Opening(NamedTuple):
    """How a span begins."""

    name: str
    kind: SpanKind
    parent: Context
    attributes: Attributes
    links: Sequence[Link] = ()


def _harmless(work: Callable[_P, _T]) -> Callable[_P, _T | None]:
    """Payments go on whatever is wrong with their traces: it is logged, and None comes back."""

    @wraps(work)
    def guarded(*arguments: _P.args, **named: _P.kwargs) -> _T | None:
        try:
            return work(*arguments, **named)
        except Exception:  # noqa: BLE001 - a bug here or in the library, which must not become one of a payment
            _log.exception("trace_failed")
            return None

    return guarded


class Tracing:
    """The spans of one process. `endpoint`: of the collector, as scheme, host and port.

    Nothing but making one raises. Spans wait in memory and are sent by a thread; where more come than are taken, or the
    collector is away, they are lost.
    """

    def __init__(self, endpoint: str) -> None:
        self.note_link: NoteLink | None = None
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "tallystick", "service.version": __version__}),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", timeout=SEND_SECONDS)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=SEND_EVERY_MS))
        self._tracer = self._provider.get_tracer("tallystick", __version__)
        self._callers: OrderedDict[str, SpanContext] = OrderedDict()

    def close(self) -> None:
        """Send what waits, for as long as SEND_SECONDS. Blocks."""
        last = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        last.start()
        last.join(SEND_SECONDS)

    def flush(self) -> None:
        """Send what waits now. Blocks."""
        self._provider.force_flush()

    @contextmanager
    def call(self, traceparent: str) -> Iterator[None]:
        """A call of an API, in the caller's own trace where its header names one."""
        with self._span(lambda: _Opening("call", SpanKind.SERVER, _named_in(traceparent), {})):
            yield

    @staticmethod
    @_harmless
    def answered(
        request_id: str, key_id: str | None, action: str, outcome: str, transaction_id: str | None = None
    ) -> None:
        """What the call under way was, and came to. The arguments as of a line of the log."""
        span = trace.get_current_span()
        span.update_name(action)
        span.set_attribute("tallystick.request_id", request_id)
        span.set_attribute("tallystick.action", action)
        span.set_attribute("tallystick.outcome", outcome)
        if key_id is not None:
            span.set_attribute("tallystick.key_id", key_id)
        if transaction_id is not None:
            span.set_attribute("tallystick.transaction_id", transaction_id)
        if outcome in _FAULTS:
            span.set_status(StatusCode.ERROR)

    @staticmethod
    @_harmless
    def here() -> SpanContext | None:
        """Where in a trace the program is."""
        context = trace.get_current_span().get_span_context()
        return context if context.is_valid else None

    @contextmanager
    def group(self, books: Sequence[int], asked: Sequence[SpanContext | None]) -> Iterator[None]:
        """Commands of `books` that share a commit: in the trace of the first that has one, linked to the others'."""

        def opening() -> _Opening:
            known = list({context.span_id: context for context in asked if context is not None}.values())
            parent = _below(known[0]) if known else Context()
            attributes: Attributes = {"tallystick.commands": len(asked)}
            if len(books) == 1:
                attributes = {"tallystick.book_id": books[0], **attributes}
            return _Opening("commit", SpanKind.INTERNAL, parent, attributes, [Link(context) for context in known[1:]])

        with self._span(opening):
            yield

    @_harmless
    def remember(self, caller: SpanContext, transaction_ids: Sequence[str], *, goes_on: bool = True) -> None:
        """Transactions that were committed for a caller. One that is known stays with the call that made it.

        `goes_on`: something is done because of them later, maybe by another process. That is noted of sampled calls.
        """
        new = [name for name in transaction_ids if name not in self._callers]
        for name in new:
            self._know(name, caller)
        if goes_on and new and caller.trace_flags.sampled and self.note_link is not None:
            self.note_link(_as_header(caller), new)

    def knows(self, transaction_id: str) -> bool:
        """Whether it is remembered which call made a transaction."""
        return transaction_id in self._callers

    @_harmless
    def recall(self, transaction_id: str, traceparent: str) -> None:
        """Another process has noted that this call made the transaction."""
        caller = trace.get_current_span(_named_in(traceparent)).get_span_context()
        if caller.is_valid:
            self._know(transaction_id, caller)

    def _know(self, transaction_id: str, caller: SpanContext) -> None:
        self._callers[transaction_id] = caller
        while len(self._callers) > MAX_CALLERS:
            self._callers.popitem(last=False)

    @contextmanager
    def rail_order(self, transaction_id: str, rail: str, operation: str, attempt: int) -> Iterator[None]:
        """A rail is asked, and its answer is booked."""
        attributes: Attributes = {
            "tallystick.transaction_id": transaction_id,
            "tallystick.rail": rail,
            "tallystick.attempt": attempt,
        }
        name = f"rail {operation}"
        with self._span(lambda: _Opening(name, SpanKind.CLIENT, self._caller_of(transaction_id), attributes)):
            yield

    @contextmanager
    def payout(self, transaction_id: str, rail: str, attempt: int) -> Iterator[None]:
        """A payout is sent by a rail, and its answer is booked."""
        attributes: Attributes = {
            "tallystick.transaction_id": transaction_id,
            "tallystick.rail": rail,
            "tallystick.attempt": attempt,
        }
        with self._span(lambda: _Opening("payout", SpanKind.CLIENT, self._caller_of(transaction_id), attributes)):
            yield

    @contextmanager
    def delivery(self, event_id: str, subject_id: str, destination: str, attempt: int) -> Iterator[Mapping[str, str]]:
        """A notification is sent; gives the headers that pass the trace on.

        `subject_id`: the transaction or token that it is about; `destination`: scheme, host and port.
        """
        attributes: Attributes = {
            "tallystick.event_id": event_id,
            "tallystick.subject_id": subject_id,
            "tallystick.destination": destination,
            "tallystick.attempt": attempt,
        }
        with self._span(lambda: _Opening("notification", SpanKind.PRODUCER, self._caller_of(subject_id), attributes)):
            yield _passed_on() or {}

    @staticmethod
    @_harmless
    def came_to(outcome: str, *, failed: bool = False) -> None:
        """How what is under way ended, as one word."""
        span = trace.get_current_span()
        span.set_attribute("tallystick.outcome", outcome)
        if failed:
            span.set_status(StatusCode.ERROR)

    def _caller_of(self, transaction_id: str) -> Context:
        caller = self._callers.get(transaction_id)
        return Context() if caller is None else _below(caller)

    @contextmanager
    def _span(self, opening: Callable[[], _Opening]) -> Iterator[None]:
        span = self._open(opening)
        if span is None:
            yield
            return
        token = context_api.attach(trace.set_span_in_context(span))
        try:
            yield
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            context_api.detach(token)
            _close(span)

    @_harmless
    def _open(self, opening: Callable[[], _Opening]) -> Span:
        name, kind, parent, attributes, links = opening()
        return self._tracer.start_span(name, parent, kind, attributes, links)


@_harmless
def _close(span: Span) -> None:
    span.end()


@_harmless
def _passed_on() -> Mapping[str, str]:
    headers: dict[str, str] = {}
    _PROPAGATOR.inject(headers)
    return headers


def _named_in(traceparent: str) -> Context:
    """The caller's place in its own trace; nowhere, where the header is missing or malformed."""
    return _PROPAGATOR.extract({"traceparent": traceparent}, Context()) if traceparent else Context()


def _as_header(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _below(context: SpanContext) -> Context:
    return trace.set_span_in_context(trace.NonRecordingSpan(context), Context())
