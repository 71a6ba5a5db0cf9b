# %% [markdown]
# # T

# %%
from minigen.course import Lesson

lesson = Lesson(
    "diffusion/03_reverse_process",
    title="t",
    post="diffusion",
    sections=["diffusion.s04"],
    figures=[],
    equations=[],
    minutes=0.1,
)
lesson.finish()
