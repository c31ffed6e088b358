"""The HTTP interface for other systems: OpenAPI 3.1, RFC 9457 errors. It calls actions and stores only."""
