"""The commands, and what a person sees when one cannot do its work."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import asyncpg
import httpx
import typer

import tallystick
from tallystick.cli.commands import (
    accounts,
    archiving,
    books,
    certificates,
    clocks,
    database,
    demo,
    dev,
    hosts,
    ipn,
    keys,
    master_key,
    people,
    sandbox,
    serve,
    signing,
    splitting,
)
from tallystick.cli.commands.safekeeping import backup, restore, upgrade
from tallystick.cli.console import ProblemError, complain, tell
from tallystick.cli.trials import bench, torture
from tallystick.db.database import NoDatabaseError
from tallystick.db.embedded.server import EmbeddedPostgresError
from tallystick.db.migrate import MigrationError
from tallystick.settings import SettingsError
from tallystick.wiring import SealBrokenError

EXPECTED: Final = (
    ProblemError,
    SettingsError,
    NoDatabaseError,
    EmbeddedPostgresError,
    MigrationError,
    SealBrokenError,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    httpx.HTTPError,
)
"""Errors of the environment or of the input: reported in a line, without a traceback."""

app = typer.Typer(
    name="tallystick",
    help="Prepaid balances and postpaid tabs: authorized once, charged many times, settled rarely.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        tell(tallystick.__version__)
        raise typer.Exit


@app.callback()
def _common(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version, and nothing else."),
    ] = False,
) -> None:
    """Options of every command."""


app.command()(serve.serve)
app.command()(serve.worker)
app.command()(demo.demo)
app.command()(bench.bench)
app.command()(torture.torture)
app.command()(books.migrate)
app.command()(books.verify)
app.add_typer(backup.app, name="backup")
app.command()(restore.restore)
app.command()(upgrade.upgrade)
accounts.app.command()(splitting.split)
app.add_typer(accounts.app, name="account")
keys.app.command()(certificates.register_certificate)
keys.app.command()(certificates.list_certificates)
keys.app.command()(certificates.revoke_certificate)
keys.app.command()(signing.list_signing)
keys.app.command()(signing.revoke_signing)
keys.app.command()(signing.destroy_signing)
app.add_typer(keys.app, name="keys")
app.add_typer(master_key.app, name="master-key")
app.add_typer(hosts.app, name="hosts")
app.add_typer(people.staff_app, name="staff")
app.add_typer(people.operators_app, name="operators")
app.add_typer(clocks.app, name="clock")
app.add_typer(ipn.app, name="ipn")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(archiving.app, name="archive")
app.add_typer(books.audit_app, name="audit")
app.add_typer(database.app, name="db")
app.add_typer(dev.app, name="dev")


def main() -> None:
    """Run a command. Exit status 0: done; 1: the answer is no; 2: invalid input or environment."""
    try:
        app()
    except EXPECTED as problem:
        complain(str(problem) or type(problem).__name__)
        sys.exit(2)
