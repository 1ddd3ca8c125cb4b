"""What next: journeys as versioned data, and the pure functions that decide their steps."""
