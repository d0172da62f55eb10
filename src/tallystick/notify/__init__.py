"""Notifications: what happened is told to sellers' own addresses (IPN). The outbox is the ledger's."""
