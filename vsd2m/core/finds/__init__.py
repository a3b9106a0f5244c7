"""What stages before the catalog leave: finds, each a picture with what was said of it, and the tars of the bytes."""
