"""Any file on disk to exactly the pixels that a checkpoint wants."""
