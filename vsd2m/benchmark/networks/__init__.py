"""Networks of the metrics, with the names of their published checkpoints."""
