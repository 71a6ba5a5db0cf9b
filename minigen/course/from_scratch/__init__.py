"""Whole models that the reader writes from an empty file, and the judge that measures how far they are from the data.

task      what is asked: the data, the functions to write, the bars and the points
digits    the data of two of the tasks
observe   train the reader's model in a worker process, draw from it, and bring the arrays back
whole     the program that runs there, beneath the reader's file
measures  numbers of samples and of densities, each with what it catches
judge     points, and what is missing in words
report    the result as text, as data, and as a picture beside the data's
"""
