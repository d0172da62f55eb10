"""All pages of the console."""

from tallystick.web.console.books.agreed import agreed_routes
from tallystick.web.console.books.routes import book_routes
from tallystick.web.console.business.approvals import approval_routes
from tallystick.web.console.business.audit_log import audit_routes
from tallystick.web.console.business.branding import branding_routes
from tallystick.web.console.business.charges import charge_routes
from tallystick.web.console.business.hosts import host_routes
from tallystick.web.console.business.invitations import invitation_routes
from tallystick.web.console.business.staff import staff_routes
from tallystick.web.console.developer.buttons import button_routes
from tallystick.web.console.developer.clock import clock_routes
from tallystick.web.console.developer.faults import fault_routes
from tallystick.web.console.developer.keys import key_routes
from tallystick.web.console.developer.notification_log import log_routes
from tallystick.web.console.developer.notification_settings import settings_routes
from tallystick.web.console.developer.request_explorer import request_routes
from tallystick.web.console.entrance import entrance_routes
from tallystick.web.console.figures.close import close_routes
from tallystick.web.console.figures.home import home_routes
from tallystick.web.console.payouts.bank_account import bank_account_routes
from tallystick.web.console.payouts.connection import connection_routes
from tallystick.web.console.payouts.payouts import payout_routes
from tallystick.web.console.webhooks.deliveries import delivery_routes
from tallystick.web.console.webhooks.endpoints import endpoint_routes

console_routes = [
    *entrance_routes,
    *home_routes,
    *close_routes,
    *book_routes,
    *agreed_routes,
    *log_routes,
    *settings_routes,
    *request_routes,
    *button_routes,
    *fault_routes,
    *clock_routes,
    *key_routes,
    *endpoint_routes,
    *delivery_routes,
    *branding_routes,
    *staff_routes,
    *host_routes,
    *invitation_routes,
    *charge_routes,
    *approval_routes,
    *payout_routes,
    *bank_account_routes,
    *connection_routes,
    *audit_routes,
]
