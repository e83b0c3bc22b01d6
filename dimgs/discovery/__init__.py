"""From a Dataset to a checked law: the composer."""
