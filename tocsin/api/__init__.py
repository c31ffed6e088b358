"""The HTTP interface for other systems: OpenAPI 3.1, RFC 9457 errors. Calls actions only."""
