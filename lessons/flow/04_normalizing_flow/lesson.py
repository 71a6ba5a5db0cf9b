# %% [markdown]
# # x
# %%
from minigen.course import Lesson

lesson = Lesson(
    "flow/04_normalizing_flow",
    title="x",
    post="flow",
    sections=["flow.s05"],
    figures=[],
    equations=[],
    minutes=1,
)
