"""Laws of many fields with units, half for development and half kept as a test."""
