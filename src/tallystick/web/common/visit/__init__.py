"""What a hosted page is made of: its visit as templates see it, and the colour of the seller. For previews, too."""
