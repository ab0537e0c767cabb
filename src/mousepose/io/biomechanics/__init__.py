"""Points and motion as programs of biomechanics and physics exchange them."""
