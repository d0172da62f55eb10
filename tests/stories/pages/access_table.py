"""Who may use which page and which form. A route without an entry here fails a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from tallystick.actions.staff import Permission


class Who(Enum):
    """To whom a route answers with more than the sign-in page or 404."""

    ANYBODY = auto()
    VISITOR = auto()  # who holds the secret id of a visit or an invitation
    MEMBER = auto()  # who is signed in, about what is theirs
    STAFF = auto()  # who works for this very seller
    OPERATOR = auto()  # who runs the service


@dataclass(frozen=True)
class Entry:
    """The rule of one route. `needs`: what a role must have. `last`: ends the session, so tried last, in order."""

    who: Who
    needs: Permission = Permission.VIEW
    last: bool = False


ANYBODY: Final = Entry(Who.ANYBODY)
VISITOR: Final = Entry(Who.VISITOR)
MEMBER: Final = Entry(Who.MEMBER)
OPERATOR: Final = Entry(Who.OPERATOR)
VIEW: Final = Entry(Who.STAFF)
MOVE_MONEY: Final = Entry(Who.STAFF, Permission.MOVE_MONEY)
DEVELOP: Final = Entry(Who.STAFF, Permission.DEVELOP)
MANAGE: Final = Entry(Who.STAFF, Permission.MANAGE)

_DESK: Final = "/console/{business}/{environment}"
_VISIT: Final = "/cobranded-ui/visits/{visit_id}"

ENTRIES: Final[Mapping[str, Entry]] = {
    "GET /healthz": ANYBODY,
    "GET /readyz": ANYBODY,
    "GET /metrics": ANYBODY,  # of this machine: test_metrics.py
    "GET /static/style.css": ANYBODY,
    "GET /static/{file_path}": ANYBODY,
    "GET /logos/{digest}": ANYBODY,
    "GET /accents/{accent}": ANYBODY,
    "GET /certs/{name}/PKICert.pem": ANYBODY,
    "GET /doc/{version}/AmazonFPS.xsd": ANYBODY,
    "GET /doc/{version}/AmazonFPS.wsdl": ANYBODY,
    # hosted pages
    "GET /cobranded-ui/actions/start": ANYBODY,
    "POST /cobranded-ui/actions/start": ANYBODY,
    "POST /pba/paypipeline": ANYBODY,
    f"GET {_VISIT}/sign-in": VISITOR,
    f"POST {_VISIT}/sign-in": VISITOR,
    f"GET {_VISIT}/sign-up": VISITOR,
    f"POST {_VISIT}/sign-up": VISITOR,
    f"POST {_VISIT}/code": VISITOR,
    f"GET {_VISIT}/verify": VISITOR,
    f"POST {_VISIT}/verify": VISITOR,
    f"GET {_VISIT}/prove": VISITOR,
    f"POST {_VISIT}/prove": VISITOR,
    f"GET {_VISIT}/method": VISITOR,
    f"POST {_VISIT}/method": VISITOR,
    f"GET {_VISIT}/card": VISITOR,
    f"POST {_VISIT}/card": VISITOR,
    f"GET {_VISIT}/bank-account": VISITOR,
    f"POST {_VISIT}/bank-account": VISITOR,
    f"GET {_VISIT}/address": VISITOR,
    f"POST {_VISIT}/address": VISITOR,
    f"GET {_VISIT}/confirm": VISITOR,
    f"POST {_VISIT}/confirm": VISITOR,
    f"POST {_VISIT}/leave": VISITOR,
    # a person's own account
    "GET /account/sign-in": ANYBODY,
    "POST /account/sign-in": ANYBODY,
    "GET /account/forgotten": ANYBODY,
    "POST /account/forgotten": ANYBODY,
    "GET /account/reset": ANYBODY,
    "POST /account/reset": ANYBODY,
    "GET /account/verify": ANYBODY,
    "POST /account/verify": ANYBODY,
    "GET /account/prove": MEMBER,
    "POST /account/prove": MEMBER,
    "GET /account": MEMBER,
    "GET /account/authorizations/{authorization_id}": MEMBER,
    "GET /account/authorizations/{authorization_id}/cancel": MEMBER,
    "POST /account/authorizations/{authorization_id}/cancel": MEMBER,
    "GET /account/authorizations/{authorization_id}/statement.csv": MEMBER,
    "GET /account/authorizations/{authorization_id}/statements": MEMBER,
    "GET /account/authorizations/{authorization_id}/statements/{month}": MEMBER,
    "GET /account/payment-methods": MEMBER,
    "GET /account/payment-methods/card": MEMBER,
    "POST /account/payment-methods/card": MEMBER,
    "GET /account/payment-methods/bank-account": MEMBER,
    "POST /account/payment-methods/bank-account": MEMBER,
    "GET /account/payment-methods/{number}/remove": MEMBER,
    "POST /account/payment-methods/{number}/remove": MEMBER,
    "GET /account/payment-methods/{number}/replace": MEMBER,
    "POST /account/payment-methods/{number}/replace": MEMBER,
    "GET /account/payment-methods/{number}/verify": MEMBER,
    "POST /account/payment-methods/{number}/verify": MEMBER,
    "GET /account/data": MEMBER,
    "GET /account/data/export.json": MEMBER,
    "GET /account/data/close": MEMBER,
    "POST /account/data/close": MEMBER,
    "GET /account/test-money": MEMBER,
    "POST /account/test-money": MEMBER,
    "GET /account/security": MEMBER,
    "POST /account/security/password": MEMBER,
    "GET /account/authorizations/{authorization_id}/agreed": MEMBER,
    "GET /account/security/passkey": MEMBER,
    "POST /account/security/passkey": MEMBER,
    "POST /account/security/passkey/remove": MEMBER,
    "POST /account/security/session": MEMBER,
    "POST /account/security/address": MEMBER,
    "POST /account/security/sign-out": Entry(Who.MEMBER, last=True),
    "POST /sign-out": Entry(Who.ANYBODY, last=True),
    # the operator's pages
    "GET /admin": OPERATOR,
    "GET /admin/accounts": OPERATOR,
    "GET /admin/accounts/{account}": OPERATOR,
    "POST /admin/accounts/{account}/standing": OPERATOR,
    "GET /admin/rails": OPERATOR,
    "POST /admin/rails/ask-again": OPERATOR,
    "GET /admin/notifications": OPERATOR,
    "POST /admin/notifications/replay": OPERATOR,
    "GET /admin/verification": OPERATOR,
    "POST /admin/verification": OPERATOR,
    "GET /admin/verification/{run}": OPERATOR,
    "GET /admin/audit": OPERATOR,
    "GET /admin/mail": OPERATOR,
    "GET /admin/mail/{letter}": OPERATOR,
    "GET /admin/settings": OPERATOR,
    "GET /admin/styleguide": OPERATOR,
    # the seller's console: the way in, home and settings
    "GET /console/sign-in": ANYBODY,
    "POST /console/sign-in": ANYBODY,
    "GET /console": MEMBER,
    f"GET {_DESK}": VIEW,
    f"GET {_DESK}/agreed/{{authorization_id}}": VIEW,
    f"GET {_DESK}/keys": VIEW,
    f"POST {_DESK}/keys": DEVELOP,
    f"GET {_DESK}/keys/{{access_key_id}}": VIEW,
    f"POST {_DESK}/keys/{{access_key_id}}/rotate": DEVELOP,
    f"POST {_DESK}/keys/{{access_key_id}}/revoke": DEVELOP,
    f"GET {_DESK}/branding": VIEW,
    f"GET {_DESK}/branding/preview": VIEW,
    f"POST {_DESK}/branding": MANAGE,
    f"POST {_DESK}/branding/logo": MANAGE,
    f"GET {_DESK}/staff": VIEW,
    f"POST {_DESK}/staff": MANAGE,
    f"POST {_DESK}/staff/uninvite": MANAGE,
    f"GET {_DESK}/staff/{{person}}": MANAGE,
    f"POST {_DESK}/staff/{{person}}/role": MANAGE,
    f"POST {_DESK}/staff/{{person}}/remove": MANAGE,
    f"GET {_DESK}/audit": VIEW,
    "GET /console/invitations/{invitation}": VISITOR,
    "POST /console/invitations/{invitation}": VISITOR,
    "POST /console/invitations/{invitation}/sign-up": VISITOR,
    # notifications
    f"GET {_DESK}/notifications": VIEW,
    f"GET {_DESK}/notifications/settings": VIEW,
    f"POST {_DESK}/notifications/settings": DEVELOP,
    f"POST {_DESK}/notifications/test": DEVELOP,
    f"POST {_DESK}/notifications/replay-dead": DEVELOP,
    f"GET {_DESK}/notifications/{{event_id}}": VIEW,
    f"POST {_DESK}/notifications/{{event_id}}/replay": DEVELOP,
    # the sandbox's tools
    f"GET {_DESK}/tools/requests": DEVELOP,
    f"POST {_DESK}/tools/requests": DEVELOP,
    f"GET {_DESK}/tools/buttons": DEVELOP,
    f"POST {_DESK}/tools/buttons": DEVELOP,
    f"GET {_DESK}/tools/faults": DEVELOP,
    f"POST {_DESK}/tools/faults": DEVELOP,
    f"POST {_DESK}/tools/faults/{{fault_id}}/remove": DEVELOP,
    f"POST {_DESK}/tools/faults/{{fault_id}}/release": DEVELOP,
    f"GET {_DESK}/tools/clock": DEVELOP,
    f"POST {_DESK}/tools/clock": DEVELOP,
    "GET /sandbox/return": ANYBODY,
    # the seller's console: its books
    f"GET {_DESK}/activity": VIEW,
    f"GET {_DESK}/activity.csv": VIEW,
    f"GET {_DESK}/transactions/{{transaction_id}}": VIEW,
    f"GET {_DESK}/transactions/{{transaction_id}}/refund": MOVE_MONEY,
    f"POST {_DESK}/transactions/{{transaction_id}}/refund": MOVE_MONEY,
    f"GET {_DESK}/instruments": VIEW,
    f"GET {_DESK}/instruments/{{instrument_id}}": VIEW,
    f"GET {_DESK}/tokens": VIEW,
    f"GET {_DESK}/tokens/{{token_id}}": VIEW,
    f"GET {_DESK}/tokens/{{token_id}}/cancel": MOVE_MONEY,
    f"POST {_DESK}/tokens/{{token_id}}/cancel": MOVE_MONEY,
    f"GET {_DESK}/debts": VIEW,
    f"GET {_DESK}/debts/preview": MOVE_MONEY,
    f"POST {_DESK}/debts/runs": MOVE_MONEY,
    f"GET {_DESK}/debts/runs/{{run_id}}": VIEW,
    f"POST {_DESK}/debts/runs/{{run_id}}": MOVE_MONEY,
}
