"""What the machine must not forget, and the disk that keeps it."""
