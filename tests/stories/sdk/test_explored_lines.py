"""The TypeScript lines of the console's request explorer: compiled and run, they ask for the same as those for curl."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.stories.pages.console.test_json_explorer import UNDER_NAMES, given_for
from tests.stories.sdk.typescript import compile_alone, run
from tests.support.shop import Shop

pytestmark = pytest.mark.timeout(300)

PROGRAM = """\
import { Tallystick } from "tallystick-client";

const asked: Record<string, unknown> = {};
let name = "";
const ts = new Tallystick({
  apiKey: process.env["API_KEY"] ?? "",
  baseUrl: process.env["TALLYSTICK_URL"] ?? "",
  fetch: async (request) => {
    const told = { method: request.method, url: request.url, key: request.headers.get("idempotency-key") };
    const body = await request.clone().text();
    const answer = await fetch(request);
    asked[name] = { ...told, body, status: answer.status };
    return answer;
  },
});

async function first(list: AsyncGenerator<unknown>): Promise<void> {
  await list.next();
}

const lines: Record<string, () => Promise<unknown>> = {
%s
};
for (name of Object.keys(lines)) {
  await lines[name]?.().catch((error: Error) => (asked[name] ??= error.message));
}
console.log(JSON.stringify(asked));
"""


def function_of(name: str) -> str:
    """The line of an endpoint as a function; of a list, its first page is read."""
    line = given_for(name).typescript()
    return f'  "{name}": async () => {{ {f"await first({line})" if UNDER_NAMES[name].is_list else line}; }},'


async def test_every_line_is_compiled_and_asks_for_the_same_as_the_one_for_curl(
    node: str, compiled: Path, shop: Shop, secret: str, tmp_path: Path
) -> None:
    names = sorted(UNDER_NAMES)
    script = await compile_alone(node, compiled, PROGRAM % "\n".join(map(function_of, names)), tmp_path)
    status, told = await run(node, str(script), API_KEY=secret, TALLYSTICK_URL=shop.url)
    assert status == 0, told
    asked = json.loads(told)
    assert set(asked) == set(names)
    for name, request in asked.items():
        assert isinstance(request, dict), f"{name}: {request}"
        assert as_asked(request) == as_curl_asks(name, shop.url), name
        assert request["status"] != 500, name


def as_asked(request: dict[str, Any]) -> tuple[str, httpx.URL, str | None, Any]:
    """Method, address, key and body of a request that was sent."""
    body = json.loads(request["body"]) if request["body"] else None
    return request["method"], httpx.URL(request["url"]), request["key"], body


def as_curl_asks(name: str, service: str) -> tuple[str, httpx.URL, str | None, Any]:
    call = given_for(name)
    words = shlex.split(call.curl(service).replace("\\\n", " "))
    after = {word: words[place + 1] for place, word in enumerate(words) if word in {"-X", "-d"}}
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    body = json.loads(after["-d"]) if "-d" in after else None
    return (
        after.get("-X", "POST" if "-d" in after else "GET"),
        httpx.URL(words[1]),
        headers.get("Idempotency-Key"),
        body,
    )
