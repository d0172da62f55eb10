"""Lost answers, and a service that says to come again: the client asks once more, under the same key, or says so."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import httpx
import pytest

from tallystick_client import (
    AsyncTallystick,
    NoAnswerError,
    ProblemError,
    Retries,
    Tallystick,
    UnexpectedAnswerError,
)
from tallystick_client.problems import (
    ConcurrentModificationError,
    InsufficientBalanceError,
    PaymentRequiredError,
    TooManyRequestsError,
)
from tallystick_client.rows import ChargeRow
from tallystick_client.testing import FakeTallystick

BACK = "https://shop.example/back"


@dataclass
class Line:
    """A connection on which `faults` happen first, one for each request; then the fake answers."""

    faults: list[Callable[[httpx.Request], httpx.Response]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    fake: FakeTallystick = field(default_factory=FakeTallystick)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.keys.append(request.headers.get("idempotency-key"))
        return self.faults.pop(0)(request) if self.faults else self.fake.handle(request)

    def client(self, retries: Retries | None = None) -> Tallystick:
        http = httpx.Client(transport=httpx.MockTransport(self.handle))
        retries = retries or Retries()
        return Tallystick("tsk_test_fake", "http://pay.example", http=http, retries=retries, sleep=self.slept.append)


def lost(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("timed out", request=request)


def not_there(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused", request=request)


def problem(status: int, code: str, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    document = {"status": status, "code": code, "detail": "Not now.", "request_id": "r-1"}
    kind = {"content-type": "application/problem+json"}
    return lambda _request: httpx.Response(status, json=document, headers=kind | headers)


def page_of_a_proxy(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(502, text="<h1>Bad gateway</h1>", headers={"content-type": "text/html"})


@pytest.fixture
def line() -> Line:
    return Line()


def agreed(line: Line, held: str = "10.00") -> str:
    """A balance with something on it."""
    ts = line.fake.client()
    auth = ts.authorizations.create(kind="prepaid", limit="25.00", return_url=BACK)
    line.fake.agree(auth.id)
    ts.top_ups.create(authorization=auth.id, amount=held).wait()
    return auth.id


def test_a_lost_answer_is_asked_for_again_under_the_same_key(line: Line) -> None:
    auth = agreed(line)
    line.fake.lose_next_answers(2)
    charge = line.client().charges.create(authorization=auth, amount="4.00")
    assert len(set(line.keys)) == 1
    assert line.keys[0]
    assert len(line.keys) == 3
    assert charge.replayed
    assert line.fake.balance(auth) == 6  # charged once
    first, second = line.slept
    assert 0.125 <= first <= 0.25 <= second <= 0.5


def test_a_key_of_ones_own_is_used(line: Line) -> None:
    auth, ts = agreed(line), line.client()
    charge = ts.charges.create(authorization=auth, amount="1.00", idempotency_key="job-17")
    again = ts.charges.create(authorization=auth, amount="1.00", idempotency_key="job-17")
    assert (charge.replayed, again.replayed, again.id) == (False, True, charge.id)
    with pytest.raises(ProblemError) as caught:
        ts.charges.create(authorization=auth, amount="2.00", idempotency_key="job-17")
    assert (caught.value.code, caught.value.transaction) == ("idempotency_conflict", charge.id)
    assert caught.value.idempotency_key == "job-17"


def test_who_gets_no_answer_at_all_is_told_the_key(line: Line) -> None:
    line.faults = [lost] * 9
    with pytest.raises(NoAnswerError, match="timed out") as caught:
        line.client(Retries(times=2)).charges.create(authorization="P", amount="1.00")
    assert line.keys == [caught.value.idempotency_key] * 3
    assert repr(caught.value.idempotency_key) in str(caught.value)
    same = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert (same.idempotency_key, str(same)) == (caught.value.idempotency_key, str(caught.value))


def test_what_has_no_key_is_not_done_twice(line: Line) -> None:
    line.faults = [lost]
    with pytest.raises(NoAnswerError):
        line.client().sandbox.forward_clock("3 Days")
    line.faults = [page_of_a_proxy]
    with pytest.raises(NoAnswerError, match="502"):
        line.client().sandbox.forward_clock("3 Days")
    assert line.keys == [None, None]
    assert line.slept == []


def test_a_batch_whose_charges_have_keys_of_their_own_is_asked_for_again(line: Line) -> None:
    done = {"object": "batch", "succeeded": 1, "refused": 0, "results": []}
    asked: list[bytes] = []

    def keeps(request: httpx.Request) -> httpx.Response:
        asked.append(request.content)
        return lost(request) if len(asked) == 1 else httpx.Response(200, json=done)

    line.faults = [keeps, keeps]
    row: ChargeRow = {"idempotency_key": "job-17", "authorization": "P", "amount": Decimal("0.25")}
    assert line.client().charges.batch(charges=[row]).succeeded == 1
    assert asked[0] == asked[1] == b'{"charges":[{"idempotency_key":"job-17","authorization":"P","amount":"0.25"}]}'


def test_what_was_never_sent_is_sent_again(line: Line) -> None:
    auth = agreed(line)
    line.faults = [not_there]
    assert line.client().authorizations.cancel(auth).status == "cancelled"
    assert len(line.keys) == 2


def test_reads_are_asked_again_whatever_happened(line: Line) -> None:
    line.faults = [lost, page_of_a_proxy, not_there]
    assert line.client().account.get().cash.balance == 0
    assert len(line.slept) == 3


def test_the_service_says_when_to_come_again(line: Line) -> None:
    auth = agreed(line)
    line.faults = [problem(429, "too_many_requests", **{"retry-after": "7"}), problem(503, "concurrent_modification")]
    line.client().charges.create(authorization=auth, amount="1.00")
    assert line.slept[0] == 7
    assert 0.25 <= line.slept[1] <= 0.5
    assert len(set(line.keys)) == 1


def test_nobody_waits_for_an_hour(line: Line) -> None:
    line.faults = [problem(429, "too_many_requests", **{"retry-after": "3600"})]
    with pytest.raises(TooManyRequestsError):
        line.client().account.get()
    assert line.slept == []


def test_patience_ends(line: Line) -> None:
    line.faults = [problem(503, "concurrent_modification")] * 9
    with pytest.raises(ConcurrentModificationError):
        line.client(Retries(times=3)).account.get()
    assert len(line.slept) == 3


def test_a_refusal_is_the_last_word(line: Line) -> None:
    auth, ts = agreed(line), line.client()
    with pytest.raises(InsufficientBalanceError) as caught:
        ts.charges.create(authorization=auth, amount="11.00")
    error = caught.value
    assert isinstance(error, PaymentRequiredError)
    assert (error.status, error.code, error.field) == (402, "insufficient_balance", "amount")
    assert (str(error.limit), str(error.available), str(error.largest_amount)) == ("25.00", "10.00", "10.00")
    assert str(error) == "The prepaid balance of 10.00 does not cover 11.00. (insufficient_balance)"
    assert line.slept == []
    assert pickle.loads(pickle.dumps(error)).largest_amount == error.largest_amount  # noqa: S301 - our own


def test_codes_of_a_later_service_are_of_their_status(line: Line) -> None:
    line.faults = [problem(402, "moon_is_full"), problem(451, "not_here")]
    with pytest.raises(PaymentRequiredError) as caught:
        line.client().account.get()
    assert caught.value.code == "moon_is_full"
    with pytest.raises(ProblemError) as other:
        line.client().account.get()
    assert (other.value.status, other.value.code) == (451, "not_here")


def test_answers_of_others_are_no_answers(line: Line) -> None:
    line.faults = [
        lambda _request: httpx.Response(200, text="<h1>Welcome to our hotel</h1>"),
        lambda _request: httpx.Response(302, headers={"location": "https://elsewhere.example/"}),
        lambda _request: httpx.Response(500, text="oops"),
    ]
    for _ in range(3):
        with pytest.raises(UnexpectedAnswerError):
            line.client().account.get()
    assert len(line.keys) == 3


def test_a_client_that_cannot_work_is_refused_at_once() -> None:
    for key, url in (("", BACK), ("tsk test", BACK), ("tsk_tést", BACK), ("tsk_test", "pay.example"), ("tsk_test", "")):
        with pytest.raises(ValueError, match="must be"):
            Tallystick(key, url)
    for wrong in ("", "..", "a/../b", "a?b"):
        with pytest.raises(ValueError, match="an id"):
            FakeTallystick().client().charges.get(wrong)
    with pytest.raises(ValueError, match="printable"):
        FakeTallystick().client().charges.create(authorization="P", amount="1", idempotency_key="line\nbreak")


async def test_in_an_event_loop_it_is_the_same() -> None:
    line = Line()
    auth = agreed(line)
    line.faults = [lost, problem(503, "concurrent_modification", **{"retry-after": "2"})]

    async def sleep(seconds: float) -> None:
        line.slept.append(seconds)

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(line.handle)) as http,
        AsyncTallystick("tsk_test_fake", "http://pay.example", http=http, sleep=sleep) as ts,
    ):
        await ts.charges.create(authorization=auth, amount="4.00")
        assert line.fake.balance(auth) == 6
        assert len(set(line.keys)) == 1
        assert line.slept[1] == 2
        line.faults = [lost] * 9
        with pytest.raises(NoAnswerError):
            await ts.charges.create(authorization=auth, amount="4.00")
        with pytest.raises(InsufficientBalanceError):
            await ts.charges.create(authorization=auth, amount="40.00")
