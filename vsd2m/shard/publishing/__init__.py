"""The files that are published with the shards: statistics, dataset card, Croissant, Energon."""
