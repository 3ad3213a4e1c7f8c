"""A provider of identities over OpenID Connect."""
