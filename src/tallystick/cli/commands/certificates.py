"""`tallystick keys …-certificate`: the certificates with which a seller's SOAP programs sign, for its sandbox."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from tallystick.cli.commands.accounts import find_seller
from tallystick.cli.commands.keys import app
from tallystick.cli.console import (
    Json,
    ProblemError,
    actor_of_process,
    run,
    service_of_process,
    tell,
    tell_json,
    tell_table,
)
from tallystick.cli.options import Account, usability
from tallystick.domain.environments import SANDBOX
from tallystick.services.seller import certificates
from tallystick.services.seller.certificates import (
    CertificateEntry,
    CertificateError,
    CertificateTakenError,
    UnknownCertificateError,
)

MAX_FILE_BYTES: Final = 64 * 1024


@app.command()
def register_certificate(
    account: Account,
    file: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, metavar="FILE", help="The certificate in PEM form; may be self-signed."
        ),
    ],
    json: Json = False,
) -> None:
    """Let the owner of a certificate sign SOAP requests for an account.

    Its private key stays with the owner: only the certificate is kept.
    """
    entry, now = run(_register(account, file))
    if json:
        tell_json(_as_json(entry, now))
        return
    tell(f"Fingerprint  {entry.fingerprint}")
    tell(f"Usable until {entry.expires_at:%Y-%m-%d %H:%M}")


async def _register(account: str, file: Path) -> tuple[CertificateEntry, datetime]:
    async with service_of_process() as service:
        party = await find_seller(service, account)
        with file.open("rb") as opened:
            pem = opened.read(MAX_FILE_BYTES)
        try:
            entry = await certificates.register(service, actor_of_process(), party.party_id, SANDBOX, pem)
        except CertificateError as error:
            raise ProblemError(f"{file} does not serve: {error}") from None
        except CertificateTakenError:
            raise ProblemError("this certificate was registered before; revoked ones stay revoked") from None
        return entry, service.clock()


@app.command()
def list_certificates(account: Account, json: Json = False) -> None:
    """List the certificates of an account, oldest first."""
    entries, now = run(_list(account))
    if json:
        tell_json([_as_json(entry, now) for entry in entries])
        return
    tell_table(
        [
            {
                "fingerprint": entry.fingerprint,
                "status": usability(entry, now),
                "subject": entry.subject,
                "ends": f"{entry.revoked_at or entry.expires_at:%Y-%m-%d %H:%M}",
            }
            for entry in entries
        ],
        "This account has no certificates yet.",
    )


async def _list(account: str) -> tuple[list[CertificateEntry], datetime]:
    async with service_of_process() as service:
        party = await find_seller(service, account)
        return await certificates.list_(service, party.party_id), service.clock()


@app.command()
def revoke_certificate(
    account: Account,
    fingerprint: Annotated[str, typer.Option(metavar="SHA256", help="The certificate to revoke.")],
    json: Json = False,
) -> None:
    """Make a certificate unusable, at once and for ever."""
    entry, now = run(_revoke(account, fingerprint))
    if json:
        tell_json(_as_json(entry, now))
    else:
        tell(f"{entry.fingerprint} is revoked.")


async def _revoke(account: str, fingerprint: str) -> tuple[CertificateEntry, datetime]:
    async with service_of_process() as service:
        party = await find_seller(service, account)
        try:
            entry = await certificates.revoke(service, actor_of_process(), party.party_id, fingerprint)
        except UnknownCertificateError:
            message = f"{party.email} has no certificate {fingerprint!r}; see: tallystick keys list-certificates"
            raise ProblemError(message) from None
        return entry, service.clock()


def _as_json(entry: CertificateEntry, now: datetime) -> dict[str, object]:
    return {
        "account_id": entry.party_id,
        "fingerprint": entry.fingerprint,
        "environment": entry.environment,
        "subject": entry.subject,
        "status": usability(entry, now),
        "created_at": entry.created_at,
        "expires_at": entry.expires_at,
        "revoked_at": entry.revoked_at,
    }
