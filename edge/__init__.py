"""The machine's side: hears the bus, keeps each sale, shows its receipt."""
