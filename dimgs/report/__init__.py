"""Results of an analysis, and what is shown of them."""
