"""What is published beside the shards: statistics, dataset card, Croissant, Energon."""
