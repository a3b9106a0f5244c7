"""The common parts of all families' pipelines: arguments, outputs, loading of checkpoints."""
