"""What a site's patients say of a population, as a file without them, and many sites together."""
