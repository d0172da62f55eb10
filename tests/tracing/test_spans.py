"""Spans as a collector gets them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from tests.support.collector import Collector, collecting

from tallystick.tracing.spans import MAX_CALLERS, Tracing

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as opened:
        yield opened


@pytest.fixture
def tracing(collector: Collector) -> Iterator[Tracing]:
    opened = Tracing(collector.url)
    yield opened
    opened.close()


def test_a_call_is_in_the_trace_of_its_caller(tracing: Tracing, collector: Collector) -> None:
    with tracing.call(CALLER):
        tracing.answered("a request", "a key", "Pay", "ok", "a transaction")
    tracing.flush()

    (span,) = collector.spans
    assert (span.name, span.trace_id, span.parent_id, span.failed) == ("Pay", TRACE, "00f067aa0ba902b7", False)
    assert span.attributes == {
        "tallystick.request_id": "a request",
        "tallystick.key_id": "a key",
        "tallystick.action": "Pay",
        "tallystick.outcome": "ok",
        "tallystick.transaction_id": "a transaction",
    }
    assert collector.sources == {"tallystick"}


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01-more",
        "00-\u00e9-01",
        "x" * 60_000,
    ],
)
def test_a_header_that_names_no_trace_begins_one(tracing: Tracing, collector: Collector, header: str) -> None:
    with tracing.call(header):
        tracing.answered("a request", None, "none", "InvalidAction")
    tracing.flush()

    (span,) = collector.spans
    assert span.trace_id not in {TRACE, "0" * 32}
    assert span.parent_id == ""
    assert "tallystick.key_id" not in span.attributes


def test_what_a_caller_does_not_want_recorded_is_not(tracing: Tracing, collector: Collector) -> None:
    with tracing.call(CALLER.removesuffix("1") + "0"):
        tracing.answered("a request", None, "Pay", "ok")
    with tracing.call(""):
        tracing.answered("another", None, "Refund", "ok")
    tracing.flush()

    assert [span.name for span in collector.spans] == ["Refund"]


def test_a_group_is_in_the_trace_of_the_first_and_linked_to_the_others(tracing: Tracing, collector: Collector) -> None:
    with tracing.call(CALLER):
        first = tracing.here()
    with tracing.call(""):
        second = tracing.here()
    with tracing.group([7], [None, first, first, second]):
        assert tracing.here() not in (first, second)
    assert tracing.here() is None
    tracing.flush()

    first_call, second_call, group = collector.spans
    assert (group.name, group.trace_id, group.parent_id) == ("commit", TRACE, first_call.span_id)
    assert group.links == [(second_call.trace_id, second_call.span_id)]
    assert group.attributes == {"tallystick.book_id": 7, "tallystick.commands": 4}


def test_a_failure_tells_its_type_and_not_what_it_says(tracing: Tracing, collector: Collector) -> None:
    with suppress(ValueError), tracing.rail_order("a transaction", "simulated", "charge", 1):
        raise ValueError("buyer@example.com has 12.34")
    tracing.flush()

    (span,) = collector.spans
    assert (span.name, span.failed, span.attributes["error.type"]) == ("rail charge", True, "ValueError")
    assert "example" not in span.told
    assert "12.34" not in span.told


def test_faults_of_ours_are_errors_and_refusals_are_answers(tracing: Tracing, collector: Collector) -> None:
    for outcome in ("ok", "InsufficientBalance", "InternalError", "ServiceUnavailable"):
        with tracing.call(""):
            tracing.answered("a request", None, "Pay", outcome)
    tracing.flush()

    assert [span.failed for span in collector.spans] == [False, False, True, True]


def test_what_follows_from_a_transaction_is_in_the_trace_of_the_call_that_made_it(
    tracing: Tracing, collector: Collector
) -> None:
    with tracing.call(CALLER):
        caller = tracing.here()
    with tracing.call(""):
        another = tracing.here()
    assert caller is not None
    assert another is not None
    tracing.remember(caller, ["1"])
    tracing.remember(another, ["1"])  # asked again with its reference
    with tracing.delivery("1-a", "1", "http://shop.example", 1) as headers:
        sent = dict(headers)
    tracing.flush()

    span = collector.of(TRACE)["notification"]
    assert span.parent_id == collector.of(TRACE)["call"].span_id
    assert sent == {"traceparent": f"00-{TRACE}-{span.span_id}-01"}


def test_another_process_goes_on_in_the_trace_that_is_noted(tracing: Tracing, collector: Collector) -> None:
    noted: list[tuple[str, list[str]]] = []
    tracing.note_link = lambda traceparent, names: noted.append((traceparent, list(names)))
    for header in (CALLER, CALLER.removesuffix("1") + "0"):
        with tracing.call(header):
            caller = tracing.here()
        assert caller is not None
        tracing.remember(caller, ["1", "2"])
        tracing.remember(caller, [f"3 of {header}"], goes_on=False)
    ((traceparent, names),) = noted
    assert names == ["1", "2"], "neither what nothing follows from, nor what is known, nor what is not sampled"

    other = Tracing(collector.url)
    other.recall("1", traceparent)
    other.recall("2", "nonsense")
    assert (other.knows("1"), other.knows("2")) == (True, False)
    with other.payout("1", "simulated", 1):
        other.came_to("Sent")
    other.close()
    tracing.flush()

    spans = collector.of(TRACE)
    assert spans["payout"].parent_id == spans["call"].span_id
    assert spans["payout"].attributes["tallystick.outcome"] == "Sent"


def test_the_oldest_transactions_are_forgotten(tracing: Tracing, collector: Collector) -> None:
    with tracing.call(CALLER):
        caller = tracing.here()
    assert caller is not None
    tracing.remember(caller, ["the oldest", *map(str, range(MAX_CALLERS))])
    for transaction_id in ("the oldest", "0"):
        with tracing.rail_order(transaction_id, "simulated", "charge", 1):
            pass
    tracing.flush()

    traces = {
        span.attributes["tallystick.transaction_id"]: span.trace_id
        for span in collector.spans
        if span.name == "rail charge"
    }
    assert traces["0"] == TRACE
    assert traces["the oldest"] != TRACE


def test_payments_go_on_where_a_trace_fails(tracing: Tracing, collector: Collector) -> None:
    not_a_context: Any = "what no version of the library takes"
    done = []
    with tracing.group([7], [not_a_context]):
        done.append("committed")
    with tracing.call(not_a_context):
        tracing.answered("a request", None, "Pay", "ok")
    tracing.remember(not_a_context, [not_a_context])
    with tracing.delivery("1-a", not_a_context, "http://shop.example", 1) as headers:
        done.append("sent")
        assert headers == {}
    tracing.flush()

    assert done == ["committed", "sent"]
    assert [span.name for span in collector.spans] == ["Pay"]


def test_a_collector_that_is_away_ends_nothing() -> None:
    with collecting() as gone:
        url = gone.url
    tracing = Tracing(url)
    with tracing.call(CALLER):
        tracing.answered("a request", None, "Pay", "ok")
    tracing.close()
    with tracing.call(CALLER):
        tracing.answered("after its end", None, "Pay", "ok")


def test_what_opentelemetrys_own_variables_say_counts(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20a-token")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    tracing = Tracing(collector.url)
    for traceparent in (CALLER, ""):
        with tracing.call(traceparent):
            tracing.answered("a request", None, "Pay", "ok")
    tracing.close()

    assert [span.trace_id for span in collector.spans] == [TRACE]
    assert collector.tokens == {"Bearer a-token"}
