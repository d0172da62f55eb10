"""Questions that pages and programs ask the books. Nothing here changes anything."""
