"""The store of runs: write-once, failures kept, exported as tables."""
