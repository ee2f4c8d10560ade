"""The runtime: delivery engine, inference client, one module per worker, CLI."""
