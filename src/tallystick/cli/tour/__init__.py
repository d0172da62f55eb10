"""Pictures of the main pages, with a business to show in them."""
