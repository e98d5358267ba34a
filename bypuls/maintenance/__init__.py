"""`bypuls maintain`: what a running platform needs besides ingest: rollups kept, old readings removed."""
