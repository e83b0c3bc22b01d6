"""Published laws recovered from data, and measurements of speed."""
