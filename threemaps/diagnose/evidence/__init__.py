"""What is known besides the maps themselves: collected here, judged in `causes`."""
