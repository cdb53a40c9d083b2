"""What people and providers open: the buyer's page, the cabinet, pushes, health."""
