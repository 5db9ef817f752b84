"""What the replay is made of: the log, the market that runs it through the engine, baselines, table and picture."""
