"""Matching postings and CVs: scores, what they rest on, how good and how fair they are."""
