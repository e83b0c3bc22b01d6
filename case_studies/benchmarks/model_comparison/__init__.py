"""Models of a response side by side, at equal information and by splits of runs."""
