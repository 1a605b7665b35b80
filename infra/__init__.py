"""What Segue stands on: the embedded broker, topics, security."""
