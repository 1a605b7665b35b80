"""Learning: data, models, losses, training, evaluation; knows sessions, not brokers."""
