"""What each route does: read the request, ask the pure core and the repository, answer."""
