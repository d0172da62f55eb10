"""What the role for work may do in the database: what the service's statements need, and nothing else.

Two roles: the owner of the tables changes the schema, by migrations and by hand; the one for work reads and writes
rows. Which rights the latter has is a table here. They are brought up to date with every migration, by the owner
(docs/decisions/100-one-role-owns-another-one-works.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from tallystick.db.connections import Database
from tallystick.db.statements import load_statements

_SQL: Final = load_statements("privileges.sql", __package__)

WORK: Final = "tallystick_work"
"""The role for work, on every server: it may sign in itself, or other roles may be members of it."""

_PRIVILEGES: Final[Mapping[str, str]] = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}
"""By the letters that PostgreSQL shows for them."""

READ: Final = "r"
ADD: Final = "ra"
CHANGE: Final = "raw"
EXPIRE: Final = "rad"
ALL: Final = "rawd"

_OF_TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    READ: ("alembic_version",),
    ADD: (
        "archive_batch",
        "bank_fee",
        "claimed_payment",
        "claimed_reference",
        "debt_run",
        "figure_slice",
        "rail_booking",
        "simulated_confirmation",
        "simulated_payout",
    ),
    CHANGE: (
        "access_key",
        "access_key_use",
        "account",
        "approval",
        "archived_balance",
        "archived_movement",
        "archived_total",
        "bank_entry",
        "bank_statement",
        "believed_time",
        "book",
        "branding",
        "certificate",
        "chain_head",
        "debt_run_line",
        "dispute",
        "event_head",
        "figure_state",
        "instrument",
        "low_balance_look",
        "master_key",
        "party",
        "payment_method",
        "payout",
        "payout_destination",
        "payout_file",
        "payout_onboarding",
        "rail_movement",
        "rail_operation",
        "rail_reconciliation",
        "redemption",
        "requested_authorization",
        "running_proof",
        "signing_key",
        "simulated_setup",
        "token",
        "verification_run",
    ),
    EXPIRE: (
        "customer_note",
        "event",
        "event_queue",
        "kept_request",
        "operator",
        "pulse",
        "return_host_guest",
        "spent_challenge",
        "trace_link",
        "transaction_step",  # moves to the archive, as transaction and transfer do
        "transfer",
    ),
    ALL: (
        "answered_reference",
        "approval_rule",
        "attempt_count",
        "cobranded_visit",
        "logo",
        "low_balance",
        "mail",
        "mailed_proof",
        "outbox",
        "passkey",
        "payout_schedule",
        "proven_balance",
        "rail_event",
        "rail_request",
        "rail_setup",
        "recovery_code",
        "redemption_policy",
        "return_host",
        "second_factor",
        "sign_in_pause",
        "simulated_charge",
        "simulated_fault",
        "staff",
        "staff_invitation",
        "transaction",
        "web_session",
        "webhook_delivery",
        "webhook_endpoint",
    ),
}

_CHAIN: Final = ("chain_sequence", "chained_at", "previous_digest", "chain_digest")
"""A row's place in its hash chain, which it is given soon after it was written, and once."""

APPEND_ONLY: Final[Mapping[str, tuple[str, ...]]] = {
    "audit_entry": ("subject", "subject_salt", "subject_digest", *_CHAIN),
    "authorization_evidence": (
        "wording",
        "user_agent",
        "client_digest",
        "device_salt",
        "device_digest",
        "address_salt",
        "address_digest",
        *_CHAIN,
    ),
}
"""Tables whose rows stay for good, with the columns that change: places in the chain, and what is erased of people."""


class Right(NamedTuple):
    """Something that may be done with a table, or with one column of it only."""

    table: str
    privilege: str
    column: str | None = None


@dataclass(frozen=True, slots=True)
class RoleState:
    """What a role may do beyond rows of tables."""

    name: str
    is_superuser: bool
    owns_tables: bool
    reaches_system: bool

    @property
    def excess(self) -> list[str]:
        """What the service does not need, in words; empty where there is nothing."""
        found = []
        if self.is_superuser:
            found.append("is a superuser: it may read every file that the server reads, and start programs")
        elif self.reaches_system:
            found.append("may read or write the server's files, or start programs there")
        if self.owns_tables:
            found.append("owns the tables: it may change and drop them, and rewrite what is only added to")
        return found


def rights_for_work() -> frozenset[Right]:
    """All that the role for work may do."""
    rights = {
        Right(table, _PRIVILEGES[letter])
        for letters, tables in _OF_TABLES.items()
        for table in tables
        for letter in letters
    }
    for table, columns in APPEND_ONLY.items():
        rights |= {Right(table, _PRIVILEGES[letter]) for letter in ADD}
        rights |= {Right(table, _PRIVILEGES["w"], column) for column in columns}
    return frozenset(rights)


async def create_role(database: Database) -> None:
    """Make the role for work, without rights yet. Raises asyncpg.PostgresError: it is there, or we may not."""
    await database.execute(_SQL["create_work"])


async def plan(database: Database) -> list[str]:
    """The statements that give the role for work its rights and take away all others; none where nothing is to be done.

    Nor where there is no such role, or where we do not own the tables.
    """
    wanted = rights_for_work()
    tables = sorted({right.table for right in wanted})
    if not await database.fetchval(_SQL["may_grant"], WORK, tables):
        return []
    held = {Right(**row) for row in await database.fetch(_SQL["held"], WORK, tables)}
    return [
        *(f"REVOKE {what} ON {table} FROM {WORK}" for table, what in _by_table(held - wanted)),
        *(f"GRANT {what} ON {table} TO {WORK}" for table, what in _by_table(wanted - held)),
    ]


def _by_table(rights: Iterable[Right]) -> list[tuple[str, str]]:
    found: dict[str, list[str]] = {}
    for right in sorted(rights, key=str):
        what = right.privilege if right.column is None else f"{right.privilege} ({right.column})"
        found.setdefault(right.table, []).append(what)
    return [(table, ", ".join(what)) for table, what in found.items()]


async def state_of(database: Database, role: str | None = None) -> RoleState | None:
    """What a role may do; of that of the session where none is named. None: there is no such role."""
    row = await database.fetchrow(_SQL["state"], role, sorted({right.table for right in rights_for_work()}))
    return None if row is None else RoleState(**row)
