"""What makes a study out of a wish: sweeps of settings."""
