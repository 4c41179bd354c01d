"""Pages of the studio: fetch, choose, draw."""
