"""Requests that no browser sends by itself: characters that no text has, names that no file has, HEAD."""

from __future__ import annotations

import httpx
import pytest
from structlog.testing import capture_logs
from tests.stories.pages.people import at_work, console, operator, person, signed_in
from tests.stories.pages.world import Browser, Page, Seller, World

NUL = "%00"
HALF = "+2AA-"  # half of a UTF-16 pair, in UTF-7


@pytest.fixture(scope="module")
async def admin(pages: World) -> Browser:
    """A browser on which an operator has signed in."""
    return await signed_in(pages, await operator(pages))


@pytest.mark.parametrize(
    "path",
    [
        f"/static/{NUL}",
        "/static/" + "a" * 300,
        "/static/styles/base.css",
        f"/certs/{NUL}/PKICert.pem",
        f"/account/sign-in?next={NUL}",
        f"/account/sign-in?{NUL}=1",
        f"/nowhere/{NUL}",
    ],
)
async def test_an_address_that_nothing_can_have_is_no_fault_of_ours(world: World, path: str) -> None:
    with capture_logs() as logs:
        response = await world.browser().get(path)

    assert response.status_code == 404
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert logs == []


@pytest.mark.parametrize(
    "path",
    [
        *(f"/admin/audit?{name}={NUL}" for name in ("who", "seller", "subject")),
        f"/admin/accounts?text={NUL}",
        f"/account/authorizations/{NUL}",
    ],
)
async def test_a_character_that_no_text_has_is_not_looked_for(admin: Browser, path: str) -> None:
    assert (await admin.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/account/payment-methods?now={}", 200),
        ("/account/payment-methods?added={}", 200),
        ("/account/payment-methods/{}/remove", 404),
        ("/admin/accounts/{}", 404),
    ],
)
async def test_a_number_beyond_all_measure_is_nobodys(admin: Browser, path: str, status: int) -> None:
    assert (await admin.get(path.format("9" * 5000))).status_code == status


async def test_a_number_beyond_all_measure_in_a_form_is_nobodys(admin: Browser) -> None:
    page = await admin.get("/admin/notifications")
    token = Page(page).forms[0].fields["_csrf_token"]

    for book in ("9" * 5000, str(2**63), "\u0663"):
        fields = {"_csrf_token": token, "event": "e", "book": book}
        assert (await admin.post("/admin/notifications/replay", fields)).status_code == 404


async def test_a_character_that_no_text_has_is_not_looked_for_in_the_console(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller)

    assert (await browser.get(console(seller, "debts", "runs", NUL))).status_code == 404
    assert (await browser.get(console(seller, f"activity?reference={NUL}"))).status_code == 404


async def test_a_character_that_no_text_has_is_not_taken_from_a_form(world: World, admin: Browser) -> None:
    ann = await person(world)
    security, account = await admin.get("/account/security"), await admin.get(f"/admin/accounts/{ann.party_id}")

    for page, ending, typed in (
        (security, "/password", {"current": "a\0b"}),
        (security, "/password", {"current\0": "a"}),
        (account, "/standing", {"reason": "\0"}),
    ):
        response = await admin.submit(page, ending, **typed)
        assert response.status_code == 400
        assert "This cannot be read" in Page(response).text


@pytest.mark.parametrize(
    ("content_type", "value"),
    [
        ("text/plain; charset=utf-7", HALF.encode()),
        ("text/plain; charset=utf-8", b"\xed\xa0\x80"),
        ("text/plain; charset=no-such", b"a"),
        ("text/plain", b"\0"),
    ],
)
async def test_a_part_of_a_form_that_is_no_text_is_refused(world: World, content_type: str, value: bytes) -> None:
    browser = world.browser()
    form = Page(await browser.get("/account/sign-in")).form("/sign-in")
    parts: list[tuple[str, tuple[None, bytes, str]]] = [
        *((name, (None, value.encode(), "text/plain")) for name, value in form.fields.items()),
        ("email", (None, value, content_type)),
    ]

    assert (await browser.http.post(form.action, files=parts)).status_code == 400


async def test_a_file_in_place_of_a_text_is_refused(world: World, seller: Seller) -> None:
    browser = await at_work(world, seller)
    form = Page(await browser.get("/account/sign-in")).forms[0]
    file = ("a.txt", b"a", "text/plain")
    texts = {name: (None, value.encode(), "text/plain") for name, value in form.fields.items()}

    for path, name in (
        (form.action, "_csrf_token"),
        (form.action, "email"),
        (console(seller, "debts", "runs"), "run"),
        (console(seller, "branding", "logo"), "_csrf_token"),
    ):
        assert (await browser.http.post(path, files={**texts, name: file})).status_code == 400, (path, name)


@pytest.mark.parametrize(
    "path",
    [
        *("/healthz", "/readyz", "/certs/none/PKICert.pem", "/console/sign-in", "/account/sign-in?lang=de"),
        *("/static/style.css", "/static/copy.js", "/nowhere"),
    ],
)
async def test_head_is_answered_like_get_without_the_body(world: World, path: str) -> None:
    browser = world.browser()
    got, head = await browser.http.get(path), await browser.http.head(path)

    assert head.status_code == got.status_code
    assert head.content == b""
    assert facts(head) == facts(got)


async def test_head_sends_no_form(world: World) -> None:
    assert (await world.browser().http.head("/sign-out")).status_code == 405


def facts(response: httpx.Response) -> dict[str, str]:
    return {
        name: value
        for name, value in response.headers.items()
        if name in {"content-type", "content-length", "cache-control", "x-frame-options", "content-language"}
    }
