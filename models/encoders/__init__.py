"""Encoders of sessions: GRU4Rec, SASRec, eSASRec and BERT4Rec, and what they are built of."""
