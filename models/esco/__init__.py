"""ESCO: the taxonomy, linking of titles and phrases to its concepts, skill gaps, and the text embedder behind it.

This service uses the ESCO classification of the European Commission.
"""
