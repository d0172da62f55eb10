"""Every page of the service with something on it, as it is sent: for tests that look at all of them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import httpx
from tests.stories.pages.access_table import DESK, ENTRIES, VISIT, filled
from tests.stories.pages.business import disputed, paying_customer, postpaid_customer, prepaid_customer
from tests.stories.pages.deeds import payouts
from tests.stories.pages.deeds.scene import Scene
from tests.stories.pages.people import at_work, console, employee, operator, person, shown_by_app, signed_in
from tests.stories.pages.world import NEEDED, PASSWORD, Browser, Seller, World
from tests.stories.pictures import png

from tallystick.client.fps import ServiceError, amount
from tallystick.domain.commands import Method, RailOperation
from tallystick.domain.money import parse_amount
from tallystick.services.identity import mail
from tallystick.services.identity.email_templates import Letter
from tallystick.services.operations.verification import prove_if_due
from tallystick.services.payouts import bank_statements
from tallystick.services.process.heartbeat import Heartbeat
from tallystick.services.seller.staff import StaffRole
from tallystick.store.accounts import branding, logos
from tallystick.store.accounts.branding import Branding
from tallystick.store.accounts.logos import Logo
from tallystick.store.rails import ordered_faults
from tallystick.store.records import approvals, outbox, verification_runs

NOT_PAGES: Final = frozenset(
    {
        "GET /healthz",
        "GET /readyz",
        "GET /metrics",
        "GET /static/style.css",
        "GET /static/{file_path}",
        "GET /logos/{digest}",
        "GET /accents/{accent}",
        "GET /.well-known/change-password",
        "GET /.well-known/security.txt",
        "GET /admin/payout-files/{message_id}",
        "GET /certs/{name}/PKICert.pem",
        "GET /doc/{version}/AmazonFPS.xsd",
        "GET /doc/{version}/AmazonFPS.wsdl",
        f"GET {DESK}/disputes/{{dispute_id}}/evidence.pdf",
        "GET /account/authorizations/{authorization_id}/statement.csv",
        "GET /account/data/export.json",
        "GET /rails/back/{setup_id}",
        f"GET {DESK}/activity.csv",
        f"GET {DESK}/instruments.csv",
        f"GET {DESK}/debts.csv",
    }
)
"""Routes that answer with a file or a word."""

SHORT: Final = "too short"
WRONG_CARD: Final = {"number": "4242", "expiry": "13/20"}
ADDRESS: Final = {
    "addressName": "Ann Buyer",
    "addressLine1": "1 Main St",
    "zip": "12345",
    "city": "Springfield",
    "country": "USA",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A page. `route` as the access table has it; `state` tells it from others of this route."""

    route: str
    state: str
    response: httpx.Response


