"""Rails: money outside our walls, behind one protocol."""
