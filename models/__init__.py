"""What is served and how it is made: text preparation, label spaces, students, training."""
