"""What keeps pages from being used by the wrong site, under the wrong name, from the wrong place."""
