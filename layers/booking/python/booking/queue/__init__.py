"""The waiting room: signed tokens, the line they stand in, and who may enter next."""
