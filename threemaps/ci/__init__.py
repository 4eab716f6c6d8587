"""What a CI job runs: the comparison, written the way the CI shows things."""
