"""Laws: candidate + basis + data -> checked, with uncertainty and a domain of validity."""
