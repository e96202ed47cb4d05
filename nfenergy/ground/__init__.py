"""What every room stands on: errors, whole files, tables, registries, rates, provenance."""
