"""Stripe, as the tests have it: localstripe behind a proxy that adds what it lacks and lets things go wrong.

What the proxy adds: keys of idempotency as Stripe defines them, declines and authentication in Stripe's words, listing
and searching by metadata, partial captures, what is left to refund, fees, and Checkout in `mode=setup`
(checkout.py). Source: https://docs.stripe.com/api/idempotent_requests and https://docs.stripe.com/api/errors.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from aiohttp import ClientSession, web
from tests.support.stripe.checkout import Checkout
from tests.support.stripe.connect import Connect
from tests.support.stripe.faults import Fault, Faults
from tests.support.stripe.forms import Json, nested
from tests.support.stripe.shapes import Shapes

REFUSED_FIELDS = frozenset(
    {"allowed_payment_method_types", "error_on_requires_action", "return_url", "cancellation_reason", "reason"}
)
"""What Stripe takes and the fake does not."""

LEAST_CENTS = 50
"""The smallest charge in dollars. Source: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts."""

_NEVER_REPEATED = frozenset({400, 401, 404, 409, 429, 503})
"""Answers that are not remembered for a key: nothing had begun."""


@dataclass(frozen=True)
class Call:
    """One request to Stripe."""

    method: str
    path: str
    body: str
    query: Json
    key: str | None

    @property
    def fields(self) -> Json:
        return nested(self.body)

    @property
    def expand(self) -> list[str]:
        asked = self.fields.get("expand") or self.query.get("expand") or []
        return [path.removeprefix("data.") for path in asked]


@dataclass(frozen=True)
class Answer:
    """What Stripe says."""

    status: int
    body: Json

    @property
    def response(self) -> web.Response:
        return web.json_response(self.body, status=self.status)


def refused(
    status: int,
    message: str,
    code: str | None = None,
    kind: str = "invalid_request_error",
    param: str | None = None,
) -> Answer:
    error = {"type": kind, "message": message, "code": code, "param": param}
    return Answer(status, {"error": {name: value for name, value in error.items() if value is not None}})


def _new_account() -> Json:
    return {
        "id": "acct_of_the_tests",
        "object": "account",
        "charges_enabled": True,
        "details_submitted": True,
        "payouts_enabled": True,
    }


@dataclass
class StripeProxy:
    """Counts and remembers what went through; `upstream` is the address of localstripe."""

    upstream: str
    session: ClientSession
    clock: Callable[[], datetime]
    faults: Faults = field(default_factory=Faults)
    shapes: Shapes = field(default_factory=Shapes)
    checkout: Checkout = field(default_factory=Checkout)
    connect: Connect = field(default_factory=Connect)
    intents: dict[str, str | None] = field(default_factory=dict)
    """Every intent that was made, with its customer."""
    refunds: dict[str, str] = field(default_factory=dict)
    """Every refund that was made, with its intent."""
    decline_codes: dict[str, str] = field(default_factory=dict)
    """By payment method: why it is declined, if it is."""
    account: Json = field(default_factory=_new_account)
    endpoints: list[Json] = field(default_factory=list)
    """Where events go, as Stripe lists it."""
    calls: Counter[str] = field(default_factory=Counter)
    bank_accounts: set[str] = field(default_factory=set)
    """Payment methods that take days: an intent of one is `processing` until `arrive` or `bounce`."""
    disputes: dict[str, Json] = field(default_factory=dict)
    """In Stripe's shape: localstripe has none."""
    spoil: Callable[[list[Json]], list[Json]] = list
    """What is listed instead of what moved."""
    delay_seconds: float = 0.05
    url: str = ""
    _answers: dict[str, tuple[Call, Answer | None]] = field(default_factory=dict)
    _requests: count[int] = field(default_factory=count)

    def forget_keys(self) -> None:
        """As Stripe may, a day after they were used."""
        self._answers.clear()

    def break_remembered(self) -> None:
        """Let every key that was used be answered with an error on Stripe's side from now on."""
        for key, (call, answer) in self._answers.items():
            if answer is not None:
                broken = refused(500, "Something went wrong on Stripe's end.", kind="api_error")
                self._answers[key] = call, broken

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request of the service's: the faults, then the keys, then what is asked for."""
        call = Call(
            request.method,
            request.path,
            await request.text(),
            nested(request.query_string),
            request.headers.get("Idempotency-Key"),
        )
        self.calls[f"{call.method} {call.path}"] += 1
        fault = self.faults.next(changes=call.method == "POST")
        match fault:
            case Fault.DROPPED_BEFORE:
                return _hung_up(request)
            case Fault.TOO_MANY:
                return refused(429, "Too many requests hit the API too quickly.", "rate_limit").response
            case Fault.UNAVAILABLE:
                return refused(503, "Stripe is not available.", kind="api_error").response
            case Fault.DELAYED:
                await asyncio.sleep(self.delay_seconds)
        answer = await self._once(call, broken=fault is Fault.BROKEN)
        if fault is Fault.DROPPED_AFTER:
            return _hung_up(request)
        response = answer.response
        response.headers["Request-Id"] = f"req_{next(self._requests)}"
        return response

    async def _once(self, call: Call, *, broken: bool) -> Answer:
        """What was said to the key before, or else what is done now, to its end even when the caller has gone."""
        if call.method != "POST" or call.key is None:
            return await asyncio.shield(self._carry_out(call))
        if (known := self._answers.get(call.key)) is not None:
            before, answer = known
            if (before.path, before.body) != (call.path, call.body):
                message = "Keys for idempotent requests can only be used with the same parameters."
                return refused(400, message, kind="idempotency_error")
            if answer is None:
                return refused(409, "Another request with this key is in progress.", "idempotency_key_in_use")
            return answer
        self._answers[call.key] = call, None
        return await asyncio.shield(self._remembered(call, call.key, broken=broken))

    async def _remembered(self, call: Call, key: str, *, broken: bool) -> Answer:
        answer = await self._carry_out(call)
        if broken and answer.status not in _NEVER_REPEATED:
            answer = refused(500, "Something went wrong on Stripe's end.", kind="api_error")
        if answer.status in _NEVER_REPEATED:
            del self._answers[key]
        else:
            self._answers[key] = call, answer
        return answer

    async def _carry_out(self, call: Call) -> Answer:
        if "payment_method_types" in call.fields:  # since 2026-09-30
            return refused(400, "No longer supported.", "payment_method_types_no_longer_supported")
        parts = call.path.strip("/").split("/")[1:]
        return await (self._changed(call, parts) if call.method == "POST" else self._read(call, parts))

    async def _changed(self, call: Call, parts: list[str]) -> Answer:
        match parts:
            case ["payment_intents"]:
                answer = await self._make_intent(call)
            case ["payment_intents", intent, "capture"]:
                answer = await self._capture(call, intent)
            case ["payment_intents", intent, "cancel"]:
                answer = await self._cancel(call, intent)
            case ["refunds"]:
                answer = await self._make_refund(call)
            case ["accounts" | "account_links" | "transfers", *_]:
                status, body = self.connect.change(parts, call.fields, int(self.clock().timestamp()))
                answer = Answer(status, body)
            case ["checkout", "sessions"]:
                answer = Answer(200, self.checkout.begin(call.fields, self.url, self.clock()))
            case _:
                answer = await self._passed_on(call)
        return answer

    async def _read(self, call: Call, parts: list[str]) -> Answer:
        match parts:
            case ["payment_intents"]:
                answer = await self._list(call, "payment_intent", self._intents_of(call.query.get("customer")))
            case ["payment_intents", "search"]:
                answer = await self._search(call)
            case ["refunds"]:
                answer = await self._list(call, "refund", self._refunds_of(call.query.get("payment_intent")))
            case ["accounts" | "transfers", *_]:
                status, body = self.connect.read(parts, call.query)
                answer = Answer(status, body)
            case ["account"]:
                answer = Answer(200, self.account)
            case ["webhook_endpoints"]:
                answer = Answer(200, {"object": "list", "url": call.path, "has_more": False, "data": self.endpoints})
            case ["disputes", dispute]:
                known = self.disputes.get(dispute)
                answer = Answer(200, known) if known else refused(404, "No such dispute", "resource_missing")
            case ["balance_transactions"]:
                answer = await self._list_transactions(call)
            case ["checkout", "sessions", session]:
                found = self.checkout.sessions.get(session)
                answer = Answer(200, found) if found else refused(404, "No such session", "resource_missing")
            case _:
                answer = await self._passed_on(call)
        return answer

    async def _passed_on(self, call: Call) -> Answer:
        answer = await self.upstream_call(call.method, call.path, call.fields, call.query)
        return Answer(answer.status, self.shapes.shown(answer.body, call.expand))

    async def _make_intent(self, call: Call) -> Answer:
        if int(call.fields["amount"]) < LEAST_CENTS:
            return refused(400, "Amount must be at least $0.50 usd", "amount_too_small", param="amount")
        answer = await self.upstream_call("POST", call.path, call.fields)
        if answer.status == 404:  # the fake does not say what is missing
            return refused(404, "No such PaymentMethod", "resource_missing", param="payment_method")
        if "payment_intent" not in (made := self._made(answer)):
            return answer
        self.intents[made["payment_intent"]] = call.fields.get("customer")
        self.shapes.noted[made["payment_intent"]] = call.fields.get("metadata", {})
        self._stamp(made["payment_intent"])
        await self._stamp_transaction(made["payment_intent"])
        if answer.body.get("payment_method") in self.bank_accounts:
            self.shapes.overlays[made["payment_intent"]] = {"status": "processing", "amount_received": 0}
        return await self._told(call, made["payment_intent"], answer)

    def _made(self, answer: Answer) -> dict[str, str]:
        """The intent that an answer is about, also one of an error."""
        if answer.body.get("object") == "payment_intent":
            return {"payment_intent": str(answer.body["id"])}
        return {"payment_intent": str(intent)} if (intent := answer.body["error"].get("payment_intent")) else {}

    async def _told(self, call: Call, intent_id: str, answer: Answer) -> Answer:
        """What Stripe says of an intent that was confirmed: declined, to be authenticated, or as it is."""
        intent = await self.object("payment_intent", intent_id, call.expand)
        if answer.status == 402 or intent["status"] == "requires_payment_method":
            code = self.decline_codes.get(str(intent["payment_method"]), "generic_decline")
            said = intent["last_payment_error"] or answer.body["error"]
            said |= {"type": "card_error", "decline_code": code}
            self.shapes.overlays[intent_id] = {"last_payment_error": said}
            return Answer(402, {"error": said | {"payment_intent": intent | {"last_payment_error": said}}})
        if intent["status"] == "requires_action" and call.fields.get("off_session") == "true":
            said = {"type": "card_error", "code": "authentication_required", "decline_code": "authentication_required"}
            shown = {"status": "requires_payment_method", "last_payment_error": said, "next_action": None}
            self.shapes.overlays[intent_id] = shown
            return Answer(402, {"error": said | {"message": "Declined", "payment_intent": intent | shown}})
        return Answer(200, intent)

    def arrive(self, intent_id: str) -> None:
        """The buyer's bank has paid a debit."""
        del self.shapes.overlays[intent_id]

    def bounce(self, intent_id: str, code: str) -> None:
        """The buyer's bank has not paid it, after days. Source: https://docs.stripe.com/payments/ach-direct-debit."""
        error = {"type": "invalid_request_error", "code": code, "message": "The bank returned the debit."}
        self.shapes.overlays[intent_id] = {
            "status": "requires_payment_method",
            "amount_received": 0,
            "last_payment_error": error,
        }

    async def _capture(self, call: Call, intent_id: str) -> Answer:
        """Capture for less as Stripe does: the fake would charge all of it and give the rest back."""
        intent = await self.object("payment_intent", intent_id, ["latest_charge"])
        if intent["status"] != "requires_capture":
            return refused(400, "The intent cannot be captured.", "payment_intent_unexpected_state")
        amount = int(call.fields.get("amount_to_capture") or intent["amount"])
        if amount > intent["amount"]:
            return refused(400, "More than is capturable.", "amount_too_large")
        self.shapes.authorized.setdefault(intent_id, intent["amount"])
        await self.upstream_call("POST", f"/v1/payment_intents/{intent_id}", {"amount": amount})
        await self.upstream_call("POST", f"/v1/charges/{intent['latest_charge']['id']}", {"amount": amount})
        await self.upstream_call("POST", f"/v1/payment_intents/{intent_id}/capture", {})
        await self._stamp_transaction(intent_id)
        return Answer(200, await self.object("payment_intent", intent_id, call.expand))

    async def _cancel(self, call: Call, intent_id: str) -> Answer:
        intent = await self.object("payment_intent", intent_id)
        if intent["status"] in {"succeeded", "processing", "canceled"}:
            return refused(400, f"It is {intent['status']}.", "payment_intent_unexpected_state")
        shown = self.shapes.overlays.pop(intent_id, {})
        if "last_payment_error" in shown:
            self.shapes.overlays[intent_id] = {"last_payment_error": shown["last_payment_error"]}
        answer = await self.upstream_call("POST", call.path, {})
        return Answer(answer.status, self.shapes.shown(answer.body, call.expand))

    async def _make_refund(self, call: Call) -> Answer:
        intent = await self.object("payment_intent", call.fields["payment_intent"], ["latest_charge"])
        if intent["status"] != "succeeded":
            return refused(400, "This intent has no successful charge.", "payment_intent_unexpected_state")
        left = intent["amount_received"] - intent["latest_charge"]["amount_refunded"]
        if left == 0:
            return refused(400, "The charge has already been refunded.", "charge_already_refunded")
        if int(call.fields.get("amount", left)) > left:
            return refused(400, "Refund amount is greater than unrefunded amount on charge.", param="amount")
        answer = await self.upstream_call("POST", call.path, call.fields)
        if answer.status == 200:
            self.refunds[answer.body["id"]] = intent["id"]
            self._stamp(answer.body["id"])
            made = await self.object("refund", answer.body["id"])
            self._stamp(made["balance_transaction"])
        return Answer(answer.status, self.shapes.shown(answer.body, call.expand))

    async def in_the_dashboard(self, path: str, body: str) -> Answer:
        """Somebody does something by hand: no key, none of our metadata, and nothing goes wrong."""
        return await self._carry_out(Call("POST", path, body, {}, None))

    async def _list_transactions(self, call: Call) -> Answer:
        """All of them on one page, the newest first."""
        everything = {"limit": "1000000", "expand": ["data.source"] if call.expand else []}
        answer = await self.upstream_call("GET", call.path, {}, everything)
        shown = [*self.connect.moved, *self.shapes.shown(answer.body["data"], call.expand)]
        window = call.query.get("created", {})
        listed = self.spoil([one for one in shown if _within(one["created"], window)])
        return Answer(200, answer.body | {"data": listed})

    def _refunds_of(self, intent: object) -> list[str]:
        return [refund for refund, owner in self.refunds.items() if intent in {None, owner}]

    def _intents_of(self, customer: object) -> list[str]:
        return [intent for intent, owner in self.intents.items() if customer in {None, owner}]

    async def _list(self, call: Call, kind: str, chosen: list[str]) -> Answer:
        """The newest first, a page after the other."""
        window = call.query.get("created", {})
        newest = [one for one in reversed(chosen) if _within(self.shapes.created[one], window)]
        after = call.query.get("starting_after")
        newest = newest[newest.index(str(after)) + 1 :] if after in newest else newest
        limit = int(call.query.get("limit", 10))
        page = [await self.object(kind, one, call.expand) for one in newest[:limit]]
        return Answer(200, {"object": "list", "url": call.path, "has_more": len(newest) > limit, "data": page})

    async def _search(self, call: Call) -> Answer:
        """`metadata['name']:'value'` alone."""
        name, _, value = call.query["query"].partition(":")
        name = name.removeprefix("metadata['").removesuffix("']")
        noted = [one for one in self.intents if self.shapes.noted[one].get(name) == value.strip("'")]
        found = [await self.object("payment_intent", one, call.expand) for one in noted]
        return Answer(200, {"object": "search_result", "url": call.path, "has_more": False, "data": found})

    async def object(self, kind: str, identity: str, expand: list[str] | None = None) -> Json:
        """One object as Stripe shows it. Raises LookupError."""
        answer = await self.upstream_call("GET", f"/v1/{kind}s/{identity}", {}, {"expand": expand or []})
        if answer.status != 200:
            raise LookupError(identity)
        shown: Json = self.shapes.shown(answer.body, expand)
        return shown

    async def upstream_call(self, method: str, path: str, fields: Json, query: Json | None = None) -> Answer:
        """Ask localstripe, without the fields that it refuses."""
        body = {name: value for name, value in fields.items() if name not in REFUSED_FIELDS}
        asked = {f"expand[{at}]": path for at, path in enumerate((query or {}).get("expand", []))}
        asked |= {name: value for name, value in (query or {}).items() if isinstance(value, str)}
        headers = {"Authorization": "Bearer sk_test_of_the_tests"}
        content = json.dumps(body) if method == "POST" else None
        url = self.upstream + path
        async with self.session.request(method, url, data=content, params=asked, headers=headers) as response:
            if response.content_type != "application/json":  # nothing that the fake knows
                return refused(response.status, await response.text())
            said: Json = await response.json()
        answer = Answer(response.status, said)
        if answer.status == 402 and (charge := answer.body["error"].get("charge")):
            failed = await self.upstream_call("GET", f"/v1/charges/{charge}", {})
            answer.body["error"]["payment_intent"] = failed.body["payment_intent"]
        return answer

    async def _stamp_transaction(self, intent_id: str) -> None:
        intent = await self.object("payment_intent", intent_id, ["latest_charge"])
        if intent["latest_charge"] and (transaction := intent["latest_charge"]["balance_transaction"]):
            self._stamp(transaction)

    def _stamp(self, identity: str) -> None:
        self.shapes.created.setdefault(identity, int(self.clock().timestamp()))


def _within(moment: int, window: Json) -> bool:
    latest = min(int(window.get("lte", moment)), int(window.get("lt", moment + 1)) - 1)
    return int(window.get("gte", 0)) <= moment <= latest


def _hung_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
