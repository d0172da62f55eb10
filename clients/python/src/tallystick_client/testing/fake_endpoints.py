"""What the fake does at each endpoint, and what it shows of its books."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tallystick_client.testing.books import (
    ACCOUNT_BALANCE,
    METHODS,
    Authorization,
    Books,
    Transaction,
    micros_of,
    text,
)
from tallystick_client.testing.refused import RefusedError

_TERMS: Final = frozenset(
    {"kind", "limit", "total_limit", "currency", "description", "return_url", "expires_at", "payment_methods"}
)
USUAL_LIMIT: Final = 25
MAX_LIMIT: Final = 100

Given = Mapping[str, Any]
Body = dict[str, Any]


class NotFakedError(Exception):
    """The fake does not do this: ask a sandbox."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is well formed. `kind`: of the transactions that it is about; None: any."""

    kind: str | None
    subject: str
    given: Given
    key: str


@dataclass(slots=True)
class FakeEndpoints:
    """The endpoints of one seller's books. `base_url`: of the fake's links."""

    books: Books
    clock: Callable[[], datetime]
    base_url: str
    _count: int = 0

    def perform(self, name: str, subject: str, given: Given, key: str) -> Body:
        """What the endpoint `name` comes to. Raises RefusedError, NotFakedError."""
        way = _WAYS.get(name)
        if way is None:
            raise NotFakedError(f"the fake has no {name}")
        if "expand" in given:
            raise NotFakedError("the fake expands nothing")
        noun = name.partition(".")[0]
        return way(self, Asked(None if noun == "transactions" else noun.removesuffix("s"), subject, given, key))

    def agree(self, authorization_id: str, method: str) -> None:
        """A buyer agrees; the first one counts. Raises ValueError, KeyError."""
        found = self.books.authorizations[authorization_id]
        if method not in found.methods:
            raise ValueError(f"method must be one of {', '.join(found.methods)}")
        if found.method is None:
            found.method, found.starts_at = method, self.clock()

    def get_authorization(self, asked: Asked) -> Body:
        """One, as it is now."""
        return self.authorization_body(self._any(asked.subject))

    def list_authorizations(self, asked: Asked) -> Body:
        """Those that a buyer has agreed to."""
        kind = asked.given.get("kind")
        agreed = [
            one for one in self.books.authorizations.values() if one.method is not None and kind in {None, one.kind}
        ]
        return self._page(agreed, asked.given, self.authorization_body)

    def cancel(self, asked: Asked) -> Body:
        """End one."""
        found = self.books.authorization(asked.subject, "id")
        found.cancelled = True
        return self.authorization_body(found)

    def authorize(self, asked: Asked) -> Body:
        """Agree in the buyer's stead."""
        found = self._any(asked.given["authorization"], "authorization")
        try:
            self.agree(found.id, asked.given.get("method", "card"))
        except ValueError:
            raise RefusedError("buyer_cannot_agree", "The authorization does not take this method.") from None
        return self.authorization_body(found)

    def get_transaction(self, asked: Asked) -> Body:
        """One, as it is now."""
        return self.transaction_body(self.books.transaction(asked.subject, asked.kind))

    def list_transactions(self, asked: Asked) -> Body:
        """A page of one kind, or of all."""
        found = [one for one in self.books.transactions.values() if _wanted(one, asked.kind, asked.given)]
        return self._page(found, asked.given, self.transaction_body)

    def refund_charge(self, asked: Asked) -> Body:
        """Give back the charge of the path."""
        return self.move(Asked("refund", asked.subject, asked.given, asked.key))

    def _any(self, authorization_id: str, name: str = "id") -> Authorization:
        found = self.books.authorizations.get(authorization_id)
        if found is None:
            raise RefusedError("authorization_not_found", "There is no such authorization of this account.", field=name)
        return found

    def asked_for(self, asked: Asked) -> Body:
        """A balance or a tab that nobody has agreed to yet."""
        given = asked.given
        kind, total = given["kind"], given.get("total_limit")
        if kind not in {"prepaid", "postpaid"} or set(given) - _TERMS:
            raise NotFakedError(f"the fake has balances and tabs with {', '.join(sorted(_TERMS))} only")
        if kind == "prepaid" and total is not None:
            raise RefusedError("invalid_request", "total_limit is for tabs.", field="total_limit")
        for name in ("limit", *(("total_limit",) if kind == "postpaid" else ())):
            if name not in given:
                raise RefusedError("missing_field", f"The field {name} is missing.", field=name)
        expiry = given.get("expires_at")
        made = Authorization(
            id=self._new_id("PC" if kind == "prepaid" else "CR"),
            kind=kind,
            limit=micros_of(given["limit"]),
            total_limit=None if total is None else micros_of(total),
            description=given.get("description"),
            key=asked.key,
            created_at=self.clock(),
            expires_at=None if expiry is None else datetime.fromisoformat(expiry),
            return_url=given["return_url"],
            methods=tuple(given.get("payment_methods", METHODS)),
        )
        self.books.authorizations[made.id] = made
        return self.authorization_body(made)

    def move(self, asked: Asked) -> Body:
        """Whatever moves money."""
        books, given, kind = self.books, asked.given, str(asked.kind)
        original = books.transaction(asked.subject or given["transaction"]) if kind == "refund" else None
        if original is not None:
            auth = original.authorization
        elif kind == "charge":
            auth = books.authorization(given["authorization"])
        else:
            auth = books.of_kind(given["authorization"], "prepaid" if kind == "top_up" else "postpaid")
        inside = "prepaid_balance" if auth.kind == "prepaid" else "tab"
        made = Transaction(
            id=self._new_id("01"),
            object=kind,
            amount=micros_of(given["amount"]) if "amount" in given else 0,
            authorization=auth,
            method=(auth.method or ACCOUNT_BALANCE) if kind in {"top_up", "settlement"} else inside,
            key=asked.key,
            created_at=self.clock(),
            original=original,
            description=given.get("description"),
            note=given.get("note"),
        )
        if kind == "refund":
            books.refund(made, made.amount if "amount" in given else None)
        else:
            ways = {
                "charge": books.charge,
                "top_up": books.top_up,
                "settlement": books.settle,
                "write_off": books.write_off,
            }
            ways[kind](made)
        return self.transaction_body(made)

    def _new_id(self, prefix: str) -> str:
        self._count += 1
        return f"{prefix}FAKE{self._count:029d}"

    def authorization_body(self, one: Authorization) -> Body:
        """As the service shows one."""
        agreed, prepaid, status = one.method is not None, one.kind == "prepaid", one.status(self.clock())
        return {
            "object": "authorization",
            "id": one.id,
            "kind": one.kind,
            "status": status,
            "url": None if agreed else f"{self.base_url}/cobranded-ui/actions/start?authorization={one.id}",
            "currency": "USD",
            "limit": text(one.limit),
            "total_limit": None if one.total_limit is None else text(one.total_limit),
            "limits": [],
            "payment_method": one.method,
            "balance": text(one.held) if agreed and prepaid else None,
            "owed": text(one.held) if agreed and not prepaid else None,
            "pending": text(one.pending) if agreed else None,
            "available": text(one.room() if status == "active" else 0) if agreed else None,
            "description": one.description,
            "idempotency_key": one.key,
            "created_at": one.created_at,
            "starts_at": one.starts_at,
            "expires_at": one.expires_at,
        }

    def transaction_body(self, one: Transaction) -> Body:
        """As the service shows one."""
        return {
            "object": one.object,
            "id": one.id,
            "status": one.status,
            "status_code": one.status_code,
            "amount": text(one.amount),
            "fee": text(one.fee),
            "currency": "USD",
            "environment": "sandbox",
            "authorization": one.authorization.id,
            "refunded_transaction": None if one.original is None else one.original.id,
            "payment_method": one.method,
            "description": one.description,
            "note": one.note,
            "idempotency_key": one.key,
            "created_at": one.created_at,
            "completed_at": one.completed_at,
        }

    def account(self, _asked: Asked) -> Body:
        """Cash, liability and debt."""
        found = self.books.authorizations.values()
        prepaid = [one for one in found if one.kind == "prepaid"]
        tabs = [one for one in found if one.kind == "postpaid"]
        coming = sum(one.amount - one.fee for one in self.books.transactions.values() if one.status == "pending")
        return {
            "object": "account",
            "environment": "sandbox",
            "currency": "USD",
            "cash": {"balance": text(self.books.cash), "pending": text(coming), "refundable": text(self.books.cash)},
            "prepaid_liability": _sums(prepaid),
            "debt": _sums(tabs),
        }

    def _page(self, found: Iterable[Any], given: Given, show: Callable[[Any], Body]) -> Body:
        """The newest first. The cursor is the last id of the page before."""
        whole = list(reversed(list(found)))
        limit, ids = given.get("limit", USUAL_LIMIT), [one.id for one in whole]
        if not 1 <= limit <= MAX_LIMIT:
            raise RefusedError("invalid_request", f"limit must lie between 1 and {MAX_LIMIT}.", field="limit")
        start, cursor = 0, given.get("cursor")
        if cursor is not None:
            if cursor not in ids:
                raise RefusedError("invalid_request", '"cursor" must be the next_cursor of a page.', field="cursor")
            start = ids.index(cursor) + 1
        page = whole[start : start + limit]
        more = len(whole) > start + limit
        return {"object": "list", "data": [show(one) for one in page], "next_cursor": page[-1].id if more else None}


