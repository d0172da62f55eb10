"""The way to a payment provider and back: means of payment that are set up there, payments that are confirmed."""
