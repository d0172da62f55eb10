"""Who is at the other end: cookies, sessions, signing in and the way on afterwards, what is known of a visitor."""
