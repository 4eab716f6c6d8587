"""What all three services need."""
