"""A replay for people: the HTML report (``html``), and the same figures in the terminal (``terminal``)."""
