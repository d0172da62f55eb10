"""Console and operator's pages, asked for where they are not to be."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network

import httpx
import pytest
from tests.stories.pages.world import World

from tallystick.services.identity.mail import address_of

STAFF = "https://staff.example.com"
APART = {"public_url": "https://pay.example.com", "staff_url": STAFF}
INSIDE = {"staff_networks": (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))}


async def status(
    world: World, settings: Mapping[str, object], path: str, peer: str = "192.0.2.1", **headers: str
) -> int:
    pages = world.shared_pages(**settings)
    transport = httpx.ASGITransport(pages, client=(peer, 50_000))  # type: ignore[arg-type]
    async with httpx.AsyncClient(base_url=world.base_url, transport=transport) as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await client.get(path, headers=named)).status_code


@pytest.mark.parametrize("path", ["/console/sign-in", "/console/1/live", "/admin", "/admin/settings"])
@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("staff.example.com", True),
        ("STAFF.example.com:443", True),
        ("pay.example.com", False),
        ("staff.example.com:8443", False),
    ],
)
async def test_they_are_at_their_own_host_alone(world: World, path: str, host: str, *, found: bool) -> None:
    assert (await status(world, APART, path, host=host) != 404) == found


async def test_a_port_of_their_own_will_do(world: World) -> None:
    settings = {"public_url": "https://pay.example.com", "staff_url": "https://pay.example.com:8443"}

    assert await status(world, settings, "/admin", host="pay.example.com:8443") == 303
    assert await status(world, settings, "/admin", host="pay.example.com") == 404


async def test_what_buyers_need_stays_where_it_was(world: World) -> None:
    assert await status(world, APART, "/account/sign-in", host="pay.example.com") == 200
    assert await status(world, {}, "/console/sign-in") == 200


@pytest.mark.parametrize(
    ("peer", "proxies", "forwarded", "found"),
    [
        ("10.1.2.3", 0, None, True),
        ("::ffff:10.1.2.3", 0, None, True),
        ("fd00::1", 0, None, True),
        ("10.2.0.1", 0, None, False),
        ("127.0.0.1", 0, None, False),
        ("10.2.0.1", 0, "10.1.2.3", False),  # anybody can write that
        ("127.0.0.1", 1, "10.1.2.3", True),
        ("10.1.2.3", 1, "192.0.2.1", False),
        ("10.1.2.3", 1, "10.1.2.3, 192.0.2.1", False),
        ("10.1.2.3", 1, None, False),
    ],
)
async def test_they_are_for_their_networks_alone(
    world: World, peer: str, proxies: int, forwarded: str | None, *, found: bool
) -> None:
    headers = {} if forwarded is None else {"x_forwarded_for": forwarded}
    settings: dict[str, object] = {**INSIDE, "reverse_proxies": proxies}

    assert (await status(world, settings, "/console/sign-in", peer, **headers) != 404) == found
    assert await status(world, settings, "/account/sign-in", peer, **headers) == 200


def test_letters_lead_to_where_the_page_is(world: World) -> None:
    service = world.configured(**APART)

    assert address_of(service, "/console/invitations/x") == f"{STAFF}/console/invitations/x"
    assert address_of(service, "/account/reset", code="x") == "https://pay.example.com/account/reset?code=x"
