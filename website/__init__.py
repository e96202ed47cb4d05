"""What makes the documentation site besides its pages: commands that run, generated references."""
