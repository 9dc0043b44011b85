"""All input and output: Azure Table Storage, and the reference store in memory."""
