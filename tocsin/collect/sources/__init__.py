"""Connectors: one small module per way in, each turning what a source offers into items.

Every one has `fetch(config, cursor, ...) -> Batch`; see `batch.Batch` for what it promises.

- `files`: JSON lines, CSV, Parquet, by a `mapping.Mapping`
- `feeds`: RSS and Atom over http(s)
- `letters`: `.eml` and mbox files
- `mailbox`: IMAP
- `jetstream`, `mastodon`, `nats_stream`: streams, which have `parts(cursor)` instead (see `streams`)
- `cap`, `taxii`, `misp`: partners' systems, by `partner`
"""