@dataclass
class Showroom:
    """Goes from page to page, and keeps what was shown."""

    world: World
    seller: Seller
    shown: list[Shown] = field(default_factory=list)

    def keep(self, route: str, response: httpx.Response, state: str = "", *, status: int = 200) -> httpx.Response:
        assert response.status_code == status, (route, state, response.status_code, response.text[:2000])
        self.shown.append(Shown(route, state, response))
        return response

    async def look(self, browser: Browser, route: str, path: str, state: str = "") -> httpx.Response:
        """A page that is asked for by its address, and is where it was looked for."""
        response = await browser.get(path)
        assert response.url.path == path.partition("?")[0], (route, path, response.url.path)
        return self.keep(route, response, state)

    async def hosted(self) -> dict[str, str]:
        """The steps of a visit with their mistakes; the ids that came of it. Each pipeline's last page."""
        params = self.seller.prepaid(collectShippingAddress="True", paymentReason="Songs at 0.05 each")
        browser, stranger = self.world.browser(), self.world.browser()
        start = self.keep("GET /cobranded-ui/actions/start", await browser.get(self.seller.url(params)))
        steps = str(start.url.path).removesuffix("/sign-in")
        self.keep(f"GET {VISIT}/sign-in", start)
        wrong = await browser.submit(start, "/sign-in", email="nobody", password="")
        self.keep(f"POST {VISIT}/sign-in", wrong, "wrong", status=422)
        empty = await self.look(browser, f"GET {VISIT}/sign-up", f"{steps}/sign-up")
        wrong = await browser.submit(empty, "/sign-up", name="", email="", password=SHORT)
        self.keep(f"POST {VISIT}/sign-up", wrong, "wrong", status=422)
        method = await browser.sign_up(start)
        wrong = await browser.submit(method, "/account/test-money", amount="a lot")
        self.keep("POST /account/test-money", wrong, "in a visit", status=422)
        card = await self.look(browser, f"GET {VISIT}/card", f"{steps}/card")
        self.keep(f"POST {VISIT}/card", await browser.submit(card, "/card", **WRONG_CARD), "wrong", status=422)
        bank = await self.look(browser, f"GET {VISIT}/bank-account", f"{steps}/bank-account")
        wrong = await browser.submit(bank, "/bank-account", routing="1", number="")
        self.keep(f"POST {VISIT}/bank-account", wrong, "wrong", status=422)
        await browser.add_bank_account(await browser.get(f"{steps}/method"))
        await browser.add_card(await browser.get(f"{steps}/method"))
        method = await self.look(browser, f"GET {VISIT}/method", f"{steps}/method")
        address = await browser.use_test_money(method, "100")
        self.keep(f"GET {VISIT}/address", address)
        self.keep(f"POST {VISIT}/address", await browser.submit(address, "/address"), "wrong", status=422)
        confirm = self.keep(f"GET {VISIT}/confirm", await browser.submit(address, "/address", **ADDRESS))
        late = self.world.browser(self.world.configured(confirm_within_minutes=0, step_up_minutes=0))
        late.http.cookies = browser.http.cookies
        self.keep(f"GET {VISIT}/prove", await late.get(f"{steps}/confirm"))
        await self.look(late, "GET /account/prove", "/account/prove?next=/account/security")
        self.keep(f"GET {VISIT}/sign-in", await stranger.get(f"{steps}/confirm"), "somebody else")
        answer = await self.world.answer(await browser.submit(confirm, "/confirm"))
        last = {}
        for pipeline in sorted(NEEDED.keys() - {"Recipient", "EditToken"}):
            at = await browser.get(self.seller.url(self.seller.request(pipeline)))
            last[pipeline] = self.keep(f"GET {VISIT}/confirm", await browser.submit(at, "/method"), pipeline)
        back = self.seller.request("Recurring", returnURL=f"{self.world.base_url}/sandbox/return")
        at = await browser.submit(await browser.get(self.seller.url(back)), "/method")
        there = (await browser.submit(at, "/confirm")).headers["location"]
        self.keep("GET /sandbox/return", await browser.get(there))
        agreed = await self.world.answer(await browser.submit(last["MultiUse"], "/confirm"))
        edit = self.seller.request("EditToken", tokenId=agreed["tokenID"])
        self.keep(f"GET {VISIT}/method", await browser.get(self.seller.url(edit)), "EditToken")
        await self._strict_visit()
        return await self._account(browser, answer)

    async def _strict_visit(self) -> None:
        """Where addresses have to be proved."""
        strict = self.world.configured(require_verified_email=True)
        for known in ("", (await person(self.world)).email):
            browser = self.world.browser(strict)
            page = await browser.sign_up(await browser.get(self.seller.url(self.seller.prepaid())), known)
            self.keep(f"GET {VISIT}/verify" if "/verify" in page.url.path else f"POST {VISIT}/code", page, known)
        known_one = await person(self.world)
        browser = self.world.browser(strict)
        page = await browser.sign_in(await browser.get(self.seller.url(self.seller.prepaid())), known_one.email)
        self.keep(f"GET {VISIT}/verify", page, "somebody known")
        self.keep(f"POST {VISIT}/verify", await browser.submit(page, "/verify", code="0"), "wrong", status=422)

    async def _account(self, browser: Browser, answer: Mapping[str, str]) -> dict[str, str]:
        instrument = answer["prepaidInstrumentID"]
        funding = {
            "SenderTokenId": answer["fundingTokenID"],
            "PrepaidInstrumentId": instrument,
            "CallerReference": secrets.token_hex(6),
        }
        await self.seller.api.call("FundPrepaid", funding | amount("FundingAmount", parse_amount("20")))
        payment = await self.seller.pay(answer["prepaidSenderTokenID"], "5", SenderDescription="A song")
        try:
            await self.seller.pay(answer["prepaidSenderTokenID"], "500")
        except ServiceError as refused:
            assert refused.code == "InsufficientBalance"  # noqa: PT017 - the figure of a chart
        (method,) = await self.world.rows("SELECT max(payment_method_id) AS number FROM payment_method")
        (bank,) = await self.world.rows("SELECT max(payment_method_id) AS n FROM payment_method WHERE method = 'ACH'")
        ids = {
            "authorization_id": instrument,
            "instrument_id": instrument,
            "token_id": answer["prepaidSenderTokenID"],
            "transaction_id": payment.text("TransactionId"),
            "event_id": f"{payment.text('TransactionId')}-1",
            "number": str(method["number"]),
            "month": f"{self.world.clock():%Y-%m}",
        }
        strict = self.world.browser(self.world.configured(require_verified_accounts=True))
        strict.http.cookies = browser.http.cookies
        checked = f"/account/payment-methods/{bank['n']}/verify"
        verify = "/account/payment-methods/{number}/verify"
        at = await self.look(strict, f"GET {verify}", checked)
        wrong = await strict.submit(at, "/verify", first="0.99", second="x")
        self.keep(f"POST {verify}", wrong, "wrong", status=422)
        named = self.world.browser(self.world.configured(public_url="http://localhost:8400"))
        named.http.cookies = browser.http.cookies
        await self.look(named, "GET /account/security/passkey", "/account/security/passkey")
        elsewhere = {
            f"GET {verify}",
            "GET /account/prove",
            "GET /account/security/passkey",
            "GET /account/sign-in",
            "GET /account/forgotten",
            "GET /account/payment-methods/set-up",
            "GET /account/confirmations/{transaction_id}",
        }
        elsewhere |= {"GET /account/reset", "GET /account/verify"}
        await self.every("/account", browser, ids, without=elsewhere)
        newcomer = await signed_in(self.world, await person(self.world), "/account/sign-in")
        for path in ("/account", "/account/payment-methods", "/account/security", "/account/data"):
            await self.look(newcomer, f"GET {path}", path, "nothing yet")
        await self._account_mistakes(newcomer)
        return ids

    async def _account_mistakes(self, browser: Browser) -> None:
        card = await browser.get("/account/payment-methods/card")
        wrong = await browser.submit(card, "/card", **WRONG_CARD)
        self.keep("POST /account/payment-methods/card", wrong, "wrong", status=422)
        security = await browser.get("/account/security")
        wrong = await browser.submit(security, "/password", password=SHORT)
        self.keep("POST /account/security/password", wrong, "wrong", status=422)
        close = await browser.get("/account/data/close")
        self.keep("POST /account/data/close", await browser.submit(close, "/close"), "wrong", status=422)
        done = await browser.submit(close, "/close", sure="yes", understood="yes", confirmed="yes", agreed="yes")
        self.keep("POST /account/data/close", done, "done")

    async def providers(self) -> None:
        """The way to a payment provider and back, and a payment that has to be confirmed with the bank."""
        browser, world = self.world.browser(), self.world
        at = await browser.sign_up(await browser.get(self.seller.url(self.seller.prepaid())))
        steps = str(at.url.path).removesuffix("/method")
        provider, setup_id = await self._gone_to_provider(browser, at)
        await self.look(browser, f"GET {VISIT}/set-up", f"{steps}/set-up?setup={setup_id}")
        page = await self.look(browser, "GET /simulated-provider/set-up/{reference}", provider)
        wrong = await browser.submit(page, provider, number="1")
        self.keep("POST /simulated-provider/set-up/{reference}", wrong, "wrong", status=422)
        _, setup_id = await self._gone_to_provider(browser, await browser.get("/account/payment-methods/card"))
        place = "/account/payment-methods/set-up"
        await self.look(browser, f"GET {place}", f"{place}?setup={setup_id}")
        card = await browser.get(f"{steps}/card")
        confirm = await browser.submit(card, "/card", number="4000 0027 6000 3184", expiry="10/2031")
        answer = await world.answer(await browser.submit(confirm, "/confirm"))
        funding = await self.seller.fund(answer["fundingTokenID"], answer["prepaidInstrumentID"], "20.00")
        await world.rail_answers()
        place, payment = "/account/confirmations", funding.text("TransactionId")
        page = await self.look(browser, f"GET {place}/{{transaction_id}}", f"{place}/{payment}")
        gone = await browser.submit(page, f"/{payment}")
        bank = gone.headers["location"].removeprefix(world.base_url)
        page = await self.look(browser, "GET /simulated-provider/confirm/{reference}", bank)
        self.keep("POST /simulated-provider/confirm/{reference}", await browser.submit(page, bank), "done")

    async def _gone_to_provider(self, browser: Browser, page: httpx.Response) -> tuple[str, str]:
        """Where the form of a page leads to set up a card, and the id of the set-up."""
        gone = await browser.submit(page, "/set-up")
        provider = gone.headers["location"].removeprefix(self.world.base_url)
        (row,) = await self.world.rows(
            "SELECT setup_id FROM rail_setup WHERE reference = $1", provider.rpartition("/")[2]
        )
        return provider, row["setup_id"]

    async def entrances(self) -> None:
        """Signing in, forgotten passwords, proved addresses, and what is shown where something is wrong."""
        browser, someone = self.world.browser(), await person(self.world)
        at = await self.look(browser, "GET /account/sign-in", "/account/sign-in")
        wrong = await browser.submit(at, "/sign-in", email=someone.email, password=SHORT)
        self.keep("POST /account/sign-in", wrong, "wrong", status=422)
        await self.look(browser, "GET /console/sign-in", "/console/sign-in")
        await self._second_factor()
        forgotten = await self.look(browser, "GET /account/forgotten", "/account/forgotten")
        sent = await browser.submit(forgotten, "/forgotten", email=someone.email)
        self.keep("POST /account/forgotten", sent, "sent")
        link = await self.world.mailed_link(someone.email)
        reset = await self.look(browser, "GET /account/reset", link)
        wrong = await browser.submit(reset, "/reset", password=SHORT)
        self.keep("POST /account/reset", wrong, "wrong", status=422)
        self.keep("POST /account/reset", await browser.submit(reset, "/reset", password=PASSWORD), "done")
        self.keep("GET /account/reset", await browser.get(link), "spent", status=410)
        another = await person(self.world)
        member = await signed_in(self.world, another, "/account/sign-in")
        security = await member.get("/account/security")
        wrong = await member.submit(security, "/address", code="0")
        self.keep("POST /account/security/address", wrong, "wrong", status=422)
        await member.submit(security, "/address", again="yes")
        link = await self.world.mailed_link(another.email)
        await self.look(member, "GET /account/verify", link)
        self.keep("POST /account/verify", await member.submit(await member.get(link), "/verify"), "done")
        self.keep("POST /sign-out", await member.submit(await member.get("/account"), "/sign-out"))
        self.keep("GET /nowhere", await browser.get("/nowhere"), "nothing", status=404)
        self.keep("GET /nowhere", await browser.get("/acount"), "nearly", status=404)
        self.keep("GET /", await browser.http.get("/", headers={"accept": "text/html"}))
        broken = await browser.get(f"{self.seller.url(self.seller.prepaid())}x")
        self.keep("GET /cobranded-ui/actions/start", broken, "broken", status=broken.status_code)
        self.keep("POST /account/sign-in", await browser.http.post("/account/sign-in"), "forged", status=403)

    async def _second_factor(self) -> None:
        """An authenticator app: set up by somebody, and asked for at their next sign-in."""
        someone = await person(self.world)
        member, path = await signed_in(self.world, someone, "/account/sign-in"), "/account/security/second-factor"
        page = await member.get(path)
        wrong = await member.submit(page, "/second-factor", code="1")
        self.keep(f"POST {path}", wrong, "wrong", status=422)
        done = await member.submit(page, "/second-factor", code=shown_by_app(self.world, page))
        self.keep(f"POST {path}", done, "codes")
        await self.look(member, f"GET {path}", path, "set up")
        await self.look(member, "GET /account/security", "/account/security", "with an app")
        browser = self.world.browser()
        asked = await browser.sign_in(await browser.get("/account/sign-in"), someone.email)
        self.keep("POST /account/sign-in", asked, "code")
        wrong = await browser.submit(asked, "/sign-in", code="1")
        self.keep("POST /account/sign-in", wrong, "wrong code", status=422)

    async def every(
        self, below: str, browser: Browser, ids: Mapping[str, str], *, without: set[str] | frozenset[str] = frozenset()
    ) -> None:
        """All pages whose address begins so."""
        for route in ENTRIES:
            verb, path = route.split(" ")
            inside = path == below or path.startswith(f"{below}/")
            if verb == "GET" and inside and route not in NOT_PAGES | without:
                await self.look(browser, route, filled(path, self.seller, ids))

    async def desk(self, ids: dict[str, str]) -> None:
        """The console: full, new, of live books that are not there, and refused."""
        owner = await at_work(self.world, self.seller)
        await self.every(DESK, owner, ids, without={f"GET {DESK}/debts/preview"})
        debt = ids["debt"]
        for route, path in (
            ("debts/preview", f"debts/preview?deed=settle&debt={debt}"),
            ("debts/preview", f"debts/preview?deed=write_off&debt={debt}"),
            ("activity", "activity?from=2020-01-01&status=Failure"),
            ("tools/requests", "tools/requests?action=Pay"),
            ("tools/buttons", "tools/buttons?kind=SetupPostpaid"),
            ("tools/clock", "tools/clock?count=40&unit=Day"),
            ("", "?period=hours"),
        ):
            at = f"{console(self.seller)}/{path}".replace("/?", "?")
            self.keep(f"GET {DESK}/{route}".rstrip("/"), await owner.get(at), path)
        new = await self.world.seller("Nothing Sold Yet")
        beginner = await at_work(self.world, new)
        for route in ENTRIES:
            verb, path = route.split(" ")
            if verb == "GET" and path.startswith(DESK) and path.count("{") == 2 and route not in NOT_PAGES:
                given = {"business": str(new.party.party_id)}
                for environment in ("sandbox",) if "/tools/" in path else ("sandbox", "live"):
                    at = path.format(**given, environment=environment)
                    self.keep(route, await beginner.get(at), f"new, {environment}")
        await self._desk_mistakes(owner)

    async def _desk_mistakes(self, owner: Browser) -> None:
        viewer = await at_work(self.world, self.seller, StaffRole.VIEWER)
        refused = await viewer.get(console(self.seller, "tools", "clock"))
        self.keep(f"GET {DESK}/tools/clock", refused, "not your role", status=403)
        for path, ending, typed in (
            ("branding", "/branding", {"do": "save", "accent": "red-ish", "support": "nowhere", "name": "x" * 200}),
            ("staff", "/staff", {"email": "nobody"}),
            ("notifications/settings", "/settings", {"address": "nowhere", "url": "nowhere"}),
        ):
            page = await owner.get(f"{console(self.seller)}/{path}")
            self.keep(f"POST {DESK}/{path}", await owner.submit(page, ending, **typed), "wrong", status=422)
        form = await owner.get(console(self.seller, "keys", "new"))
        wrong = await owner.submit(form, "/keys", uses="chosen", networks="10.1.2.3/8")
        self.keep(f"POST {DESK}/keys", wrong, "wrong", status=422)
        doubted = self.world.browser(self.world.configured(step_up_minutes=0))
        doubted.http.cookies = owner.http.cookies
        asked = await doubted.submit(form, "/keys", uses="everything", name="Checkout")
        self.keep(f"POST {DESK}/keys", asked, "proof")
        made = await owner.submit(form, "/keys", uses="everything", name="Checkout")
        self.keep(f"POST {DESK}/keys", made, "made")

    async def invited(self) -> None:
        """An invitation, as it is sent and as it is seen by a stranger."""
        owner = await at_work(self.world, self.seller)
        staff = await owner.get(console(self.seller, "staff"))
        sent = await owner.submit(staff, "/staff", email=f"{secrets.token_hex(4)}@new.example", role="viewer")
        self.keep(f"POST {DESK}/staff", sent, "invited")
        found = re.search(r"/console/invitations/[A-Za-z0-9_-]+", sent.text)
        assert found is not None
        await self.look(self.world.browser(), "GET /console/invitations/{invitation}", found[0])

    async def office(self, ids: Mapping[str, str]) -> None:
        """The operator's pages."""
        browser = await signed_in(self.world, await operator(self.world))
        await self.every("/admin", browser, ids)
        await self.look(browser, "GET /admin/accounts", "/admin/accounts?text=nobody-has-this-name", "nobody")


