"""What the responses of a preference study show."""
