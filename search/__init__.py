"""Queries in, hits out."""

if __name__ != "vitrail.search":  # found as a folder of the sources; a second copy of each class
    raise ImportError("search is a folder of Vitrail's sources: import vitrail.search")
