"""The TAXII 2.1 server at `/taxii2/`: one API root, collections by need to know. It calls actions and stores only."""
