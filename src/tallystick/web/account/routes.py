"""All of a person's own pages but signing in and security."""

from litestar.types import ControllerRouterHandler

from tallystick.web.account.authorizations import authorization_routes
from tallystick.web.account.bank_check import bank_check_routes
from tallystick.web.account.data import data_routes
from tallystick.web.account.methods import method_routes, show_test_money
from tallystick.web.account.provider.confirmations import confirmation_routes
from tallystick.web.account.provider.set_up import set_up_routes
from tallystick.web.account.redemption import redemption_routes
from tallystick.web.account.replacement import replacement_routes
from tallystick.web.account.statements import statement_routes

account_routes: list[ControllerRouterHandler] = [
    authorization_routes,
    redemption_routes,
    statement_routes,
    method_routes,
    replacement_routes,
    set_up_routes,
    bank_check_routes,
    confirmation_routes,
    show_test_money,
    *data_routes,
]
