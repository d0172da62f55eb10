"""Alembic's entry point: runs the lacking migrations on the connection that `tallystick.db.migrate` hands over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import context

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationInfo
    from sqlalchemy import Connection


def _run() -> None:
    connection: Connection = context.config.attributes["connection"]
    applied: list[str] = context.config.attributes["applied"]

    def note(ctx: object, step: MigrationInfo, heads: object, run_args: object) -> None:  # noqa: ARG001 - passed by name
        applied.extend(step.up_revision_ids)

    context.configure(connection=connection, on_version_apply=note)
    context.run_migrations()  # in the transaction that is open already


_run()
