"""What a lesson is: its declaration, its run, its claims, the folder it writes, and the models it keeps in a cache."""
