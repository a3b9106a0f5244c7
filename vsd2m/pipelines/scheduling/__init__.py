"""Which partition runs when and where: dependencies, workers, machines, and a record of it."""
