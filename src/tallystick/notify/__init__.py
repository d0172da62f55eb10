"""Notifications to sellers' own addresses (IPN). The outbox is in store/records."""
