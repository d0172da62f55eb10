"""For every error that the documents name of an action, a call of that action which ends in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from tests.stories.api.causes import CAUSES
from tests.stories.api.causes.provoking import beside_a_rival, in_process, paid
from tests.stories.api.good_requests import good_request
from tests.support.shop import Answer, Shop, amount

from tallystick.domain.standing import Demands
from tallystick.services.api.fields import V2010
from tallystick.services.api.registry import ACTIONS

Provoke = Callable[[Shop, str], Awaitable[Answer]]


async def provoke(shop: Shop, action: str, code: str) -> Answer:
    """Call `action` so that it is refused with `code`."""
    by_action = _OF_SEVERAL.get(code)
    return await (CAUSES[code](shop) if by_action is None else by_action(shop, action))


async def _less_than_the_least(shop: Shop, action: str) -> Answer:
    money = next(field.name for field in ACTIONS[action].tables[V2010].fields if field.type == "Amount")
    return await shop.call(action, await good_request(shop, action) | amount(money, "0.009999"))


async def _more_than_strangers_may_spend(shop: Shop, action: str) -> Answer:
    strict = in_process(shop, demands=Demands(spending_limit_micros=990_000))
    return await strict.call(action, await good_request(shop, action))


async def _at_the_same_time(shop: Shop, action: str) -> Answer:
    """Another session locks the original transaction for longer than a caller waits."""
    original = await paid(shop)
    locking = "SELECT FROM token WHERE book_id = $1 FOR UPDATE"
    async with beside_a_rival(shop, locking, shop.books.book_id) as impatient:
        return await impatient.call(action, {"TransactionId": original, "CallerReference": shop.reference()})


async def _above_the_debt(shop: Shop, action: str) -> Answer:
    money = {"SettleDebt": "SettlementAmount", "WriteOffDebt": "AdjustmentAmount"}[action]
    return await shop.call(action, await good_request(shop, action) | amount(money, "5.01"))


async def _an_instruction_with_a_fault(shop: Shop, action: str) -> Answer:
    text = "MyRole == 'Recipient';\nTransactionAmount <= 5;"
    return await shop.call(action, await good_request(shop, action) | {"PaymentInstruction": text})


async def _limits_on_one_use(shop: Shop, action: str) -> Answer:
    text = "string MyTokenUsageLimit1Type := 'Count'; integer MyTokenUsageLimit1 := 5;"
    wrong = {"PaymentInstruction": text, "TokenType": "SingleUse"}
    return await shop.call(action, await good_request(shop, action) | wrong)


_OF_SEVERAL: Final[dict[str, Provoke]] = {
    "AccountLimitsExceeded": _more_than_strangers_may_spend,
    "AmountOutOfRange": _less_than_the_least,
    "BadRule": _an_instruction_with_a_fault,
    "CannotSpecifyUsageForSingleUseToken": _limits_on_one_use,
    "ConcurrentModification": _at_the_same_time,
    "SettleAmountGreaterThanDebt": _above_the_debt,
}
