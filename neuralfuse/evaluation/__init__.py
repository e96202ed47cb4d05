"""What trained networks are worth: accuracy on test chips, latency, pictures."""
