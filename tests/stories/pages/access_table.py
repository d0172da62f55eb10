"""Who may use which page and which form. A route without an entry here fails a test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from tests.stories.pages.world import Seller

from tallystick.services.seller.staff import Permission


class Who(Enum):
    """Who gets more from a route than the sign-in page or 404."""

    ANYBODY = auto()
    VISITOR = auto()  # who holds the secret id of a visit or an invitation
    MEMBER = auto()  # who is signed in, about what is theirs
    STAFF = auto()  # who works for this very seller
    OPERATOR = auto()  # who runs the service


@dataclass(frozen=True)
class Entry:
    """The rule of one route. `needs`: what a role must have. `last`: ends the session, so tried last, in order.

    `names`: an empty form or query, which is what everybody is tried with, names nothing that there is: 404 for all.
    """

    who: Who
    needs: Permission = Permission.VIEW
    last: bool = False
    names: bool = False


ANYBODY: Final = Entry(Who.ANYBODY)
VISITOR: Final = Entry(Who.VISITOR)
MEMBER: Final = Entry(Who.MEMBER)
OPERATOR: Final = Entry(Who.OPERATOR)
OPERATOR_NAMES: Final = Entry(Who.OPERATOR, names=True)
VIEW: Final = Entry(Who.STAFF)
MOVE_MONEY: Final = Entry(Who.STAFF, Permission.MOVE_MONEY)
DEVELOP: Final = Entry(Who.STAFF, Permission.DEVELOP)
MANAGE: Final = Entry(Who.STAFF, Permission.MANAGE)
MANAGE_NAMES: Final = Entry(Who.STAFF, Permission.MANAGE, names=True)

DESK: Final = "/console/{business}/{environment}"
VISIT: Final = "/cobranded-ui/visits/{visit_id}"

ENTRIES: Final[Mapping[str, Entry]] = {
    "GET /": ANYBODY,  # of browsers alone: tests/web/api/test_query_api.py
    "GET /docs": ANYBODY,
    "GET /docs/{page}": ANYBODY,
    "GET /.well-known/security.txt": ANYBODY,
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
    f"GET {VISIT}/sign-in": VISITOR,
    f"POST {VISIT}/sign-in": VISITOR,
    f"GET {VISIT}/sign-up": VISITOR,
    f"POST {VISIT}/sign-up": VISITOR,
    f"POST {VISIT}/code": VISITOR,
    f"GET {VISIT}/email": VISITOR,
    f"POST {VISIT}/email": VISITOR,
    f"POST {VISIT}/email-code": VISITOR,
    f"GET {VISIT}/verify": VISITOR,
    f"POST {VISIT}/verify": VISITOR,
    f"GET {VISIT}/prove": VISITOR,
    f"POST {VISIT}/prove": VISITOR,
    f"GET {VISIT}/method": VISITOR,
    f"POST {VISIT}/method": VISITOR,
    f"GET {VISIT}/card": VISITOR,
    f"POST {VISIT}/card": VISITOR,
    f"GET {VISIT}/bank-account": VISITOR,
    f"POST {VISIT}/bank-account": VISITOR,
    f"GET {VISIT}/set-up": VISITOR,
    f"POST {VISIT}/set-up": VISITOR,
    f"GET {VISIT}/address": VISITOR,
    f"POST {VISIT}/address": VISITOR,
    f"GET {VISIT}/confirm": VISITOR,
    f"POST {VISIT}/confirm": VISITOR,
    f"POST {VISIT}/leave": VISITOR,
    # a person's own account
    "GET /account/sign-in": ANYBODY,
    "POST /account/sign-in": ANYBODY,
    "GET /account/forgotten": ANYBODY,
    "POST /account/forgotten": ANYBODY,
    "GET /account/reset": ANYBODY,
    "POST /account/reset": ANYBODY,
    "GET /account/verify": ANYBODY,
    "POST /account/verify": MEMBER,
    "GET /.well-known/change-password": ANYBODY,  # a redirect
    "GET /account/prove": MEMBER,
    "POST /account/prove": MEMBER,
    "GET /account": MEMBER,
    "GET /account/authorizations/{authorization_id}": MEMBER,
    "GET /account/authorizations/{authorization_id}/cancel": MEMBER,
    "POST /account/authorizations/{authorization_id}/cancel": MEMBER,
    "GET /account/authorizations/{authorization_id}/redeem": MEMBER,
    "POST /account/authorizations/{authorization_id}/redeem": MEMBER,
    "GET /account/authorizations/{authorization_id}/statement.csv": MEMBER,
    "GET /account/authorizations/{authorization_id}/statements": MEMBER,
    "GET /account/authorizations/{authorization_id}/statements/{month}": MEMBER,
    "GET /account/payment-methods": MEMBER,
    "GET /account/payment-methods/card": MEMBER,
    "POST /account/payment-methods/card": MEMBER,
    "GET /account/payment-methods/bank-account": MEMBER,
    "POST /account/payment-methods/bank-account": MEMBER,
    "GET /account/payment-methods/set-up": MEMBER,
    "POST /account/payment-methods/set-up": MEMBER,
    "GET /account/payment-methods/{number}/remove": MEMBER,
    "POST /account/payment-methods/{number}/remove": MEMBER,
    "GET /account/payment-methods/{number}/replace": MEMBER,
    "POST /account/payment-methods/{number}/replace": MEMBER,
    "GET /account/payment-methods/{number}/verify": MEMBER,
    "POST /account/payment-methods/{number}/verify": MEMBER,
    "GET /account/confirmations/{transaction_id}": MEMBER,
    "POST /account/confirmations/{transaction_id}": MEMBER,
    "GET /account/data": MEMBER,
    "POST /account/data/name": MEMBER,
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
    "GET /account/security/second-factor": MEMBER,
    "POST /account/security/second-factor": MEMBER,
    "POST /account/security/second-factor/recovery-codes": MEMBER,
    "POST /account/security/second-factor/remove": MEMBER,
    "POST /account/security/session": MEMBER,
    "POST /account/security/address": MEMBER,
    "POST /account/security/sign-out": Entry(Who.MEMBER, last=True),
    "POST /sign-out": Entry(Who.ANYBODY, last=True),
    # the operator's pages
    "GET /admin": OPERATOR,
    "GET /admin/accounts": OPERATOR,
    "GET /admin/accounts/{account}": OPERATOR,
    "POST /admin/accounts/{account}/standing": OPERATOR_NAMES,
    "GET /admin/accounts/new": OPERATOR,
    "POST /admin/accounts/new": OPERATOR,
    "GET /admin/transactions": OPERATOR,
    "GET /admin/transactions/{transaction_id}": OPERATOR,
    "POST /admin/accounts/{account}/fees": OPERATOR,
    "POST /admin/accounts/{account}/live": OPERATOR,
    "POST /admin/accounts/{account}/hosts": OPERATOR,
    "POST /admin/accounts/{account}/hosts/release": OPERATOR_NAMES,
    "GET /admin/rails": OPERATOR,
    "GET /admin/disputes": OPERATOR,
    "POST /admin/rails/ask-again": OPERATOR_NAMES,
    "GET /admin/rails/end": OPERATOR_NAMES,
    "POST /admin/rails/end": OPERATOR_NAMES,
    "GET /admin/payouts": OPERATOR,
    "GET /admin/payouts/{payout}": OPERATOR_NAMES,
    "POST /admin/payouts/{payout}/sent": OPERATOR_NAMES,
    "POST /admin/payouts/{payout}/failed": OPERATOR_NAMES,
    "POST /admin/payouts/{payout}/returned": OPERATOR_NAMES,
    "POST /admin/payouts/{payout}/take-back": OPERATOR_NAMES,
    "POST /admin/payout-files": OPERATOR,
    "GET /admin/payout-files/{message_id}": OPERATOR_NAMES,
    "POST /admin/payout-files/{message_id}/sent": OPERATOR_NAMES,
    "GET /admin/reconciliation": OPERATOR,
    "GET /admin/statements": OPERATOR,
    "POST /admin/statements": OPERATOR,
    "GET /admin/statements/{environment}/{statement_id}": OPERATOR_NAMES,
    "POST /admin/statements/{environment}/{statement_id}/book": OPERATOR_NAMES,
    "GET /admin/notifications": OPERATOR,
    "POST /admin/notifications/replay": OPERATOR_NAMES,
    "GET /admin/verification": OPERATOR,
    "POST /admin/verification": OPERATOR,
    "GET /admin/verification/{run}": OPERATOR,
    "GET /admin/signing-keys": OPERATOR,
    "POST /admin/signing-keys/rotate": OPERATOR,
    "POST /admin/signing-keys/revoke": OPERATOR_NAMES,
    "POST /admin/signing-keys/destroy": OPERATOR,
    "GET /admin/audit": OPERATOR,
    "GET /admin/mail": OPERATOR,
    "GET /admin/mail/{letter}": OPERATOR,
    "GET /admin/settings": OPERATOR,
    "GET /admin/styleguide": OPERATOR,
    # the seller's console: the way in, home and settings
    "GET /console/sign-in": ANYBODY,
    "POST /console/sign-in": ANYBODY,
    "GET /console": MEMBER,
    f"GET {DESK}": VIEW,
    f"GET {DESK}/agreed/{{authorization_id}}": VIEW,
    f"GET {DESK}/keys": VIEW,
    f"GET {DESK}/keys/new": DEVELOP,
    f"POST {DESK}/keys": DEVELOP,
    f"GET {DESK}/keys/{{access_key_id}}": VIEW,
    f"GET {DESK}/keys/{{access_key_id}}/change": DEVELOP,
    f"POST {DESK}/keys/{{access_key_id}}/change": DEVELOP,
    f"POST {DESK}/keys/{{access_key_id}}/rotate": DEVELOP,
    f"POST {DESK}/keys/{{access_key_id}}/bearer": DEVELOP,
    f"POST {DESK}/keys/{{access_key_id}}/bearer/end": DEVELOP,
    f"GET {DESK}/keys/{{access_key_id}}/revoke": DEVELOP,
    f"POST {DESK}/keys/{{access_key_id}}/revoke": DEVELOP,
    f"GET {DESK}/branding": VIEW,
    f"GET {DESK}/branding/preview": VIEW,
    f"POST {DESK}/branding": MANAGE,
    f"POST {DESK}/branding/logo": MANAGE,
    f"GET {DESK}/staff": VIEW,
    f"POST {DESK}/staff": MANAGE,
    f"POST {DESK}/staff/uninvite": MANAGE,
    f"GET {DESK}/staff/{{person}}": MANAGE,
    f"POST {DESK}/staff/{{person}}/role": MANAGE,
    f"POST {DESK}/staff/{{person}}/remove": MANAGE,
    f"GET {DESK}/hosts": VIEW,
    f"POST {DESK}/hosts": MANAGE,
    f"POST {DESK}/hosts/check": MANAGE_NAMES,
    f"POST {DESK}/hosts/release": MANAGE_NAMES,
    f"POST {DESK}/hosts/allow": MANAGE_NAMES,
    f"POST {DESK}/hosts/disallow": MANAGE_NAMES,
    f"GET {DESK}/audit": VIEW,
    "GET /console/invitations/{invitation}": VISITOR,
    "POST /console/invitations/{invitation}": VISITOR,
    "POST /console/invitations/{invitation}/sign-up": VISITOR,
    # notifications
    f"GET {DESK}/notifications": VIEW,
    f"GET {DESK}/notifications/settings": VIEW,
    f"POST {DESK}/notifications/settings": DEVELOP,
    f"POST {DESK}/notifications/test": DEVELOP,
    f"POST {DESK}/notifications/replay-dead": DEVELOP,
    f"GET {DESK}/notifications/{{event_id}}": VIEW,
    f"POST {DESK}/notifications/{{event_id}}/replay": DEVELOP,
    # webhooks
    f"GET {DESK}/webhooks": VIEW,
    f"GET {DESK}/webhooks/new": DEVELOP,
    f"POST {DESK}/webhooks": DEVELOP,
    f"POST {DESK}/low-balances": DEVELOP,
    f"GET {DESK}/webhooks/{{endpoint_id}}": VIEW,
    f"GET {DESK}/webhooks/{{endpoint_id}}/change": DEVELOP,
    f"POST {DESK}/webhooks/{{endpoint_id}}/change": DEVELOP,
    f"POST {DESK}/webhooks/{{endpoint_id}}/enable": DEVELOP,
    f"POST {DESK}/webhooks/{{endpoint_id}}/disable": DEVELOP,
    f"POST {DESK}/webhooks/{{endpoint_id}}/rotate": DEVELOP,
    f"POST {DESK}/webhooks/{{endpoint_id}}/test": DEVELOP,
    f"POST {DESK}/webhooks/{{endpoint_id}}/replay": DEVELOP,
    f"GET {DESK}/webhooks/{{endpoint_id}}/remove": DEVELOP,
    f"POST {DESK}/webhooks/{{endpoint_id}}/remove": DEVELOP,
    # the sandbox's tools
    f"GET {DESK}/tools/requests": DEVELOP,
    f"POST {DESK}/tools/requests": DEVELOP,
    f"GET {DESK}/tools/buttons": DEVELOP,
    f"POST {DESK}/tools/buttons": DEVELOP,
    f"GET {DESK}/tools/faults": DEVELOP,
    f"POST {DESK}/tools/faults": DEVELOP,
    f"POST {DESK}/tools/faults/{{fault_id}}/remove": DEVELOP,
    f"POST {DESK}/tools/faults/{{fault_id}}/release": DEVELOP,
    f"GET {DESK}/tools/clock": DEVELOP,
    f"POST {DESK}/tools/clock": DEVELOP,
    "GET /rails/back/{setup_id}": VISITOR,
    "GET /simulated-provider/set-up/{reference}": VISITOR,
    "POST /simulated-provider/set-up/{reference}": VISITOR,
    "POST /simulated-provider/set-up/{reference}/cancel": VISITOR,
    "GET /simulated-provider/confirm/{reference}": VISITOR,
    "POST /simulated-provider/confirm/{reference}": VISITOR,
    "POST /rails/{name}/events": Entry(Who.ANYBODY, names=True),  # who has the rail's secret: test_events.py
    "GET /sandbox/return": Entry(Who.ANYBODY, names=True),
    # the seller's console: its books
    f"GET {DESK}/activity": VIEW,
    f"GET {DESK}/activity.csv": VIEW,
    f"GET {DESK}/customers/{{customer}}": VIEW,
    f"POST {DESK}/customers/{{customer}}/notes": MOVE_MONEY,
    f"POST {DESK}/customers/{{customer}}/notes/{{note_id}}/remove": MOVE_MONEY,
    f"GET {DESK}/instruments.csv": VIEW,
    f"GET {DESK}/debts.csv": VIEW,
    f"GET {DESK}/close": VIEW,
    f"GET {DESK}/close.csv": VIEW,
    f"GET {DESK}/transactions/{{transaction_id}}": VIEW,
    f"GET {DESK}/transactions/{{transaction_id}}/refund": MOVE_MONEY,
    f"POST {DESK}/transactions/{{transaction_id}}/refund": MOVE_MONEY,
    f"GET {DESK}/instruments": VIEW,
    f"GET {DESK}/instruments/{{instrument_id}}": VIEW,
    f"GET {DESK}/instruments/{{instrument_id}}/refund": MOVE_MONEY,
    f"POST {DESK}/instruments/{{instrument_id}}/refund": MOVE_MONEY,
    f"GET {DESK}/payouts": VIEW,
    f"GET {DESK}/payouts/new": MOVE_MONEY,
    f"POST {DESK}/payouts/new": MOVE_MONEY,
    f"POST {DESK}/payouts/schedule": MOVE_MONEY,
    f"GET {DESK}/payouts/account": MANAGE,
    f"POST {DESK}/payouts/account": MANAGE,
    f"POST {DESK}/payouts/connect": MANAGE_NAMES,
    f"GET {DESK}/payouts/connected": MANAGE,
    f"GET {DESK}/redemption": MOVE_MONEY,
    f"POST {DESK}/redemption": MOVE_MONEY,
    f"GET {DESK}/tokens": VIEW,
    f"GET {DESK}/tokens/{{token_id}}": VIEW,
    f"GET {DESK}/tokens/{{token_id}}/cancel": MOVE_MONEY,
    f"POST {DESK}/tokens/{{token_id}}/cancel": MOVE_MONEY,
    f"GET {DESK}/charges": VIEW,
    f"POST {DESK}/charges/smallest": MANAGE,
    f"POST {DESK}/charges/dust": MANAGE,
    f"GET {DESK}/approvals": VIEW,
    f"POST {DESK}/approvals/rule": MANAGE,
    f"GET {DESK}/approvals/{{approval_id}}": VIEW,
    f"POST {DESK}/approvals/{{approval_id}}/approve": MOVE_MONEY,
    f"POST {DESK}/approvals/{{approval_id}}/decline": MOVE_MONEY,
    f"GET {DESK}/disputes": VIEW,
    f"POST {DESK}/disputes/settlements": MOVE_MONEY,
    f"POST {DESK}/disputes/try": Entry(Who.STAFF, Permission.DEVELOP, names=True),
    f"GET {DESK}/disputes/{{dispute_id}}": VIEW,
    f"GET {DESK}/disputes/{{dispute_id}}/evidence.pdf": VIEW,
    f"GET {DESK}/debts": VIEW,
    f"GET {DESK}/debts/preview": MOVE_MONEY,
    f"POST {DESK}/debts/runs": MOVE_MONEY,
    f"GET {DESK}/debts/runs/{{run_id}}": VIEW,
    f"POST {DESK}/debts/runs/{{run_id}}": MOVE_MONEY,
}


def filled(path: str, seller: Seller, ids: Mapping[str, str]) -> str:
    """The path with this seller's console, and these things in it."""
    given = dict(ids) | {"business": str(seller.party.party_id), "environment": "sandbox"}
    return re.sub(r"\{(\w+)\}", lambda found: given[found[1]], path)
