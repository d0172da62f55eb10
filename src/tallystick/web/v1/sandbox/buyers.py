"""A buyer who is played, in /v1: agrees to an authorization as a tester would on the hosted pages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import Method
from tallystick.domain.refusals import Refusal, Refused
from tallystick.services.api.common_fields import OPTIONAL, REQUIRED
from tallystick.services.api.fields import Field
from tallystick.services.consent import requested
from tallystick.services.form_errors import FormError
from tallystick.services.identity.password_hashing import BusyError
from tallystick.services.sandbox import buyers
from tallystick.services.sandbox.buyers import RESERVED, AgreedByAnotherError, NotAgreedError, SandboxBuyer
from tallystick.web.common.agreements.wording import wording_of
from tallystick.web.v1 import authorizations, consents
from tallystick.web.v1.endpoint import Reply
from tallystick.web.v1.inputs import JsonInput
from tallystick.web.v1.problems import JsonProblemError, RefusedProblemError
from tallystick.web.v1.sandbox.books import actor_of, first_book

if TYPE_CHECKING:
    from tallystick.web.v1.endpoint import Asked

METHODS: Final = {"card": Method.CC, "bank_account": Method.ACH, "account_balance": Method.ABT}

AUTHORIZATION: Final = JsonInput(
    Field("authorization", "string", REQUIRED, "What to agree to: its id.", max_length=64),
    "PC0000000000108KJ2X1RKYQ0M3B5T7V9W1X3Z5A7C9E1G3J5M7P9R1T3V5X7Z",
)
BUYER: Final = JsonInput(
    Field(
        "buyer",
        "string",
        REQUIRED,
        "Who agrees: an e-mail address that is nobody's, at example.org, example.com, example.net or below .example,"
        " .test or .invalid. An account is opened where there is none.",
        max_length=254,
    ),
    "ada@example.org",
)
METHOD: Final = JsonInput(
    Field(
        "method", "string", OPTIONAL, "How they pay; added where there is none.", choices=tuple(METHODS), default="card"
    ),
    "card",
)
NUMBER: Final = JsonInput(
    Field("number", "string", OPTIONAL, "A test number to add and pay with, such as one that declines.", max_length=30),
    "4242 4242 4242 4242",
)
INPUTS: Final = (AUTHORIZATION, BUYER, METHOD, NUMBER)


async def authorize(asked: Asked) -> Reply:
    """Agree; the audit log names the key where an account is opened. Raises ProblemError."""
    first_book(asked)
    given = asked.given
    method = METHODS[given.get("method", "card")]
    if not buyers.is_reserved(given["buyer"]):
        message = f"The buyer's address must be at one of these names, or below one: {', '.join(RESERVED)}."
        raise JsonProblemError("invalid_request", message, field="buyer")
    if method is Method.ABT and "number" in given:
        message = "number is of a card or a bank account; an account balance has none."
        raise JsonProblemError("invalid_request", message, field="number")
    authorizations.kind_of(given["authorization"])
    wanted = await requested.find(asked.service, asked.key, given["authorization"])
    if wanted is None:
        raise authorizations.not_asked_for()
    who = SandboxBuyer(given["buyer"], method, given.get("number"))
    try:
        await buyers.agree(asked.service, asked.key, actor_of(asked), wanted, who, wording_of)
    except FormError as error:
        field, problem = next(iter(error.problems.items()))
        field = "buyer" if field in {"name", "email", "password"} else "number"
        raise JsonProblemError("invalid_request", problem, field=field) from None
    except NotAgreedError as error:
        raise JsonProblemError("buyer_cannot_agree", str(error)) from None
    except AgreedByAnotherError:
        message = "Another buyer has agreed to this authorization already."
        raise JsonProblemError("agreed_by_another", message) from None
    except BusyError:
        message = "Too many buyers are signed in at once. Try again."
        raise RefusedProblemError(Refused(Refusal.ServiceUnavailable, message)) from None
    # By the time that it is by now: at that of the request what was agreed to since has not begun yet.
    later = replace(asked, now=asked.service.clock())
    return Reply(await consents.authorization_object(later, wanted.authorization_id))