async def all_pages(world: World) -> list[Shown]:
    """Every page that there is, most of them in several states."""
    seller = await world.seller("Backbeat Records")
    async with world.pool.acquire() as connection:
        await outbox.set_address(connection, seller.book_id, "https://shop.example/ipn", world.clock())
        await branding.save(
            connection,
            seller.party.party_id,
            Branding("Backbeat", "#b31b4e", "https://shop.example/help"),
            world.clock(),
        )
        await logos.save(connection, seller.party.party_id, Logo("image/png", png(215, 40)), world.clock())
    room = Showroom(world, seller)
    ids = await room.hosted()
    await room.entrances()
    await room.providers()
    ids |= await _done_by_staff(world, seller)
    ids |= await _done_by_the_operator(world, seller)
    await room.desk(ids)
    await room.invited()
    await room.office(ids)
    employed = await signed_in(world, await employee(world, seller, StaffRole.VIEWER))
    room.keep("GET /console", await employed.get("/console"), "the only business")
    several = await person(world, "Ann Employee")
    for other in (seller, await world.seller("Second Shop")):
        await world.pool.execute(
            "INSERT INTO staff (business_id, person_id, role, added_at) VALUES ($1, $2, 'owner', $3)",
            other.party.party_id,
            several.party_id,
            world.clock(),
        )
    room.keep("GET /console", await (await signed_in(world, several)).get("/console"), "which")
    await world.rail_answers()
    return room.shown


