"""The pytest plugin: service maps as something that a test can expect."""
