"""Track embeddings as something to look at: UMAP in 2-D and 3-D, a page, pictures, and numbers."""
