"""Which behaviour an animal shows: windows of poses, classifiers, chances, bouts, scores."""
