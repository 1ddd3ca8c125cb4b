"""What analyses share: columns of any frame, and figures in words."""
