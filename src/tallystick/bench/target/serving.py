"""The servers under measurement: the service as it is, the other ways to run it, and the empty handler."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from tallystick.bench.cases import KEEPING, NOT_KEEPING, OTHER_FRONT, OTHER_IS_DIRECT, PLAIN, TWO_PROCESSES
from tallystick.bench.plan import Plan
from tallystick.bench.target.processes import HOST, ServerProcess, free_port, serving
from tallystick.settings import PREFIX


@dataclass(frozen=True, slots=True)
class Way:
    """How the service is run beside the plain one. `settings`: other than that one's."""

    settings: Mapping[str, str]
    processes: int = 1


WAYS: Final[Mapping[str, Way]] = {
    KEEPING: Way({"KEEP_REQUESTS_DAYS": "30"}),
    NOT_KEEPING: Way({"KEEP_REQUESTS_DAYS": "0"}),
    TWO_PROCESSES: Way({}, processes=2),
    OTHER_FRONT: Way({"DIRECT_HTTP": "true" if OTHER_IS_DIRECT else "false"}),
}


@asynccontextmanager
async def serving_service(plan: Plan) -> AsyncIterator[ServerProcess]:
    """The service on a free port, as `tallystick serve` runs it, its worker included."""
    async with _serve(plan, Way({}, plan.workers)) as served:
        yield served


@asynccontextmanager
async def serving_beside(plan: Plan) -> AsyncIterator[dict[str, ServerProcess]]:
    """The other ways to run the service that the plan's cases ask for, on the same books; the worker is elsewhere."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(_serve(plan, WAYS[name], "--no-worker"))
            for name in plan.names()
            if name != PLAIN
        }


@asynccontextmanager
async def serving_nothing(processes: int = 1) -> AsyncIterator[ServerProcess]:
    """The empty handler on a free port, in as many processes as the service has."""
    port = free_port()
    async with AsyncExitStack() as stack:
        arguments = ["tallystick.cli.serving.empty_handler", str(port)]
        if processes > 1:
            arguments += ["shared"]
        served = await stack.enter_async_context(serving(arguments, {}, port=port))
        for _ in range(1, processes):
            await stack.enter_async_context(serving(arguments, {}, port=port))
        yield served


@asynccontextmanager
async def _serve(plan: Plan, way: Way, *options: str) -> AsyncIterator[ServerProcess]:
    port = free_port()
    arguments = ["tallystick", "serve", "--host", HOST, "--port", str(port), *options]
    if way.processes > 1:
        arguments += ["--workers", str(way.processes)]
    settings = plan.settings
    environment = {
        "DATA_DIRECTORY": str(plan.directory),
        "LOG_LEVEL": settings.log_level,
        "REMEMBERED_BALANCES": str(settings.remembered_balances),
        "ALLOW_PRIVATE_NOTIFICATION_TARGETS": "true",
        **way.settings,
    }
    if plan.database_url is not None:
        environment["DATABASE_URL"] = plan.database_url
    given = {f"{PREFIX}{name}": value for name, value in environment.items()}
    async with serving(arguments, given, port=port) as served:
        yield served
