"""Anonymising of CVs: what tells who a person is leaves the text before anything else reads it."""
