"""Payment instructions over HTTP: tokens that a seller installs on its own account."""

from __future__ import annotations

import pytest
from tests.stories.conftest import OpenShop
from tests.support.shop import Answer, Shop

from tallystick.domain.commands import Method
from tallystick.store.accounts import payment_methods

RECEIVING = (
    "MyRole == 'Recipient' orSay 'Only for receiving.';\r\n"
    "PaymentMethod in ('abt', 'ach') orSay 'No cards, <please> & thank you.';\n"
    "\tChargeFeeTo == 'Caller';"
)
WEEKLY = (
    "MyRole == 'Sender'; string PaymentMethod := 'abt';\n"
    "string MyTokenUsageLimit1Type := 'Amount'; money MyTokenUsageLimit1 := 'USD 15';\n"
    "duration MyTokenUsageLimit1Period := '1 week';\n"
    "string MyTokenUsageLimit2Type := 'Count'; integer MyTokenUsageLimit2 := 20;"
)
BY_CARD = "MyRole == 'Sender'; string PaymentMethod := 'cc';"


def wanted(shop: Shop, text: str, kind: str = "Unrestricted", reference: str | None = None) -> dict[str, str]:
    return {
        "PaymentInstruction": text,
        "TokenType": kind,
        "CallerReference": reference or shop.reference(),
    }


async def install(shop: Shop, text: str, kind: str = "Unrestricted", **more: str) -> str:
    answer = await shop.done("InstallPaymentInstruction", wanted(shop, text, kind) | more)
    return answer.value("TokenId")


async def number_of_tokens(shop: Shop) -> int:
    answer = await shop.done("GetTokens")
    return len(answer.values("Token/TokenId"))


async def fault(shop: Shop, text: str, kind: str = "Unrestricted") -> Answer:
    """The answer to a text that must be refused, leaving nothing behind, not even the use of its reference."""
    before = await number_of_tokens(shop)
    request = wanted(shop, text, kind)
    answer = await shop.call("InstallPaymentInstruction", request)
    assert answer.status == 400
    assert await number_of_tokens(shop) == before
    await shop.done("InstallPaymentInstruction", request | {"PaymentInstruction": RECEIVING, "TokenType": "SingleUse"})
    return answer


async def test_a_token_gives_its_text_back_as_it_came(shop: Shop) -> None:
    request = wanted(shop, RECEIVING, reference="receiving") | {
        "TokenFriendlyName": "Music shop",
        "PaymentReason": "songs & more",
    }

    token_id = (await shop.done("InstallPaymentInstruction", request)).value("TokenId")

    assert len(token_id) == 64
    answer = await shop.done("GetPaymentInstruction", {"TokenId": token_id})
    assert answer.value("GetPaymentInstructionResult/PaymentInstruction") == RECEIVING
    assert len(answer.text.splitlines()) == 2
    assert answer.value("Token/TokenId") == token_id
    assert answer.value("Token/FriendlyName") == "Music shop"
    assert answer.value("Token/TokenStatus") == "Active"
    assert answer.value("Token/TokenType") == "Unrestricted"
    assert answer.value("Token/PaymentReason") == "songs & more"
    assert answer.value("GetPaymentInstructionResult/CallerReference") == "receiving"
    assert answer.value("GetPaymentInstructionResult/TokenFriendlyName") == "Music shop"


async def test_a_token_without_a_name_has_no_friendly_name_of_its_own(shop: Shop) -> None:
    answer = await shop.done("GetPaymentInstruction", {"TokenId": await install(shop, RECEIVING)})

    assert answer.values("GetPaymentInstructionResult/TokenFriendlyName") == []
    assert answer.value("Token/FriendlyName")


async def test_installed_tokens_are_found_listed_and_cancelled(shop: Shop) -> None:
    unrestricted = await install(shop, RECEIVING, CallerReference="mine", TokenFriendlyName="Music shop")
    shop.clock.forward(seconds=1)
    single = await install(shop, RECEIVING, "SingleUse")

    by_reference = await shop.done("GetTokenByCaller", {"CallerReference": "mine"})
    assert by_reference.value("Token/TokenId") == unrestricted
    assert (await shop.done("GetTokens")).values("Token/TokenId") == [unrestricted, single]
    assert (await shop.done("GetTokens", {"TokenType": "SingleUse"})).values("Token/TokenId") == [single]
    named = await shop.done("GetTokens", {"TokenFriendlyName": "Music shop"})
    assert named.values("Token/TokenId") == [unrestricted]

    await shop.done("CancelToken", {"TokenId": unrestricted})

    assert (await shop.done("GetTokens")).values("Token/TokenId") == [single]
    inactive = await shop.done("GetTokens", {"TokenStatus": "Inactive"})
    assert inactive.values("Token/TokenId") == [unrestricted]
    kept = await shop.done("GetPaymentInstruction", {"TokenId": unrestricted})
    assert kept.value("TokenStatus") == "Inactive"
    assert await shop.refused("CancelToken", {"TokenId": unrestricted}) == "TokenNotActive"


