"""Images in, embeddings stored: decoding, scanning, encoders, and the collection."""

if __name__ != "vitrail.indexer":  # found as a folder of the sources; a second copy of each class
    raise ImportError("indexer is a folder of Vitrail's sources: import vitrail.indexer")
