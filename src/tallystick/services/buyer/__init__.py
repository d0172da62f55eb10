"""What buyers do with what they agreed to: their authorizations, statements, means of payment, their account."""
