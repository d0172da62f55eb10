"""Which form leaves which row in the audit log, and how somebody comes to send it; or why a form leaves none.

A POST route that stands in neither table fails a test.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import httpx
from tests.stories.pages.access_table import DESK, VISIT
from tests.stories.pages.business import paying_customer, postpaid_customer, prepaid_customer
from tests.stories.pages.people import console, employee, person, signed_in
from tests.stories.pages.world import PASSWORD, Browser, Page, Seller, World
from tests.stories.pictures import png

from tallystick.domain.commands import Method, RailOperation
from tallystick.services.operations.account_standing import CHANGES
from tallystick.services.seller.staff import StaffRole
from tallystick.store.accounts import return_hosts
from tallystick.store.accounts.parties import Party
from tallystick.store.keys import signing_keys
from tallystick.store.records import ordered_faults, outbox

HERE: Final = "http://127.0.0.1:9/ipn"
"""A notification address that nothing is ever sent to: it is not on the public internet."""


@dataclass
class Scene:
    """Somebody who owns a seller's console and runs the service too, on a browser. `person`: who does the deed."""

    world: World
    seller: Seller
    person: Party
    browser: Browser

    async def look(self, *parts: str, **query: str) -> httpx.Response:
        """A page of the seller's console."""
        return await self.browser.get(console(self.seller, *parts) + (f"?{urlencode(query)}" if query else ""))

    async def send(self, page: httpx.Response, ending: str, **typed: str) -> httpx.Response:
        """Fill in a form of a page and send it."""
        done = await self.browser.submit(page, ending, **typed)
        assert done.status_code == 200, (str(done.url), done.status_code, Page(done).text)
        return done

    async def on(self, place: str, ending: str, **typed: str) -> httpx.Response:
        """The same on a page of the console; `place`: the end of its address."""
        return await self.send(await self.look(*place.split("/")), ending, **typed)

    async def address(self) -> None:
        """Somewhere to notify the seller."""
        async with self.world.pool.acquire() as connection:
            await outbox.set_address(connection, self.seller.book_id, HERE, self.world.clock())

    async def given_up(self) -> str:
        """A dead letter: an event whose deliveries failed for a day."""
        await self.address()
        payment = await (await prepaid_customer(self.world, self.seller)).pay("1")
        await self.world.pool.execute("UPDATE outbox SET state = 'dead', due_at = NULL WHERE subject_id = $1", payment)
        return f"{payment}-1"


Deed = Callable[[Scene], Awaitable[object]]


@dataclass(frozen=True)
class Form:
    """A route, the kind of row that it leaves, and how to come to send it."""

    route: str
    action: str
    deed: Deed


# the console: developers


async def _make_key(scene: Scene) -> None:
    await scene.on("keys", "/keys")


async def _rotate_key(scene: Scene) -> None:
    await scene.on(f"keys/{scene.seller.key.access_key_id}", "/rotate")


async def _revoke_key(scene: Scene) -> None:
    await scene.on(f"keys/{scene.seller.key.access_key_id}", "/revoke")


async def _notification_settings(scene: Scene) -> None:
    await scene.on("notifications/settings", "/settings", url="")


async def _test_notification(scene: Scene) -> None:
    await scene.address()
    await scene.on("notifications/settings", "/test")


async def _replay(scene: Scene) -> None:
    await scene.on(f"notifications/{await scene.given_up()}", "/replay")


async def _replay_dead(scene: Scene) -> None:
    await scene.given_up()
    await scene.on("notifications", "/replay-dead")


async def _request(scene: Scene) -> None:
    page = await scene.look("tools", "requests", action="GetTotalPrepaidLiability")
    await scene.send(page, "/requests", key=scene.seller.key.access_key_id, do="send")


async def _button(scene: Scene) -> None:
    page = await scene.look("tools", "buttons", kind="SetupPrepaid")
    await scene.send(page, "/buttons", shape="link", key=scene.seller.key.access_key_id)


