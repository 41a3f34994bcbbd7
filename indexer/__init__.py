"""Images in, embeddings stored: decoding, scanning, encoders, and the collection."""
