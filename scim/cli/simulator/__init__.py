"""A model of Microsoft Entra ID's provisioning client: what it knows, what it sends, when."""
