"""Rows of visits as typed values and back: also those of a release before this one, whose visits may be under way."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.support.paths import ROOT

from tallystick.domain.commands import Method
from tallystick.domain.ids import PartyId
from tallystick.services.consent.address import DeliveryAddress, read_address, wire_address
from tallystick.services.consent.answers import (
    AnswerStatus,
    ConsentAnswer,
    NoConsent,
    PurchaseAnswer,
    RecipientGrant,
    Unchanged,
    authorization_ids,
    decode_answer,
    encode_answer,
    main_token,
)
from tallystick.services.consent.choices import (
    NOTHING_CHOSEN,
    BuyerChoices,
    ChosenMethod,
    decode_choices,
    encode_choices,
)
from tallystick.services.consent.parameters import ADDRESS, PIPELINES, SIMPLE_PAY, STATUSES, pipeline_of_visit
from tallystick.services.consent.visits import MAX_AGE, Visit, read_visit
from tallystick.store.records.visits import VisitRow

ROWS: list[dict[str, Any]] = json.loads((ROOT / "tests" / "data" / "visit_rows.json").read_text("utf-8"))
"""Taken from a database whose visits a release wrote that kept texts only; keys and addresses of e-mail replaced."""
CASES = {row["case"]: row for row in ROWS}
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ANN, BEN = PartyId(7), PartyId(8)


def visit_of(row: dict[str, Any]) -> Visit:
    return read_visit(
        VisitRow(
            visit_id="v" * 32,
            caller_id=PartyId(1),
            access_key_id="AKEXAMPLE",
            environment="sandbox",
            pipeline=row["pipeline"],
            parameters=row["parameters"],
            request_digest=b"d",
            created_at=NOW,
            sender_id=ANN if row["choices"] else None,
            choices=row["choices"],
            status=None,
            answer=row["answer"],
            finished_at=NOW if row["finished"] else None,
        )
    )


@pytest.mark.parametrize("case", CASES)
def test_a_row_of_before_is_read_and_written_as_it_was(case: str) -> None:
    row = CASES[case]
    visit = visit_of(row)

    assert encode_choices(visit.choices) == row["choices"]
    assert (None if visit.answer is None else encode_answer(visit.answer)) == row["answer"]


def test_the_rows_of_before_are_of_every_pipeline_and_end_in_every_way() -> None:
    assert {row["pipeline"] for row in ROWS} == {*PIPELINES, SIMPLE_PAY.name}
    answers = [visit_of(row).answer for row in ROWS]
    assert {type(one) for one in answers} == {NoConsent, Unchanged, ConsentAnswer, PurchaseAnswer, type(None)}
    grants = {type(one.grant).__name__ for one in answers if isinstance(one, ConsentAnswer)}
    assert grants == {"PrepaidGrant", "PostpaidGrant", "TokenGrant", "RecipientGrant"}


def test_what_a_row_says_as_values() -> None:
    visit = visit_of(CASES["prepaid with address by card: agreed"])
    home = DeliveryAddress("Ann Buyer", "1 Main St", city="Springfield", postal_code="12345", country="USA")
    assert visit.choices == BuyerChoices(ChosenMethod(Method.CC, 1), home)
    assert isinstance(visit.answer, ConsentAnswer)
    assert (visit.answer.status, visit.answer.card_expiry) == (AnswerStatus.AGREED_CARD, "10/2031")
    assert visit.answer.address == home
    assert list(visit.references) == ["callerReferenceSender", "callerReferenceFunding"]
    assert home.lines == ("Ann Buyer", "1 Main St", "Springfield", "12345", "USA")

    balance = visit_of(CASES["prepaid by balance: agreed"])
    assert balance.choices == BuyerChoices(ChosenMethod(Method.ABT))

    refused = visit_of(CASES["single use, address refused: agreed"])
    assert isinstance(refused.answer, ConsentAnswer)
    assert refused.answer.address_refused
    assert refused.terms.address is None

    bought = visit_of(CASES["purchase by balance"]).answer
    assert isinstance(bought, PurchaseAnswer)
    assert bought.ids is not None
    assert bought.receipt.amount_micros == 12_500_000
    failed = visit_of(CASES["purchase that failed"]).answer
    assert isinstance(failed, PurchaseAnswer)
    assert (failed.ids, failed.message) == (None, "The payment was not made.")


def test_the_ids_in_an_answer() -> None:
    prepaid = CASES["prepaid by balance: agreed"]
    answer = visit_of(prepaid).answer
    assert main_token(answer) == prepaid["answer"]["prepaidSenderTokenID"]
    assert authorization_ids(answer) == (prepaid["answer"]["prepaidInstrumentID"],)

    postpaid = CASES["postpaid by bank account: agreed"]
    answer = visit_of(postpaid).answer
    assert main_token(answer) == postpaid["answer"]["creditSenderTokenID"]
    assert authorization_ids(answer) == (postpaid["answer"]["creditInstrumentID"],)

    answer = visit_of(CASES["recipient: agreed"]).answer
    assert isinstance(answer, ConsentAnswer)
    assert isinstance(answer.grant, RecipientGrant)
    assert authorization_ids(answer) == (answer.grant.token_id, answer.grant.refund_token_id)

    unchanged = CASES["edit token: unchanged"]
    assert main_token(visit_of(unchanged).answer) == unchanged["answer"]["tokenID"]

    purchase = CASES["purchase by card"]
    answer = visit_of(purchase).answer
    assert main_token(answer) is None
    assert authorization_ids(answer) == (purchase["answer"]["tokenId"],)
    assert authorization_ids(visit_of(CASES["left"]).answer) == ()


@pytest.mark.parametrize("row", [row for row in ROWS if row["answer"]], ids=lambda row: row["case"])
def test_an_answer_says_what_its_pipeline_is_documented_to_return(row: dict[str, Any]) -> None:
    pipeline = pipeline_of_visit(row["pipeline"])
    documented = {name for names, _ in pipeline.returns for name in names.split(", ")} | {*ADDRESS}
    beside = {"tokenId"} if pipeline is SIMPLE_PAY else set[str]()  # the token of a button's purchase is told as well

    assert row["answer"]["status"] in {*pipeline.statuses, "SU"}
    assert row["answer"].keys() <= documented | beside | {"status", "errorMessage"}


def test_every_status_has_its_explanation() -> None:
    assert {status.value for status in AnswerStatus} == set(STATUSES)


@pytest.mark.parametrize("status", AnswerStatus)
def test_a_visit_without_consent_says_why(status: AnswerStatus) -> None:
    if status is AnswerStatus.UNCHANGED:
        with pytest.raises(KeyError):
            decode_answer({"status": status.value, "errorMessage": "why"})
        return
    answer = NoConsent(status, "why")
    assert encode_answer(answer) == {"status": status.value, "errorMessage": "why"}
    assert decode_answer(encode_answer(answer)) == answer


def test_an_answer_whose_address_was_erased_is_read_without_it() -> None:
    row = CASES["prepaid with address by card: agreed"]
    erased = {name: value for name, value in row["answer"].items() if name not in ADDRESS}

    answer = visit_of(row | {"answer": erased, "choices": {}}).answer

    assert isinstance(answer, ConsentAnswer)
    assert answer.address is None
    assert encode_answer(answer) == erased


@pytest.mark.parametrize(
    "stored", [{"key": "seven", "method": "CC"}, {"key": "7"}, {"key": "7", "method": "cash"}], ids=str
)
def test_no_row_of_ours(stored: dict[str, str]) -> None:
    with pytest.raises((ValueError, KeyError)):
        decode_choices(stored)


def test_an_address_is_spelled_as_the_protocol_has_it() -> None:
    address = DeliveryAddress(*(f"{number}" for number in range(8)))

    assert wire_address(address) == {name: f"{number}" for number, name in enumerate(ADDRESS)}
    assert read_address(wire_address(address) | {"other": "x"}) == address


@pytest.mark.parametrize(
    ("address", "lacks"),
    [
        (DeliveryAddress(), False),
        (DeliveryAddress(name="Ann", phone="1"), False),
        (DeliveryAddress(city="Springfield"), True),
        (DeliveryAddress(line2="2nd floor"), True),
        (DeliveryAddress(line1="1 Main St", city="Springfield"), False),
    ],
)
def test_a_place_needs_a_street(address: DeliveryAddress, lacks: bool) -> None:
    assert address.lacks_street is lacks


def test_a_buyer_sees_their_own_choices_only() -> None:
    visit = visit_of(CASES["prepaid by balance: at confirm"])

    assert visit.chosen_by(ANN) == visit.choices
    assert not visit.choices.empty
    assert visit.chosen_by(BEN) == visit.chosen_by(None) == NOTHING_CHOSEN
    assert NOTHING_CHOSEN.empty


def test_where_an_answer_goes_back_to() -> None:
    button = CASES["purchase by card"]
    left_url = button["parameters"]["abandonUrl"]
    visit = visit_of(button)
    assert visit.way_back.url_for(AnswerStatus.ABANDONED) == left_url
    assert visit.way_back.url_for(AnswerStatus.PAID) == button["parameters"]["returnUrl"]
    assert visit.way_back.urls == (button["parameters"]["returnUrl"], left_url)

    plain = {name: value for name, value in button["parameters"].items() if name != "abandonUrl"}
    way_back = visit_of(button | {"parameters": plain}).way_back
    assert way_back.url_for(AnswerStatus.ABANDONED) == plain["returnUrl"]
    assert way_back.urls == (plain["returnUrl"],)
    token = CASES["recurring: agreed"]
    assert visit_of(token).way_back.reference == token["parameters"]["callerReference"]
    assert visit_of(CASES["edit token: agreed"]).way_back.reference is None


def test_a_visit_left_lying_gets_too_old_and_a_finished_one_does_not() -> None:
    lying, finished = visit_of(CASES["prepaid by balance: at confirm"]), visit_of(CASES["left"])

    assert not lying.too_old(NOW + MAX_AGE)
    assert lying.too_old(NOW + MAX_AGE * 1.01)
    assert not finished.too_old(NOW + MAX_AGE * 2)
