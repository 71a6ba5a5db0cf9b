"""What the points of an exercise are for: at least half of them for the equation."""

from minigen.course.exercise import catalog


def test_half_of_the_points_are_for_the_equation():
    shares = {exercise.id: exercise.points_of("equation") / exercise.points for exercise in catalog.all_exercises()}
    below = {name: f"{share:.0%}" for name, share in shares.items() if share < 0.5}
    assert not below, "give the equation at least half of the points"
