"""Files that survive a power cut: synced writes, the one writer, refusals, caches."""
