"""Graphs of playlists and tracks, and the networks over them."""
