"""What a graph of playlists costs, by its size."""
