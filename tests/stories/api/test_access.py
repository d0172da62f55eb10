"""Whose tokens, instruments, transactions and keys: nobody reaches into another's books."""

from datetime import timedelta

from tests.stories.conftest import OpenShop
from tests.support.shop import Shop, amount

from tallystick.store.keys import access_keys
from tallystick.store.ledger import create_book

MADE_UP = "J70EXAMPLE0EXAMPLE0EXAMPLE0EXAMPLE0EXAMPLE0EXAMPLE0EXAMPLE0EXAMP"


async def test_another_sellers_tokens_and_instruments_are_out_of_reach(open_shop: OpenShop) -> None:
    shop, other = await open_shop(), await open_shop()
    buyer = await shop.books.funded_buyer("10.00")
    tab = await shop.books.postpaid_buyer()
    payment = (await shop.pay(buyer, "1.00")).value("TransactionId")

    before = await shop.snapshot()
    assert (await other.pay(buyer, "1.00")).code == "InvalidTokenId_Sender"
    assert (await other.write_off(tab, "1.00")).code == "InstrumentAccessDenied"
    assert (await other.refund(payment)).code == "InvalidTransactionId"
    assert (await other.call("GetTransactionStatus", {"TransactionId": payment})).code == "InvalidTransactionId"
    assert (await other.call("GetDebtBalance", {"CreditInstrumentId": tab.instrument})).code == "InstrumentAccessDenied"
    assert (await other.call("GetTokenByCaller", {"TokenId": buyer.spending})).code == "InvalidTokenId"
    own = await other.books.funded_buyer("10.00")
    mixed = {
        "SenderTokenId": own.money,
        "PrepaidInstrumentId": buyer.instrument,
        **amount("FundingAmount", "1.00"),
        "CallerReference": other.reference(),
    }
    assert (await other.call("FundPrepaid", mixed)).code == "InstrumentAccessDenied"
    assert await shop.snapshot() == before


