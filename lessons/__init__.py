"""The lessons: each a folder with its text, its page and its exercises, shown by one shell. They stand on `lab`."""
