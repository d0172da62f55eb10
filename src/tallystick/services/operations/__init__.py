"""Running the service: audit, standing of accounts, fees, housekeeping, proofs of the books, figures."""
