"""What moved in a book until, within and after a month."""
