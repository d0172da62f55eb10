"""The Co-Branded service: the pages on which buyers agree to pay."""
