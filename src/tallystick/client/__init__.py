"""A client of the service that knows only its public HTTP interfaces; the sample shop and the sandbox tools use it."""
