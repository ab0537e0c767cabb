"""What is animal, bone and metal in a scan."""
