"""Fine-tuning of the packaged text recogniser."""
