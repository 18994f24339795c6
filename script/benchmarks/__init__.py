"""What script/bench runs: one module per benchmark, each with a run() that prints a table and gives back its figures."""
