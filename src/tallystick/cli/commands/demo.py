"""`tallystick demo`: everything at once, to look at: database, service, worker, a sample shop, a sample buyer."""

from __future__ import annotations

import asyncio
import fcntl
import shlex
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer
from rich.console import Console

from tallystick.cli.commands.serve import beating, working
from tallystick.cli.console import (
    NO,
    ProblemError,
    actor_of_process,
    program,
    run,
    run_until_stopped,
    settings_of_process,
    while_running,
)
from tallystick.cli.serving.connections import limits_of
from tallystick.cli.serving.http_server import listening, port_or_free_one
from tallystick.client.fps import Client, Credentials, ServiceError
from tallystick.client.hosted_pages import Buyer, WalkRefusedError
from tallystick.db.embedded.data_directory import OpenDirectoryError, make_closed
from tallystick.db.embedded.server import EmbeddedPostgres, EmbeddedPostgresError
from tallystick.demo.checkout import Checkout
from tallystick.demo.customers import Customers
from tallystick.demo.fps_checkout import FpsCheckout
from tallystick.demo.fps_walk import FpsWalk
from tallystick.demo.json_checkout import JsonCheckout
from tallystick.demo.walk import Walk
from tallystick.demo.walk_report import WalkReport
from tallystick.domain.commands import Method
from tallystick.domain.environments import SANDBOX
from tallystick.domain.texts import counted
from tallystick.services.consent import wallet
from tallystick.services.context import Service
from tallystick.services.identity import account_opening
from tallystick.services.operations import accounts, operators
from tallystick.services.operations.accounts import Party
from tallystick.services.operations.verification import verify
from tallystick.services.seller import access_keys, staff
from tallystick.services.seller.staff import StaffRole
from tallystick.settings import Settings
from tallystick.wiring import asgi_app, open_service
from tallystick_client import AsyncTallystick, TallystickError

HOST: Final = "127.0.0.1"
SELLER: Final = ("shop@music.example", "Backbeat Records")
BUYER: Final = Buyer("buyer@music.example", "three songs for supper", "Robin Sample")
STAFF: Final = Buyer("owner@music.example", "a morning look at the till", "Alex Owner")
OPERATOR: Final = Buyer("operator@tallystick.example", "somebody has to run it", "Kim Operator")
POCKET_MONEY: Final = "50.00"
MARK: Final = "demo.lock"
"""The file that marks a directory as a demo's; `--fresh` deletes no directory without it."""
KEY_NOTE: Final = "shop-key.txt"
"""The file with the id of the shop's key. Its secret is only in the memory of the running shop."""


def demo(
    walk: Annotated[
        bool, typer.Option("--walk", help="Go the whole way without a person, check every figure, and end.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what earlier demos left.")] = False,
    data: Annotated[
        Path | None, typer.Option(metavar="DIRECTORY", help="Where the demo keeps its data; else 'demo' in ours.")
    ] = None,
    port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Port of the service; another one when it is taken.")
    ] = 8400,
    fps: Annotated[
        bool, typer.Option("--fps", help="With the second sample shop, which signs its calls as programs of 2010 do.")
    ] = False,
    shop_port: Annotated[
        int, typer.Option(min=1, max=65_535, help="Port of the sample shop; another one when it is taken.")
    ] = 8500,
) -> None:
    """Run everything with a sample music shop and a sample buyer. Ctrl-C stops it.

    With --walk, exit status 0 says that every figure was right and the books balance; 1 that something was off.
    """
    settings = settings_of_process()
    settings = settings_of_demo(settings, data or settings.data_directory / "demo", port_or_free_one(HOST, port))
    with _own_directory(settings.data_directory, fresh=fresh):
        if not walk:
            run_until_stopped(_show(settings, port_or_free_one(HOST, shop_port), fps=fps))
        elif not run(_walk(settings, port_or_free_one(HOST, shop_port), fps=fps)):
            raise typer.Exit(NO)


