"""`segue bench skips`: what learning from skips gains, by suites."""
