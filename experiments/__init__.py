"""What is run (one YAML per experiment) and the scripts from run records to tables, figures and verdicts."""
