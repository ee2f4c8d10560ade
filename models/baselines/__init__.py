"""What the students are compared with."""
