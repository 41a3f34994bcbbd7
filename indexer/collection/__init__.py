"""One directory that ties segments, catalog and indexes, and its upkeep."""
