"""The engine: config, plan, the work on one partition, the local runner."""
