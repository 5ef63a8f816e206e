"""Version 1 of the HTTP doors: one thin file a resource; conventions shared by all of them."""
