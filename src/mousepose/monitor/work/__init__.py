"""The work of a room: what is ready in the ledger goes to workers, what they answer goes back."""
