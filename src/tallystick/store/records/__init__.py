"""What is kept beside the books: what waits to be sent, visits, evidence, the audit log, proofs."""