def _sums(found: list[Authorization]) -> Body:
    return {"balance": text(sum(one.held for one in found)), "pending": text(sum(one.pending for one in found))}


def _wanted(one: Transaction, kind: str | None, given: Given) -> bool:
    after, before = given.get("created_after"), given.get("created_before")
    return (
        (kind or given.get("type", one.object)) == one.object
        and given.get("authorization", one.authorization.id) == one.authorization.id
        and given.get("status", one.status) == one.status
        and micros_of(given.get("amount_min", "0")) <= one.amount
        and ("amount_max" not in given or one.amount <= micros_of(given["amount_max"]))
        and (after is None or one.created_at >= datetime.fromisoformat(after))
        and (before is None or one.created_at < datetime.fromisoformat(before))
    )


_OF_TRANSACTIONS: Final = ("charges", "top_ups", "settlements", "write_offs", "refunds", "transactions")

_WAYS: Final[Mapping[str, Callable[[FakeEndpoints, Asked], Body]]] = {
    "authorizations.create": FakeEndpoints.asked_for,
    "authorizations.get": FakeEndpoints.get_authorization,
    "authorizations.list": FakeEndpoints.list_authorizations,
    "authorizations.cancel": FakeEndpoints.cancel,
    "sandbox.authorize": FakeEndpoints.authorize,
    "account.get": FakeEndpoints.account,
    "charges.refund": FakeEndpoints.refund_charge,
    **{f"{noun}.create": FakeEndpoints.move for noun in _OF_TRANSACTIONS[:-1]},
    **{f"{noun}.get": FakeEndpoints.get_transaction for noun in _OF_TRANSACTIONS},
    **{f"{noun}.list": FakeEndpoints.list_transactions for noun in _OF_TRANSACTIONS},
}
"""What the fake does, by the names of endpoints."""
