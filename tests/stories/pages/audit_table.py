"""Which form leaves which row in the audit log, and how somebody comes to send it; or why a form leaves none.

A POST route that stands in neither table fails a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.stories.pages.access_table import DESK, VISIT
from tests.stories.pages.deeds import books, business, developer, operator, payouts, webhooks
from tests.stories.pages.deeds.scene import Deed

from tallystick.services.operations.account_standing import CHANGES


@dataclass(frozen=True)
class Form:
    """A route, the kind of row that it leaves, and how to come to send it. `then`: of what comes of it at once."""

    route: str
    action: str
    deed: Deed
    then: tuple[str, ...] = ()


FORMS: Final = (
    Form(f"POST {DESK}/keys", "key.create", developer.make_key),
    Form(f"POST {DESK}/keys/{{access_key_id}}/change", "key.change", developer.change_key),
    Form(f"POST {DESK}/keys/{{access_key_id}}/rotate", "key.rotate", developer.rotate_key),
    Form(f"POST {DESK}/keys/{{access_key_id}}/bearer", "key.change", developer.make_bearer),
    Form(f"POST {DESK}/keys/{{access_key_id}}/bearer/end", "key.change", developer.end_bearer),
    Form(f"POST {DESK}/keys/{{access_key_id}}/revoke", "key.revoke", developer.revoke_key),
    Form(f"POST {DESK}/notifications/settings", "notification.settings", developer.notification_settings),
    Form(f"POST {DESK}/notifications/test", "notification.test", developer.test_notification),
    Form(f"POST {DESK}/notifications/{{event_id}}/replay", "notification.replay", developer.replay),
    Form(f"POST {DESK}/notifications/replay-dead", "notification.replay_dead", developer.replay_dead),
    Form(f"POST {DESK}/webhooks", "webhook.create", webhooks.add_endpoint),
    Form(f"POST {DESK}/low-balances", "events.low_balance", webhooks.low_balance),
    Form(f"POST {DESK}/webhooks/{{endpoint_id}}/change", "webhook.change", webhooks.change_endpoint),
    Form(f"POST {DESK}/webhooks/{{endpoint_id}}/enable", "webhook.change", webhooks.enable_endpoint),
    Form(f"POST {DESK}/webhooks/{{endpoint_id}}/disable", "webhook.change", webhooks.disable_endpoint),
    Form(f"POST {DESK}/webhooks/{{endpoint_id}}/rotate", "webhook.rotate", webhooks.rotate_endpoint),
    Form(f"POST {DESK}/webhooks/{{endpoint_id}}/test", "webhook.test", webhooks.test_endpoint),
    Form(f"POST {DESK}/webhooks/{{endpoint_id}}/replay", "webhook.replay", webhooks.replay_events),
    Form(f"POST {DESK}/webhooks/{{endpoint_id}}/remove", "webhook.remove", webhooks.remove_endpoint),
    Form(f"POST {DESK}/tools/requests", "request.send", developer.request),
    Form(f"POST {DESK}/tools/buttons", "button.make", developer.button),
    Form(f"POST {DESK}/tools/faults", "fault.order", developer.order_fault),
    Form(f"POST {DESK}/tools/faults/{{fault_id}}/remove", "fault.remove", developer.remove_fault),
    Form(f"POST {DESK}/tools/faults/{{fault_id}}/release", "fault.release", developer.release_fault),
    Form(f"POST {DESK}/tools/clock", "clock.forward", developer.clock),
    Form(f"POST {DESK}/branding", "branding.change", business.branding),
    Form(f"POST {DESK}/branding/logo", "branding.change", business.logo),
    Form(f"POST {DESK}/branding/logo", "branding.change", business.remove_logo),
    Form(f"POST {DESK}/hosts", "host.ask", business.ask_for_host),
    Form(f"POST {DESK}/hosts/release", "host.release", business.release_host),
    Form(f"POST {DESK}/hosts/allow", "host.allow", business.allow),
    Form(f"POST {DESK}/hosts/disallow", "host.disallow", business.disallow),
    Form("POST /admin/accounts/{account}/hosts", "host.claim", operator.give_asked_host),
    Form("POST /admin/accounts/{account}/hosts/release", "host.release", operator.take_host),
    Form(f"POST {DESK}/staff", "staff.invite", business.invite),
    Form(f"POST {DESK}/staff/uninvite", "staff.uninvite", business.uninvite),
    Form(f"POST {DESK}/staff/{{person}}/role", "staff.role", business.role),
    Form(f"POST {DESK}/staff/{{person}}/remove", "staff.remove", business.remove),
    Form("POST /console/invitations/{invitation}", "staff.join", business.join),
    Form("POST /console/invitations/{invitation}/sign-up", "staff.join", business.join_with_new_account),
    Form(f"POST {DESK}/transactions/{{transaction_id}}/refund", "money.refund", books.refund),
    Form(f"POST {DESK}/transactions/{{transaction_id}}/refund", "approval.ask", books.ask_for_refund),
    Form(f"POST {DESK}/instruments/{{instrument_id}}/refund", "money.refund_balance", books.refund_balance),
    Form(f"POST {DESK}/instruments/{{instrument_id}}/refund", "approval.ask", books.ask_for_balance_refund),
    Form(f"POST {DESK}/redemption", "balance.redemption", books.choose_redemption),
    Form(f"POST {DESK}/payouts/account", "payout.account", payouts.bank_account),
    Form(f"POST {DESK}/payouts/schedule", "payout.schedule", payouts.schedule),
    Form(f"POST {DESK}/payouts/new", "money.payout", payouts.ask),
    Form(f"POST {DESK}/payouts/new", "approval.ask", payouts.ask_for_approval),
    Form("POST /admin/payouts/{payout}/sent", "payout.sent", payouts.sent),
    Form("POST /admin/payouts/{payout}/failed", "payout.failed", payouts.failed),
    Form("POST /admin/payouts/{payout}/returned", "payout.returned", payouts.returned),
    Form("POST /admin/payout-files", "payout.file", payouts.file),
    Form("POST /admin/payout-files/{message_id}/sent", "payout.sent", payouts.file_sent),
    Form("POST /admin/statements", "bank.look", payouts.statement),
    Form("POST /admin/statements/{environment}/{statement_id}/book", "bank.statement", payouts.book_statement),
    Form(f"POST {DESK}/charges/dust", "charges.dust", business.dust_rule),
    Form(f"POST {DESK}/charges/smallest", "charges.smallest", business.smallest_charge),
    Form(f"POST {DESK}/approvals/rule", "approval.rule", books.set_rule),
    Form(f"POST {DESK}/approvals/{{approval_id}}/approve", "approval.approve", books.approve, ("money.refund",)),
    Form(f"POST {DESK}/approvals/{{approval_id}}/decline", "approval.decline", books.decline),
    Form(f"POST {DESK}/tokens/{{token_id}}/cancel", "token.cancel", books.cancel_token),
    Form(f"POST {DESK}/disputes/settlements", "disputes.settlements", books.choose_settlements),
    Form(f"POST {DESK}/disputes/try", "sandbox.dispute", books.dispute),
    Form(f"POST {DESK}/debts/runs", "debts.settle", books.settle),
    Form(f"POST {DESK}/debts/runs", "debts.write_off", books.write_off),
    Form(f"POST {DESK}/debts/runs/{{run_id}}", "debts.go_on", books.go_on),
    Form(f"GET {DESK}/activity.csv", "activity.export", books.export),
    Form(f"GET {DESK}/instruments.csv", "instruments.export", books.export_instruments),
    Form(f"GET {DESK}/debts.csv", "debts.export", books.export_debts),
    Form(f"GET {DESK}/close.csv", "close.export", books.export_close),
    Form(f"POST {DESK}/customers/{{customer}}/notes", "customer.note", books.make_note),
    Form(f"POST {DESK}/customers/{{customer}}/notes/{{note_id}}/remove", "customer.note_remove", books.remove_note),
    *(
        Form("POST /admin/accounts/{account}/standing", f"account.{name.replace('-', '_')}", operator.standing(name))
        for name in CHANGES
    ),
    Form("POST /admin/accounts/new", "account.open", operator.make_seller),
    Form("POST /admin/accounts/new", "account.open", operator.make_seller_with_owner, ("staff.invite",)),
    Form("POST /admin/accounts/{account}/fees", "account.fees", operator.fees),
    Form("POST /admin/rails/ask-again", "rail.ask_again", operator.ask_again),
    Form("POST /admin/rails/end", "rail.end_order", operator.end_order),
    Form("POST /admin/notifications/replay", "notification.replay", operator.replay_one),
    Form("POST /admin/notifications/replay", "notification.replay_dead", operator.replay_all_of_a_seller),
    Form("POST /admin/verification", "books.verify", operator.prove),
    Form("POST /admin/signing-keys/rotate", "operator.signing_key", operator.rotate_signing),
    Form("POST /admin/signing-keys/revoke", "operator.signing_key_revoke", operator.revoke_signing),
    Form("POST /admin/signing-keys/destroy", "operator.signing_key_destroy", operator.destroy_signing),
)
"""Every form that leaves a row, once for each kind of row and each thing that it can do."""

SIGNING_IN: Final = "it only says who somebody is; failed attempts are counted with the account"
CONSENT: Final = "a buyer's own deed: what was agreed to is kept word by word with the authorization (evidence)"
OWN: Final = "somebody's own account: nobody else's business, and the thing itself keeps when it was changed"

WITHOUT: Final[Mapping[str, str]] = {
    f"POST {DESK}/hosts/check": "only a host that shows its line leaves one: test_return_hosts.py",
    "POST /admin/accounts/{account}/live": "it needs a payment provider for real money: test_live_books.py",
    "POST /admin/payouts/{payout}/take-back": "it needs a payment provider: tests/stories/stripe/test_transfers.py",
    f"POST {DESK}/payouts/connect": "it only leads to the payment provider: tests/stories/stripe/test_transfers.py",
    "POST /rails/{name}/events": "not somebody but a payment network: it only has the network asked",
    "POST /simulated-provider/set-up/{reference}": "a page that stands for another company's",
    "POST /simulated-provider/set-up/{reference}/cancel": "a page that stands for another company's",
    "POST /simulated-provider/confirm/{reference}": "a page that stands for another company's",
    # the way in
    "POST /account/sign-in": SIGNING_IN,
    "POST /console/sign-in": SIGNING_IN,
    "POST /account/prove": SIGNING_IN,
    "POST /account/forgotten": SIGNING_IN,
    "POST /account/verify": SIGNING_IN,
    "POST /sign-out": SIGNING_IN,
    "POST /account/security/sign-out": SIGNING_IN,
    "POST /account/security/session": SIGNING_IN,
    f"POST {VISIT}/sign-in": SIGNING_IN,
    f"POST {VISIT}/code": SIGNING_IN,
    f"POST {VISIT}/email": SIGNING_IN,
    f"POST {VISIT}/email-code": SIGNING_IN,
    f"POST {VISIT}/verify": SIGNING_IN,
    f"POST {VISIT}/prove": SIGNING_IN,
    # hosted pages
    "POST /cobranded-ui/actions/start": "a seller's button: it opens a visit, in which nothing is agreed to yet",
    "POST /pba/paypipeline": "a seller's button: it opens a visit, in which nothing is agreed to yet",
    f"POST {VISIT}/sign-up": OWN,
    f"POST {VISIT}/method": CONSENT,
    f"POST {VISIT}/card": OWN,
    f"POST {VISIT}/bank-account": OWN,
    f"POST {VISIT}/set-up": OWN,
    f"POST {VISIT}/address": CONSENT,
    f"POST {VISIT}/confirm": CONSENT,
    f"POST {VISIT}/leave": "nothing was agreed to",
    # somebody's own account
    "POST /account/reset": OWN,
    "POST /account/authorizations/{authorization_id}/cancel": "a buyer's own deed: the token keeps who cancelled it",
    "POST /account/authorizations/{authorization_id}/redeem": "a buyer's own deed: test_redemption.py has its row",
    "POST /account/payment-methods/card": OWN,
    "POST /account/payment-methods/bank-account": OWN,
    "POST /account/payment-methods/set-up": OWN,
    "POST /account/confirmations/{transaction_id}": "it leads to the bank, where a payment is confirmed",
    "POST /account/payment-methods/{number}/remove": OWN,
    "POST /account/payment-methods/{number}/replace": OWN,
    "POST /account/payment-methods/{number}/verify": OWN,
    "POST /account/data/close": OWN,
    "POST /account/data/name": OWN,
    "POST /account/test-money": "a buyer's own deed in the sandbox: the deposit is a transaction of the books",
    "POST /account/security/password": OWN,
    "POST /account/security/passkey": OWN,
    "POST /account/security/passkey/remove": OWN,
    "POST /account/security/second-factor": OWN,
    "POST /account/security/second-factor/recovery-codes": OWN,
    "POST /account/security/second-factor/remove": OWN,
    "POST /account/security/address": OWN,
}
"""Every other form, and why it leaves none."""
