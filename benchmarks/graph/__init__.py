"""Quality of graph networks: the suites of papers 1 and 2, and of LightGCN's published recipe."""
