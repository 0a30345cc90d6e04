"""What to try next, run on Ray Tune, logged to MLflow, and what was found."""
