"""Keys in JSON: looked at, and ended by themselves."""

from __future__ import annotations

from tests.stories.conftest import OpenShop
from tests.stories.v1.conftest import Program, as_object, as_problem, program_of

from tallystick.domain.scopes import KeyScope
from tallystick.services.events.numbering import number_book


async def test_a_key_ends_itself_whatever_it_is_for(program: Program) -> None:
    shop = program.shop
    leaked = await program_of(shop, scopes=KeyScope.CHARGE.value)
    key_id = leaked.shop.key.access_key_id
    tab = await shop.books.postpaid_buyer("100.00")
    body = {"authorization": tab.instrument, "amount": "1.00"}
    for _ in range(2):  # so that the service remembers key and authorization
        await leaked.post("/v1/charges", body)

    ended = as_object(await leaked.send("DELETE", f"/v1/keys/{key_id}"))

    assert (ended["id"], ended["usable"], ended["revoked_at"] is None) == (key_id, False, False)
    again = await leaked.send("DELETE", f"/v1/keys/{key_id}")
    for refused in (again, await leaked.send("POST", "/v1/charges", key="k", json=body)):
        problem = as_problem(refused)
        assert (problem["status"], problem["code"]) == (401, "unknown_key")
    assert await program.get(f"/v1/keys/{key_id}") == ended
    query = "SELECT action, actor_id, details FROM audit_entry WHERE subject = $1"
    (row,) = await shop.service.pool.fetch(query, key_id)
    assert (row["action"], row["actor_id"], row["details"]) == ("key.revoke", None, {"by_key": key_id})
    await number_book(shop.service, shop.books.book_id)
    (event,) = (await program.get("/v1/events", type="key.revoked"))["data"]
    assert (event["data"]["id"], event["data"]["revoked_at"]) == (key_id, ended["revoked_at"])


async def test_a_key_ends_no_other(program: Program, open_shop: OpenShop) -> None:
    other, theirs = await program_of(program.shop), await program_of(await open_shop())
    for another, status, code in (
        (other.shop.key.access_key_id, 403, "key_not_for_this"),
        (theirs.shop.key.access_key_id, 404, "key_not_found"),
    ):
        problem = as_problem(await program.send("DELETE", f"/v1/keys/{another}"))
        assert (problem["status"], problem["code"]) == (status, code)
    for one in (program, other, theirs):
        key_id = one.shop.key.access_key_id
        assert (await one.get(f"/v1/keys/{key_id}"))["usable"] is True
        assert await one.get(f"/v1/keys/{key_id}") in (await one.get("/v1/keys"))["data"]
    unknown = as_problem(await program.send("GET", f"/v1/keys/{theirs.shop.key.access_key_id}"))
    assert (unknown["status"], unknown["code"]) == (404, "key_not_found")
