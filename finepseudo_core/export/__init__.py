"""A finished round's networks as files for use elsewhere: `bundle` writes and opens them."""
