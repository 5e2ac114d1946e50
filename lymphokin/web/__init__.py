"""The local web page: a service on this machine only, and the page it serves."""
