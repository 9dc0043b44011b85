"""The SCIM 2.0 protocol, pure: no Azure, no HTTP server, no environment.

RFC 7643 (schema), RFC 7644 (protocol), RFC 9865 (cursors).
"""

__version__ = "0.1.0"
