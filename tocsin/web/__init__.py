"""Pages: thin views over the stages' actions and stores."""
