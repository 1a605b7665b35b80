"""Track embeddings from elsewhere: read, begun from, and appended to a bundle."""
