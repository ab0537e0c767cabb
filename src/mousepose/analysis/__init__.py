"""What 3D poses are for: kinematics and gait of one animal, as tables."""
