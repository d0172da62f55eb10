"""What a developer has in the sandbox to build requests from: keys, and the latest ids."""

from collections.abc import Iterable, Mapping
from typing import Final

from tallystick.client.fps import Credentials
from tallystick.domain.environments import SANDBOX
from tallystick.services.reports import instruments, transactions
from tallystick.services.reports.instruments import TokenRecord
from tallystick.services.seller import access_keys
from tallystick.services.seller.access_keys import KeyEntry
from tallystick.web.console.console_context import ConsoleContext

LATEST: Final = 40

Suggestions = Mapping[str, list[tuple[str, str]]]
"""Ids by the name of a parameter, each with a label that tells it from others."""

_PAYING: Final = frozenset({"prepaid_sender", "credit_sender", "sender"})
_SENDER_TOKENS: Final = {"FundPrepaid": frozenset({"funding"}), "SettleDebt": frozenset({"settlement"})}


async def usable_keys(console: ConsoleContext, scopes: int) -> list[KeyEntry]:
    """The seller's keys with these scopes that can sign for the sandbox now, the newest first."""
    keys = await access_keys.list_(console.service, console.business.party_id, SANDBOX)
    now = console.service.clock()
    return [key for key in reversed(keys) if key.usable(now) and not scopes & ~key.scopes]


def key_choices(keys: Iterable[KeyEntry]) -> list[tuple[str, str]]:
    """Keys to choose from, in a menu."""
    return [(key.access_key_id, f"{key.name} ({key.access_key_id})" if key.name else key.access_key_id) for key in keys]


async def credentials(console: ConsoleContext, access_key_id: str, scopes: int) -> Credentials | None:
    """One of those keys with its secret; None for any other id."""
    if access_key_id not in {key.access_key_id for key in await usable_keys(console, scopes)}:
        return None
    key = await access_keys.find(console.service, access_key_id)
    return None if key is None else Credentials(key.access_key_id, key.secret)


async def suggestions(console: ConsoleContext, action: str) -> Suggestions:
    """The latest ids that fit the parameters of an action."""
    books = console.books
    wanted = instruments.InstrumentQuery(books.parts, books.now)
    tokens = (await instruments.tokens(books, wanted, LATEST)).found
    held = (await instruments.instruments(books, wanted, LATEST)).found
    lines = (await transactions.list_(books, transactions.all_of(books), LATEST)).lines
    done: list[tuple[str, str]] = [
        (line.transaction_id, f"{line.operation}, {line.status}") for line in lines if line.own
    ]
    return {
        "SenderTokenId": _tokens(token for token in tokens if token.purpose in _SENDER_TOKENS.get(action, _PAYING)),
        "RecipientTokenId": _tokens(token for token in tokens if token.purpose == "recipient"),
        "TokenId": _tokens(tokens),
        "SubscriptionId": _tokens(token for token in tokens if token.token_type == "Recurring"),  # noqa: S105 - a type
        "PrepaidInstrumentId": [(one.instrument_id, one.buyer_name) for one in held if one.kind == "prepaid"],
        "CreditInstrumentId": [(one.instrument_id, one.buyer_name) for one in held if one.kind == "credit"],
        "TransactionId": done,
        "ReserveTransactionId": [(one, words) for one, words in done if words.startswith("Reserve")],
    }


def _tokens(tokens: Iterable[TokenRecord]) -> list[tuple[str, str]]:
    return [
        (token.token_id, f"{token.purpose.replace('_', ' ')}, {token.caller_reference}, {token.giver_name}")
        for token in tokens
    ]
