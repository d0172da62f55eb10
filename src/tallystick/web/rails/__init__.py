"""Where rails meet us on the web: their events, the way back from them, the pages of the simulated one."""