async def _done_by_staff(world: World, seller: Seller) -> dict[str, str]:
    """Ids of a debt, a run over another one, a fault on order and a colleague."""
    debts = [await postpaid_customer(world, seller) for _ in range(2)]
    for customer in debts:
        await customer.pay("12", SenderDescription="Two records")
    await (await prepaid_customer(world, seller)).pay("1.50")
    dispute = await disputed(world, seller)
    await (await paying_customer(world, seller, Method.CC)).pay("3")  # its rail has not answered yet
    owner = await at_work(world, seller)
    path = f"{console(seller, 'debts', 'preview')}?deed=settle&debt={debts[0].instrument}"
    run = await owner.submit(await owner.get(path), "/runs")
    fault = await ordered_faults.place(
        world.pool, seller.book_id, RailOperation.REFUND, "TransactionDenied", world.clock()
    )
    approval = await asked_for(world, seller, {str(debts[1].instrument): 12_000_000})
    payout = await payouts.under_way(Scene(world, seller, seller.party, owner))
    return {
        "payout": payout,
        "approval_id": approval,
        "dispute_id": dispute,
        "debt": str(debts[1].instrument),
        "customer": str(debts[1].buyer.party_id),
        "run_id": str(run.url).rpartition("/")[2],
        "fault_id": fault,
        "access_key_id": seller.key.access_key_id,
        "person": str((await employee(world, seller, StaffRole.VIEWER)).party_id),
    }


