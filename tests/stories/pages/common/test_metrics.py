"""`/metrics`: what it tells, and whom."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from tests.stories.pages.business import prepaid_customer
from tests.stories.pages.world import Seller, World

from tallystick.client.batch import BATCH_PATH, pay_all
from tallystick.client.fps import Credentials, ServiceError
from tallystick.services.context import Service
from tallystick.services.operations.running_proof import ContinuousProver
from tallystick.services.operations.verification import prove_if_due
from tallystick.services.process.meter import BOUNDS_SECONDS, Meter, quantile_seconds
from tallystick.services.process.peer_processes import PeerProcesses
from tallystick.store.records import verification_runs
from tallystick.web.probes.probes import Probes
from tallystick.wiring import exporting_metrics

TOKEN = "a-token-of-some-length"


async def scrape(
    world: World, service: Service | None = None, peer: str = "127.0.0.1", **headers: str
) -> httpx.Response:
    """Ask a service of some configuration for its metrics, as somebody at `peer`."""
    transport = httpx.ASGITransport(Probes(service or world.service), client=(peer, 50_000))
    async with httpx.AsyncClient(base_url=world.base_url, transport=transport) as client:
        return await client.get("/metrics", headers={name.replace("_", "-"): value for name, value in headers.items()})


def samples(response: httpx.Response) -> dict[tuple[str, ...], float]:
    """Every figure by its name and the values of its labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


async def test_calls_commits_queues_and_the_last_proof_are_told(world: World) -> None:
    service = replace(world.service, meter=Meter())
    service.meter.answered("Pay", "ok", 0.0)
    service.meter.answered("Pay", "InsufficientBalance", 0.0)
    service.meter.worked("rails", 3)
    await verification_runs.ask(world.pool, None, world.clock())
    await prove_if_due(service)
    await ContinuousProver(service).go_on()

    told = samples(await scrape(world, service))

    assert told["tallystick_requests_total", "Pay", "ok", "0"] == 1
    assert told["tallystick_requests_total", "Pay", "InsufficientBalance", "0"] == 1
    assert told["tallystick_request_seconds_count", "Pay", "0"] == 2
    assert told["tallystick_commit_groups_total", "0"] == world.service.committer.statistics.groups
    assert told["tallystick_worker_pieces_total", "rails", "0"] == 3
    assert told["tallystick_queue_waiting", "notifications"] >= 0
    assert told["tallystick_proof_problems",] == 0
    assert told["tallystick_proof_unexplained_micros",] == 0
    assert told["tallystick_running_proof_unexplained_micros",] >= 0
    assert told["tallystick_running_proof_finished_timestamp_seconds",] > 0
    assert told["tallystick_database_up",] == 1
    assert told["tallystick_process_up", "0"] == 1
    assert told["process_resident_memory_bytes", "0"] > 0


async def test_every_call_is_counted_with_its_outcome(world: World, seller: Seller) -> None:
    before = samples(await scrape(world))

    await seller.api.call("GetTotalPrepaidLiability", {})
    assert await seller.told("U" * 64, "1.00") == "InvalidParams"
    with pytest.raises(ServiceError):
        await seller.api.call("MadeUpByACaller", {})

    after = samples(await scrape(world))
    grown = {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)}
    assert grown["tallystick_requests_total", "GetTotalPrepaidLiability", "ok", "0"] == 1
    assert grown["tallystick_requests_total", "Pay", "InvalidParams", "0"] == 1
    assert grown["tallystick_requests_total", "none", "InvalidAction", "0"] == 1
    assert grown["tallystick_request_seconds_count", "Pay", "0"] == 1
    assert 0 < grown["tallystick_request_seconds_sum", "Pay", "0"] < 5
    assert "MadeUpByACaller" not in (await scrape(world)).text


async def test_a_batch_and_each_of_its_lines_are_counted(world: World, seller: Seller) -> None:
    customer = await prepaid_customer(world, seller, "1.00")
    before = samples(await scrape(world))
    lines = [
        {"caller_reference": f"song-{number}", "sender_token_id": customer.spending, "amount": value}
        for number, value in enumerate(["0.10", "0.10", "900.00", "nothing"])
    ]

    await pay_all(seller.api.http, world.base_url, seller.api.credentials, lines, world.clock())
    stranger = Credentials(seller.key.access_key_id, "another")
    with pytest.raises(ServiceError):
        await pay_all(seller.api.http, world.base_url, stranger, lines, world.clock())
    assert (await world.browser().http.get(BATCH_PATH)).status_code == 405

    after = samples(await scrape(world))
    grown = {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)}
    assert {name[1:]: count for name, count in grown.items() if name[0] == "tallystick_requests_total"} == {
        ("Batch", "ok", "0"): 1,
        ("Batch", "SignatureDoesNotMatch", "0"): 1,
        ("Batch", "InvalidRequest", "0"): 1,
        ("Pay", "ok", "0"): 2,
        ("Pay", "InsufficientBalance", "0"): 1,
        ("Pay", "InvalidParams", "0"): 1,
    }
    assert grown["tallystick_request_seconds_count", "Batch", "0"] == 3
    assert ("tallystick_request_seconds_count", "Pay", "0") not in grown


async def test_what_is_counted_is_told_without_the_database(world: World) -> None:
    class Gone:
        async def fetch(self, *_: object) -> None:
            raise ConnectionRefusedError

    told = samples(await scrape(world, replace(world.service, pool=Gone())))  # type: ignore[arg-type]

    assert told["tallystick_database_up",] == 0
    assert ("tallystick_commit_groups_total", "0") in told


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where processes meet: the path of a socket must be short."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


