"""The three services that one request goes through."""
