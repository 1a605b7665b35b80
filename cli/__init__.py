"""The `segue` command: one file for each group of verbs, no logic of its own."""
