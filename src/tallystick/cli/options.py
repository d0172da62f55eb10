"""Options that several commands have, and words that several of them say about keys and certificates."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Protocol

import typer

Account = Annotated[str, typer.Option(metavar="EMAIL_OR_ID", help="The business account.")]

PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
PasswordEnv = Annotated[
    str | None, typer.Option(metavar="NAME", help="Take the password from this environment variable.")
]

SigningKey = Annotated[str, typer.Option(metavar="KEY_ID", help="The access key to sign with.")]
SecretStdin = Annotated[bool, typer.Option("--secret-stdin", help="Read the key's secret from standard input.")]
SecretEnv = Annotated[
    str | None, typer.Option(metavar="NAME", help="Take the key's secret from this environment variable.")
]
ServiceUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="The service's address; else as TALLYSTICK_PUBLIC_URL says.")
]


class Revocable(Protocol):
    """An access key or a certificate: usable until it ends, or is revoked."""

    @property
    def revoked_at(self) -> datetime | None:
        """When it was revoked; None: it was not."""

    def usable(self, now: datetime) -> bool:
        """Whether requests that are signed with it are accepted."""


def usability(entry: Revocable, now: datetime) -> str:
    """Whether a key or a certificate can be used, in a word."""
    if entry.revoked_at is not None:
        return "revoked"
    return "usable" if entry.usable(now) else "expired"
