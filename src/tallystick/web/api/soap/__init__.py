"""SOAP at the same address as the query API: other envelopes and signatures around the same actions and checks.

Nothing here is imported before the first SOAP request: most services never see one.
"""
