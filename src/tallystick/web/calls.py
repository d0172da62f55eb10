"""What all faces of the API have in common: the checks between a verified signature and the action, and its faults."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import perf_counter
from typing import TYPE_CHECKING

import structlog

from tallystick.actions.call import Call, fingerprint
from tallystick.actions.fields import V2007
from tallystick.actions.meter import NO_ACTION, OK
from tallystick.domain.moments import format_moment
from tallystick.domain.refusals import Refusal, Refused
from tallystick.ledger.access_keys import AccessKey
from tallystick.ledger.connections import UNAVAILABLE
from tallystick.web.xml import namespace

if TYPE_CHECKING:
    from tallystick.actions.registry import Action
    from tallystick.actions.service import Service
    from tallystick.ledger.callers import Caller

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Watched:
    """A call under way, as the meter will hear of it: filled in as it becomes known."""

    action: str = NO_ACTION
    outcome: str = OK
    began: float = field(default_factory=perf_counter)

    def refused(self, refused: Refused) -> Refused:
        """Note how it ended, and pass that on."""
        self.outcome = refused.refusal.name
        return refused


def check_fresh(made_at: datetime, now: datetime, skew_seconds: int) -> None:
    """Refuse a request that was not made about now. Raises Refused: RequestExpired."""
    if abs(made_at - now) > timedelta(seconds=skew_seconds):
        stamp = format_moment(made_at).replace("+00:00", "Z")
        raise Refused(
            Refusal.RequestExpired,
            f"Request has expired. Timestamp date is {stamp}; it may differ from the service's clock by "
            f"{skew_seconds} seconds.",
        )


def read_call(
    service: Service,
    action: Action,
    version: str,
    params: Mapping[str, str],
    caller: Caller | None,
    made_at: datetime,
    now: datetime,
) -> Call:
    """Check names and values of a request, and the account of its caller. Raises Refused.

    InvalidRequest, InvalidParams, AccountClosed, AuthFailure; in this order.
    """
    if isinstance(caller, AccessKey):
        service.key_uses.note(caller.access_key_id, now)
    table = action.tables[version]
    if not service.settings.tolerate_unknown_parameters:
        table.check_names(params, "" if version == V2007 else namespace(version))
    call = Call(
        service=service,
        action=action.name,
        signed_by=caller,
        values=table.read(params),
        fingerprint=fingerprint(action.name, table.business_parameters(params)),
        requested_at=made_at,
        now=now,
    )
    if caller is not None and caller.party_status == "closed":
        raise Refused(Refusal.AccountClosed, "The account of this access key is closed.")
    if caller is not None and caller.book_id is None:
        message = f"The caller's account is not set up for payments in the {caller.environment} environment."
        raise Refused(Refusal.AuthFailure, message)
    return call


def refusal_of(error: Exception, request_id: str) -> Refused:
    """What the caller hears of an exception. Those that are faults of ours are logged: a Refused is none."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, UNAVAILABLE):
        _log_fault("database_unavailable", request_id, error)
        return Refused(Refusal.ServiceUnavailable, "The service cannot answer now.")
    _log_fault("call_failed", request_id, error)
    return Refused(Refusal.InternalError, "The service failed; it was not your fault.")


def _log_fault(event: str, request_id: str, error: Exception) -> None:
    """Log where it happened, but no values: a renderer that shows local variables would show secrets."""
    _log.error(event, request_id=request_id, traceback="".join(traceback.format_exception(error)))
