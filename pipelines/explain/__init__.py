"""Why a model answers as it does: numbers first, the page last. Everything in raw columns."""
