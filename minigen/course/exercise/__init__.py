"""What an exercise is: its form, its stubs, how an answer is checked, and how its cases are proved."""
