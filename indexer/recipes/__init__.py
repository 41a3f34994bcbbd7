"""How an image was made: recipes written into files, and read from any generator's files."""
