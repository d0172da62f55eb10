"""What a message of ours is about, by the ids that it names, and whether somebody takes part in that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from tallystick.domain.ids import MalformedIdError, TokenId, TransactionId, book_named_in
from tallystick.store.queries import reads, tokens

if TYPE_CHECKING:
    from tallystick.db.connections import Database
    from tallystick.domain.ids import BookId, PartyId
    from tallystick.store.keys.callers import Caller
    from tallystick.store.queries.reads import TransactionRecord
    from tallystick.store.queries.tokens import TokenRecord

TRANSACTION: Final = "transactionId"
TOKENS: Final = (
    *("tokenID", "tokenId", "refundTokenID"),
    *("prepaidSenderTokenID", "fundingTokenID", "creditSenderTokenID", "settlementTokenID"),
)
"""The names under which return URLs and notifications tell ids. An instrument's id never comes without its tokens'."""


async def takes_part(database: Database, caller: Caller, params: Mapping[str, str]) -> bool:
    """Whether `caller` takes part in the transaction and in every token that a message names.

    Whose book it is takes part, and so do buyer and recipients. A message that names neither tells of nothing that was
    agreed to or paid: it is for everybody.
    """
    token_ids = [TokenId(params[name]) for name in TOKENS if name in params]
    transaction_ids = [TransactionId(params[TRANSACTION])] if TRANSACTION in params else []
    try:
        in_tokens = {one: book_named_in(one) for one in token_ids}
        in_transactions = {one: book_named_in(one) for one in transaction_ids}
    except MalformedIdError:
        return False
    # whose own book it is has the answer without a look into the books
    for token_id, book_id in in_tokens.items():
        if book_id not in caller.parts and not await _in_token(database, caller.party_id, book_id, token_id):
            return False
    for transaction_id, book_id in in_transactions.items():
        if book_id not in caller.parts and not await _in_transaction(
            database, caller.party_id, book_id, transaction_id
        ):
            return False
    return True


async def _in_token(database: Database, party_id: PartyId, book_id: BookId, token_id: TokenId) -> bool:
    found = await tokens.find(database, book_id, token_id)
    if found is None:
        return False
    return party_id in {found.giver_id, found.seller_id} or await _is_recipient(database, party_id, found)


async def _is_recipient(database: Database, party_id: PartyId, token: TokenRecord) -> bool:
    named = await tokens.by_ids(database, token.book_id, token.terms.recipient_tokens)
    return any(one.giver_id == party_id for one in named.values())


async def _in_transaction(
    database: Database, party_id: PartyId, book_id: BookId, transaction_id: TransactionId
) -> bool:
    found = await reads.transaction(database, book_id, transaction_id)
    return found is not None and party_id in _people(found)


def _people(found: TransactionRecord) -> set[PartyId]:
    return {one.party_id for one in (found.seller, found.buyer, found.recipient) if one is not None}
