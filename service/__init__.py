"""What people touch: the command line."""

import vitrail.indexer  # noqa: F401 - switches the dependencies' reports off, whatever is imported next
