"""From CT scans to the body model: scan, segment, surface, joints, registration, statistics."""
