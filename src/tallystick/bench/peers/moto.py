"""moto: a fake of Amazon's services, of which none takes payments; a conditional update in DynamoDB comes nearest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Final
from urllib.parse import urlsplit

import httpx

from tallystick.bench.peers.peer import Peer, PeerRate, Surroundings
from tallystick.bench.peers.server import flooded, serving_peer

_BALANCES: Final = 200
_TABLE: Final = "books"
_AUTHORIZATION: Final = (
    "AWS4-HMAC-SHA256 Credential=AKIABENCH/20270301/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=00"
)


def _head(action: str) -> dict[str, str]:
    return {
        "X-Amz-Target": f"DynamoDB_20120810.{action}",
        "Content-Type": "application/x-amz-json-1.0",
        "Authorization": _AUTHORIZATION,
    }


def payments(url: str) -> Iterator[bytes]:
    """A cent from the next balance, where it has one."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in _head("UpdateItem").items())
    for number in count():
        update = {
            "TableName": _TABLE,
            "Key": {"id": {"S": f"balance {number % _BALANCES}"}},
            "UpdateExpression": "SET cents = cents - :one",
            "ConditionExpression": "cents >= :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
        body = json.dumps(update)
        yield (
            f"POST / HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n{lines}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode("ascii")


async def _measure(where: Surroundings, clients: int, seconds: int) -> PeerRate:
    async with serving_peer(where, "moto.server", "--host", "127.0.0.1", "--port") as url:
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            table = {
                "TableName": _TABLE,
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
            }
            (await client.post("/", headers=_head("CreateTable"), json=table)).raise_for_status()
            for number in range(_BALANCES):
                item = {"id": {"S": f"balance {number}"}, "cents": {"N": "1000000000"}}
                filled = {"TableName": _TABLE, "Item": item}
                (await client.post("/", headers=_head("PutItem"), json=filled)).raise_for_status()
        return await flooded(url, payments(url), where.directory, clients, seconds)


MOTO: Final = Peer(
    name="moto",
    install='pip install "moto[server]"',
    compared=(
        "UpdateItem of its fake DynamoDB: a cent from a balance that has one (its transactions would come nearer, but "
        "fail with several clients); in memory, nothing is kept, no signature is checked, no double entry"
    ),
    measure=_measure,
)
