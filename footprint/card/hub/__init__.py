"""Cards on the Hub, through its own client."""