def settings_of_demo(settings: Settings, directory: Path, port: int) -> Settings:
    """The settings of the process, but with all data in this directory and all addresses on this machine."""
    return replace(
        settings,
        data_directory=directory.expanduser().absolute(),
        database_url=None,  # a demo never touches a configured database
        host=HOST,
        port=port,
        public_url=f"http://localhost:{port}",  # WebAuthn takes host names only, no IP addresses
        allow_private_notification_targets=True,  # receivers of a demo's notifications are on this machine
        mailed_codes="guests",  # the letters are on /admin/mail
        require_second_factor="nobody",  # who only looks needs no app; it can be set up in any of its accounts
    )


@contextmanager
def _own_directory(directory: Path, *, fresh: bool) -> Iterator[None]:
    """One demo at a time in a directory; `fresh` empties it first. Raises ProblemError."""
    mark = directory / MARK
    if directory.exists() and not mark.exists() and any(directory.iterdir()):
        raise ProblemError(f"{directory} holds something else; name another directory with --data")
    try:
        make_closed(directory)
    except OpenDirectoryError as error:
        raise ProblemError(str(error)) from None
    with mark.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ProblemError(f"another demo runs in {directory}; name another directory with --data") from None
        if fresh:
            _empty(directory, mark)
        yield


def _empty(directory: Path, mark: Path) -> None:
    if (directory / "postgres").exists():  # a demo that was killed may have left its server running: stop that first
        with suppress(EmbeddedPostgresError), EmbeddedPostgres(directory):
            pass
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry != mark:
            entry.unlink()


@dataclass(frozen=True, slots=True)
class DemoStage:
    """What runs, and where. `client` and `ts`: the shop's account, by signed calls and by JSON."""

    service: Service
    client: Client
    ts: AsyncTallystick
    shop_url: str
    tasks: tuple[asyncio.Task[None], ...]


@asynccontextmanager
async def stage(settings: Settings, shop_port: int, console: Console, *, fps: bool = False) -> AsyncIterator[DemoStage]:
    """Everything, running; `fps`: with the shop of 2010. Raises ProblemError and what starting a database raises."""
    from tallystick.demo.shop import create_shop  # noqa: PLC0415 - a web framework: 0.2 s for no other command

    shop_url = f"http://{HOST}:{shop_port}"
    async with AsyncExitStack() as stack:
        with _progress(console, "Database", "starting PostgreSQL and bringing its tables up to date"):
            service = await stack.enter_async_context(open_service(settings))
        with _progress(
            console, "Accounts", "a seller with keys and an owner, a buyer with something to pay with, an operator"
        ):
            credentials, secret = await shop_credentials(service)
            await _buyer(service)
            await _people(service)
        with _progress(console, "Service", "API, hosted pages and worker"):
            serving = await stack.enter_async_context(
                listening(
                    asgi_app(service), HOST, settings.port, limits=limits_of(settings), direct=settings.direct_http
                )
            )
            worker = await stack.enter_async_context(working(service))
            heart = await stack.enter_async_context(beating(service, "API and worker"))
        with _progress(console, "Shop", "a music shop that uses the service over HTTP"):
            http = await stack.enter_async_context(httpx.AsyncClient(timeout=30, trust_env=False))
            client = Client(settings.public_url, credentials, http)
            ts = AsyncTallystick(secret, settings.public_url, http=http)
            checkout: Checkout = JsonCheckout(ts, settings.public_url, shop_url)
            if fps:
                checkout = FpsCheckout(client, shop_url)
            customers = Customers(settings.data_directory / ("shop-fps.json" if fps else "shop.json"))
            selling = await stack.enter_async_context(listening(create_shop(checkout, customers), HOST, shop_port))
        yield DemoStage(service, client, ts, shop_url, (serving, worker, heart, selling))


@contextmanager
def _progress(console: Console, what: str, doing: str) -> Iterator[None]:
    with console.status(f"{what}: {doing} …"):
        yield
    console.print(f"[green]✓[/green] {what}", highlight=False)


async def shop_credentials(service: Service) -> tuple[Credentials, str]:
    """The shop's account with a new key, and the key's bearer secret.

    The key of an earlier demo is revoked; other keys stay as they are.
    """
    email, name = SELLER
    actor, seller = actor_of_process(), await find(service, email)
    if seller is None:
        seller = await account_opening.open_business(service, actor, name, email, None)
    note = service.settings.data_directory / KEY_NOTE
    own = note.read_text(encoding="ascii").strip() if note.exists() else ""
    for old in await access_keys.list_(service, seller.party_id):
        if old.access_key_id == own:
            await access_keys.revoke(service, actor, seller.party_id, own)
    key = await access_keys.create(service, actor, seller.party_id, SANDBOX)
    note.write_text(f"{key.access_key_id}\n", encoding="ascii")
    bearer = await access_keys.make_bearer(service, actor, seller.party_id, key.access_key_id)
    return Credentials(key.access_key_id, key.secret), bearer


