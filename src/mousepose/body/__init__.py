"""The mouse as a model: bones and joints, points that ride on them, shape, skin and priors."""
