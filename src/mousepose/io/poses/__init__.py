"""Files of 3D poses: tables, meshes, what other tools read."""
