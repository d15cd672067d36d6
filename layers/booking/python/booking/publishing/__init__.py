"""Publishing: from the file that an organiser writes to the catalog, for the organisers' page and the command alike."""
