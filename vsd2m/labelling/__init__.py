"""Labelling by people: a local web application, the preference study that uses it, and statistics of judgements."""