async def find(service: Service, email: str) -> Party | None:
    """The account with this address, where an earlier demo has left one."""
    account = await accounts.find_named(service, email)
    return None if account is None else await accounts.find(service, account.party_id)


async def found_or_opened(service: Service, who: Buyer) -> Party:
    """Somebody's account, opened where there is none yet."""
    return await find(service, who.email) or await account_opening.open_personal(
        service, actor_of_process(), who.name or who.email, who.email, who.password
    )


async def _buyer(service: Service) -> None:
    """The buyer, with a payment method of each kind."""
    new = await find(service, BUYER.email) is None
    buyer = await found_or_opened(service, BUYER)
    if new:
        await wallet.add_test_money(service, buyer.party_id, POCKET_MONEY)
    stored = await wallet.choices(service, buyer.party_id, SANDBOX, (Method.CC, Method.ACH))
    usable = {one.method for one in stored if one.usable}
    if Method.CC not in usable:
        expiry = f"12/{service.clock().year + 4}"
        await wallet.add_card(service, buyer.party_id, SANDBOX, "4242 4242 4242 4242", expiry)
    if Method.ACH not in usable:
        await wallet.add_bank_account(service, buyer.party_id, SANDBOX, "110000000", "000123456789")


async def _people(service: Service) -> None:
    """The owner of the shop's console, and the operator."""
    actor, seller = actor_of_process(), await find(service, SELLER[0])
    owner, operator = [await found_or_opened(service, one) for one in (STAFF, OPERATOR)]
    if seller is not None:
        await staff.add(service, actor, seller.party_id, owner, StaffRole.OWNER)
    await operators.add(service, actor, operator)


async def _show(settings: Settings, shop_port: int, *, fps: bool) -> None:
    console = Console()
    async with stage(settings, shop_port, console, fps=fps) as running:
        console.print()
        for name, url, who in (
            ("Music shop", running.shop_url, BUYER),
            ("Buyer's account", f"{settings.public_url}/account", BUYER),
            ("Seller's console", f"{settings.public_url}/console", STAFF),
            ("Operator's pages", f"{settings.public_url}/admin", OPERATOR),
        ):
            console.print(f"  {name:<18}{url}", highlight=False, soft_wrap=True)
            console.print(f"  {'':<18}{who.email}, password: {who.password}", highlight=False, soft_wrap=True)
        console.print()
        console.print("Open the shop and click [bold]Pay Now[/bold]. No real money moves. Ctrl-C stops everything.")
        console.print(
            f"Prove the books meanwhile: TALLYSTICK_DATA_DIRECTORY={shlex.quote(str(settings.data_directory))} "
            f"{program()} verify",
            highlight=False,
            soft_wrap=True,
        )
        await while_running(*running.tasks)


async def _walk(settings: Settings, shop_port: int, *, fps: bool) -> bool:
    """Whether every figure was right and the books balance."""
    console = Console(soft_wrap=True, highlight=False)

    def tell(line: str) -> None:
        console.print(line, markup=False)

    told = WalkReport(tell)
    async with stage(settings, shop_port, console, fps=fps) as running:
        walk: Walk | FpsWalk = Walk(running.ts, settings.public_url, running.shop_url, BUYER, told)
        if fps:
            walk = FpsWalk(running.client, running.shop_url, BUYER, told)
        try:
            await walk.prepaid()
            await walk.postpaid()
        except (ServiceError, TallystickError, WalkRefusedError, LookupError) as error:
            tell(f"  BAD {error}")
            told.wrong.append(str(error))
        report = await verify(running.service.pool)
    tell("The books, replayed:")
    for line in report.lines:
        tell(f"  {line}")
    if told.wrong:
        tell(f"{counted(len(told.wrong), 'step')} went wrong.")
    elif not report.problems:
        tell("Every figure is right.")
    return not (told.wrong or report.problems)
