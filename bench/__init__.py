"""What each operation costs: over HTTP against `serve`, beside the bare SDK in the same run."""
