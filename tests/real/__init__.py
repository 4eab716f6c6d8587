"""The same contract tests on a stand-in and on a real account: `make test-real`."""
