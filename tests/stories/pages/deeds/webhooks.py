"""Deeds in the console: endpoints of webhooks."""

from __future__ import annotations

from collections.abc import Sequence

from tests.stories.pages.deeds.scene import HERE, Scene
from tests.stories.pages.world import Seller, World

from tallystick.services.events import endpoints
from tallystick.services.events.endpoints import EndpointWish, WebhookEndpoint
from tallystick.services.operations.audit import Actor


async def endpoint_of(
    world: World, seller: Seller, url: str = HERE, types: Sequence[str] = (), description: str | None = None
) -> WebhookEndpoint:
    """An endpoint of the seller's sandbox; without an address at one that nothing is ever sent to."""
    service = world.configured(allow_private_notification_targets=True)
    wish = EndpointWish(url, types, description)
    made = await endpoints.create(service, Actor.command("a test"), seller.party.party_id, "sandbox", wish)
    return made.endpoint


async def _one(scene: Scene) -> str:
    return f"webhooks/{(await endpoint_of(scene.world, scene.seller)).endpoint_id}"


async def add_endpoint(scene: Scene) -> None:
    await scene.on("webhooks/new", "/webhooks", url="https://shop.example/events", uses="all")


async def low_balance(scene: Scene) -> None:
    await scene.on("webhooks", "/low-balances", low_balance="5.00")


async def change_endpoint(scene: Scene) -> None:
    await scene.on(f"{await _one(scene)}/change", "/change", uses="chosen", on_top_up_failed="yes")


async def disable_endpoint(scene: Scene) -> None:
    await scene.on(await _one(scene), "/disable")


async def enable_endpoint(scene: Scene) -> None:
    place = await _one(scene)
    await scene.on(place, "/disable")
    await scene.on(place, "/enable")


async def rotate_endpoint(scene: Scene) -> None:
    await scene.on(await _one(scene), "/rotate")


async def test_endpoint(scene: Scene) -> None:
    await scene.on(await _one(scene), "/test")


async def replay_events(scene: Scene) -> None:
    place = await _one(scene)
    await scene.given_up_delivery(place.rpartition("/")[2])
    await scene.on(place, "/replay")


async def remove_endpoint(scene: Scene) -> None:
    await scene.on(f"{await _one(scene)}/remove", "/remove")
