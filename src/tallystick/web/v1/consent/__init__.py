"""Authorizations in /v1: what a program may ask for, and how it is shown."""