async def asked_for(world: World, seller: Seller, debts: dict[str, int]) -> str:
    """The id of what somebody of the staff asked a second person for: writing debts off, in micro-units."""
    asker, approval_id = await employee(world, seller, StaffRole.FINANCE), f"console-{secrets.token_hex(10)}"
    await approvals.ask(
        world.pool,
        approval_id,
        seller.party.party_id,
        "sandbox",
        deed="write_off",
        amount_micros=sum(debts.values()),
        content={"amounts": debts},
        asked_by=asker.party_id,
        asked_at=world.clock(),
        expires_at=world.clock() + timedelta(days=7),
    )
    return approval_id


async def _done_by_the_operator(world: World, seller: Seller) -> dict[str, str]:
    """A proof of the books, a letter, events given up, a rail that does not answer, a pulse."""
    slow = "TimeoutError: no answer in 10 s"
    await world.pool.execute("UPDATE outbox SET state = 'dead', last_error = $1 WHERE state = 'waiting'", slow)
    await world.pool.execute("UPDATE rail_request SET last_error = $1, attempts = 2", slow)
    await mail.post(world.service, "ann@buyer.example", Letter("A letter", "Dear Ann,\n\nthis is a letter.\n"))
    await Heartbeat(world.service, "API and worker").beat()
    await verification_runs.ask(world.pool, None, world.clock())
    await prove_if_due(world.service)
    (letter,) = await world.rows("SELECT max(mail_id) AS number FROM mail")
    statement = payouts.table_of(f"{world.clock():%Y-%m-%d},-7.00,B-100,")
    (given,) = await bank_statements.take_in(world.service, "sandbox", statement, "november.csv")
    return {
        "environment": "sandbox",
        "statement_id": given.statement_id,
        "account": str(seller.party.party_id),
        "run": str((await verification_runs.latest(world.pool, 1))[0].run_id),
        "letter": str(letter["number"]),
    }


def links_of(shown: Shown) -> list[str]:
    """Everything that a browser loads by itself for this page."""
    return re.findall(r'<(?:link|script|img|iframe)\b[^>]*?\b(?:href|src)="([^"]*)"', shown.response.text)
