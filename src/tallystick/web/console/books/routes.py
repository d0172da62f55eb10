"""The pages about a seller's books."""

from tallystick.web.console.books.activity import activity_routes
from tallystick.web.console.books.balance_refund import balance_refund_routes
from tallystick.web.console.books.customer import customer_routes
from tallystick.web.console.books.debts import debt_routes
from tallystick.web.console.books.disputes import dispute_routes
from tallystick.web.console.books.instruments import instrument_routes
from tallystick.web.console.books.redemption_policy import redemption_policy_routes
from tallystick.web.console.books.refund import refund_routes
from tallystick.web.console.books.tokens import token_routes
from tallystick.web.console.books.transaction import transaction_routes

book_routes = [
    *activity_routes,
    *transaction_routes,
    *refund_routes,
    *instrument_routes,
    *balance_refund_routes,
    *redemption_policy_routes,
    *token_routes,
    *debt_routes,
    *customer_routes,
    *dispute_routes,
]