async def test_made_up_ids_are_told_by_their_parameter(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    pay = shop.pay_parameters(buyer, "1.00") | {"SenderTokenId": MADE_UP}
    answer = await shop.call("Pay", pay)
    assert answer.code == "InvalidParams"
    assert answer.message == f'"senderTokenId" must be a valid token ID: {MADE_UP}'

    for action, name, what in [
        ("CancelToken", "TokenId", "token"),
        ("GetTokenUsage", "TokenId", "token"),
        ("GetTransactionStatus", "TransactionId", "transaction"),
        ("GetTransaction", "TransactionId", "transaction"),
        ("GetPrepaidBalance", "PrepaidInstrumentId", "instrument"),
        ("GetDebtBalance", "CreditInstrumentId", "instrument"),
    ]:
        value = MADE_UP[:35] if what == "transaction" else MADE_UP
        answer = await shop.call(action, {name: value})
        assert answer.code == "InvalidParams"
        assert answer.message == f'"{name[0].lower()}{name[1:]}" must be a valid {what} ID: {value}'


async def test_instruments_are_not_tokens_and_kinds_are_not_mixed(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    pay = shop.pay_parameters(buyer, "1.00") | {"SenderTokenId": buyer.instrument}

    assert await shop.refused("Pay", pay) == "InvalidParams"
    assert await shop.refused("CancelToken", {"TokenId": buyer.instrument}) == "InvalidParams"
    assert await shop.refused("GetDebtBalance", {"CreditInstrumentId": buyer.instrument}) == "InvalidParams"
    assert await shop.refused("GetPrepaidBalance", {"PrepaidInstrumentId": buyer.spending}) == "InvalidParams"


async def test_a_token_is_found_by_id_or_by_reference(shop: Shop) -> None:
    buyer = await shop.books.prepaid_buyer()
    by_id = await shop.done("GetTokenByCaller", {"TokenId": buyer.money})
    reference = by_id.value("Token/CallerReference")

    by_reference = await shop.done("GetTokenByCaller", {"CallerReference": reference})

    assert by_reference.value("Token/TokenId") == by_id.value("Token/TokenId") == buyer.money
    assert by_id.value("Token/OldTokenId") == buyer.money
    assert by_id.value("Token/TokenStatus") == "Active"
    assert by_id.value("Token/TokenType") == "MultiUse"
    assert by_id.value("Token/FriendlyName") == "Prepaid funding"
    assert await shop.refused("GetTokenByCaller", {"CallerReference": "never used"}) == "InvalidCallerReference"
    assert await shop.refused("GetTokenByCaller", {}) == "InvalidParams"
    both = {"CallerReference": reference, "TokenId": buyer.money}
    assert await shop.refused("GetTokenByCaller", both) == "InvalidParams"


async def test_an_expired_token_is_inactive_and_pays_no_more(shop: Shop) -> None:
    buyer = await shop.books.prepaid_buyer(expires_at=shop.clock() + timedelta(hours=1))
    shop.clock.forward(hours=1)

    assert (await shop.pay(buyer, "1.00")).code == "InstrumentExpired"
    token = await shop.done("GetTokenByCaller", {"TokenId": buyer.spending})
    assert token.value("TokenStatus") == "Inactive"


async def test_keys_end_when_they_are_revoked_and_overlap_when_they_are_rotated(shop: Shop) -> None:
    service, old = shop.service, shop.key
    async with service.pool.acquire() as connection:
        new = await access_keys.rotate(connection, service.vault, old.access_key_id, timedelta(hours=1), shop.clock())
    successor = shop.with_key(new)
    assert (await shop.call("GetAccountBalance")).code is None
    assert (await successor.call("GetAccountBalance")).code is None

    shop.clock.forward(hours=1)
    assert (await shop.call("GetAccountBalance")).code == "InvalidClientTokenId"
    assert (await successor.call("GetAccountBalance")).code is None

    await access_keys.revoke(service.pool, new.access_key_id, shop.clock())
    assert (await successor.call("GetAccountBalance")).status == 403
    assert [entry.usable(shop.clock()) for entry in await access_keys.list_(service.pool, new.party_id)] == [False] * 2


async def test_closed_and_suspended_accounts(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    set_status = "UPDATE party SET status = $2 WHERE party_id = $1"
    await shop.service.pool.execute(set_status, shop.key.party_id, "suspended")
    assert (await shop.pay(buyer, "1.00")).code == "InvalidAccountState_Caller"
    assert (await shop.call("GetAccountBalance")).code is None

    await shop.service.pool.execute(set_status, shop.key.party_id, "closed")
    assert (await shop.call("GetAccountBalance")).code == "AccountClosed"


async def test_simulated_account_states(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    suspended = "H216UECZ8ZM1G8G4QA3V7RKF8JDFZ9SI3SJAFSGUKBBNDHX1NVM8GUQRZNRNAHER"
    closed = "P1LL7A1LHK935DBGI5NAYCXOCLVEBHBNIU7PBXBAMRKKNLDEPI8M3MUSLZT2VANZ"
    pay = shop.pay_parameters(buyer, "1.00")

    assert await shop.refused("Pay", pay | {"SenderTokenId": suspended}) == "InvalidAccountState_Sender"
    assert await shop.refused("Pay", pay | {"RecipientTokenId": closed}) == "InvalidAccountState_Recipient"
    assert await shop.refused("Pay", pay | {"RecipientTokenId": buyer.spending}) == "InvalidTokenId_Recipient"


async def test_simulated_account_states_are_for_the_sandbox(shop: Shop) -> None:
    service = shop.service
    live = shop.with_key(await access_keys.create(service.pool, service.vault, shop.key.party_id, "live", shop.clock()))
    buyer = await shop.books.funded_buyer("10.00")

    assert (await live.pay(buyer, "1.00")).code == "AuthFailure"  # no live book yet
    before = await shop.snapshot()
    async with service.pool.acquire() as connection:
        await create_book.create_seller_book(connection, shop.key.party_id, "live", shop.clock())
    denied = await live.call("GetPrepaidBalance", {"PrepaidInstrumentId": buyer.instrument})
    assert denied.code == "InstrumentAccessDenied"
    assert await shop.snapshot() == before
