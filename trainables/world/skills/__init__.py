"""What can be learned and tested in the world: one file per skill, each turning events into rows of one format."""
