"""The whole loop against a simulated shop whose truth is known."""
