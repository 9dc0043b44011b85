"""The SCIM 2.0 protocol, pure: no Azure, no HTTP server, no environment (RFC 7643, RFC 7644, RFC 9865)."""

__version__ = "0.1.0"
