"""Two sides that agree have nothing unexplained; whatever is dropped, doubled or changed on one of them is named."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from tallystick.domain.accounts import AccountKind
from tallystick.domain.ids import TransactionId
from tallystick.domain.rails.reconciliation import (
    FindingKind,
    MovedHere,
    MovedThere,
    MovementKind,
    bookings_of,
    compare,
)

DAY = date(2027, 3, 1)
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
UNITS = 1_000_000


def there(number: int, kind: MovementKind, amount: int, fee: int = 0, *, of: str | None = None) -> MovedThere:
    name = None if of is None else TransactionId(of)
    return MovedThere(f"mv_{number}", kind, f"ref_{number}", amount, fee, "USD", NOON, name)


def here(name: str, micros: int, *, is_under_way: bool = False) -> MovedHere:
    return MovedHere(TransactionId(name), micros, NOON, is_under_way)


def found(movements: list[MovedThere], ours: list[MovedHere]) -> list[tuple[FindingKind, str, int]]:
    (report,) = compare([DAY], movements, ours)
    assert report.unexplained_micros == sum(one.unexplained_micros for one in report.findings)
    return [(one.kind, one.name, one.unexplained_micros) for one in report.findings]


@st.composite
def both_sides(draw: st.DrawFn) -> tuple[list[MovedThere], list[MovedHere]]:
    """A day on which both sides agree: charges, refunds in two parts, disputes that come back, fees, payouts."""
    movements: list[MovedThere] = []
    ours: list[MovedHere] = []
    amounts = st.integers(1, 10_000).map(lambda cents: cents * 10_000)
    for number, kind in enumerate(draw(st.lists(st.sampled_from(list(MovementKind)), min_size=1, max_size=12))):
        amount, fee, name = draw(amounts), draw(amounts), f"T{number}"
        match kind:
            case MovementKind.CHARGE:
                movements.append(there(number, kind, amount, fee, of=name))
                ours.append(here(name, amount))
            case MovementKind.REFUND:
                movements += [there(number, kind, -amount, of=name), there(number + 100, kind, -fee, of=name)]
                ours.append(here(name, -amount - fee))
            case MovementKind.DISPUTE:
                movements += [there(number, kind, -amount, fee, of=name), there(number + 100, kind, amount, of=name)]
                ours.append(here(name, -fee))
            case MovementKind.FEE:
                movements.append(there(number, kind, -amount))
            case MovementKind.PAYOUT:
                movements.append(there(number, kind, -amount, fee))
            case MovementKind.ADJUSTMENT:
                movements.append(there(number, kind, 0, fee))
    return movements, ours


@given(both_sides())
def test_sides_that_agree_have_nothing_unexplained(sides: tuple[list[MovedThere], list[MovedHere]]) -> None:
    movements, ours = sides
    (report,) = compare([DAY], movements, ours)

    assert report.findings == ()
    net = sum(one.net_micros for one in movements)
    assert net == sum(one.micros for one in ours) - report.fees_micros - report.bank_micros, "all of it is in the books"


@given(both_sides(), st.data())
def test_a_slip_on_either_side_is_named_with_its_sum(
    sides: tuple[list[MovedThere], list[MovedHere]], data: st.DataObject
) -> None:
    movements, ours = sides
    matched = [one for one in movements if one.transaction_id is not None]
    assume(matched)
    one = data.draw(st.sampled_from(matched))
    slip = data.draw(st.sampled_from(["dropped", "doubled", "changed", "not booked"]))
    rest = [other for other in movements if other is not one]
    match slip:
        case "dropped":
            told, off = rest, -one.owed_micros
        case "doubled":
            told, off = [*movements, replace(one, movement_id="mv_again")], one.owed_micros
        case "changed":
            told, off = [*rest, replace(one, amount_micros=one.amount_micros + UNITS)], UNITS
        case _:
            told = movements
            booked = next(mine for mine in ours if mine.transaction_id == one.transaction_id)
            ours, off = [mine for mine in ours if mine is not booked], booked.micros

    assert found(told, ours) == [(_kind_of(told, ours, one.transaction_id), one.transaction_id, abs(off))]


def _kind_of(told: list[MovedThere], ours: list[MovedHere], name: str | None) -> FindingKind:
    if all(one.transaction_id != name for one in told):
        return FindingKind.ONLY_HERE
    booked = any(one.transaction_id == name and one.micros for one in ours)
    return FindingKind.DIFFERENT if booked else FindingKind.ONLY_THERE


def test_what_nobody_here_asked_for_is_named() -> None:
    assert found([there(1, MovementKind.CHARGE, 5 * UNITS, 300_000)], []) == [
        (FindingKind.ONLY_THERE, "mv_1", 5 * UNITS)
    ]
    assert found([there(1, MovementKind.DISPUTE, -5 * UNITS, 15 * UNITS)], []) == [
        (FindingKind.ONLY_THERE, "mv_1", 20 * UNITS)
    ]


def test_what_is_told_differently_later_or_no_longer_is_named() -> None:
    charge = there(1, MovementKind.CHARGE, 5 * UNITS, 300_000, of="T1")
    ours = [here("T1", 5 * UNITS)]

    assert found([replace(charge, later_micros=4 * UNITS)], ours) == [(FindingKind.CHANGED, "mv_1", 700_000)]
    assert found([replace(charge, is_told=False)], ours) == [(FindingKind.GONE, "mv_1", 4_700_000)]


def test_another_currency_is_neither_booked_nor_explained() -> None:
    euros = replace(there(1, MovementKind.CHARGE, 5 * UNITS, 300_000), currency="EUR")

    assert bookings_of(euros) == []
    assert found([euros], []) == [(FindingKind.OTHER_CURRENCY, "mv_1", 4_700_000)]


def test_an_order_that_the_rail_has_not_answered_is_under_way() -> None:
    ours = [here("T1", -5 * UNITS, is_under_way=True)]

    assert found([], ours) == [(FindingKind.UNDER_WAY, "T1", 0)]


def test_a_movement_and_its_booking_may_lie_on_two_days() -> None:
    charge = there(1, MovementKind.CHARGE, 5 * UNITS, of="T1")
    late = MovedHere(TransactionId("T1"), 5 * UNITS, NOON + timedelta(days=1))

    reports = compare([DAY, DAY + timedelta(days=1)], [charge], [late])

    assert [report.unexplained_micros for report in reports] == [0, 0]
    assert [report.moved_micros for report in reports] == [5 * UNITS, 0]


@pytest.mark.parametrize(
    ("movement", "booked"),
    [
        (there(1, MovementKind.CHARGE, 5 * UNITS, 300_000), [(AccountKind.RAIL_FEES, 300_000)]),
        (there(1, MovementKind.REFUND, -5 * UNITS, -300_000), [(AccountKind.RAIL_FEES, -300_000)]),
        (there(1, MovementKind.FEE, -2 * UNITS), [(AccountKind.RAIL_FEES, 2 * UNITS)]),
        (there(1, MovementKind.DISPUTE, -5 * UNITS, 15 * UNITS), []),
        (
            there(1, MovementKind.PAYOUT, -50 * UNITS, 250_000),
            [(AccountKind.RAIL_FEES, 250_000), (AccountKind.BANK, 50 * UNITS)],
        ),
        (there(1, MovementKind.PAYOUT, -50 * UNITS, of="T1"), []),
        (
            replace(there(1, MovementKind.CHARGE, 5 * UNITS, 300_000), is_unassigned=True),
            [(AccountKind.RAIL_FEES, 300_000), (AccountKind.SUSPENSE, -5 * UNITS)],
        ),
    ],
)
def test_what_is_booked_as_the_rail_tells_it(movement: MovedThere, booked: list[tuple[AccountKind, int]]) -> None:
    assert bookings_of(movement) == booked
