"""What the studio remembers: tables, queries, migrations."""