async def _order_fault(scene: Scene) -> None:
    await scene.on("tools/faults", "/faults", operation="charge", outcome="hold")


async def _remove_fault(scene: Scene) -> None:
    await _order_fault(scene)
    await scene.on("tools/faults", "/remove")


async def _release_fault(scene: Scene) -> None:
    world, seller = scene.world, scene.seller
    await ordered_faults.place(world.pool, seller.book_id, RailOperation.CHARGE, None, world.clock())
    await (await paying_customer(world, seller, Method.CC)).pay("3")
    await world.rail_answers()
    await scene.on("tools/faults", "/release", outcome="pay")
    await world.rail_answers()


async def _clock(scene: Scene) -> None:
    page = await scene.look("tools", "clock", count="1", unit="Day")
    await scene.send(page, "/clock")


# the console: business


async def _branding(scene: Scene) -> None:
    await scene.on("branding", "/branding", do="save", name="Songs", accent="#b31b4e", support="")


async def _logo(scene: Scene) -> None:
    form = Page(await scene.look("branding")).form("/logo")
    fields = {name: value for name, value in form.fields.items() if name != "file"}
    sent = await scene.browser.http.post(form.action, data=fields, files={"file": ("a.png", png(9, 9))})
    assert sent.headers["location"].endswith("done=logo")


async def _remove_logo(scene: Scene) -> None:
    await _logo(scene)
    await scene.on("branding", "/logo", do="remove")


async def _host(scene: Scene) -> str:
    """A host that the seller asked for; nobody else knows it."""
    host = f"{secrets.token_hex(6)}.example"
    await scene.on("hosts", "/hosts", host=host)
    return host


async def _claimed(scene: Scene) -> str:
    host = await _host(scene)
    await return_hosts.claim(scene.world.pool, scene.seller.party.party_id, host, "file", scene.world.clock())
    return host


async def _ask_for_host(scene: Scene) -> None:
    await _host(scene)


async def _release_host(scene: Scene) -> None:
    await _host(scene)
    await scene.on("hosts", "/release")


async def _allow(scene: Scene) -> str:
    host, guest = await _claimed(scene), await scene.world.seller("Neighbour")
    await scene.on("hosts", "/allow", guest=str(guest.party.party_id))
    return host


async def _disallow(scene: Scene) -> None:
    await _allow(scene)
    await scene.on("hosts", "/disallow")


async def _operator_gives_asked_host(scene: Scene) -> None:
    host = await _host(scene)
    await scene.send(await scene.browser.get(f"/admin/accounts/{scene.seller.party.party_id}"), "/hosts", host=host)


async def _operator_takes_host(scene: Scene) -> None:
    await _claimed(scene)
    await scene.send(await scene.browser.get(f"/admin/accounts/{scene.seller.party.party_id}"), "/release")


async def _invite(scene: Scene) -> None:
    await scene.on("staff", "/staff", email=f"{secrets.token_hex(6)}@new.example", role="viewer")


async def _uninvite(scene: Scene) -> None:
    await _invite(scene)
    await scene.on("staff", "/uninvite")


async def _role(scene: Scene) -> None:
    colleague = await employee(scene.world, scene.seller, StaffRole.VIEWER)
    await scene.on(f"staff/{colleague.party_id}", "/role", role="finance")


async def _remove(scene: Scene) -> None:
    colleague = await employee(scene.world, scene.seller, StaffRole.VIEWER)
    await scene.on(f"staff/{colleague.party_id}", "/remove")


async def _invitation_for(scene: Scene, email: str) -> str:
    sent = await scene.on("staff", "/staff", email=email, role="viewer")
    found = re.search(r"/console/invitations/[A-Za-z0-9_-]+", sent.text)
    assert found is not None
    return found[0]


async def _join(scene: Scene) -> None:
    friend = await person(scene.world)
    path = await _invitation_for(scene, friend.email)
    scene.person = friend
    await _sign_in(scene, friend)
    await scene.send(await scene.browser.get(path), path)


