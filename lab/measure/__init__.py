"""What the system asks of AWS, counted: units, calls, transitions, dollars; and its CPU against the bare SDK's."""
