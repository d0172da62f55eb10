"""Objects, amounts, moments, lists and waiting, as a seller's program has them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, localcontext

import httpx
import msgspec
import pytest

from tallystick_client import StillPendingError, Tallystick, TransactionFailedError
from tallystick_client.amounts import amount_text, moment_text, trimmed
from tallystick_client.objects import Charge, TopUp
from tallystick_client.testing import FakeTallystick, NotFakedError

BACK = "https://shop.example/back"


@pytest.fixture
def fake() -> FakeTallystick:
    return FakeTallystick()


def agreed(fake: FakeTallystick, method: str = "card") -> str:
    auth = fake.client().authorizations.create(kind="prepaid", limit="25.00", return_url=BACK)
    fake.agree(auth.id, method=method)
    return auth.id


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("9.997500", "9.9975"),
        ("10.000000", "10.00"),
        ("0.000000", "0.00"),
        ("-3.500000", "-3.50"),
        ("0.000001", "0.000001"),
    ],
)
def test_amounts_are_shown_as_people_write_them(told: str, shown: str) -> None:
    assert str(trimmed(Decimal(told))) == shown
    with localcontext(prec=3):  # whatever precision the program has set
        assert str(trimmed(Decimal("1234567890123.123456"))) == "1234567890123.123456"


def test_amounts_are_sent_exactly_and_never_as_floats() -> None:
    assert amount_text("amount", "0.0025") == "0.0025"
    assert amount_text("amount", Decimal("1E+2")) == "100"
    for wrong in (0.25, 25):
        with pytest.raises(TypeError, match="amount must be a str or a Decimal"):
            amount_text("amount", wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="number"):
        amount_text("amount", Decimal("NaN"))


def test_moments_are_sent_in_utc() -> None:
    noon = datetime(2026, 12, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert moment_text("expires_at", noon) == "2026-12-01T10:00:00Z"
    assert moment_text("expires_at", "2030-01-01T00:00:00Z") == "2030-01-01T00:00:00Z"
    with pytest.raises(ValueError, match="time zone"):
        moment_text("expires_at", noon.replace(tzinfo=None))


def test_what_a_later_service_adds_does_no_harm(fake: FakeTallystick) -> None:
    auth, ts = agreed(fake), fake.client()
    top_up = ts.top_ups.create(authorization=auth, amount="10.00")
    members = msgspec.to_builtins(top_up) | {"status": "resting", "colour": "blue"}
    found = msgspec.json.decode(msgspec.json.encode(members), type=TopUp)
    assert str(found.status) == "resting"
    assert found.amount == 10


def test_objects_do_not_change_and_are_equal_by_what_they_say(fake: FakeTallystick) -> None:
    auth, ts = agreed(fake), fake.client()
    ts.top_ups.create(authorization=auth, amount="10.00").wait()
    charge = ts.charges.create(authorization=auth, amount="0.0025", description="1,000 tokens")
    same = ts.charges.get(charge.id)
    assert same == charge
    assert (charge.amount, charge.description) == (Decimal("0.0025"), "1,000 tokens")
    assert charge.created_at.tzinfo is not None
    with pytest.raises(AttributeError):
        charge.note = "x"  # type: ignore[misc]


def test_waiting_ends_with_what_it_has_come_to(fake: FakeTallystick) -> None:
    auth, ts = agreed(fake), fake.client()
    top_up = ts.top_ups.create(authorization=auth, amount="10.00")
    assert (top_up.status, top_up.completed_at) == ("pending", None)
    done = top_up.wait()
    assert (done.status, done.fee) == ("succeeded", Decimal("0.30"))
    before = len(fake.requests)
    assert done.wait() is done
    assert len(fake.requests) == before  # over already: nothing is asked
    assert ts.top_ups.wait(top_up.id) == done

    fake.decline_next()
    with pytest.raises(TransactionFailedError) as caught:
        ts.top_ups.create(authorization=auth, amount="5.00").wait()
    assert caught.value.transaction.status_code == "PaymentError"


def test_a_buyer_is_waited_for(fake: FakeTallystick) -> None:
    auth = fake.client().authorizations.create(kind="prepaid", limit="25.00", return_url=BACK)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 4:
            fake.agree(auth.id)

    http = httpx.Client(transport=httpx.MockTransport(fake.handle))
    ts = Tallystick("tsk_test_fake", "http://pay.example", http=http, sleep=sleep)
    assert ts.authorizations.wait(auth.id).status == "active"
    assert len(slept) == 4
    assert slept == sorted(slept)  # less often with time

    other = ts.authorizations.create(kind="prepaid", limit="25.00", return_url=BACK)
    slept.clear()
    with pytest.raises(StillPendingError) as caught:
        other.wait(seconds=30)
    assert sum(slept) == pytest.approx(30)
    assert max(slept) <= 2
    assert caught.value.found.id == other.id


async def test_in_an_event_loop_the_resource_waits(fake: FakeTallystick) -> None:
    auth, ts = agreed(fake), fake.async_client()
    top_up = await ts.top_ups.create(authorization=auth, amount="10.00")
    with pytest.raises(RuntimeError, match="await its wait"):
        top_up.wait()
    assert (await ts.top_ups.wait(top_up.id)).status == "succeeded"
    fake.decline_next()
    declined = await ts.top_ups.create(authorization=auth, amount="5.00")
    with pytest.raises(TransactionFailedError):
        await ts.top_ups.wait(declined.id)


async def test_lists_are_read_to_their_end(fake: FakeTallystick) -> None:
    auth, ts = agreed(fake, "account_balance"), fake.client()
    ts.top_ups.create(authorization=auth, amount="10.00")
    made = [ts.charges.create(authorization=auth, amount="0.01").id for _ in range(7)]
    asked = len(fake.requests)
    found = list(ts.charges.list(limit=3))
    assert [one.id for one in found] == made[::-1]
    assert all(isinstance(one, Charge) for one in found)
    assert len(fake.requests) - asked == 3
    assert [len(page.data) for page in ts.charges.list(limit=3).pages()] == [3, 3, 1]
    first = ts.charges.list(limit=3).page()
    assert [one.id for one in ts.charges.list(limit=3, cursor=first.next_cursor)] == made[3::-1]
    assert [one.object for one in ts.transactions.list(type="top_up")] == ["top_up"]

    later = fake.async_client()
    assert [one.id async for one in later.charges.list(limit=3)] == made[::-1]
    assert [len(page.data) async for page in later.charges.list(limit=5).pages()] == [5, 2]
    assert [one.id async for one in later.charges.list(status="failed")] == []


def test_what_the_fake_does_not_do_it_says(fake: FakeTallystick) -> None:
    with pytest.raises(NotFakedError, match="payouts"):
        fake.client().payouts.create(amount="1.00")


def test_time_passes_in_the_fake_as_the_test_wants() -> None:
    now = datetime(2026, 12, 1, tzinfo=UTC)
    fake = FakeTallystick(clock=lambda: now)
    ts = fake.client()
    auth = ts.authorizations.create(kind="prepaid", limit="25.00", return_url=BACK, expires_at=now + timedelta(days=1))
    fake.agree(auth.id)
    assert ts.authorizations.get(auth.id).status == "active"
    fake.clock = lambda: now + timedelta(days=2)
    assert ts.authorizations.get(auth.id).status == "expired"
    assert replace(fake).books is fake.books
