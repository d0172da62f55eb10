"""Deeds in the console: keys, notifications, the tools for developers."""

from __future__ import annotations

from tests.stories.pages.business import paying_customer
from tests.stories.pages.deeds.scene import Scene

from tallystick.domain.commands import Method
from tallystick.domain.rails.commands import RailOperation
from tallystick.store.rails import ordered_faults


async def make_key(scene: Scene) -> None:
    await scene.on("keys/new", "/keys", uses="everything")


async def change_key(scene: Scene) -> None:
    await scene.on(f"keys/{scene.seller.key.access_key_id}/change", "/change", uses="read")


async def rotate_key(scene: Scene) -> None:
    await scene.on(f"keys/{scene.seller.key.access_key_id}", "/rotate")


async def make_bearer(scene: Scene) -> None:
    await scene.on(f"keys/{scene.seller.key.access_key_id}", "/bearer")


async def end_bearer(scene: Scene) -> None:
    await make_bearer(scene)
    await scene.on(f"keys/{scene.seller.key.access_key_id}", "/bearer/end")


async def revoke_key(scene: Scene) -> None:
    await scene.on(f"keys/{scene.seller.key.access_key_id}/revoke", "/revoke")


async def notification_settings(scene: Scene) -> None:
    await scene.on("notifications/settings", "/settings", url="")


async def test_notification(scene: Scene) -> None:
    await scene.address()
    await scene.on("notifications/settings", "/test")


async def replay(scene: Scene) -> None:
    await scene.on(f"notifications/{await scene.given_up()}", "/replay")


async def replay_dead(scene: Scene) -> None:
    await scene.given_up()
    await scene.on("notifications", "/replay-dead")


async def request(scene: Scene) -> None:
    page = await scene.look("tools", "requests", action="GetTotalPrepaidLiability")
    await scene.send(page, "/requests", key=scene.seller.key.access_key_id, do="send")


async def button(scene: Scene) -> None:
    page = await scene.look("tools", "buttons", kind="SetupPrepaid")
    await scene.send(page, "/buttons", shape="link", key=scene.seller.key.access_key_id)


async def order_fault(scene: Scene) -> None:
    await scene.on("tools/faults", "/faults", operation="charge", outcome="hold")


async def remove_fault(scene: Scene) -> None:
    await order_fault(scene)
    await scene.on("tools/faults", "/remove")


async def release_fault(scene: Scene) -> None:
    world, seller = scene.world, scene.seller
    await ordered_faults.place(world.pool, seller.book_id, RailOperation.CHARGE, None, world.clock())
    await (await paying_customer(world, seller, Method.CC)).pay("3")
    await world.rail_answers()
    await scene.on("tools/faults", "/release", outcome="pay")
    await world.rail_answers()


async def clock(scene: Scene) -> None:
    page = await scene.look("tools", "clock", count="1", unit="Day")
    await scene.send(page, "/clock")
