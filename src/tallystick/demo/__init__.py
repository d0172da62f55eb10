"""A small music shop that sells songs from a prepaid balance and records on a tab: how a seller's program may look.

It is a plain client: everything it knows of the service came over HTTP.
"""
