"""What item embeddings from a graph do for a sequence model, and for tracks it never saw."""
