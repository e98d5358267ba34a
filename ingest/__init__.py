"""The ingest service: MQTT packs become checked batches, one transaction each, then acknowledgements."""
