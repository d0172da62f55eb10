"""All of the operator's pages."""

from typing import Any, Final

from tallystick.web.pages.admin.accounts import do_change_standing, do_choose_fees, show_account, show_accounts
from tallystick.web.pages.admin.audit_log import show_audit_log
from tallystick.web.pages.admin.health import show_health
from tallystick.web.pages.admin.mail import show_letter, show_mail
from tallystick.web.pages.admin.notifications import do_replay, show_notifications
from tallystick.web.pages.admin.rails import do_ask_again, show_rails
from tallystick.web.pages.admin.settings_page import show_settings
from tallystick.web.pages.admin.styleguide import show_styleguide
from tallystick.web.pages.admin.verification import do_verify, show_run, show_runs

admin_routes: Final[list[Any]] = [
    show_health,
    show_accounts,
    show_account,
    do_change_standing,
    do_choose_fees,
    show_rails,
    do_ask_again,
    show_notifications,
    do_replay,
    show_runs,
    do_verify,
    show_run,
    show_audit_log,
    show_mail,
    show_letter,
    show_settings,
    show_styleguide,
]
