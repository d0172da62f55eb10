"""A seller's program that speaks JSON, on the same service and the same books as the one that signs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from jsonschema_rs import Draft202012Validator
from tests.support.shop import Shop

from tallystick.store.keys import access_keys
from tallystick.store.keys.access_keys import KeyTerms
from tallystick.web.v1.documents.openapi import document
from tallystick.web.v1.schemas import OBJECTS
from tallystick.web.v1.table import ENDPOINTS


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
        answer = await self.shop.client.request(method, f"{self.shop.url}{path}", headers=raw, **more)
        check_documented(answer)
        return answer

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


DOCUMENT = document("http://127.0.0.1")
_NAMES = {name: {member.name for member in members} for name, members in OBJECTS.items()}


def template_of(path: str) -> str:
    """The path as the document has it, with ``{id}`` for the id in it; the path itself where there is no such."""
    steps = path.split("/")
    tried = [path, *("/".join((*steps[:at], "{id}", *steps[at + 1 :])) for at in range(3, len(steps)))]
    return next((one for one in tried if one in DOCUMENT["paths"]), path)


def check_documented(answer: httpx.Response) -> None:
    """The answer is one that the document has for its path and method, and has nothing that the document lacks."""
    path = answer.request.url.path
    template = template_of(path)
    operation = DOCUMENT["paths"].get(template, {}).get(answer.request.method.lower())
    if operation is None:
        assert answer.status_code in {404, 405}
        return
    told = operation["responses"][str(answer.status_code)]
    for name in ("tallystick-version", "ratelimit", "etag", "idempotent-replay"):
        known = {header.lower() for header in told.get("headers", {})}
        assert name not in answer.headers or name in known or answer.status_code >= 400, name
    if answer.status_code == 304:
        return
    (kind, content), *_ = told["content"].items()
    assert answer.headers["content-type"] == kind
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    if kind == "application/pdf":
        assert answer.content.startswith(b"%PDF-")
        return
    Draft202012Validator(schema, validate_formats=True).validate(answer.json())
    if answer.status_code < 400:
        (endpoint,) = [one for one in ENDPOINTS if (one.path, one.method) == (template, answer.request.method)]
        whole = answer.json()
        for found in whole["data"] if endpoint.is_list else [whole]:
            assert set(found) == _NAMES[endpoint.answer]


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
    assert found["type"].startswith("http")
    assert found["type"].endswith(f"/docs/errors#{found['code']}")
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
