"""A shop: visits, orders, deliveries, returns, and customers with a rhythm of their own."""
