"""The periodic fine-tune: what skips teach a champion, and the gate that its successor passes."""
