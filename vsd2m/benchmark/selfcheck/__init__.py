"""Published values computed anew, and comparisons with independent implementations."""
