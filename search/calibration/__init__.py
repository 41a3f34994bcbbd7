"""What a score means: how rare it is between unrelated images, and in a word."""
