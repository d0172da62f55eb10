"""The commands, and what a person sees when one cannot do its work."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Annotated, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

import tallystick
from tallystick.cli.common_options import TOLD, ConfigFile, New
from tallystick.cli.lazy import CommandEntry, LazyGroup
from tallystick.cli.output import complain, tell

COMMANDS: Final[Mapping[str, CommandEntry]] = {
    "serve": CommandEntry(
        "commands.serve:serve", "Run the service: database where none is configured, API, hosted pages, worker."
    ),
    "worker": CommandEntry(
        "commands.serve:worker", "Run a worker alone: ask rails for pending payments, forget what has expired."
    ),
    "demo": CommandEntry("commands.demo:demo", "Run everything with a sample music shop and a sample buyer."),
    "bench": CommandEntry(
        "trials.bench:bench",
        "Measure signed payments beside PostgreSQL's own benchmark, in one run, with durable settings throughout.",
    ),
    "torture": CommandEntry(
        "trials.torture:torture",
        "Play histories of money actions under faults, and hold every answer and the books against a small model.",
    ),
    "init": CommandEntry(
        "commands.setup.configuration:init",
        "Write a configuration file with every setting in it, explained and commented out.",
    ),
    "config": CommandEntry(
        "commands.setup.configuration:app", "The configuration: what is set, where, and whether it is right."
    ),
    "completion": CommandEntry(
        "commands.setup.completion:completion", "Print what lets a shell complete commands and options."
    ),
    "migrate": CommandEntry("commands.books:migrate", "Bring the database up to date."),
    "doctor": CommandEntry(
        "commands.safekeeping.doctor:doctor",
        "Check how a service is set up, and say what to do; exit status 1 when anything is missing.",
    ),
    "verify": CommandEntry(
        "commands.books:verify", "Replay all books and name what is off; exit status 1 when anything is."
    ),
    "restore": CommandEntry(
        "commands.safekeeping.restore:restore",
        "Make a data directory from a backup and prove its books; exit status 1 when anything is off.",
    ),
    "upgrade": CommandEntry(
        "commands.safekeeping.upgrade:upgrade",
        "Bring the embedded database to another major version of PostgreSQL and prove its books.",
    ),
    "backup": CommandEntry("commands.safekeeping.backup:app", "Make a base backup now, beside everything that runs."),
    "account": CommandEntry(
        "commands.accounts:app",
        "Accounts of sellers and buyers.",
        additions=("commands.second_factors", "commands.splitting", "commands.money.charges"),
    ),
    "keys": CommandEntry(
        "commands.keys:app",
        "Access keys of sellers' programs, and the service's own signing key.",
        additions=("commands.certificates", "commands.signing"),
    ),
    "master-key": CommandEntry("commands.master_key:app", "The key that seals the secrets in the database."),
    "hosts": CommandEntry("commands.hosts:app", "Hosts to which buyers return: claimed, so that no others lead there."),
    "staff": CommandEntry("commands.people:staff_app", "Who works for a seller, and as what."),
    "operators": CommandEntry("commands.people:operators_app", "Who may use the operator's pages at /admin."),
    "operator": CommandEntry(
        "commands.splitting:operator_app", "The operator's own books, in which real money is mirrored."
    ),
    "live": CommandEntry("commands.money.live:app", "The live books of a seller, in which money is real."),
    "pay": CommandEntry(
        "commands.money.moves:pay", "Charge a buyer in the sandbox, as a seller's program does with Pay."
    ),
    "fund": CommandEntry(
        "commands.money.moves:fund",
        "Bring money onto a prepaid balance of the sandbox, as a seller's program does with FundPrepaid.",
    ),
    "settle": CommandEntry(
        "commands.money.moves:settle",
        "Bring in what is owed on a tab of the sandbox, as a seller's program does with SettleDebt.",
    ),
    "refund": CommandEntry(
        "commands.money.moves:refund", "Give back a payment of the sandbox, as a seller's program does with Refund."
    ),
    "balance": CommandEntry(
        "commands.money.balances:app", "Show the cash, balances and tabs of a sandbox; give back what was not spent."
    ),
    "month-close": CommandEntry(
        "commands.money.month_close:close_month",
        "Say what happened in a month, by kind, and how a seller's books stood at its start and end.",
    ),
    "disputes": CommandEntry("commands.money.disputes:app", "Charges that buyers' banks took back, or try to."),
    "payout": CommandEntry("commands.money.payouts:app", "Payouts: cash that leaves for sellers' banks."),
    "rails": CommandEntry("commands.money.rail_orders:app", "Rails: what they were asked and have not answered."),
    "reconcile": CommandEntry(
        "commands.money.reconcile:reconcile",
        "Hold what a rail or a statement of the bank says that moved against the books.",
    ),
    "clock": CommandEntry("commands.clocks:app", "The test clock of a seller's sandbox."),
    "listen": CommandEntry(
        "commands.delivery.listen:listen", "Read events as they happen, and bring them to a program on this machine."
    ),
    "webhooks": CommandEntry(
        "commands.delivery.webhooks:app", "Where events are delivered to: endpoints, secrets, logs, replays."
    ),
    "ipn": CommandEntry("commands.ipn:app", "Notifications: lists, replays, addresses, a local receiver."),
    "sandbox": CommandEntry(
        "commands.sandbox:app",
        "Try an integration: sign requests, be the buyer, get test money.",
        additions=("commands.money.sandbox_disputes", "commands.money.sandbox_faults"),
    ),
    "archive": CommandEntry("commands.archiving:app", "Move settled history to Parquet files."),
    "audit": CommandEntry(
        "commands.books:audit_app", "Prove and export the audit log and what was agreed to, which are hash chains."
    ),
    "db": CommandEntry(
        "commands.database:app",
        "The roles in the database; one database over several machines, with the Citus extension.",
    ),
    "dev": CommandEntry("commands.dev:app", "For who works on Tallystick itself."),
}
"""Every command and group, in the order of `--help`. What they import is loaded for the one that is run."""


ASKED_BY_A_SHELL: Final = "_TALLYSTICK_COMPLETE"
"""The environment variable by which a shell asks what can come next; the library makes its name from the program's."""


class AllCommands(LazyGroup):
    """All commands."""

    entries = COMMANDS


app = typer.Typer(
    name="tallystick",
    cls=AllCommands,
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
    config: ConfigFile = None,
    new: New = False,
) -> None:
    """Options of every command."""
    TOLD.config, TOLD.new = config, new  # of this command: a process may run several


def whole_program() -> TyperGroup:
    """All commands, loaded: for what goes through them, as the reference does."""
    program = get_command(app)
    if not isinstance(program, LazyGroup):
        raise TypeError("the program is a group of commands")
    return program.open_all()


def main() -> None:
    """Run a command. Exit status 0: done; 1: the answer is no; 2: invalid input or environment."""
    try:
        if ASKED_BY_A_SHELL in os.environ:
            from typer._completion_classes import completion_init  # noqa: PLC0415 - for shells that complete only

            completion_init()  # else the library answers shells only where it has put options of its own into the help
        app()
    except Exception as problem:
        from tallystick.cli.expected import EXPECTED  # noqa: PLC0415 - most commands fail at nothing

        if not isinstance(problem, EXPECTED):
            raise
        complain(str(problem) or type(problem).__name__)
        sys.exit(2)
