"""The pages about a seller's books."""

from tallystick.web.pages.console.activity import activity_routes
from tallystick.web.pages.console.debts import debt_routes
from tallystick.web.pages.console.instruments import instrument_routes
from tallystick.web.pages.console.refund import refund_routes
from tallystick.web.pages.console.tokens import token_routes
from tallystick.web.pages.console.transaction import transaction_routes

book_routes = [
    *activity_routes,
    *transaction_routes,
    *refund_routes,
    *instrument_routes,
    *token_routes,
    *debt_routes,
]
