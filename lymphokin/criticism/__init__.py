"""Model criticism: how well fits describe their data, and how well they predict."""
