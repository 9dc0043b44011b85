"""Who a request is from, and what it may do: four ways in, one answer to a stranger."""
