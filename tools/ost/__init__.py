"""`./ost`: one program for organisers, operators and developers."""
