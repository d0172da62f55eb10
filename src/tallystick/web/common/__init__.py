"""What all pages have in common: the application around them, sessions, headers, languages, files."""
