"""One judgement of candidate laws: evidence, posterior, confirmation, what is missing, next run."""
