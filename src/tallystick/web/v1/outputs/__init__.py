"""What /v1 answers with, as data: members of objects, their types and meanings."""
