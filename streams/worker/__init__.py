"""All that knows Faust: the app, its agent, commits and the fixes it needs."""
