"""The command line: an entry point, so it may import the app, its storage and an HTTP server."""
