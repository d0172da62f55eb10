"""Forms of requests: what is cached by parameter names must never change what a request asks for."""

from itertools import combinations, permutations

import pytest

from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.fields import V2007, V2010
from tallystick.services.api.registry import ACTIONS

PAY = ACTIONS["Pay"].tables[V2010]
ACTIVITY = ACTIONS["GetAccountActivity"].tables[V2010]
PARAMS = {
    "Action": "Pay",
    "TransactionAmount.Value": "0.01",
    "TransactionAmount.CurrencyCode": "USD",
    "SenderTokenId": "S" * 64,
    "CallerReference": "one",
}
ASKED = [
    ("CallerReference", "one"),
    ("SenderTokenId", "S" * 64),
    ("TransactionAmount.CurrencyCode", "USD"),
    ("TransactionAmount.Value", "0.01"),
]


def test_requests_ask_for_the_same_in_any_order_of_their_names() -> None:
    for order in permutations(PARAMS):
        params = {name: PARAMS[name] for name in order}
        form = PAY.form(params)
        form.check_names(params, "")

        assert form.business_parameters(params) == ASKED
        assert form.read(params).integer("TransactionAmount") == 10_000


def test_more_forms_than_are_cached_change_nothing() -> None:
    others = sorted({name for field in PAY.fields for name in field.wire_names()} - PARAMS.keys())
    for names in [*combinations(others, 3), *combinations(others, 3)]:
        params = PARAMS | dict.fromkeys(names, "")
        form = PAY.form(params)
        form.check_names(params, "")

        assert form.business_parameters(params) == ASKED
        assert form.read(params).text("CallerReference") == "one"


def test_a_cached_form_has_no_values() -> None:
    for reference in ("one", "two", ""):
        params = PARAMS | {"CallerReference": reference}
        given = dict(PAY.form(params).business_parameters(params))
        assert given.get("CallerReference", "") == reference

    with pytest.raises(Refused, match="CallerReference is missing"):
        PAY.form(params).read(params)


@pytest.mark.parametrize("_time", [1, 2])
def test_an_unknown_name_is_refused_again_and_again(_time: int) -> None:
    params = PARAMS | {"Bogus": "1", "Wrong": ""}

    with pytest.raises(Refused, match='"space:Bogus"') as caught:
        PAY.form(params).check_names(params, "space")

    assert caught.value.refusal is Refusal.InvalidRequest
    assert PAY.form(params).business_parameters(params) == ASKED


def test_repetitions_belong_to_what_is_asked_for() -> None:
    repeated = next(field.name for field in ACTIVITY.fields if field.repeated)
    numbers = [str(number) for number in range(1, 200)]
    params = {f"{repeated}.{number}": "Sender" for number in numbers} | {"StartDate": "2010-01-01T00:00:00Z"}
    form = ACTIVITY.form(params)
    form.check_names(params, "")

    assert [name for name, _ in form.business_parameters(params)] == sorted(params)
    assert form.read(params).texts(repeated) == ("Sender",)


@pytest.mark.parametrize(
    ("action", "version", "name", "told"),
    [
        (
            "WriteOffDebt",
            V2010,
            "AdjustmentAmount",
            r"AdjustmentAmount\.Value is missing: .*\.CurrencyCode and .*\.Value",
        ),
        (
            "WriteOffDebt",
            V2007,
            "AdjustmentAmount",
            r"AdjustmentAmount\.Amount is missing: .*CurrencyCode and .*\.Amount",
        ),
        (
            "Pay",
            V2010,
            "DescriptorPolicy",
            r"members, DescriptorPolicy\.SoftDescriptorType and DescriptorPolicy\.CSOwner",
        ),
    ],
)
def test_a_complex_field_as_one_value_is_told_its_members(action: str, version: str, name: str, told: str) -> None:
    params = {"Action": action, name: "0.40"}
    with pytest.raises(Refused, match=rf'Unexpected element: ":{name}"\. ?.*{told}\.$') as caught:
        ACTIONS[action].tables[version].form(params).check_names(params, "")
    assert caught.value.refusal is Refusal.InvalidRequest


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_every_amount_is_told_its_missing_number(action: str) -> None:
    for field in ACTIONS[action].fields:
        if field.type == "Amount":
            params = {field.name: "0.40", f"{field.name}.CurrencyCode": "USD"}
            with pytest.raises(Refused, match=rf"{field.name}\.Value is missing"):
                ACTIONS[action].tables[V2010].form(params).check_names(params, "")
