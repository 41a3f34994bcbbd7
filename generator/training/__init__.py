"""Training code; imported by nothing at runtime."""
