"""The skin in motion for drawing programs: animated glTF, and one mesh a frame."""
