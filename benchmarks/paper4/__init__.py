"""The table of Navon & Andrade (2019): GRU4Rec with four inputs and three losses."""
