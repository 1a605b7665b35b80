"""The whole loop as real processes, watched, counted and reported: `segue demo`."""
