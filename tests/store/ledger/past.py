"""A transaction of each way that money takes, and how to damage what the books say of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.store.direct import taken, work
from tests.store.ledger.glance import nothing_is_missed
from tests.support.balanced import problems_of
from tests.support.booked import BOOKED
from tests.support.books import Books, Buyer

from tallystick.db.connections import Connection, Pool
from tallystick.domain.accounts import AccountKind, account_id
from tallystick.domain.commands import FeePayer, Marketplace, Method, Pay, Refund, RefundPolicy, TokenTerms
from tallystick.domain.ids import BookId, TransactionId
from tallystick.domain.money import parse_amount
from tallystick.store.ledger.verify import report_on

BALANCES_FOLLOW = f"""
UPDATE account SET balance_micros = balance_micros + moved.micros
  FROM (SELECT book_id, account_id, sum(delta) AS micros
          FROM (SELECT book_id, debit_account AS account_id, amount_micros AS delta FROM {BOOKED}
                UNION ALL
                SELECT book_id, credit_account, -amount_micros FROM {BOOKED}
                UNION ALL
                SELECT book_id, account_id, -balance_micros FROM account) AS movement
         GROUP BY book_id, account_id) AS moved
 WHERE account.book_id = moved.book_id AND account.account_id = moved.account_id AND moved.micros <> 0
"""  # noqa: S608 - our own text
"""Makes balances agree with the transfers again, so that the sums of accounts and books do not reveal the damage."""


@dataclass
class History:
    """Where it is, books and buyers by name, and a transaction of each way by name."""

    pool: Pool
    books: Mapping[str, BookId]
    buyers: Mapping[str, Buyer]
    transactions: Mapping[str, TransactionId]


@dataclass
class Past:
    """A shop, buyers by name, and a transaction of each way by name; on a connection whose changes are undone."""

    connection: Connection
    books: Mapping[str, BookId]
    buyers: Mapping[str, Buyer]
    transactions: Mapping[str, TransactionId]

    def subject(self, name: str) -> str:
        """Whose account this is: `name` is a kind and, where there are several of it, a buyer or a rail."""
        kind, _, whose = name.partition(" ")
        if whose not in self.buyers:
            return whose
        return str(self.buyers[whose].party_id) if kind == "balance_of" else self.buyers[whose].instrument

    async def damage(self, statement: str, transaction: str, book: str = "own", *accounts: str) -> None:
        """Run a statement on a transaction ($2) in a book ($1), with accounts as $3 and on; balances follow."""
        await self.spoil(statement, transaction, book, *accounts)
        await self.connection.execute(BALANCES_FOLLOW)

    async def spoil(self, statement: str, transaction: str, book: str = "own", *accounts: str) -> None:
        """The same, but balances stay as they are."""
        numbers = [account_id(AccountKind(name.split(" ")[0]), self.subject(name)) for name in accounts]
        done = await self.connection.execute(statement, self.books[book], self.transactions[transaction], *numbers)
        assert not done.endswith(" 0"), "the damage is real"

    async def problems(self) -> dict[str, str]:
        """What verify finds, by check; asked of these sellers' books alone it finds the same, deposits apart.

        The running proof, where it looks at everything, finds the same by the checks that it makes.
        """
        report = await report_on(self.connection)
        found = {check.name: "\n".join(check.problems) for check in report.checks if check.problems}
        own = await problems_of(self.connection, [self.books["own"], self.books["recipient"]])
        assert {name: sorted(text.splitlines()) for name, text in own.items()} == {
            name: lines
            for name, text in found.items()
            if (lines := sorted(line for line in text.splitlines() if self.transactions["deposit"] not in line))
        }
        await nothing_is_missed(self.connection)
        return found


async def made(shop: Books, recipient: Books) -> History:
    await shop.own_transfers(on=False)
    buyers = {
        "ann": await shop.funded_buyer("10.00"),
        "bob": await shop.funded_buyer("10.00"),
        "tab": await shop.postpaid_buyer(),
        "other": await shop.postpaid_buyer(),
        "card": await shop.prepaid_buyer(method=Method.CC),
        "payer": await shop.sender_token(),
        "carrier": await shop.sender_token(Method.CC),
    }
    for name in ("ann", "bob", "tab", "other", "payer"):
        await shop.deposit(buyers[name], "30.00")
    for name in ("tab", "other"):
        taken(await shop.pay(buyers[name], "20.00"))
    terms = TokenTerms(recipient_pays_fee=False, max_fixed_fee_micros=parse_amount("1.00"))
    token = await shop.recipient_token(recipient, terms)
    marketplace = Marketplace(token, FeePayer.CALLER, fixed_fee_micros=parse_amount("1.00"))
    shared = Pay(shop.request(), buyers["payer"].spending, parse_amount("8.00"), marketplace)
    done = {
        "funding": taken(await shop.fund(buyers["ann"], "1.00")),
        "funding by card": taken(await shop.fund(buyers["card"], "10.00"), "Pending"),
        "declined funding": taken(await shop.fund(buyers["card"], "10.70"), "Pending"),
        "pay": taken(await shop.pay(buyers["ann"], "4.00")),
        "charge": taken(await shop.pay(buyers["tab"], "15.00")),
        "settlement": taken(await shop.settle(buyers["tab"], "10.00")),
        "write-off": taken(await shop.write_off(buyers["tab"], "2.00")),
        "direct": taken(await shop.pay(buyers["payer"], "6.00")),
        "by card": taken(await shop.pay(buyers["carrier"], "7.00"), "Pending"),
        "declined": taken(await shop.pay(buyers["carrier"], "7.70"), "Pending"),
        "shared": taken(await shop.perform(shared)),
    }
    await work(shop)
    share = Refund(shop.request(), done["shared"], parse_amount("0.25"), RefundPolicy.MARKETPLACE_ONLY)
    done |= {
        "refund": taken(await shop.refund(done["pay"], "1.00")),
        "credit": taken(await shop.refund(done["charge"], "1.00")),
        "direct refund": taken(await shop.refund(done["direct"], "1.00")),
        "open refund": taken(await shop.refund(done["by card"], "1.00"), "Pending"),
        "share back": taken(await shop.perform(share)),
        "deposit": await shop.pool.fetchval(
            "SELECT transaction_id FROM transaction WHERE operation = 'Deposit' AND sender_party_id = $1",
            buyers["payer"].party_id,
        ),
    }
    await shop.own_transfers(on=True)
    done |= {
        "own pay": taken(await shop.pay(buyers["ann"], "1.00")),
        "own charge": taken(await shop.pay(buyers["tab"], "1.00")),
    }
    books = {"own": shop.book_id, "operator": shop.operator_book_id, "recipient": recipient.book_id}
    return History(shop.pool, books, buyers, done)
