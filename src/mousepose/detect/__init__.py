"""From pictures to boxes and keypoints; nothing here needs PyTorch."""