async def _join_with_new_account(scene: Scene) -> None:
    email = f"{secrets.token_hex(6)}@new.example"
    path = await _invitation_for(scene, email)
    scene.browser.http.cookies.clear()
    await scene.send(await scene.browser.get(path), "/sign-up", name="Dee Developer", password=PASSWORD)
    (row,) = await scene.world.rows("SELECT party_id FROM party WHERE email = $1", email)
    scene.person = Party(row["party_id"], "personal", email, "", "active", scene.world.clock())


async def _sign_in(scene: Scene, someone: Party) -> None:
    """Let somebody else go on with the same browser."""
    scene.browser.http.cookies.clear()
    scene.browser.http.cookies = (await signed_in(scene.world, someone)).http.cookies


# the console: books


async def _refund(scene: Scene) -> None:
    payment = await (await prepaid_customer(scene.world, scene.seller)).pay("5")
    form = Page(await scene.look("transactions", payment, "refund")).form("/refund")
    await scene.send(await scene.look("transactions", payment, "refund", **form.fields), "/refund")


async def _cancel_token(scene: Scene) -> None:
    customer = await prepaid_customer(scene.world, scene.seller)
    await scene.on(f"tokens/{customer.spending}/cancel", "/cancel")


async def _debts(scene: Scene, deed: str) -> httpx.Response:
    customer = await postpaid_customer(scene.world, scene.seller)
    await customer.pay("12")
    preview = await scene.look("debts", "preview", deed=deed, debt=customer.instrument)
    return await scene.send(preview, "/runs")


async def _settle(scene: Scene) -> None:
    await _debts(scene, "settle")


async def _write_off(scene: Scene) -> None:
    await _debts(scene, "write_off")


async def _go_on(scene: Scene) -> None:
    result = await _debts(scene, "settle")
    run_id = result.url.path.rpartition("/")[2]
    await scene.world.pool.execute("UPDATE debt_run_line SET transaction_id = NULL WHERE run_id = $1", run_id)
    await scene.send(await scene.browser.get(result.url.path), run_id)


async def _export(scene: Scene) -> None:
    assert (await scene.look("activity.csv")).status_code == 200


# the operator's pages


def _standing(name: str) -> Deed:
    """One of the changes to an account, on one that it fits."""
    before = {"reactivate": "status = 'suspended'", "unverify": "verified_at = now()", "release": "denied = true"}
    unproved = "email_verified_at = NULL"

    async def deed(scene: Scene) -> None:
        someone = await person(scene.world)
        values = before.get(name, unproved)
        await scene.world.pool.execute(f"UPDATE party SET {values} WHERE party_id = $1", someone.party_id)  # noqa: S608
        page = await scene.browser.get(f"/admin/accounts/{someone.party_id}")
        form = next(form for form in Page(page).forms if form.fields.get("change") == name)
        await scene.browser.post(form.action, form.fields | {"reason": "They asked for it"})

    return deed


async def _fees(scene: Scene) -> None:
    page = await scene.browser.get(f"/admin/accounts/{scene.seller.party.party_id}")
    await scene.send(page, "/fees", schedule="charity")


async def _ask_again(scene: Scene) -> None:
    world, seller = scene.world, scene.seller
    payment = await (await paying_customer(world, seller, Method.CC)).pay("3")
    await world.pool.execute(
        "UPDATE rail_request SET last_error = 'no answer', attempts = 2, due_at = due_at + interval '1 day'"
        " WHERE transaction_id = $1",
        payment,
    )
    page = await scene.browser.get("/admin/rails?only=unknown")
    form = next(form for form in Page(page).forms if form.fields.get("transaction") == payment)
    await scene.browser.post(form.action, form.fields)
    await world.rail_answers()


async def _operator_replays(scene: Scene, what: str) -> None:
    await scene.world.pool.execute("DELETE FROM outbox WHERE state = 'dead'")
    await scene.given_up()
    page = await scene.browser.get("/admin/notifications")
    form = next(form for form in Page(page).forms if what in form.fields)
    await scene.browser.post(form.action, form.fields)


