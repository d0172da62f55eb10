"""`tallystick listen`: events of a service somewhere, brought to this machine."""

from __future__ import annotations

import os
from typing import Annotated

import httpx
import typer

from tallystick.cli.console import Json, ProblemError, run_until_stopped, settings_of_process
from tallystick.cli.event_listener import EventListener, ServiceAwayError
from tallystick.cli.options import ServiceUrl

SECRET_VARIABLE = "TALLYSTICK_SECRET"  # noqa: S105 - the name of a variable


def listen(
    forward_to: Annotated[
        str | None, typer.Option(metavar="URL", help="Where each event is posted to, signed as a webhook is.")
    ] = None,
    service: ServiceUrl = None,
    secret_env: Annotated[
        str, typer.Option(metavar="NAME", help="Which environment variable has the key's bearer secret.")
    ] = SECRET_VARIABLE,
    after: Annotated[
        int | None, typer.Option(min=0, help="Begin after the event of this number; else with what happens now.")
    ] = None,
    json: Json = False,
) -> None:
    """Read events as they happen, and bring them to a program on this machine.

    They are printed, until Ctrl-C; with --forward-to they are posted as well, signed by a secret that is made
    for this run and shown at its beginning. The key needs the scope read. An event that does not arrive is not sent
    again: begin once more with --after.
    """
    bearer = os.environ.get(secret_env, "")
    if not bearer:
        raise ProblemError(f"{secret_env} has no secret; make one: tallystick keys bearer")
    if forward_to is not None:
        _check_address(forward_to)
    url = (service or settings_of_process().public_url).rstrip("/")
    run_until_stopped(_listen(url, bearer, forward_to, after, json=json))


def _check_address(url: str) -> None:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ProblemError(f"--forward-to: {error}") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ProblemError("--forward-to: an address such as http://127.0.0.1:3000/events")


async def _listen(url: str, bearer: str, forward_to: str | None, after: int | None, *, json: bool) -> None:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        try:
            await EventListener(http, url, bearer, forward_to, json).run(after)
        except ServiceAwayError as error:
            raise ProblemError(f"{url} does not answer: {error}") from None