async def test_limits_of_the_text_are_the_limits_of_the_token(shop: Shop) -> None:
    usage = await shop.done("GetTokenUsage", {"TokenId": await install(shop, WEEKLY, "MultiUse")})

    assert usage.values("TokenUsageLimits/Amount/Value") == ["0.000000"]
    assert usage.values("TokenUsageLimits/Count") == ["0"]
    none = await shop.done("GetTokenUsage", {"TokenId": await install(shop, RECEIVING)})
    assert none.values("TokenUsageLimits") == []
    single = await install(shop, RECEIVING, "SingleUse")
    assert await shop.refused("GetTokenUsage", {"TokenId": single}) == "InvalidTokenType"


@pytest.mark.parametrize(
    ("token_type", "text", "minutes"),
    [("SingleUse", RECEIVING, 3 * 60), ("MultiUse", WEEKLY, 365 * 24 * 60), ("Recurring", WEEKLY, 365 * 24 * 60)],
)
async def test_tokens_end_in_their_time(shop: Shop, token_type: str, text: str, minutes: int) -> None:
    lasting = await install(shop, RECEIVING)
    await install(shop, text, token_type)

    await move_test_clock(shop, minutes - 1)
    assert await number_of_tokens(shop) == 2
    await move_test_clock(shop, minutes)
    assert (await shop.done("GetTokens")).values("Token/TokenId") == [lasting]


async def move_test_clock(shop: Shop, minutes: int) -> None:
    await shop.service.pool.execute(
        "UPDATE book SET clock_offset_seconds = $2 WHERE book_id = $1", shop.books.book_id, minutes * 60
    )


async def test_a_reference_installs_one_token(shop: Shop) -> None:
    first = wanted(shop, RECEIVING, reference="once")
    await shop.done("InstallPaymentInstruction", first)

    assert await shop.refused("InstallPaymentInstruction", first) == "DuplicateRequest"
    assert await shop.refused("InstallPaymentInstruction", first | {"TokenType": "SingleUse"}) == "DuplicateRequest"
    assert await number_of_tokens(shop) == 1


async def test_a_fault_is_told_with_its_line_and_column(shop: Shop) -> None:
    answer = await fault(shop, "MyRole == 'Recipient';\n  paymentMethod in ('abt');\n;")

    assert answer.code == "BadRule"
    assert answer.message == ('Line 2, column 3: "paymentMethod" cannot be asked about; did you mean PaymentMethod.')


@pytest.mark.parametrize(
    ("text", "token_type", "code"),
    [
        ("MyRole", "Unrestricted", "BadRule"),
        (" ", "Unrestricted", "BadRule"),
        ("x" * 5000, "Unrestricted", "BadRule"),
        ("PaymentMethod == 'gold';", "Unrestricted", "InvalidPaymentMethod"),
        ("string MyTokenUsageLimit1Type := 'Weight';", "MultiUse", "InvalidUsageType"),
        ("string MyTokenUsageLimit1Type := 'Count';", "MultiUse", "InvalidUsageLimitCount"),
        ("duration MyTokenUsageLimit1Period := '5 minutes';", "MultiUse", "InvalidUsageDuration"),
        (WEEKLY, "SingleUse", "CannotSpecifyUsageForSingleUseToken"),
        (RECEIVING, "MultiUse", "UsageNotDefined"),
        (RECEIVING, "Recurring", "UsageNotDefined"),
        (BY_CARD, "Unrestricted", "PaymentInstrumentMissing"),
    ],
)
async def test_each_kind_of_fault_has_its_code(shop: Shop, text: str, token_type: str, code: str) -> None:
    assert (await fault(shop, text, token_type)).code == code


async def test_a_card_of_the_account_is_what_a_card_token_pays_with(shop: Shop) -> None:
    card = payment_methods.NewPaymentMethod(Method.CC, "simulated", "token", "Visa", "4242")
    kept = await payment_methods.add(shop.service.pool, shop.key.party_id, "sandbox", card, shop.clock())

    token_id = await install(shop, BY_CARD)

    row = await shop.service.pool.fetchrow(
        "SELECT payment_method, payment_method_id FROM token WHERE book_id = $1 AND token_id = $2",
        shop.books.book_id,
        token_id,
    )
    assert row is not None
    assert tuple(row) == ("CC", kept.payment_method_id)


async def test_a_suspended_account_installs_nothing(shop: Shop) -> None:
    party = shop.key.party_id
    await shop.service.pool.execute("UPDATE party SET status = 'suspended' WHERE party_id = $1", party)
    refused = await shop.call("InstallPaymentInstruction", wanted(shop, RECEIVING))
    await shop.service.pool.execute("UPDATE party SET status = 'active' WHERE party_id = $1", party)

    assert refused.code == "InvalidAccountState"
    assert await number_of_tokens(shop) == 0


async def test_other_peoples_and_other_tokens_have_no_text(shop: Shop, open_shop: OpenShop) -> None:
    token_id = await install(shop, RECEIVING)
    other = await open_shop()
    buyer = await shop.books.prepaid_buyer()

    assert await other.refused("GetPaymentInstruction", {"TokenId": token_id}) == "TokenAccessDenied"
    assert await shop.refused("GetPaymentInstruction", {"TokenId": buyer.spending}) == "InvalidTokenId"
    assert await shop.refused("GetPaymentInstruction", {"TokenId": token_id[:-1] + "!"}) == "InvalidParams"
