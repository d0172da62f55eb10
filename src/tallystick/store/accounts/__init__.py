"""People and businesses: who they are, how they sign in, whom they work for, how they pay."""
