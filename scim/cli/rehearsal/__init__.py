"""The rehearsal: what Microsoft's validators and Entra's job ask of an endpoint, tried on it."""
