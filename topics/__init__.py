"""The contract: events, envelope, topic catalogue. Imports nothing else of the project."""
