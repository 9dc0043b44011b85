"""Other SCIM servers beside this one, doing what Entra's job does."""
