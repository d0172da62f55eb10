import gc
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import hypothesis
import pytest
import structlog
from argon2 import PasswordHasher
from tests.support.balanced import all_balanced, balanced
from tests.support.books import Books, OpenBooks, new_books
from tests.support.clock import TestClock
from tests.support.owner import TEST_DATABASE_URL, TEST_DIRECTORY
from tests.support.pools import shared_pool

from tallystick.bench.target import cluster
from tallystick.db.connections import Connection, Pool
from tallystick.db.database import open_pool
from tallystick.db.embedded.server import SERVER_SETTINGS, EmbeddedPostgres
from tallystick.db.migrate import migrate
from tallystick.db.privileges import WORK
from tallystick.services.identity.password_hashing import of_process
from tallystick.store.ledger.committer import Committer

# Tests lose nothing in a power cut; synchronous_commit stays on, so that commits are grouped as in real life.
QUICK_SETTINGS = {**SERVER_SETTINGS, "fsync": "off", "full_page_writes": "off"}

# What takes long on a busy machine is no fault; in CI Hypothesis has it so by itself.
hypothesis.settings.register_profile(
    "any machine", hypothesis.settings(), deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

MakeDatabase = Callable[..., Awaitable[str]]
"""Gives the address of a new database; of a copy, where the name of another is given that nobody is connected to."""

EMPTY = "template1"
"""The template of databases in which nothing is."""

LONG_TESTS = "TALLYSTICK_LONG_TESTS"


def fuzz(examples: int = 2_000) -> hypothesis.settings:
    """The one profile of tests that throw anything at a parser or at the service: 20,000 examples in the long run."""
    return hypothesis.settings(max_examples=20_000 if os.environ.get(LONG_TESTS) else examples, deadline=None)


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A command that runs in this process sets up its logs for all of it: the next test has them as this one had."""
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    yield
    if structlog.get_config() != configured:
        structlog.configure(**configured)
        root.handlers[:], root.level = handlers, level


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """Passwords of tests are hashed with the least that argon2id allows: else every sign-in takes a sixth of a second.

    And by a thread like others: with the lowest priority it would wait for whatever else a busy machine does.
    Services in processes of their own hash as they do in real life.
    """
    hashing = of_process()
    usual, hashing.hasher = hashing.hasher, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    hashing.begin = _as_it_is  # threads begin with their first work
    yield
    hashing.hasher = usual


def _as_it_is() -> None:
    """What a thread does first that keeps its priority."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is loaded to find the tests stays: Python looks through it for garbage neither meanwhile nor ever again.

    And through the rest less often: to look for garbage took a tenth of a worker's processor time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10_000)
        gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """Name one directory for all workers of this run: its embedded server is shared by them.

    What tests log shows exceptions as the program does: with the values of all variables each takes up to a second.
    """
    *usual, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*usual, plain])
    if not is_worker(config):
        os.environ[TEST_DIRECTORY] = tempfile.mkdtemp(prefix="tallystick-tests-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not is_worker(config) and (directory := os.environ.pop(TEST_DIRECTORY, None)):
        shutil.rmtree(directory, ignore_errors=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the conformance tests tried, one line for each action; how long the steps of a first day took."""
    told = [told for report in terminalreporter.getreports("passed") for told in report.user_properties]
    if steps := [value for name, value in told if name == "first day"]:
        terminalreporter.section("a new user's first day, step by step, in seconds")
        for step, seconds in steps:
            terminalreporter.write_line(f"{seconds:8.1f}  {step}")
    if rows := [value for name, value in told if name == "conformance"]:
        head = [
            "action",
            "fields",
            "missing",
            "too long",
            "mis-cased",
            "mistyped",
            "older version",
            "unknown",
            "errors",
        ]
        terminalreporter.section("conformance: fields of each action refused in each way, documented errors provoked")
        for row in [head, *sorted(rows)]:
            terminalreporter.write_line(f"{row[0]:32}" + "".join(f"{cell!s:>14}" for cell in row[1:]))


def is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The PostgreSQL server of this run: the one of TALLYSTICK_TEST_DATABASE_URL, or an embedded one."""
    if given := os.environ.get(TEST_DATABASE_URL):
        yield given
        return
    with EmbeddedPostgres(Path(os.environ[TEST_DIRECTORY]), server_settings=QUICK_SETTINGS) as server:
        yield server.admin_dsn


def for_work(url: str) -> str:
    """A database as the service sees it: by the role for work, which an embedded server has made.

    On a server that is given, one role does everything: nobody knows the password of another one there.
    """
    if os.environ.get(TEST_DATABASE_URL):
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{WORK}@{parts.netloc.rpartition('@')[2]}{parts.path}?{parts.query}"


@pytest.fixture
def data_directory() -> Iterator[Path]:
    """An empty directory for an embedded database of the test's own.

    Not tmp_path: pytest closes its directories to everyone else, and the server runs as a user of its own.
    """
    directory = Path(tempfile.mkdtemp(dir=os.environ[TEST_DIRECTORY]))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


async def create_database(admin: Connection, server_url: str, name: str, template: str) -> str:
    """The address of a new database: a copy of `template`, or, on a cluster, one that is made as that was."""
    url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    if not cluster.workers():
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return url
    await admin.execute(f"CREATE DATABASE {name}")
    await cluster.spread(server_url, name)
    if template != EMPTY:
        await migrate(url)
        await cluster.distribute(url)
    return url


async def drop_database(admin: Connection, server_url: str, name: str) -> None:
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await cluster.drop(server_url, name)


@pytest.fixture(scope="session")
async def make_database(server_url: str) -> AsyncIterator[MakeDatabase]:
    """Makes empty databases, each of them new.

    On a server that stays they are dropped at the end. An embedded one is thrown away with all of them: it would write
    a checkpoint for each that is dropped.
    """
    async with AsyncExitStack() as stack:
        admin = await asyncpg.connect(server_url)
        stack.push_async_callback(admin.close)

        async def make(template: str = EMPTY) -> str:
            name = f"test_{uuid4().hex}"
            if os.environ.get(TEST_DATABASE_URL):
                stack.push_async_callback(drop_database, admin, server_url, name)
            return await create_database(admin, server_url, name, template)

        yield make


@pytest.fixture(scope="session")
async def migrated(make_database: MakeDatabase) -> str:
    """A migrated database that nobody uses: others are made from it, which is quicker than to migrate each."""
    url = await make_database()
    await migrate(url)
    return url


@pytest.fixture(scope="session")
def make_migrated(make_database: MakeDatabase, migrated: str) -> MakeDatabase:
    """Makes databases in which nothing is but the tables, for services: as the role for work sees them."""

    async def make() -> str:
        return for_work(await make_database(urlsplit(migrated).path[1:]))

    return make


@pytest.fixture(scope="session")
async def database_url(make_migrated: MakeDatabase) -> str:
    """A migrated database that the tests of one worker share: each makes books of its own. By the role for work.

    On a Citus coordinator it is distributed, so that all tests run on that.
    """
    return await make_migrated()


@pytest.fixture(scope="session")
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """After the last test all books in it must balance."""
    async with shared_pool(database_url) as opened, all_balanced(opened):
        yield opened


@pytest.fixture
async def own_pool(server_url: str, migrated: str) -> AsyncIterator[Pool]:
    """A migrated database for one test alone: one that spoils it, fills it, or counts or archives everything in it.

    By the role that owns it.
    """
    name = f"test_{uuid4().hex}"
    admin = await asyncpg.connect(server_url)
    url = await create_database(admin, server_url, name, urlsplit(migrated).path[1:])
    async with await open_pool(url, max_size=6) as opened:
        yield opened
    await drop_database(admin, server_url, name)
    await admin.close()


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
async def open_shop(pool: Pool, clock: TestClock) -> AsyncIterator[OpenBooks]:
    """Opens shops; when the test is over, their books must balance."""
    committers: list[Committer] = []

    async def opened(on: Pool = pool) -> Books:
        shop = await new_books(on, clock)
        committers.append(shop.committer)
        return shop

    async with balanced(pool):
        yield opened
        for committer in committers:
            await committer.close()


@pytest.fixture
async def shop(open_shop: OpenBooks) -> Books:
    return await open_shop()
