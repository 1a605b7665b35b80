"""`segue bench quality`: how well every model and baseline ranks held-out tracks, by suites."""
