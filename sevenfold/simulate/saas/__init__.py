"""A software-as-a-service company: accounts with members, trials, plans, invoices, renewals."""
