"""An LLM beside the query student: read while it streams, believed only as far as it can be checked."""