async def _operator_replays_one(scene: Scene) -> None:
    await _operator_replays(scene, "event")


async def _operator_replays_all_of_a_seller(scene: Scene) -> None:
    await _operator_replays(scene, "seller")


async def _prove(scene: Scene) -> None:
    await scene.world.pool.execute("DELETE FROM verification_run")
    await scene.send(await scene.browser.get("/admin/verification"), "/verification")


async def _rotate_signing(scene: Scene) -> None:
    await scene.send(await scene.browser.get("/admin/signing-keys"), "/rotate")


async def _retired_signing_key(scene: Scene) -> httpx.Response:
    """The page of signing keys, with one that signs no more and has its private half."""
    async with scene.world.pool.acquire() as connection:
        for _ in range(2):
            await signing_keys.rotate(connection, scene.world.service.vault, scene.world.clock())
    return await scene.browser.get("/admin/signing-keys")


async def _revoke_signing(scene: Scene) -> None:
    await scene.send(await _retired_signing_key(scene), "/revoke")


async def _destroy_signing(scene: Scene) -> None:
    await scene.send(await _retired_signing_key(scene), "/destroy")


FORMS: Final = (
    Form(f"POST {DESK}/keys", "key.create", _make_key),
    Form(f"POST {DESK}/keys/{{access_key_id}}/rotate", "key.rotate", _rotate_key),
    Form(f"POST {DESK}/keys/{{access_key_id}}/revoke", "key.revoke", _revoke_key),
    Form(f"POST {DESK}/notifications/settings", "notification.settings", _notification_settings),
    Form(f"POST {DESK}/notifications/test", "notification.test", _test_notification),
    Form(f"POST {DESK}/notifications/{{event_id}}/replay", "notification.replay", _replay),
    Form(f"POST {DESK}/notifications/replay-dead", "notification.replay_dead", _replay_dead),
    Form(f"POST {DESK}/tools/requests", "request.send", _request),
    Form(f"POST {DESK}/tools/buttons", "button.make", _button),
    Form(f"POST {DESK}/tools/faults", "fault.order", _order_fault),
    Form(f"POST {DESK}/tools/faults/{{fault_id}}/remove", "fault.remove", _remove_fault),
    Form(f"POST {DESK}/tools/faults/{{fault_id}}/release", "fault.release", _release_fault),
    Form(f"POST {DESK}/tools/clock", "clock.forward", _clock),
    Form(f"POST {DESK}/branding", "branding.change", _branding),
    Form(f"POST {DESK}/branding/logo", "branding.change", _logo),
    Form(f"POST {DESK}/branding/logo", "branding.change", _remove_logo),
    Form(f"POST {DESK}/hosts", "host.ask", _ask_for_host),
    Form(f"POST {DESK}/hosts/release", "host.release", _release_host),
    Form(f"POST {DESK}/hosts/allow", "host.allow", _allow),
    Form(f"POST {DESK}/hosts/disallow", "host.disallow", _disallow),
    Form("POST /admin/accounts/{account}/hosts", "host.claim", _operator_gives_asked_host),
    Form("POST /admin/accounts/{account}/hosts/release", "host.release", _operator_takes_host),
    Form(f"POST {DESK}/staff", "staff.invite", _invite),
    Form(f"POST {DESK}/staff/uninvite", "staff.uninvite", _uninvite),
    Form(f"POST {DESK}/staff/{{person}}/role", "staff.role", _role),
    Form(f"POST {DESK}/staff/{{person}}/remove", "staff.remove", _remove),
    Form("POST /console/invitations/{invitation}", "staff.join", _join),
    Form("POST /console/invitations/{invitation}/sign-up", "staff.join", _join_with_new_account),
    Form(f"POST {DESK}/transactions/{{transaction_id}}/refund", "money.refund", _refund),
    Form(f"POST {DESK}/tokens/{{token_id}}/cancel", "token.cancel", _cancel_token),
    Form(f"POST {DESK}/debts/runs", "debts.settle", _settle),
    Form(f"POST {DESK}/debts/runs", "debts.write_off", _write_off),
    Form(f"POST {DESK}/debts/runs/{{run_id}}", "debts.go_on", _go_on),
    Form(f"GET {DESK}/activity.csv", "activity.export", _export),
    *(
        Form("POST /admin/accounts/{account}/standing", f"account.{name.replace('-', '_')}", _standing(name))
        for name in CHANGES
    ),
    Form("POST /admin/accounts/{account}/fees", "account.fees", _fees),
    Form("POST /admin/rails/ask-again", "rail.ask_again", _ask_again),
    Form("POST /admin/notifications/replay", "notification.replay", _operator_replays_one),
    Form("POST /admin/notifications/replay", "notification.replay_dead", _operator_replays_all_of_a_seller),
    Form("POST /admin/verification", "books.verify", _prove),
    Form("POST /admin/signing-keys/rotate", "operator.signing_key", _rotate_signing),
    Form("POST /admin/signing-keys/revoke", "operator.signing_key_revoke", _revoke_signing),
    Form("POST /admin/signing-keys/destroy", "operator.signing_key_destroy", _destroy_signing),
)
"""Every form that leaves a row, once for each kind of row and each thing that it can do."""

