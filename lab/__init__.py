"""The laboratory: what the service costs and bears, measured and simulated. `./ost` runs without it."""
