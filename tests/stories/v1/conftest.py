"""A seller's program that speaks JSON, on the same service and the same books as the one that signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from tests.support.shop import Shop

from tallystick.store.keys import access_keys
from tallystick.store.keys.access_keys import KeyTerms


@dataclass
class Program:
    """`shop` is the seller behind it."""

    shop: Shop
    secret: str
    headers: Mapping[str, str] = field(default_factory=dict)

    async def send(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,  # noqa: ANN401 - as httpx has it
    ) -> httpx.Response:
        """A request with the secret; `key`: its Idempotency-Key."""
        whole = {"authorization": f"Bearer {self.secret}", **self.headers, **(headers or {})}
        if key is not None:
            whole["idempotency-key"] = key
        raw = {name.encode(): value.encode("latin-1") for name, value in whole.items()}
        return await self.shop.client.request(method, f"{self.shop.url}{path}", headers=raw, **more)

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        """What must be found."""
        answer = await self.send("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return as_object(answer)

    async def post(self, path: str, body: Mapping[str, Any], key: str | None = None) -> dict[str, Any]:
        """What must be done, for the first time."""
        answer = await self.send("POST", path, key=key or self.shop.reference(), json=body)
        assert answer.status_code == 201, answer.text
        assert "idempotent-replay" not in answer.headers
        return as_object(answer)

    async def problem(
        self, path: str, body: Mapping[str, Any], status: int, code: str, key: str | None = None
    ) -> dict[str, Any]:
        """The problem with which a POST must be refused; no book may have changed."""
        before = await self.shop.snapshot()
        answer = await self.send("POST", path, key=key or self.shop.reference(), json=body)
        problem = as_problem(answer)
        assert (problem["status"], problem["code"]) == (status, code), answer.text
        assert await self.shop.snapshot() == before
        return problem


def as_object(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"] == "application/json"
    found = answer.json()
    assert isinstance(found, dict)
    return found


def as_problem(answer: httpx.Response) -> dict[str, Any]:
    """A problem document, which has what every one must have."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    found = answer.json()
    assert isinstance(found, dict)
    assert found["status"] == answer.status_code
    assert found["type"] == f"urn:tallystick:problem:{found['code']}"
    assert found["title"]
    assert found["detail"]
    assert found["request_id"]
    return found


async def program_of(shop: Shop, **terms: Any) -> Program:  # noqa: ANN401 - any of KeyTerms
    """The shop's program with a key of its own, for these terms."""
    service, now = shop.service, shop.clock()
    key = await access_keys.create(
        service.pool, service.vault, shop.key.party_id, "sandbox", now, terms=KeyTerms(**terms)
    )
    return Program(shop.with_key(key), await access_keys.make_bearer(service.pool, key.access_key_id, now))


@pytest.fixture
async def program(shop: Shop) -> Program:
    return await program_of(shop)
