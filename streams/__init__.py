"""The running system: consumes events, keeps sessions, scores, produces; never imports torch."""
