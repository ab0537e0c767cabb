"""The parametric mouse: bones and flesh that follow the joints."""
