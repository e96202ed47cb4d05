"""The papers' tables and figures as experiments: declared in YAML, run as stages that experiments share."""
