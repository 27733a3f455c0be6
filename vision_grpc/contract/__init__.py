"""All that client and local service share of the contract: its rules, its method, its sizes."""
