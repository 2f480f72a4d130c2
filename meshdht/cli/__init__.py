"""The command line: verbs over the local API."""