SIGNING_IN: Final = "it only says who somebody is; failed attempts are counted with the account"
CONSENT: Final = "a buyer's own deed: what was agreed to is kept word by word with the authorization (evidence)"
OWN: Final = "somebody's own account: nobody else's business, and the thing itself keeps when it was changed"

WITHOUT: Final[Mapping[str, str]] = {
    f"POST {DESK}/hosts/check": "only a host that shows its line leaves one: test_return_hosts.py",
    # the way in
    "POST /account/sign-in": SIGNING_IN,
    "POST /console/sign-in": SIGNING_IN,
    "POST /account/prove": SIGNING_IN,
    "POST /account/forgotten": SIGNING_IN,
    "POST /account/verify": SIGNING_IN,
    "POST /sign-out": SIGNING_IN,
    "POST /account/security/sign-out": SIGNING_IN,
    "POST /account/security/session": SIGNING_IN,
    f"POST {VISIT}/sign-in": SIGNING_IN,
    f"POST {VISIT}/code": SIGNING_IN,
    f"POST {VISIT}/verify": SIGNING_IN,
    f"POST {VISIT}/prove": SIGNING_IN,
    # hosted pages
    "POST /cobranded-ui/actions/start": "a seller's button: it opens a visit, in which nothing is agreed to yet",
    "POST /pba/paypipeline": "a seller's button: it opens a visit, in which nothing is agreed to yet",
    f"POST {VISIT}/sign-up": OWN,
    f"POST {VISIT}/method": CONSENT,
    f"POST {VISIT}/card": OWN,
    f"POST {VISIT}/bank-account": OWN,
    f"POST {VISIT}/address": CONSENT,
    f"POST {VISIT}/confirm": CONSENT,
    f"POST {VISIT}/leave": "nothing was agreed to",
    # somebody's own account
    "POST /account/reset": OWN,
    "POST /account/authorizations/{authorization_id}/cancel": "a buyer's own deed: the token keeps who cancelled it",
    "POST /account/payment-methods/card": OWN,
    "POST /account/payment-methods/bank-account": OWN,
    "POST /account/payment-methods/{number}/remove": OWN,
    "POST /account/payment-methods/{number}/replace": OWN,
    "POST /account/payment-methods/{number}/verify": OWN,
    "POST /account/data/close": OWN,
    "POST /account/test-money": "a buyer's own deed in the sandbox: the deposit is a transaction of the books",
    "POST /account/security/password": OWN,
    "POST /account/security/passkey": OWN,
    "POST /account/security/passkey/remove": OWN,
    "POST /account/security/address": OWN,
}
"""Every other form, and why it leaves none."""
