"""Commands about what is brought to sellers: webhooks."""
