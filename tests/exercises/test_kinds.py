"""What the points of an exercise are for: at least half of them for the equation."""

from minigen.course.exercise import catalog

NOT_YET = {  # exercises with fewer points for the equation
}


def test_half_of_the_points_are_for_the_equation():
    shares = {exercise.id: exercise.points_of("equation") / exercise.points for exercise in catalog.all_exercises()}
    below = {name: f"{share:.0%}" for name, share in shares.items() if share < 0.5}
    print("points for the equation:", *(f"{name} {share}" for name, share in below.items()), sep="\n")
    new = {name: share for name, share in below.items() if name not in NOT_YET}
    assert not new, "give the equation at least half of the points"
    assert not NOT_YET - below.keys(), "these have half of their points for the equation now: take them off the list"
