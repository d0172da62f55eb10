"""Agreements in words: what somebody is asked to agree to, what they agreed to, and what came of it."""
