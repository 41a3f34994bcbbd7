"""Long work as jobs: kept in a table, done by workers, told by events, taken up after a kill."""
