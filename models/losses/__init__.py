"""What a batch of rows is trained to do."""
