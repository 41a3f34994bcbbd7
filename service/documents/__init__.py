"""What operations found, as JSON: the same through every door."""
