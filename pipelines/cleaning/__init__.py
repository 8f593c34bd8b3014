"""How rows are made ready: a plan that is data, and the one transformer that it builds."""
