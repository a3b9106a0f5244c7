"""What the pipelines of all families share: arguments, outputs, loading of checkpoints."""
