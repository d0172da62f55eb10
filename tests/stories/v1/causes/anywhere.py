"""Problems that any endpoint can have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx
from tests.stories.api.causes.provoking import standing
from tests.stories.v1.causes.good_requests import Cause, Good
from tests.stories.v1.conftest import Program, program_of

from tallystick.domain.scopes import EVERYTHING
from tallystick.web.v1.app import JsonApi
from tallystick.web.v1.endpoint import Endpoint


def with_clock(program: Program, clock: Callable[[], datetime]) -> Program:
    """The same program at a service of its own, whose clock is this one."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(JsonApi(replace(program.shop.service, clock=clock))))
    return replace(program, shop=replace(program.shop, client=client, url="http://pay.example"))


def failing(error: Exception) -> Cause:
    def broken() -> datetime:
        raise error

    return lambda good: good.send(with_clock(good.program, broken))


async def closed(good: Good) -> httpx.Response:
    await standing(good.program.shop, good.program.shop.key.party_id, "status", "closed")
    return await good.send()


async def too_often(good: Good) -> httpx.Response:
    hurried = await program_of(good.program.shop, calls_per_second=1)
    answers = await asyncio.gather(*(good.send(hurried) for _ in range(30)))
    return next(answer for answer in answers if answer.status_code == 429)


async def without_scope(good: Good) -> httpx.Response:
    scopes = (EVERYTHING & ~good.endpoint.scopes).value
    if not good.endpoint.scopes:  # which is for the key itself: here it is another one
        other = await program_of(good.program.shop)
        good = replace(good, path=good.endpoint.path.replace("{id}", other.shop.key.access_key_id))
    return await good.send(await program_of(good.program.shop, scopes=scopes))


async def with_query(good: Good, query: str) -> httpx.Response:
    return await replace(good, path=f"{good.path}?{query}").send()


async def with_header(good: Good, name: str, value: str) -> httpx.Response:
    return await good.send(replace(good.program, headers={name: value}))


async def raw(good: Good, content: bytes, kind: str) -> httpx.Response:
    headers = {"content-type": kind}
    return await good.program.send(good.endpoint.method, good.path, key="k", content=content, headers=headers)


def examples(endpoint: Endpoint) -> dict[str, Any]:
    return {one.name: one.example for one in endpoint.inputs}


ANYWHERE: dict[str, Cause] = {
    "account_closed": closed,
    "internal_error": failing(RuntimeError("the clock fell off the wall")),
    "invalid_request": lambda good: with_query(good, "x=1&x=2"),
    "key_missing": lambda good: with_header(good, "authorization", "Basic x"),
    "key_not_for_this": without_scope,
    "service_unavailable": failing(OSError("nobody is there")),
    "too_many_requests": too_often,
    "unknown_field": lambda good: with_query(good, "x=1"),
    "unknown_key": lambda good: with_header(good, "authorization", "Bearer tsk_test_x"),
    "unknown_version": lambda good: with_header(good, "tallystick-version", "1999-12-31"),
    "body_too_large": lambda good: raw(good, b" " * (good.endpoint.most_bytes + 1), "application/json"),
    "unsupported_media_type": lambda good: raw(good, b"{}", "text/plain"),
    "missing_field": lambda good: raw(good, b"{}", "application/json"),
    "idempotency_key_required": lambda good: good.program.send("POST", good.path, json=examples(good.endpoint)),
}