async def test_whichever_process_is_asked_tells_what_all_of_them_counted(world: World, directory: Path) -> None:
    services = [replace(world.service, meter=Meter(), peers=PeerProcesses(directory, name)) for name in ("0", "1")]
    for service in services:
        service.meter.answered("Pay", "ok", 0.0)
    services[1].meter.answered("Pay", "ok", 0.0)

    async with exporting_metrics(services[0]), exporting_metrics(services[1]):
        told = [samples(await scrape(world, service)) for service in services]
        openmetrics = await scrape(world, services[0], accept="application/openmetrics-text; version=1.0.0")

    for one in told:
        assert [one["tallystick_requests_total", "Pay", "ok", name] for name in ("0", "1")] == [1, 2]
        assert [one["tallystick_request_seconds_count", "Pay", name] for name in ("0", "1")] == [1, 2]
        assert [one["tallystick_process_up", name] for name in ("0", "1")] == [1, 1]
        assert ("process_resident_memory_bytes", "1") in one
        assert ("tallystick_queue_waiting", "mail") in one, "what the database tells is told once"
    assert len(list(parse_openmetrics(openmetrics.text))) > 10  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("told", [None, b"", b"[{", b"{}"], ids=["died", "nothing", "half", "something else"])
async def test_a_process_that_does_not_answer_is_said_to_be_down(
    world: World, directory: Path, told: bytes | None
) -> None:
    service = replace(world.service, meter=Meter(), peers=PeerProcesses(directory, "0"))
    async with PeerProcesses(directory, "1").answering(lambda: told or b""):
        if told is not None:
            found = samples(await scrape(world, service))
    if told is None:
        (directory / "1").touch()  # the socket of who died stays
        found = samples(await scrape(world, service))

    assert (found["tallystick_process_up", "0"], found["tallystick_process_up", "1"]) == (1, 0)
    assert ("tallystick_commit_groups_total", "0") in found
    assert ("tallystick_commit_groups_total", "1") not in found


@pytest.mark.parametrize(
    ("settings", "peer", "headers", "status"),
    [
        ({}, "127.0.0.1", {}, 200),
        ({}, "::1", {}, 200),
        ({}, "192.0.2.1", {}, 401),
        ({}, "127.0.0.1", {"x_forwarded_for": "192.0.2.1"}, 401),  # a proxy on this machine
        ({"public_url": "https://pay.example"}, "127.0.0.1", {}, 401),  # a proxy that says nothing
        ({"public_url": "https://pay.example", "reverse_proxies": 1}, "127.0.0.1", {}, 200),
        ({"metrics_token": TOKEN}, "192.0.2.1", {"authorization": f"Bearer {TOKEN}"}, 200),
        ({"metrics_token": TOKEN}, "192.0.2.1", {"authorization": "Bearer another-token-than-it"}, 401),
        ({"metrics_token": TOKEN}, "127.0.0.1", {}, 401),
        *(
            ({}, "127.0.0.1", {name: "192.0.2.1"}, 401)  # proxies have many ways to say for whom
            for name in (
                "forwarded",
                "via",
                "x_real_ip",
                "x_forwarded_host",
                "x_envoy_peer",
                "cf_ray",
                "true_client_ip",
            )
        ),
        ({}, "127.0.0.1", {"x_prometheus_scrape_timeout_seconds": "10"}, 200),
        ({}, "127.0.0.1", {"host": "evil.example:8400"}, 401),  # a page whose name leads to this machine
        ({}, "127.0.0.1", {"host": "localhost:8400"}, 200),
        ({"allowed_hosts": ("tally.internal",)}, "127.0.0.1", {"host": "tally.internal:8400"}, 200),
        ({"metrics_token": TOKEN}, "192.0.2.1", {"host": "10.0.0.7:8400", "authorization": f"Bearer {TOKEN}"}, 200),
    ],
)
async def test_only_this_machine_or_the_token_reads_them(
    world: World, settings: dict[str, object], peer: str, headers: dict[str, str], status: int
) -> None:
    response = await scrape(world, world.configured(**settings), peer, **headers)

    assert response.status_code == status
    assert ("tallystick_database_up" in response.text) == (status == 200)
    assert response.headers.get("www-authenticate") == (None if status == 200 else 'Bearer realm="metrics"')


async def test_who_may_not_read_them_is_told_what_to_set(world: World) -> None:
    refused = await scrape(world, peer="192.0.2.1")

    assert "TALLYSTICK_METRICS_TOKEN" in refused.text


@pytest.mark.parametrize(
    ("accept", "told"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
    ],
)
async def test_the_type_of_the_answer_is_one_that_servers_can_read(world: World, accept: str, told: str) -> None:
    """A parameter given twice is refused by strict ones."""
    response = await scrape(world, accept=accept)

    assert response.headers["content-type"].startswith(told)
    assert response.headers["content-type"].count("charset=") == 1


def test_quantiles_come_from_the_classes() -> None:
    counts = [0] * (len(BOUNDS_SECONDS) + 1)
    assert quantile_seconds(counts, 0.5) is None

    counts[2] = 100  # between 2.5 and 5 ms
    assert quantile_seconds(counts, 0.5) == pytest.approx(0.00375)

    counts[-1] = 100  # slower than all bounds
    assert quantile_seconds(counts, 0.99) == BOUNDS_SECONDS[-1]
