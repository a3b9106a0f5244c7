"""Formats that describe drawings: read, judged and rewritten here, drawn in a process of its own."""
