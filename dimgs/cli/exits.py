"""Exit codes that shells know."""

# 128 and the number of the signal
INTERRUPTED = 130
