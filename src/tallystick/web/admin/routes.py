"""All of the operator's pages."""

from typing import Any, Final

from tallystick.web.admin.accounts import account_pages
from tallystick.web.admin.audit_log import show_audit_log
from tallystick.web.admin.health import show_health
from tallystick.web.admin.hosts import do_claim_host, do_release_host
from tallystick.web.admin.mail import show_letter, show_mail
from tallystick.web.admin.money.disputes import show_disputes_of_all
from tallystick.web.admin.money.transactions import transaction_pages
from tallystick.web.admin.notifications import do_replay, show_notifications
from tallystick.web.admin.payouts import payout_pages
from tallystick.web.admin.rail_orders import do_end_order, show_order_to_end
from tallystick.web.admin.rails import do_ask_again, show_rails
from tallystick.web.admin.reconciliation import show_reconciliation
from tallystick.web.admin.settings import show_settings
from tallystick.web.admin.signing_keys import do_destroy, do_revoke, do_rotate, show_signing_keys
from tallystick.web.admin.statements import statement_pages
from tallystick.web.admin.styleguide import show_styleguide
from tallystick.web.admin.verification import do_verify, show_run, show_runs

admin_routes: Final[list[Any]] = [
    show_health,
    *account_pages,
    *transaction_pages,
    do_claim_host,
    do_release_host,
    *payout_pages,
    show_rails,
    do_ask_again,
    show_order_to_end,
    do_end_order,
    show_disputes_of_all,
    show_reconciliation,
    *statement_pages,
    show_notifications,
    do_replay,
    show_runs,
    do_verify,
    show_run,
    show_signing_keys,
    do_rotate,
    do_revoke,
    do_destroy,
    show_audit_log,
    show_mail,
    show_letter,
    show_settings,
    show_styleguide,
]
