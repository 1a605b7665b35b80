"""A second stage that ranks the candidates of the first again."""
