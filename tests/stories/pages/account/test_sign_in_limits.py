"""Nobody keeps others from signing in, by a flood or by wrong passwords; and hashing holds up no payment."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import httpx
import pytest
from argon2 import PasswordHasher, extract_parameters
from tests.stories.pages.authenticator import Authenticator, asked
from tests.stories.pages.buyers import prepaid_buyer
from tests.stories.pages.people import person
from tests.stories.pages.world import PASSWORD, Browser, Page, Seller, World

from tallystick.services.context import Service
from tallystick.services.identity import attempts, password_hashing, visitors
from tallystick.services.identity.password_hashing import Hasher, PasswordHashing
from tallystick.services.identity.sign_in import THROTTLE, WRONG
from tallystick.services.operations.housekeeping import forget_expired

ORIGIN = "http://localhost:8400"
SIGN_IN = "/account/sign-in"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class Held:
    """A hasher that goes on when the test says so."""

    go: threading.Event = field(default_factory=threading.Event)

    def hash(self, password: str) -> str:
        return QUICK.hash(password)

    def verify(self, stored: str, password: str) -> bool:
        if not self.go.wait(60):
            raise TimeoutError("the test is over")
        return QUICK.verify(stored, password)

    def check_needs_rehash(self, stored: str) -> bool:
        return QUICK.check_needs_rehash(stored)


@pytest.fixture(autouse=True)
async def _nobody_is_held_up(world: World) -> None:
    """What other tests have counted, of the same clients, is forgotten."""
    await world.pool.execute("DELETE FROM attempt_count")
    await world.pool.execute("DELETE FROM sign_in_pause")


@pytest.fixture
def held() -> Iterator[Held]:
    hasher = Held()
    yield hasher
    hasher.go.set()


def behind_a_proxy(world: World, hasher: Hasher = QUICK, **settings: object) -> Service:
    """The service where clients are told apart, with threads for hashing of its own."""
    service = world.configured(reverse_proxies=1, **settings)
    return replace(service, passwords=PasswordHashing(hasher, threads=1))


@dataclass
class Door:
    """The sign-in page of one service; what is sent there says whose address it comes from."""

    browser: Browser
    fields: dict[str, str]

    @classmethod
    async def of(cls, world: World, service: Service) -> Door:
        browser = world.browser(service)
        return cls(browser, Page(await browser.get(SIGN_IN)).form("/sign-in").fields)

    async def try_(self, client: str, **typed: str) -> httpx.Response:
        return await self.browser.http.post(SIGN_IN, data=self.fields | typed, headers={"x-forwarded-for": client})

    async def opens(self, client: str, **typed: str) -> bool:
        """Whether it lets somebody in; whoever it was is a stranger again afterwards."""
        answer = await self.try_(client, **typed)
        for cookie in ("tallystick-session", "tallystick-device"):
            if cookie in self.browser.http.cookies:
                self.browser.http.cookies.delete(cookie)
        assert answer.status_code in {303, 422}
        return answer.status_code == 303


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - what it waits for is a count
        await asyncio.sleep(0.01)


async def known_to(service: Service, world: World, email: str) -> Browser:
    """A browser on which somebody has signed in before, and out again."""
    browser = world.browser(service)
    inside = await browser.sign_in(await browser.get(SIGN_IN), email)
    assert inside.url.path == "/account"
    browser.http.cookies.delete("tallystick-session")
    return browser


async def test_a_flood_of_sign_ins_holds_up_neither_the_right_one_nor_payments(
    world: World, seller: Seller, held: Held
) -> None:
    someone, buyer = await person(world), await prepaid_buyer(world, seller)
    service = behind_a_proxy(world, held)
    held.go.set()
    owner = await known_to(service, world, someone.email)
    page = await owner.get(SIGN_IN)
    held.go.clear()
    door, hashing = await Door.of(world, service), service.passwords
    before, strangers = hashing.hashed, password_hashing.PLACES - password_hashing.KEPT_PLACES

    flood = [
        asyncio.create_task(door.try_(f"203.0.113.{number}", email=someone.email, password="a wrong password"))
        for number in range(60)
    ]
    await until(lambda: hashing.refused == 60 - strangers)
    right = asyncio.create_task(owner.sign_in(page, someone.email))
    await until(lambda: hashing.hashed == before + strangers + 1)

    assert await seller.told(buyer.answer["prepaidSenderTokenID"], "1") == "Success"
    held.go.set()
    assert (await right).url.path == "/account"
    answers = await asyncio.gather(*flood)
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) == 60 - strangers
    assert {answer.headers["retry-after"] for answer in refused} == {str(password_hashing.RETRY_AFTER_SECONDS)}
    assert all("Many people are signing in just now" in answer.text for answer in refused)
    assert {answer.status_code for answer in answers} == {503, 422}
    assert hashing.hashed == before + strangers + 1  # whoever was refused was not hashed


async def test_one_client_does_not_take_all_places(world: World, held: Held) -> None:
    someone = await person(world)
    service = behind_a_proxy(world, held)
    door, hashing = await Door.of(world, service), service.passwords
    flood = [
        asyncio.create_task(door.try_("203.0.113.7", email=someone.email, password="a wrong password"))
        for _ in range(20)
    ]
    await until(lambda: hashing.refused == 20 - password_hashing.PLACES_OF_CLIENT)
    right = asyncio.create_task(door.try_("198.51.100.9", email=someone.email, password=PASSWORD))
    await until(lambda: hashing.hashed == password_hashing.PLACES_OF_CLIENT + 1)
    held.go.set()

    assert (await right).status_code == 303
    await asyncio.gather(*flood)


async def test_a_visit_stays_where_it_is_when_there_is_no_place(world: World, seller: Seller) -> None:
    service = behind_a_proxy(world)
    full = replace(service, passwords=PasswordHashing(QUICK, places=0, kept_places=0))
    browser = world.browser(full)
    page = await browser.get(seller.url(seller.prepaid()))

    busy = await browser.sign_in(page, "ann@people.example")

    assert busy.status_code == 503
    assert (await browser.get(str(page.url.path))).status_code == 200


async def test_who_is_held_up_waits_and_nothing_is_hashed(world: World) -> None:
    someone = await person(world)
    service = behind_a_proxy(world)
    door = await Door.of(world, service)
    for _ in range(THROTTLE.attempts):
        assert not await door.opens("203.0.113.7", email=someone.email, password="a wrong password")
    hashed = service.passwords.hashed

    answer = await door.try_("203.0.113.7", email=someone.email, password=PASSWORD)

    assert answer.status_code == 422
    assert WRONG in Page(answer).text
    assert service.passwords.hashed == hashed
    nobody = f"{secrets.token_hex(6)}@people.example"
    for _ in range(THROTTLE.attempts):
        await door.opens("203.0.113.8", email=nobody, password=PASSWORD)
    hashed = service.passwords.hashed
    assert not await door.opens("203.0.113.8", email=nobody, password=PASSWORD)
    assert service.passwords.hashed == hashed, "an address without an account pauses alike"


async def test_wrong_passwords_hold_up_whoever_types_them_and_nobody_else(world: World) -> None:
    someone = await person(world)
    service = behind_a_proxy(world)
    door = await Door.of(world, service)
    owner = await known_to(service, world, someone.email)
    for _ in range(THROTTLE.attempts):
        assert not await door.opens("203.0.113.7", email=someone.email, password="a wrong password")

    assert not await door.opens("203.0.113.7", email=someone.email, password=PASSWORD)
    assert await door.opens("198.51.100.9", email=someone.email, password=PASSWORD)
    owner.http.headers["x-forwarded-for"] = "203.0.113.7"  # the same network, but a device that is known
    page = await owner.get(SIGN_IN)
    for _ in range(attempts.FAILED_SIGN_INS.maximum):
        await attempts.allowed(service, attempts.FAILED_SIGN_INS, "203.0.113.7")
    assert (await owner.sign_in(page, someone.email)).url.path == "/account"


async def test_a_known_device_has_a_pause_of_its_own(world: World) -> None:
    someone = await person(world)
    service = behind_a_proxy(world)
    browser, door = await known_to(service, world, someone.email), await Door.of(world, service)
    page = await browser.get(SIGN_IN)
    for _ in range(THROTTLE.attempts):
        assert (await browser.submit(page, "/sign-in", email=someone.email, password="a wrong one")).status_code == 422

    assert (await browser.sign_in(page, someone.email)).status_code == 422
    assert await door.opens("203.0.113.7", email=someone.email, password=PASSWORD)
    world.clock.ahead = THROTTLE.first_pause
    assert (await browser.sign_in(page, someone.email)).url.path == "/account"


async def test_a_device_is_known_for_its_address_and_for_a_while(world: World) -> None:
    service = world.service
    mark = visitors.mark_device(service, "Ann@People.example")
    nonce, made, seal = mark.split(".")

    def known(email: str, *marks: str) -> bool:
        return visitors.known_device(service, email, visitors.Visitor(devices=marks)) is not None

    assert known("ann@people.example", "x", mark)
    assert not known("bob@people.example", mark)
    assert not known("ann@people.example", f"{nonce}.{int(made) + 9}.{seal}")
    assert not known("ann@people.example", f"{nonce}.{made}.{'0' * 64}")
    world.clock.ahead = visitors.LIFE
    assert not known("ann@people.example", mark)


async def test_a_browser_is_a_known_device_of_several_people(world: World) -> None:
    ann, bob = await person(world), await person(world)
    browser = world.browser()
    for someone in (ann, bob, ann):
        await browser.sign_in(await browser.get(SIGN_IN), someone.email)
        browser.http.cookies.delete("tallystick-session")
    marks = tuple(browser.http.cookies["tallystick-device"].split("~"))

    assert len(marks) == 2
    for someone in (ann, bob):
        assert visitors.known_device(world.service, someone.email, visitors.Visitor(devices=marks))


async def test_passkeys_are_never_held_up(world: World) -> None:
    someone, device = await person(world), Authenticator(ORIGIN)
    service = behind_a_proxy(world, public_url=ORIGIN)
    browser = await known_to(service, world, someone.email)
    browser.http.headers["x-forwarded-for"] = "203.0.113.7"
    await browser.sign_in(await browser.get(SIGN_IN), someone.email)
    page = await browser.get("/account/security/passkey")
    await browser.submit(page, "/passkey", passkey=device.make(asked(page)), name="Ann's phone")
    for _ in range(attempts.FAILED_SIGN_INS.maximum + 1):
        await attempts.allowed(service, attempts.FAILED_SIGN_INS, "203.0.113.7")

    door = await Door.of(world, service)
    assert not await door.opens("203.0.113.7", email=someone.email, password=PASSWORD)
    challenge = asked(await door.browser.get(SIGN_IN))
    assert await door.opens("203.0.113.7", passkey=device.sign(challenge))


async def test_a_hash_with_other_parameters_is_made_anew(world: World) -> None:
    someone = await person(world)
    older = PasswordHasher(time_cost=1, memory_cost=64, parallelism=4).hash(PASSWORD)
    await world.pool.execute("UPDATE party SET password_hash = $2 WHERE party_id = $1", someone.party_id, older)
    browser = world.browser(behind_a_proxy(world))

    assert (await browser.sign_in(await browser.get(SIGN_IN), someone.email)).url.path == "/account"

    (row,) = await world.rows("SELECT password_hash FROM party WHERE party_id = $1", someone.party_id)
    assert extract_parameters(row["password_hash"]) == extract_parameters(QUICK.hash(""))


async def test_pauses_are_forgotten(world: World) -> None:
    someone = await person(world)
    door = await Door.of(world, behind_a_proxy(world))
    for _ in range(THROTTLE.attempts - 1):
        await door.opens("203.0.113.7", email=someone.email, password="a wrong password")
    world.clock.ahead = THROTTLE.forgotten_after + timedelta(seconds=1)
    await forget_expired(world.service)

    assert await world.rows("SELECT 1 FROM sign_in_pause") == []
