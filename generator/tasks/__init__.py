"""What can be generated: each task plans recipes and runs them."""
