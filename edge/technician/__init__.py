"""What the running agent tells about itself to a technician: at the console, or on a phone nearby."""
