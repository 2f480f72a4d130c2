"""One file a group of verbs; each is imported only when it is used."""
