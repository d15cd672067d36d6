"""The booking service's shared code: one module for each aggregate, and what they stand on."""
